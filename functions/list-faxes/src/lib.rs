//! `GET /v1/faxes`, scope `faxes:read`: the account's faxes, newest first; all of them, or those that the filters `status`,
//! `direction`, `created_after` and `created_before` let through.

use http::StatusCode;
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, ListBody, Problem, Request, Response};
use sfm_core::id::AccountId;
use sfm_core::list::Page;
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::faxes::{FaxFilter, Faxes};
use sfm_core::store::lists::{List, Lists};

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
        match FaxFilter::of(request)? {
            None => self.all(caller.account, page).await,
            Some(filter) => {
                let (faxes, has_more) = self.faxes.list_filtered(caller.account, &filter, page).await?;
                let data = faxes.iter().map(|fax| fax.resource()).collect();
                Response::json(StatusCode::OK, &ListBody::filtered(data, page, has_more))
            }
        }
    }
}

impl ListFaxes {
    async fn all(&self, account: AccountId, page: Page) -> Result<Response, Problem> {
        let start = self.lists.find(List::Faxes, account, page).await?;
        let faxes = match start.first {
            Some(first) => self.faxes.list_from(account, first, page.limit).await?,
            None => Vec::new(),
        };
        let data = faxes.iter().map(|fax| fax.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::new(data, page, start.total))
    }
}
