//! `GET /v1/receipts/key`: the public keys that verify receipts, for anybody.

use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use sfm_service::receipts::ReceiptKeys;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct GetReceiptKey {
    keys: ReceiptKeys,
}

impl Endpoint for GetReceiptKey {
    const ROUTE: &'static str = "GET /v1/receipts/key";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { keys: ReceiptKeys::new(platform)? })
    }

    async fn handle(&self, _: &Request) -> Result<Response, ApiError> {
        let response = Response::json(StatusCode::OK, &self.keys.public().await?)?;
        Ok(response.with_header(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")))
    }
}
