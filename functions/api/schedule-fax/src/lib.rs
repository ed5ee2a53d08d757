//! `POST /v1/scheduled`, scope `scheduled:write`: accepts a fax to be sent later.

use http::StatusCode;
use sfm_core::scope::Scope;
use sfm_store::platform::{ConfigError, Platform};
use sfm_submission::{Deadline, ScheduleService};
use sfm_web::auth::KeyAuth;
use sfm_web::new_fax::{new_fax, send_at};
use sfm_web::submission_guard::SubmissionGuard;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct ScheduleFax {
    auth: KeyAuth,
    guard: SubmissionGuard,
    service: ScheduleService,
}

impl Endpoint for ScheduleFax {
    const ROUTE: &'static str = "POST /v1/scheduled";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, guard: SubmissionGuard::new(platform)?, service: ScheduleService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let deadline = Deadline::start();
        let who = self.auth.authorize(request, Scope::ScheduledWrite).await?;
        let schedule = async |idempotent: Option<&_>| {
            let (new, send_at) = (new_fax(request)?, send_at(request)?);
            let scheduled = self.service.schedule(&who, new, send_at, idempotent, deadline).await?;
            scheduled.try_map(|scheduled| Response::json(StatusCode::CREATED, &scheduled.resource()))
        };
        self.guard.submit(request, &who, Self::ROUTE, "schedules", schedule).await
    }
}
