//! The one place between Lambda and an [`Endpoint`]: request id, envelope, log line.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use lambda_http::request::RequestContext;
use lambda_http::{Body, BoxFuture, IntoResponse, RequestExt as _};

use super::{Endpoint, Problem, Request, Response};
use crate::clock::Clock;
use crate::id::RequestId;

/// A response that is already text. Its own conversion is the identity: `lambda_http`'s, for bodies of any charset, would link
/// 120 KB of encoding tables into each function.
#[derive(Debug)]
pub struct Answer(http::Response<Body>);

impl IntoResponse for Answer {
    fn into_response(self) -> BoxFuture<'static, http::Response<Body>> {
        Box::pin(std::future::ready(self.0))
    }
}

/// Answers one request with an endpoint. It never fails: whatever goes wrong is an answer.
pub async fn respond<E: Endpoint>(endpoint: Arc<E>, clock: Clock, request: lambda_http::Request) -> Answer {
    let started = Instant::now();
    let now = clock.now();
    let id = RequestId::generate(now);
    let request = read(id, now, request);
    // A panic must cost one request, not the process: the task boundary is the fence.
    let handled = tokio::spawn(async move { endpoint.handle(&request).await });
    let result = handled.await.unwrap_or_else(|e| Err(Problem::internal(format!("panicked: {e}"))));
    let (response, cause) = match result {
        Ok(response) => (response, None),
        Err(problem) => into_response(problem, id),
    };
    let status = response.status.as_u16();
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match cause {
        // ERROR is what a person must look at now: 500 alone. A stranger can cause 4xx, and 503 is repeated by the caller and by the next run.
        Some(cause) if status == 500 => tracing::error!(request_id = %id, route = E::ROUTE, status, duration_ms, cause, "request"),
        Some(cause) => tracing::warn!(request_id = %id, route = E::ROUTE, status, duration_ms, cause, "request"),
        None => tracing::info!(request_id = %id, route = E::ROUTE, status, duration_ms, "request"),
    }
    write(id, response)
}

/// Lambda takes text as it is, and all else in base64.
fn of_bytes(bytes: &[u8]) -> Body {
    std::str::from_utf8(bytes).map_or_else(|_| Body::Binary(bytes.to_vec()), |text| Body::Text(text.to_owned()))
}

fn into_response(problem: Problem, id: RequestId) -> (Response, Option<String>) {
    let mut response = Response::json_text(problem.status, problem.body(id));
    response.headers.extend(problem.headers);
    (response, problem.cause)
}

fn read(id: RequestId, now: jiff::Timestamp, request: lambda_http::Request) -> Request {
    let path_params = request.path_parameters().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let query = request.query_string_parameters().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let claims = claims(&request);
    let (parts, body) = request.into_parts();
    let body = match body {
        Body::Text(text) => Bytes::from(text),
        Body::Binary(bytes) => Bytes::from(bytes),
        _ => Bytes::new(),
    };
    let path = parts.uri.path().to_owned();
    Request { id, now, method: parts.method, path, headers: parts.headers, path_params, query, body, claims }
}

fn claims(request: &lambda_http::Request) -> HashMap<String, String> {
    let RequestContext::ApiGatewayV2(context) = request.request_context() else { return HashMap::new() };
    context.authorizer.and_then(|authorizer| authorizer.jwt).map(|jwt| jwt.claims).unwrap_or_default()
}

fn write(id: RequestId, response: Response) -> Answer {
    let body = if response.body.is_empty() { Body::Empty } else { of_bytes(&response.body) };
    let mut answer = http::Response::new(body);
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        answer.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
    }
    answer.headers_mut().entry(http::header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    Answer(answer)
}
