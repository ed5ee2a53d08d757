//! One attempt over HTTP: signed, to an address that was checked just now, bounded in time and bytes.

use std::time::{Duration, Instant};

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use jiff::SignedDuration;
use sfm_core::clock::Clock;
use sfm_core::event::Event;
use sfm_core::trace::TRACEPARENT;
use sfm_core::webhook::Endpoint;
use sfm_core::webhook::delivery::{Attempt, DeliveryError, Outcome};
use sfm_core::webhook::signature;
use sfm_http_client::ssrf::{SafeHttp, UrlRejected};
use sfm_http_client::{self, ExchangeError};
use url::Url;

/// An answer's body is read up to here; what comes after changes nothing.
const READ: usize = 16 * 1024;
/// So much of it is kept for the log.
const KEPT: usize = 1024;

/// What came back, as far as it did.
struct Answer {
    status: StatusCode,
    retry_after: Option<SignedDuration>,
    body: Vec<u8>,
}

/// Which connection an attempt uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    /// One that is kept from an attempt just before, if there is one.
    Kept,
    /// A new one, to an address that is looked up now: DNS changes.
    New,
}

pub(super) async fn post(
    guard: &SafeHttp,
    endpoint: &Endpoint,
    event: &Event,
    (connection, deadline): (Connection, Duration),
    clock: &Clock,
) -> Outcome {
    let at = clock.now();
    let started = Instant::now();
    let mut answer = None;
    let exchanged = tokio::time::timeout(deadline, exchange(guard, endpoint, event, connection, clock, &mut answer)).await;
    let error = match (exchanged, &answer) {
        (Ok(Ok(())), Some(answer)) => trouble(answer.status),
        (Ok(Ok(())), None) => Some(DeliveryError::Protocol),
        (Ok(Err(trouble)), _) => Some(trouble),
        (Err(_), _) => Some(DeliveryError::Timeout),
    };
    let (status_code, body, retry_after) = match answer {
        Some(Answer { status, body, retry_after }) => (Some(status.as_u16()), body, retry_after),
        None => (None, Vec::new(), None),
    };
    let kept = &body[..body.len().min(KEPT)];
    let answer = (!kept.is_empty()).then(|| String::from_utf8_lossy(kept).into_owned());
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Outcome { attempt: Attempt { at, duration_ms, status_code, error, answer }, retry_after }
}

fn trouble(status: StatusCode) -> Option<DeliveryError> {
    match status.as_u16() {
        200..=299 => None,
        300..=399 => Some(DeliveryError::Redirect),
        410 => Some(DeliveryError::Gone),
        _ => Some(DeliveryError::Status),
    }
}

async fn exchange(
    guard: &SafeHttp,
    endpoint: &Endpoint,
    event: &Event,
    connection: Connection,
    clock: &Clock,
    answer: &mut Option<Answer>,
) -> Result<(), DeliveryError> {
    let url = Url::parse(&endpoint.url).map_err(|_| DeliveryError::HostNotAllowed)?;
    let client = match connection {
        Connection::Kept => guard.kept_client_for(&url).await,
        Connection::New => guard.client_for(&url).await,
    };
    let client = client.map_err(|refused| match refused {
        UrlRejected::Host | UrlRejected::Malformed | UrlRejected::NotHttps | UrlRejected::Credentials => DeliveryError::HostNotAllowed,
    })?;
    let body = event.body().ok_or(DeliveryError::EventExpired)?;
    let now = clock.now();
    let headers = signature::sign(endpoint.signing(now), event.id, now, body.as_bytes());
    let mut request = sfm_http_client::request(Method::POST, &url).header(CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.header(TRACEPARENT, event.trace().with_span(rand::random()).to_string());
    let mut response = client.send(request, body).await.map_err(|e| class(&e))?;
    let (status, retry_after) = (response.status, retry_after(response.status, &response.headers, clock));
    let read = answer.insert(Answer { status, retry_after, body: Vec::new() });
    while read.body.len() < READ {
        match response.chunk().await.map_err(|e| class(&e))? {
            Some(chunk) => read.body.extend_from_slice(&chunk[..chunk.len().min(READ - read.body.len())]),
            None => return Ok(()),
        }
    }
    Ok(())
}

/// `Retry-After` of an answer that may be another one later: too many requests, or a failure of the server or of a gateway before it.
fn retry_after(status: StatusCode, headers: &HeaderMap, clock: &Clock) -> Option<SignedDuration> {
    if !matches!(status.as_u16(), 429 | 500 | 502..=504) {
        return None;
    }
    sfm_http_client::retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, clock.now())
}

fn class(error: &ExchangeError) -> DeliveryError {
    if error.is_tls() {
        DeliveryError::Tls
    } else if error.is_unsent() {
        DeliveryError::Connect
    } else {
        DeliveryError::Protocol
    }
}
