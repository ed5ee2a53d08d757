//! `GET /v1/faxes`, scope `faxes:read`: the account's faxes, newest first.

use http::StatusCode;
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, ListBody, Problem, Request, Response};
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::faxes::Faxes;
use sfm_core::store::lists::Lists;

#[derive(Debug)]
pub struct ListFaxes {
    auth: Authenticator,
    lists: Lists,
    faxes: Faxes,
}

impl Endpoint for ListFaxes {
    const ROUTE: &'static str = "GET /v1/faxes";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, lists: Lists::new(platform)?, faxes: Faxes::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let caller = self.auth.authorize(request, Scope::FaxesRead).await?;
        let page = request.page()?;
        let start = self.lists.find_faxes(caller.account, page).await?;
        let faxes = match start.first {
            Some(first) => self.faxes.list_from(caller.account, first, page.limit).await?,
            None => Vec::new(),
        };
        let data = faxes.iter().map(|fax| fax.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::new(data, page, start.total))
    }
}
