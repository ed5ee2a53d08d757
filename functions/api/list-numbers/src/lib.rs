//! `GET /v1/numbers`, scope `numbers:read`: the account's active numbers, newest first.

use http::StatusCode;
use sfm_core::account::Number;
use sfm_core::scope::Scope;
use sfm_service::numbers::NumberService;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, ListBody, Request, Response};

#[derive(Debug)]
pub struct ListNumbers {
    auth: KeyAuth,
    numbers: NumberService,
}

impl Endpoint for ListNumbers {
    const ROUTE: &'static str = "GET /v1/numbers";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, numbers: NumberService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::NumbersRead).await?;
        let numbers = self.numbers.list(who.account(), request.page()?).await?;
        Response::json(StatusCode::OK, &ListBody::of(&numbers, Number::resource))
    }
}
