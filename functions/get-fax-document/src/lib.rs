//! `GET /v1/faxes/{id}/document`, scope `faxes:read`: a redirect to a short-lived link to the fax-ready PDF.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use sfm_core::documents::Documents;
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, Problem, Request, Response};
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::faxes::Faxes;

/// Long enough to follow a redirect over a slow line, too short to be worth passing on.
const LINK_LIFE: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub struct GetFaxDocument {
    auth: Authenticator,
    faxes: Faxes,
    documents: Documents,
}

impl Endpoint for GetFaxDocument {
    const ROUTE: &'static str = "GET /v1/faxes/{id}/document";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, faxes: Faxes::new(platform)?, documents: Documents::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let caller = self.auth.authorize(request, Scope::FaxesRead).await?;
        let id = request.path_id()?;
        let fax = self.faxes.get(caller.account, id).await?.filter(|fax| fax.deleted_at.is_none()).ok_or_else(Problem::not_found)?;
        let key = fax.document_key();
        if !self.documents.exists(&key).await? {
            return Err(Problem::document_expired());
        }
        let link = self.documents.link(&key, LINK_LIFE).await?;
        let location = HeaderValue::from_str(link.expose()).map_err(|_| Problem::internal("the link is no header value"))?;
        Ok(Response::empty(StatusCode::FOUND)
            .with_header(header::LOCATION, location)
            .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
    }
}
