//! What only the local stack can do: its clock and its carrier, for the operator commands of the same machine.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use subtle::ConstantTimeEq as _;

/// The parts of a running stack that the control port reaches.
pub trait Controls: Send + Sync + 'static {
    /// Moves every clock of the stack and returns the new time.
    fn advance(&self, by: SignedDuration) -> Result<jiff::Timestamp, super::StackError>;
    /// What time it is on the stack, ahead of the system's by this much.
    fn ahead(&self) -> SignedDuration;
    /// One JSON object per submission that the carrier accepted.
    fn carrier_log(&self) -> Vec<serde_json::Value>;
}

pub fn router(controls: Arc<dyn Controls>, token: String) -> Router {
    Router::new()
        .route("/clock/advance/{milliseconds}", post(advance))
        .route("/clock", get(clock))
        .route("/carrier/log", get(carrier_log))
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
