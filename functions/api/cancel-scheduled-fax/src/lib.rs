//! `DELETE /v1/scheduled/{id}`, scope `scheduled:write`: cancels a scheduled fax that is still pending.

use http::StatusCode;
use sfm_core::scope::Scope;
use sfm_service::scheduled::Cancellation;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct CancelScheduledFax {
    auth: KeyAuth,
    cancellation: Cancellation,
}

impl Endpoint for CancelScheduledFax {
    const ROUTE: &'static str = "DELETE /v1/scheduled/{id}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, cancellation: Cancellation::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::ScheduledWrite).await?;
        let canceled = self.cancellation.cancel(&who, request.path_id()?, request.id).await?;
        Response::json(StatusCode::OK, &canceled.resource())
    }
}
