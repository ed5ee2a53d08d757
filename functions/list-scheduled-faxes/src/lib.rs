//! `GET /v1/scheduled`, scope `scheduled:read`: the account's scheduled faxes, newest first.

use http::StatusCode;
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, ListBody, Problem, Request, Response};
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::lists::{List, Lists};
use sfm_core::store::scheduled::ScheduledFaxes;

#[derive(Debug)]
pub struct ListScheduledFaxes {
    auth: Authenticator,
    lists: Lists,
    scheduled: ScheduledFaxes,
}

impl Endpoint for ListScheduledFaxes {
    const ROUTE: &'static str = "GET /v1/scheduled";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, lists: Lists::new(platform)?, scheduled: ScheduledFaxes::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let caller = self.auth.authorize(request, Scope::ScheduledRead).await?;
        let page = request.page()?;
        let start = self.lists.find(List::Scheduled, caller.account, page).await?;
        let scheduled = match start.first {
            Some(first) => self.scheduled.list_from(caller.account, first, page.limit).await?,
            None => Vec::new(),
        };
        let data = scheduled.iter().map(|fax| fax.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::new(data, page, start.total))
    }
}
