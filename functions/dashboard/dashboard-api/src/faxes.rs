//! `…/faxes`: the list, with the filters of the API, one fax, its document, and its deletion.

use http::StatusCode;
use serde_json::json;
use sfm_core::clock::ApiTime;
use sfm_core::fax::{Fax, FaxStatus};
use sfm_core::id::FaxId;
use sfm_core::principal::Principal;
use sfm_web::filter::{fax_filter, month};
use sfm_web::membership::owners_only;
use sfm_web::new_fax::new_upload;
use sfm_web::{ApiError, ListBody, Request, Response};

use crate::{DashboardApi, path_id};

impl DashboardApi {
    pub(crate) async fn list_faxes(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        let faxes = self.faxes.list(who.account(), fax_filter(request)?.as_ref(), request.page()?).await?;
        Response::json(StatusCode::OK, &ListBody::of(&faxes, Fax::resource))
    }

    pub(crate) async fn fax(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        let fax = self.faxes.get(who.account(), path_id(id)?).await?.ok_or_else(ApiError::not_found)?;
        Response::json(StatusCode::OK, &fax.resource())
    }

    pub(crate) async fn delete_fax(&self, who: &Principal, request: &Request, id: &str) -> Result<Response, ApiError> {
        owners_only(who)?;
        let id: FaxId = path_id(id)?;
        if !self.removal.delete(who, id, request.now).await? {
            return Err(ApiError::not_found());
        }
        Response::deleted("fax", id)
    }

    /// A link to a month as CSV, as a browser follows no redirect with a token of ours.
    pub(crate) async fn export(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        let month = month(request)?;
        let link = self.export.month(who, month).await?;
        Response::json(StatusCode::OK, &json!({"url": link.expose()}))
    }

    pub(crate) async fn cancel_fax(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        let fax = self.stop.cancel(who, path_id(id)?).await?;
        let status = if fax.status == FaxStatus::Canceled { StatusCode::OK } else { StatusCode::ACCEPTED };
        Response::json(status, &fax.resource())
    }

    pub(crate) async fn create_upload(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        let (size, content_type) = new_upload(request)?;
        Response::json(StatusCode::CREATED, &self.uploads.create(who, size, content_type).await?.resource())
    }

    pub(crate) async fn document(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        let link = self.documents.link(who, path_id(id)?).await?;
        Response::json(StatusCode::OK, &json!({"url": link.url.expose(), "expires_at": ApiTime::from(link.expires_at)}))
    }
}
