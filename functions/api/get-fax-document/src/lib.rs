//! `GET /v1/faxes/{id}/document`, scope `faxes:read`: a redirect to a short-lived link to the fax-ready PDF.

use http::{HeaderValue, StatusCode, header};
use sfm_core::scope::Scope;
use sfm_service::faxes::FaxDocuments;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct GetFaxDocument {
    auth: KeyAuth,
    documents: FaxDocuments,
}

impl Endpoint for GetFaxDocument {
    const ROUTE: &'static str = "GET /v1/faxes/{id}/document";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, documents: FaxDocuments::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::FaxesRead).await?;
        let link = self.documents.link(&who, request.path_id()?).await?;
        let location = HeaderValue::from_str(link.url.expose()).map_err(|_| ApiError::internal("the link is no header value"))?;
        Ok(Response::empty(StatusCode::FOUND)
            .with_header(header::LOCATION, location)
            .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
    }
}
