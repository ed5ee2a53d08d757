//! `POST /v1/faxes`, scope `faxes:send`: accepts a fax.

use http::StatusCode;
use sfm_core::scope::Scope;
use sfm_store::platform::{ConfigError, Platform};
use sfm_submission::{Deadline, SendService};
use sfm_web::auth::KeyAuth;
use sfm_web::new_fax::new_fax;
use sfm_web::submission_guard::SubmissionGuard;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct SendFax {
    auth: KeyAuth,
    guard: SubmissionGuard,
    service: SendService,
}

impl Endpoint for SendFax {
    const ROUTE: &'static str = "POST /v1/faxes";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, guard: SubmissionGuard::new(platform)?, service: SendService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let deadline = Deadline::start();
        let who = self.auth.authorize(request, Scope::FaxesSend).await?;
        let send = async |idempotent: Option<&_>| {
            let sent = self.service.send(&who, new_fax(request)?, idempotent, deadline).await?;
            sent.try_map(|fax| Response::json(StatusCode::CREATED, &fax.resource()))
        };
        self.guard.submit(request, &who, Self::ROUTE, "sends", send).await
    }
}
