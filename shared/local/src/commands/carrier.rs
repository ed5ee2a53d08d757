//! `sfm carrier …`, for the local stack alone.

use reqwest::Method;
use serde_json::Value;
use sfm_core::platform::Platform;

use super::CommandError;

/// One value per submission that the simulated carrier accepted.
pub async fn log(platform: &Platform) -> Result<Vec<Value>, CommandError> {
    match control(platform, Method::GET, "/carrier/log").await? {
        Value::Array(lines) => Ok(lines),
        _ => Err(CommandError::new("internal_error", "The stack's answer makes no sense.")),
    }
}

/// Calls the control port of the local stack.
pub(super) async fn control(platform: &Platform, method: Method, path: &str) -> Result<Value, CommandError> {
    let (url, token) = (platform.var("SFM_CONTROL_URL")?, platform.var("SFM_CONTROL_TOKEN")?);
    let failed = |e: reqwest::Error| CommandError::new("unavailable", format!("The local stack does not answer: {}", e.without_url()));
    let answer = crate::plain_http_client()
        .map_err(|e| CommandError::new("internal_error", e))?
        .request(method, format!("{url}{path}"))
        .bearer_auth(token)
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
