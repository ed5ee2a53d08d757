//! `GET /v1/numbers`, scope `numbers:read`: the account's active numbers, newest first.

use http::StatusCode;
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, ListBody, Problem, Request, Response};
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::numbers::Numbers;

#[derive(Debug)]
pub struct ListNumbers {
    auth: Authenticator,
    numbers: Numbers,
}

impl Endpoint for ListNumbers {
    const ROUTE: &'static str = "GET /v1/numbers";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, numbers: Numbers::new(platform)? })
    }

    /// An account has few numbers: each page is cut from all of them.
    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let caller = self.auth.authorize(request, Scope::NumbersRead).await?;
        let page = request.page()?;
        let oldest_first = self.numbers.active(caller.account).await?;
        let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let data = oldest_first.iter().rev().skip(skip).take(page.limit as usize).map(|number| number.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::new(data, page, oldest_first.len() as u64))
    }
}
