//! `DELETE /v1/scheduled/{id}`, scope `scheduled:write`: cancels a scheduled fax that is still pending.

use http::StatusCode;
use sfm_core::documents::Documents;
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, Problem, Request, Response};
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::scheduled::ScheduledFaxes;

#[derive(Debug)]
pub struct CancelScheduledFax {
    auth: Authenticator,
    scheduled: ScheduledFaxes,
    documents: Documents,
}

impl Endpoint for CancelScheduledFax {
    const ROUTE: &'static str = "DELETE /v1/scheduled/{id}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, scheduled: ScheduledFaxes::new(platform)?, documents: Documents::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let caller = self.auth.authorize(request, Scope::ScheduledWrite).await?;
        let canceled = self.scheduled.cancel(caller.account, request.path_id()?, request.id).await?;
        // It will never be sent: nobody needs its document any more.
        self.documents.discard(&canceled.document_key()).await;
        Response::json(StatusCode::OK, &canceled.resource())
    }
}
