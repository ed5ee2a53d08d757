//! `GET /v1/faxes/{id}`, scope `faxes:read`: one fax, to poll its status.

use http::StatusCode;
use sfm_core::scope::Scope;
use sfm_service::faxes::FaxReader;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct GetFax {
    auth: KeyAuth,
    faxes: FaxReader,
}

impl Endpoint for GetFax {
    const ROUTE: &'static str = "GET /v1/faxes/{id}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, faxes: FaxReader::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::FaxesRead).await?;
        let fax = self.faxes.get(who.account(), request.path_id()?).await?.ok_or_else(ApiError::not_found)?;
        Response::json(StatusCode::OK, &fax.resource())
    }
}
