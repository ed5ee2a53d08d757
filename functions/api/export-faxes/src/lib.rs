//! `GET /v1/faxes/export`, scope `faxes:read`: a redirect to a short-lived link to a month's faxes as CSV.

use http::{HeaderValue, StatusCode, header};
use sfm_core::scope::Scope;
use sfm_service::export::FaxExport;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::filter::month;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct ExportFaxes {
    auth: KeyAuth,
    export: FaxExport,
}

impl Endpoint for ExportFaxes {
    const ROUTE: &'static str = "GET /v1/faxes/export";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, export: FaxExport::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::FaxesRead).await?;
        let link = self.export.month(&who, month(request)?).await?;
        let location = HeaderValue::from_str(link.expose()).map_err(|_| ApiError::internal("the link is no header value"))?;
        Ok(Response::empty(StatusCode::FOUND)
            .with_header(header::LOCATION, location)
            .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
    }
}
