//! `…/faxes`: the list, with the filters of the API, one fax, its document, and its deletion.

use http::StatusCode;
use serde_json::json;
use sfm_core::clock::ApiTime;
use sfm_core::fax::Fax;
use sfm_core::id::FaxId;
use sfm_core::principal::Principal;
use sfm_web::filter::fax_filter;
use sfm_web::membership::owners_only;
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

    pub(crate) async fn document(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        let link = self.documents.link(who, path_id(id)?).await?;
        Response::json(StatusCode::OK, &json!({"url": link.url.expose(), "expires_at": ApiTime::from(link.expires_at)}))
    }
}
