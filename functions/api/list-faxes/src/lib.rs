//! `GET /v1/faxes`, scope `faxes:read`: the account's faxes, newest first; all of them, or those that the filters `status`,
//! `direction`, `created_after` and `created_before` let through.

use http::StatusCode;
use sfm_core::fax::Fax;
use sfm_core::scope::Scope;
use sfm_service::faxes::FaxReader;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::filter::fax_filter;
use sfm_web::{ApiError, Endpoint, ListBody, Request, Response};

#[derive(Debug)]
pub struct ListFaxes {
    auth: KeyAuth,
    faxes: FaxReader,
}

impl Endpoint for ListFaxes {
    const ROUTE: &'static str = "GET /v1/faxes";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, faxes: FaxReader::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::FaxesRead).await?;
        let faxes = self.faxes.list(who.account(), fax_filter(request)?.as_ref(), request.page()?).await?;
        Response::json(StatusCode::OK, &ListBody::of(&faxes, Fax::resource))
    }
}
