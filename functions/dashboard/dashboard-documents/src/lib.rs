//! What of `/dashboard/api/` needs the code for documents: sending, scheduling, looking at a page, and receipts.

use http::StatusCode;
use sfm_core::id::FaxId;
use sfm_core::principal::Principal;
use sfm_service::faxes::FaxReader;
use sfm_service::receipts::ReceiptIssuer;
use sfm_store::platform::{ConfigError, Platform};
use sfm_submission::{Deadline, PreviewError, PreviewService, ScheduleService, SendService, receipt_page};
use sfm_web::membership::MemberAuth;
use sfm_web::new_fax::{new_fax, resend, send_at};
use sfm_web::receipt::receipt;
use sfm_web::submission_guard::SubmissionGuard;
use sfm_web::{ApiError, Endpoint, Request, Response};

/// As keys' sends do, so that an `Idempotency-Key` is good for one route alone.
const SEND: &str = "POST /dashboard/api/faxes";
const SCHEDULE: &str = "POST /dashboard/api/scheduled";

#[derive(Debug)]
pub struct DashboardDocuments {
    members: MemberAuth,
    guard: SubmissionGuard,
    sends: SendService,
    schedules: ScheduleService,
    previews: PreviewService,
    receipts: ReceiptIssuer,
    faxes: FaxReader,
}

impl Endpoint for DashboardDocuments {
    const ROUTE: &'static str = "/dashboard/api documents";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            members: MemberAuth::new(platform)?,
            guard: SubmissionGuard::new(platform)?,
            sends: SendService::new(platform)?,
            schedules: ScheduleService::new(platform)?,
            previews: PreviewService::new(platform)?,
            receipts: ReceiptIssuer::new(platform)?,
            faxes: FaxReader::new(platform)?,
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let deadline = Deadline::start();
        let path = request.path.strip_prefix("/dashboard/api/accounts/").ok_or_else(ApiError::no_route)?;
        let segments: Vec<&str> = path.split('/').collect();
        let [account, path @ ..] = segments.as_slice() else { return Err(ApiError::no_route()) };
        let who = self.members.admit(request, account).await?;
        match (request.method.as_str(), path) {
            ("POST", ["faxes"]) => self.send(&who, request, deadline).await,
            ("POST", ["faxes", id, "resend"]) => self.resend(&who, request, parsed(id)?, deadline).await,
            ("POST", ["scheduled"]) => self.schedule(&who, request, deadline).await,
            ("GET", ["faxes", id, "receipt"]) => self.receipt(&who, request, parsed(id)?).await,
            ("GET", ["faxes", id, "pages", number]) => self.page(&who, parsed(id)?, parsed(number)?).await,
            _ => Err(ApiError::no_route()),
        }
    }
}

/// Part of a path. A malformed one names nothing: 404.
fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}

impl DashboardDocuments {
    async fn send(&self, who: &Principal, request: &Request, deadline: Deadline) -> Result<Response, ApiError> {
        let send = async |idempotent: Option<&_>| {
            let sent = self.sends.send(who, new_fax(request)?, idempotent, deadline).await?;
            sent.try_map(|fax| Response::json(StatusCode::CREATED, &fax.resource()))
        };
        self.guard.submit(request, who, SEND, "sends", send).await
    }

    async fn resend(&self, who: &Principal, request: &Request, id: FaxId, deadline: Deadline) -> Result<Response, ApiError> {
        let fax = self.faxes.get(who.account(), id).await?.ok_or_else(ApiError::not_found)?;
        let resend = async |idempotent: Option<&_>| {
            let sent = self.sends.resend(who, &fax, resend(request)?, idempotent, deadline).await?;
            sent.try_map(|fax| Response::json(StatusCode::CREATED, &fax.resource()))
        };
        self.guard.submit(request, who, &format!("{SEND}/{id}/resend"), "sends", resend).await
    }

    async fn schedule(&self, who: &Principal, request: &Request, deadline: Deadline) -> Result<Response, ApiError> {
        let schedule = async |idempotent: Option<&_>| {
            let (new, send_at) = (new_fax(request)?, send_at(request)?);
            let scheduled = self.schedules.schedule(who, new, send_at, idempotent, deadline).await?;
            scheduled.try_map(|scheduled| Response::json(StatusCode::CREATED, &scheduled.resource()))
        };
        self.guard.submit(request, who, SCHEDULE, "schedules", schedule).await
    }

    async fn receipt(&self, who: &Principal, request: &Request, id: FaxId) -> Result<Response, ApiError> {
        let issued = self.receipts.issue(who, id).await?;
        receipt(request, &issued, receipt_page)
    }

    async fn page(&self, who: &Principal, id: FaxId, number: usize) -> Result<Response, ApiError> {
        let png = self.previews.page(who, id, number).await.map_err(|e| match e {
            PreviewError::NotFound => ApiError::not_found(),
            PreviewError::Expired => ApiError::document_expired(),
            PreviewError::Unreadable => {
                let message = "This document has no preview. Open the document instead.";
                ApiError::invalid(message).code("document_type_unsupported")
            }
            PreviewError::Internal(cause) => ApiError::internal(cause),
            PreviewError::Documents(error) => error.into(),
            PreviewError::Store(error) => error.into(),
        })?;
        Ok(Response::bytes("image/png", png))
    }
}
