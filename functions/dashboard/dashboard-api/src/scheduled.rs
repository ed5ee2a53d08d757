//! `…/scheduled`: what waits for its time.

use http::StatusCode;
use sfm_core::principal::Principal;
use sfm_core::scheduled::Scheduled;
use sfm_web::{ApiError, ListBody, Request, Response};

use crate::{DashboardApi, path_id};

impl DashboardApi {
    pub(crate) async fn list_scheduled(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        let scheduled = self.scheduled.list(who.account(), request.page()?).await?;
        Response::json(StatusCode::OK, &ListBody::of(&scheduled, Scheduled::resource))
    }

    pub(crate) async fn scheduled(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        let scheduled = self.scheduled.get(who.account(), path_id(id)?).await?.ok_or_else(ApiError::not_found)?;
        Response::json(StatusCode::OK, &scheduled.resource())
    }

    pub(crate) async fn cancel_scheduled(&self, who: &Principal, request: &Request, id: &str) -> Result<Response, ApiError> {
        let canceled = self.cancellation.cancel(who, path_id(id)?, request.id).await?;
        Response::json(StatusCode::OK, &canceled.resource())
    }
}
