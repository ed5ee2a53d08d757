//! What only the local stack can do: its clock and its carrier, for the operator commands of the same machine.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use sfm_simulator::{Incoming, SendInError, Taken};

/// The parts of a running stack that the control port reaches.
pub trait Controls: Send + Sync + 'static {
    /// Moves every clock of the stack and returns the new time.
    fn advance(&self, by: SignedDuration) -> Result<jiff::Timestamp, super::error::StackError>;
    /// What time it is on the stack, ahead of the system's by this much.
    fn ahead(&self) -> SignedDuration;
    /// One JSON object per submission that the carrier accepted.
    fn carrier_log(&self) -> Vec<serde_json::Value>;
    /// Lets a fax come in to the carrier. Blocks.
    fn carrier_send_in(&self, incoming: Incoming, partial: bool) -> Result<Taken, SendInError>;
}

/// More than any fax-ready document has.
const LARGEST_DOCUMENT: usize = 64 << 20;

pub fn router(controls: Arc<dyn Controls>, token: String) -> Router {
    Router::new()
        .route("/clock/advance/{milliseconds}", post(advance))
        .route("/clock", get(clock))
        .route("/carrier/log", get(carrier_log))
        .route("/carrier/send-in/{to}/{from}", post(carrier_send_in).layer(DefaultBodyLimit::max(LARGEST_DOCUMENT)))
        .with_state(controls)
        .layer(from_fn_with_state(token, authorize))
}

async fn authorize(State(token): State<String>, request: Request, next: Next) -> Response {
    let given = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let expected = format!("Bearer {token}");
    if given.as_bytes().ct_eq(expected.as_bytes()).into() { next.run(request).await } else { StatusCode::UNAUTHORIZED.into_response() }
}

async fn advance(State(controls): State<Arc<dyn Controls>>, Path(milliseconds): Path<i64>) -> Response {
    match controls.advance(SignedDuration::from_millis(milliseconds)) {
        Ok(now) => Json(json!({"now": now})).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

async fn clock(State(controls): State<Arc<dyn Controls>>) -> Response {
    let milliseconds = i64::try_from(controls.ahead().as_millis()).unwrap_or(i64::MAX);
    Json(json!({"ahead_ms": milliseconds})).into_response()
}

async fn carrier_log(State(controls): State<Arc<dyn Controls>>) -> Response {
    Json(controls.carrier_log()).into_response()
}

#[derive(Deserialize)]
struct HowMuch {
    #[serde(default)]
    partial: bool,
}

async fn carrier_send_in(
    State(controls): State<Arc<dyn Controls>>,
    Path((to, from)): Path<(String, String)>,
    Query(HowMuch { partial }): Query<HowMuch>,
    document: Bytes,
) -> Response {
    let incoming = Incoming { to, from, document: document.to_vec() };
    match tokio::task::spawn_blocking(move || controls.carrier_send_in(incoming, partial)).await {
        Ok(Ok(taken)) => Json(taken).into_response(),
        Ok(Err(e @ SendInError::Storage(_))) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
        Ok(Err(e)) => (StatusCode::BAD_REQUEST, e.to_string()).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}
