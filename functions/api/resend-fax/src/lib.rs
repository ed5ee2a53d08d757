//! `POST /v1/faxes/{id}/resend`, scope `faxes:send`: sends a fax again as a new one, whole or what of it never arrived.

use http::StatusCode;
use sfm_core::id::FaxId;
use sfm_core::scope::Scope;
use sfm_service::faxes::FaxReader;
use sfm_store::platform::{ConfigError, Platform};
use sfm_submission::{Deadline, SendService};
use sfm_web::auth::KeyAuth;
use sfm_web::new_fax::resend;
use sfm_web::submission_guard::SubmissionGuard;
use sfm_web::{ApiError, Endpoint, Request, Response};

/// A key's window of sends is one, whichever way it sends.
const SENDS: &str = "POST /v1/faxes";

#[derive(Debug)]
pub struct ResendFax {
    auth: KeyAuth,
    guard: SubmissionGuard,
    faxes: FaxReader,
    service: SendService,
}

impl Endpoint for ResendFax {
    const ROUTE: &'static str = "POST /v1/faxes/{id}/resend";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            auth: KeyAuth::new(platform)?,
            guard: SubmissionGuard::new(platform)?,
            faxes: FaxReader::new(platform)?,
            service: SendService::new(platform)?,
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let deadline = Deadline::start();
        let who = self.auth.authorize(request, Scope::FaxesSend).await?;
        let id: FaxId = request.path_id()?;
        let send = async |idempotent: Option<&_>| {
            let again = resend(request)?;
            let fax = self.faxes.get(who.account(), id).await?.ok_or_else(ApiError::not_found)?;
            let sent = self.service.resend(&who, &fax, again, idempotent, deadline).await?;
            sent.try_map(|fax| Response::json(StatusCode::CREATED, &fax.resource()))
        };
        self.guard.submit_within(SENDS, request, &who, &format!("{SENDS}/{id}/resend"), "sends", send).await
    }
}
