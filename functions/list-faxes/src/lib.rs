//! `GET /v1/faxes`, scope `faxes:read`: the account's faxes, newest first; all of them, or those that the filters `status`,
//! `direction`, `created_after` and `created_before` let through.

use http::StatusCode;
use sfm_core::fax::Fax;
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, ListBody, Problem, Request, Response};
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::faxes::FaxFilter;
use sfm_service::faxes::FaxReader;

#[derive(Debug)]
pub struct ListFaxes {
    auth: Authenticator,
    faxes: FaxReader,
}

impl Endpoint for ListFaxes {
    const ROUTE: &'static str = "GET /v1/faxes";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, faxes: FaxReader::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let who = self.auth.authorize(request, Scope::FaxesRead).await?;
        let faxes = self.faxes.list(who.account(), FaxFilter::of(request)?.as_ref(), request.page()?).await?;
        Response::json(StatusCode::OK, &ListBody::of(&faxes, Fax::resource))
    }
}
