//! The control port of the local stack: its clock, and its simulated carrier.

use reqwest::Method;
use serde_json::Value;
use sfm_store::platform::Platform;

use super::CommandError;

/// Calls the control port of the local stack.
pub(super) async fn control(platform: &Platform, method: Method, path: &str) -> Result<Value, CommandError> {
    control_with(platform, method, path, Vec::new()).await
}

/// The same, with a body.
pub(super) async fn control_with(platform: &Platform, method: Method, path: &str, body: Vec<u8>) -> Result<Value, CommandError> {
    let (url, token) = (platform.var("SFM_CONTROL_URL")?, platform.var("SFM_CONTROL_TOKEN")?);
    let failed = |e: reqwest::Error| CommandError::new("unavailable", format!("The local stack does not answer: {}", e.without_url()));
    let answer = sfm_local::plain_http_client()
        .map_err(|e| CommandError::new("internal_error", e))?
        .request(method, format!("{url}{path}"))
        .bearer_auth(token)
        .body(body)
        .send()
        .await
        .map_err(failed)?;
    let status = answer.status();
    let bytes = answer.bytes().await.map_err(failed)?;
    if !status.is_success() {
        return Err(CommandError::new("unavailable", format!("The local stack answered {status}: {}", String::from_utf8_lossy(&bytes))));
    }
    serde_json::from_slice(&bytes).map_err(|e| CommandError::new("internal_error", e.to_string()))
}
