//! `…/numbers`: the account's own numbers.

use http::StatusCode;
use sfm_core::account::Number;
use sfm_core::principal::Principal;
use sfm_web::{ApiError, ListBody, Request, Response};

use crate::DashboardApi;

impl DashboardApi {
    pub(crate) async fn list_numbers(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        let numbers = self.numbers.list(who.account(), request.page()?).await?;
        Response::json(StatusCode::OK, &ListBody::of(&numbers, Number::resource))
    }
}
