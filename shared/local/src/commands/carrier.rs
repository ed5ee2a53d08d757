//! `sfm carrier …`, for the local stack alone.

use std::path::PathBuf;

use fax_document::Options;
use reqwest::Method;
use serde_json::Value;
use sfm_core::phone::E164;
use sfm_store::platform::Platform;

use super::{CommandError, document};

/// One value per submission that the simulated carrier accepted.
pub async fn log(platform: &Platform) -> Result<Vec<Value>, CommandError> {
    match control(platform, Method::GET, "/carrier/log").await? {
        Value::Array(lines) => Ok(lines),
        _ => Err(CommandError::new("internal_error", "The stack's answer makes no sense.")),
    }
}

/// Makes the file fax-ready and lets it come in from `from` at `to`; `partial`: as the part of a fax whose call broke off.
pub async fn send_in(platform: &Platform, to: &E164, from: &E164, file: PathBuf, partial: bool) -> Result<Value, CommandError> {
    let converting = tokio::task::spawn_blocking(move || {
        let document = document::read(&file)?;
        document::fax_ready(&document, Options { threads: document::processors(), ..Options::default() }, None)
    });
    let fax = converting.await.map_err(|e| CommandError::new("internal_error", e.to_string()))??;
    let path = format!("/carrier/send-in/{to}/{from}?partial={partial}");
    control_with(platform, Method::POST, &path, fax.pdf).await
}

/// Calls the control port of the local stack.
pub(super) async fn control(platform: &Platform, method: Method, path: &str) -> Result<Value, CommandError> {
    control_with(platform, method, path, Vec::new()).await
}

async fn control_with(platform: &Platform, method: Method, path: &str, body: Vec<u8>) -> Result<Value, CommandError> {
    let (url, token) = (platform.var("SFM_CONTROL_URL")?, platform.var("SFM_CONTROL_TOKEN")?);
    let failed = |e: reqwest::Error| CommandError::new("unavailable", format!("The local stack does not answer: {}", e.without_url()));
    let answer = crate::plain_http_client()
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
