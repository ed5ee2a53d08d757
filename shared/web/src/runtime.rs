//! The glue between Lambda and the functions. A function's `main` is one call of [`serve_http`] or [`serve_events`].
//!
//! [`respond`] is the one place between a request and an [`Endpoint`]: request id, envelope, log line.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderName, HeaderValue};
use lambda_http::request::RequestContext;
use lambda_http::{Body, BoxFuture, IntoResponse, RequestExt as _};
pub use lambda_runtime::Error;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::logging::{self, MetricLines};
use crate::{ApiError, Endpoint, Request, Response};
use sfm_core::clock::Clock;
use sfm_core::id::RequestId;
use sfm_store::platform::{ConfigError, Platform};

/// A function that is fed by a queue, a stream or a schedule.
pub trait Worker: Sized + Send + Sync + 'static {
    type Event: DeserializeOwned + Send + 'static;
    type Answer: Serialize + Send + 'static;

    fn new(platform: &Platform) -> Result<Self, ConfigError>;

    /// Works on one event. An error lets Lambda repeat the whole of it; what failed of a batch is said in the answer.
    fn handle(&self, event: Self::Event) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// Runs an endpoint until Lambda ends the process.
///
/// # Errors
/// When a variable is missing, or the Runtime API is gone.
pub async fn serve_http<E: Endpoint>() -> Result<(), Error> {
    logging::init(MetricLines::Written);
    let platform = Platform::from_env()?;
    let endpoint = Arc::new(E::new(&platform)?);
    let clock = platform.clock();
    lambda_http::run(service_fn(move |request: lambda_http::Request| {
        let (endpoint, clock) = (endpoint.clone(), clock.clone());
        async move { Ok::<_, Error>(respond(endpoint, clock, request).await) }
    }))
    .await
}

/// Runs a worker until Lambda ends the process.
///
/// # Errors
/// When a variable is missing, or the Runtime API is gone.
pub async fn serve_events<W: Worker>() -> Result<(), Error> {
    logging::init(MetricLines::Written);
    let platform = Platform::from_env()?;
    let worker = Arc::new(W::new(&platform)?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<W::Event>| {
        let worker = worker.clone();
        // Boxed: the types of what it awaits nest too deeply for the compiler.
        async move { worker.handle(event.payload).await }.boxed()
    }))
    .await
}

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
    let route = E::route(&request);
    let trace_id = request.trace().map(|trace| trace.trace_id());
    // A panic must cost one request, not the process: the task boundary is the fence.
    let handled = tokio::spawn(async move { endpoint.handle(&request).await });
    let result = handled.await.unwrap_or_else(|e| Err(ApiError::internal(format!("panicked: {e}"))));
    let (response, cause) = match result {
        Ok(response) => (response, None),
        Err(error) => into_response(error, id),
    };
    let status = response.status.as_u16();
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match cause {
        // ERROR is what a person must look at now: 500 alone. A stranger can cause 4xx, and 503 is repeated by the caller and by the next run.
        Some(cause) if status == 500 => tracing::error!(request_id = %id, trace_id, %route, status, duration_ms, cause, "request"),
        Some(cause) => tracing::warn!(request_id = %id, trace_id, %route, status, duration_ms, cause, "request"),
        None => tracing::info!(request_id = %id, trace_id, %route, status, duration_ms, "request"),
    }
    write(id, response)
}

/// Lambda takes text as it is, and all else in base64.
fn of_bytes(bytes: &[u8]) -> Body {
    std::str::from_utf8(bytes).map_or_else(|_| Body::Binary(bytes.to_vec()), |text| Body::Text(text.to_owned()))
}

fn into_response(error: ApiError, id: RequestId) -> (Response, Option<String>) {
    let mut response = Response::json_text(error.status, error.body(id));
    response.headers.extend(error.headers);
    (response, error.cause)
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
    Request {
        id,
        now,
        method: parts.method,
        path,
        headers: parts.headers,
        path_params,
        query,
        body,
        claims,
        json: std::sync::OnceLock::new(),
    }
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Mutex, PoisonError};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use sfm_store::platform::{ConfigError, Platform};

    /// Ends as the path says.
    struct Ends;

    impl Endpoint for Ends {
        const ROUTE: &'static str = "GET /";

        fn new(_: &Platform) -> Result<Self, ConfigError> {
            Ok(Self)
        }

        #[allow(clippy::panic)]
        async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
            match request.path.as_str() {
                "/401" => Err(ApiError::bad_signature("forged")),
                "/500" => Err(ApiError::internal("broken")),
                "/503" => Err(ApiError::unavailable("busy")),
                "/panic" => panic!("on purpose"),
                _ => Ok(Response::empty(http::StatusCode::OK)),
            }
        }
    }

    #[derive(Debug, Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Written {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[tokio::test]
    async fn only_what_a_person_must_look_at_is_an_error_line() {
        let written = Written::default();
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(written.clone()).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        for (path, level, status) in
            [("/", "INFO", 200), ("/401", "WARN", 401), ("/503", "WARN", 503), ("/500", "ERROR", 500), ("/panic", "ERROR", 500)]
        {
            written.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
            let context = RequestContext::ApiGatewayV2(Default::default());
            let mut request = lambda_http::Request::default().with_request_context(context);
            *request.uri_mut() = http::Uri::from_static(path);
            let Answer(answer) = respond(Arc::new(Ends), Clock::default(), request).await;
            assert_eq!(answer.status(), status, "{path}");
            let text = String::from_utf8(written.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default();
            let lines: Vec<serde_json::Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let levels: Vec<_> = lines.iter().filter(|line| line["message"] == "request").map(|line| line["level"].clone()).collect();
            assert_eq!(levels, [level], "{path}: {text}");
        }
        drop(guard);
    }
}
