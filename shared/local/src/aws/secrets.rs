//! Secrets Manager: `winterbaume-secretsmanager`. Secrets live in memory: each start of a stack makes them anew.

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use winterbaume_core::{MockRequest, MockService as _};
use winterbaume_secretsmanager::SecretsManagerService;

pub(super) struct Secrets(SecretsManagerService);

impl Secrets {
    pub(super) fn new() -> Self {
        Self(SecretsManagerService::new())
    }

    pub(super) async fn answer(&self, parts: &Parts, body: Bytes) -> Response<Bytes> {
        let request = MockRequest {
            method: parts.method.to_string(),
            // Where it reads the region from.
            uri: format!("https://secretsmanager.{}.amazonaws.com/", super::REGION),
            headers: parts.headers.clone(),
            body,
        };
        let answer = self.0.handle(request).await;
        let mut response = Response::new(answer.body);
        *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
        *response.headers_mut() = answer.headers;
        response
    }
}
