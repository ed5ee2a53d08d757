//! `GET /v1/numbers`, scope `numbers:read`: the account's active numbers, newest first.

use http::StatusCode;
use sfm_core::account::Number;
use sfm_core::scope::Scope;
use sfm_service::numbers::NumberService;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::Authenticator;
use sfm_web::{Endpoint, ListBody, Problem, Request, Response};

#[derive(Debug)]
pub struct ListNumbers {
    auth: Authenticator,
    numbers: NumberService,
}

impl Endpoint for ListNumbers {
    const ROUTE: &'static str = "GET /v1/numbers";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, numbers: NumberService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let who = self.auth.authorize(request, Scope::NumbersRead).await?;
        let numbers = self.numbers.list(who.account(), request.page()?).await?;
        Response::json(StatusCode::OK, &ListBody::of(&numbers, Number::resource))
    }
}
