//! `GET /v1/scheduled/{id}`, scope `scheduled:read`: one scheduled fax.

use http::StatusCode;
use sfm_core::scope::Scope;
use sfm_service::scheduled::ScheduledReader;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct GetScheduledFax {
    auth: KeyAuth,
    scheduled: ScheduledReader,
}

impl Endpoint for GetScheduledFax {
    const ROUTE: &'static str = "GET /v1/scheduled/{id}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, scheduled: ScheduledReader::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::ScheduledRead).await?;
        let fax = self.scheduled.get(who.account(), request.path_id()?).await?.ok_or_else(ApiError::not_found)?;
        Response::json(StatusCode::OK, &fax.resource())
    }
}
