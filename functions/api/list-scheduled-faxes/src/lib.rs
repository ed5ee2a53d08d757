//! `GET /v1/scheduled`, scope `scheduled:read`: the account's scheduled faxes, newest first.

use http::StatusCode;
use sfm_core::scheduled::Scheduled;
use sfm_core::scope::Scope;
use sfm_service::scheduled::ScheduledReader;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, ListBody, Request, Response};

#[derive(Debug)]
pub struct ListScheduledFaxes {
    auth: KeyAuth,
    scheduled: ScheduledReader,
}

impl Endpoint for ListScheduledFaxes {
    const ROUTE: &'static str = "GET /v1/scheduled";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, scheduled: ScheduledReader::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::ScheduledRead).await?;
        let scheduled = self.scheduled.list(who.account(), request.page()?).await?;
        Response::json(StatusCode::OK, &ListBody::of(&scheduled, Scheduled::resource))
    }
}
