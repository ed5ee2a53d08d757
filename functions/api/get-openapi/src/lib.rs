//! `GET /v1/openapi.json`: the description of the API, for anybody.

use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::openapi;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct GetOpenapi;

impl Endpoint for GetOpenapi {
    const ROUTE: &'static str = "GET /v1/openapi.json";

    fn new(_: &Platform) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    async fn handle(&self, _: &Request) -> Result<Response, ApiError> {
        let response = Response::json_text(StatusCode::OK, openapi::DOCUMENT.to_owned());
        Ok(response.with_header(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")))
    }
}
