//! What of `/dashboard/api/` needs the code for documents: sending, scheduling, and looking at a page.

mod preview;

use sfm_core::audit::{Action, AuditEntry};
use sfm_core::fax::Fax;
use sfm_core::principal::Principal;
use sfm_store::audit::Audit;
use sfm_store::documents::Documents;
use sfm_store::faxes::Faxes;
use sfm_store::platform::{ConfigError, Platform};
use sfm_submission::{Deadline, Precheck, ScheduleService, Sending};
use sfm_web::membership::MemberAuth;
use sfm_web::{ApiError, Endpoint, Request, Response};

/// As keys' sends do, so that an `Idempotency-Key` is good for one route alone.
const SEND: &str = "POST /dashboard/api/faxes";
const SCHEDULE: &str = "POST /dashboard/api/scheduled";

#[derive(Debug)]
pub struct DashboardDocuments {
    members: MemberAuth,
    sending: Sending,
    planning: ScheduleService,
    faxes: Faxes,
    documents: Documents,
    audit: Audit,
}

impl Endpoint for DashboardDocuments {
    const ROUTE: &'static str = "/dashboard/api documents";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            members: MemberAuth::new(platform)?,
            sending: Sending::new(platform)?,
            planning: ScheduleService::new(platform)?,
            faxes: Faxes::new(platform)?,
            documents: Documents::new(platform)?,
            audit: Audit::new(platform)?,
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
            ("POST", ["faxes", id, "resend"]) => self.resend(&who, request, id, deadline).await,
            ("POST", ["scheduled"]) => self.schedule(&who, request, deadline).await,
            ("GET", ["faxes", id, "pages", number]) => self.page(&who, request, id, number).await,
            _ => Err(ApiError::no_route()),
        }
    }
}

impl DashboardDocuments {
    async fn send(&self, who: &Principal, request: &Request, deadline: Deadline) -> Result<Response, ApiError> {
        match self.sending.door.admit_as(request, who.clone(), SEND, "sends").await? {
            Precheck::Replay(response) => Ok(response),
            Precheck::New(admitted) => admitted.told(self.sending.send(request, &admitted, deadline).await),
        }
    }

    async fn resend(&self, who: &Principal, request: &Request, id: &str, deadline: Deadline) -> Result<Response, ApiError> {
        let fax = self.fax(who, id).await?;
        let route = format!("{SEND}/{}/resend", fax.id);
        match self.sending.door.admit_as(request, who.clone(), &route, "sends").await? {
            Precheck::Replay(response) => Ok(response),
            Precheck::New(admitted) => admitted.told(self.sending.resend(&fax, &admitted, deadline).await),
        }
    }

    async fn fax(&self, who: &Principal, id: &str) -> Result<Fax, ApiError> {
        let id = id.parse().map_err(|_| ApiError::not_found())?;
        self.faxes.visible(who.account(), id).await?.ok_or_else(ApiError::not_found)
    }

    async fn schedule(&self, who: &Principal, request: &Request, deadline: Deadline) -> Result<Response, ApiError> {
        match self.planning.door.admit_as(request, who.clone(), SCHEDULE, "schedules").await? {
            Precheck::Replay(response) => Ok(response),
            Precheck::New(admitted) => admitted.told(self.planning.schedule(request, &admitted, deadline).await),
        }
    }

    /// A page of the fax-ready document. Who looks at it is written down first.
    async fn page(&self, who: &Principal, request: &Request, id: &str, number: &str) -> Result<Response, ApiError> {
        let number = number.parse().ok().filter(|number: &usize| *number >= 1).ok_or_else(ApiError::not_found)?;
        let fax = self.fax(who, id).await?;
        let pdf = self.documents.get(&fax.document_key()).await?.ok_or_else(ApiError::document_expired)?;
        let drawn = tokio::task::spawn_blocking(move || preview::draw(&pdf, number)).await.map_err(ApiError::internal)?;
        let png = match drawn {
            Ok(png) => png.ok_or_else(ApiError::not_found)?,
            Err(_) => {
                let message = "This document has no preview. Open the document instead.";
                return Err(ApiError::invalid(message).code("document_type_unsupported"));
            }
        };
        let entry = AuditEntry::new(who, Action::FaxViewed, fax.id, request.now);
        self.audit.record(&entry.detail(format!("page {number}"))).await?;
        Ok(Response::bytes("image/png", png))
    }
}
