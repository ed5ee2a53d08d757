//! Telnyx Programmable Fax, API v2.
//!
//! Facts from the vendor's published SDK sources and documentation; which failure deserves another attempt is our own reading.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::credentials::{CredentialStore, CredentialsError, needed};
use super::{
    AttemptMark, Callback, CallbackError, Carrier, CarrierEvent, CarrierFax, CarrierFaxId, LookupError, MediaError, News, Received,
    SendError, Submission,
};
use crate::failure::{FailureCode, Retry};
use crate::fax::{CallFailure, CallReport};
use crate::http_client;
use crate::phone::E164;
use crate::platform::{ConfigError, Platform};
use crate::secret::Secret;

const TIMEOUT: Duration = Duration::from_secs(15);
/// Callbacks older or newer than this are refused, so that a recorded one cannot be replayed.
const SIGNATURE_AGE: SignedDuration = SignedDuration::from_mins(5);
/// The carrier's clock and ours may differ by this much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// One page of a list, the most that the API gives.
const LIST_PAGE: usize = 250;
/// Pages of a list that a look-up reads before it calls itself unable to tell.
const LIST_PAGES: usize = 20;

#[derive(Debug, Clone)]
pub struct Telnyx {
    http: reqwest::Client,
    base_url: String,
    credentials: CredentialStore,
    connection_id: String,
    /// Where callbacks go; without it, where the connection says.
    webhook_url: Option<String>,
}

impl Telnyx {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let http = http_client::build(TIMEOUT).map_err(|e| ConfigError { name: "TLS".into(), reason: e.to_string() })?;
        Ok(Self {
            http,
            base_url: platform.var("TELNYX_API_URL")?.trim_end_matches('/').to_owned(),
            credentials: CredentialStore::new(platform)?,
            connection_id: platform.var("TELNYX_CONNECTION_ID").unwrap_or_default(),
            webhook_url: platform.var("CARRIER_CALLBACK_URL").ok().map(|url| format!("{url}/telnyx")),
        })
    }

    async fn api_key(&self) -> Result<Secret, CredentialsError> {
        let credentials = self.credentials.get().await?;
        needed(&credentials.telnyx_api_key, "telnyx_api_key").cloned()
    }

    async fn read(&self, path: &str, query: &[(&str, String)]) -> Result<Option<Vec<u8>>, LookupError> {
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base_url)).map_err(|e| LookupError(e.to_string()))?;
        url.query_pairs_mut().extend_pairs(query.iter().map(|(k, v)| (*k, v.as_str())));
        let failed = |e: reqwest::Error| LookupError(e.without_url().to_string());
        let api_key = self.api_key().await.map_err(|e| LookupError(e.to_string()))?;
        let answer = self.http.get(url).bearer_auth(api_key.expose()).send().await.map_err(failed)?;
        match answer.status().as_u16() {
            200 => Ok(Some(answer.bytes().await.map_err(failed)?.to_vec())),
            404 => Ok(None),
            status => Err(LookupError(format!("status {status}"))),
        }
    }
}

#[derive(Debug, Deserialize)]
struct One {
    data: TelnyxFax,
}

#[derive(Debug, Deserialize)]
struct Many {
    data: Vec<TelnyxFax>,
}

/// A fax in answers, and the payload of events.
#[derive(Debug, Deserialize)]
struct TelnyxFax {
    #[serde(alias = "fax_id")]
    id: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    client_state: Option<String>,
    #[serde(default)]
    page_count: Option<u32>,
    #[serde(default)]
    call_duration_secs: Option<u32>,
    #[serde(default)]
    failure_reason: Option<String>,
}

impl TelnyxFax {
    fn mark(&self) -> Option<AttemptMark> {
        AttemptMark::decode(self.client_state.as_deref()?)
    }

    fn report(&self) -> Option<CallReport> {
        let result = match self.status.as_deref() {
            Some("delivered") => Ok(()),
            Some("failed") => Err(failure(self.failure_reason.as_deref().unwrap_or_default())),
            _ => return None,
        };
        Some(CallReport { result, pages_sent: self.page_count, duration_seconds: self.call_duration_secs })
    }

    fn into_carrier_fax(self) -> CarrierFax {
        CarrierFax { report: self.report(), id: CarrierFaxId(self.id) }
    }
}

/// What a `failure_reason` means to us. One that is not known is a carrier error, and tried again.
fn failure(reason: &str) -> CallFailure {
    use FailureCode::*;
    let code = match reason {
        "user_busy" => Busy,
        "receiver_no_answer" | "receiver_no_response" => NoAnswer,
        "receiver_call_dropped" | "sender_call_dropped" | "carrier_lost" => LineDropped,
        "fax_initial_communication_timeout" => NoFaxTone,
        "fax_signaling_error"
        | "receiver_communication_error"
        | "sender_communication_error"
        | "invalid_ecm_response_from_receiver"
        | "receiver_recovery_on_timer_expire" => TrainingFailed,
        "destination_unreachable" => NumberUnreachable,
        "receiver_unallocated_number" | "receiver_invalid_number_format" | "destination_invalid" => NumberInvalid,
        "receiver_incompatible_destination"
        | "receiver_decline"
        | "destination_not_in_countries_whitelist"
        | "destination_not_in_service_plan"
        | "no_outbound_profile"
        | "unverified_origination_number"
        | "unverified_destination_not_allowed"
        | "account_disabled"
        | "outbound_profile_daily_spend_limit_exceeded"
        | "sender_canceled" => Rejected,
        "file_format_invalid" | "file_size_limit_exceeded" | "page_count_limit_exceeded" | "media_processing_exception" => {
            DocumentUnreadable
        }
        // The link may have expired on its way: a new one is signed for the second attempt.
        "file_download_failed" => return CallFailure { code: DocumentUnreadable, retry: Retry::again(2, 0) },
        _ => CarrierError,
    };
    code.into()
}

impl Carrier for Telnyx {
    async fn send(&self, submission: &Submission) -> Result<CarrierFaxId, SendError> {
        let mut body = json!({
            "connection_id": self.connection_id,
            "to": submission.to,
            "from": submission.from,
            "media_url": submission.media_url.expose(),
            "quality": "high",
            "monochrome": true,
            "store_media": false,
            "client_state": submission.mark.encode(),
        });
        if let Some(url) = &self.webhook_url {
            body["webhook_url"] = url.as_str().into();
        }
        let api_key = self.api_key().await.map_err(|e| SendError::not_taken(e.to_string()))?;
        let request = self
            .http
            .post(format!("{}/v2/faxes", self.base_url))
            .bearer_auth(api_key.expose())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body.to_string());
        let answer = request.send().await.map_err(|e| {
            let not_taken = e.is_connect();
            let text = e.without_url().to_string();
            if not_taken { SendError::not_taken(text) } else { SendError::Ambiguous(text) }
        })?;
        let status = answer.status().as_u16();
        match status {
            200..=299 => {
                let bytes = answer.bytes().await.map_err(|e| SendError::Ambiguous(e.without_url().to_string()))?;
                let fax: One = serde_json::from_slice(&bytes).map_err(|e| SendError::Ambiguous(format!("status {status}: {e}")))?;
                Ok(CarrierFaxId(fax.data.id))
            }
            // Too many in process, or a key that an operator has to mend: nothing was taken.
            401..=403 => {
                self.credentials.forget().await;
                Err(SendError::not_taken(format!("status {status}")))
            }
            429 => Err(SendError::not_taken(format!("status {status}"))),
            400..=499 if status != 408 => {
                let about_number = answer.text().await.is_ok_and(|text| text.contains("/to"));
                let code = if about_number { FailureCode::NumberInvalid } else { FailureCode::Rejected };
                Err(SendError::Refused(CallReport::failed(code)))
            }
            _ => Err(SendError::Ambiguous(format!("status {status}"))),
        }
    }

    async fn find(&self, mark: &AttemptMark, to: &E164, from: &E164, since: Timestamp) -> Result<Option<CarrierFax>, LookupError> {
        for page in 1..=LIST_PAGES {
            let query = [
                ("filter[created_at][gte]", (since - CLOCK_SKEW).to_string()),
                ("filter[direction][eq]", "outbound".to_owned()),
                ("filter[to][eq]", to.to_string()),
                ("filter[from][eq]", from.to_string()),
                ("page[number]", page.to_string()),
                ("page[size]", LIST_PAGE.to_string()),
            ];
            let bytes = self.read("/v2/faxes", &query).await?.ok_or_else(|| LookupError("status 404".into()))?;
            let many: Many = serde_json::from_slice(&bytes).map_err(|e| LookupError(e.to_string()))?;
            let last = many.data.len() < LIST_PAGE;
            if let Some(found) = many.data.into_iter().find(|fax| fax.mark().as_ref() == Some(mark)) {
                return Ok(Some(found.into_carrier_fax()));
            }
            if last {
                return Ok(None);
            }
        }
        Err(LookupError("the list is too long to tell".into()))
    }

    async fn get(&self, id: &CarrierFaxId) -> Result<Option<CarrierFax>, LookupError> {
        let Some(bytes) = self.read(&format!("/v2/faxes/{id}"), &[]).await? else { return Ok(None) };
        let fax: One = serde_json::from_slice(&bytes).map_err(|e| LookupError(e.to_string()))?;
        Ok(Some(fax.data.into_carrier_fax()))
    }

    async fn received(&self, _since: Timestamp) -> Result<Vec<Received>, LookupError> {
        Ok(Vec::new())
    }

    async fn document(&self, _received: &Received) -> Result<Bytes, MediaError> {
        Err(MediaError::Gone("not yet".into()))
    }
}

/// Reads callbacks, after their signature has shown that they are Telnyx's.
#[derive(Debug, Clone)]
pub struct Callbacks {
    public_key: VerifyingKey,
}

#[derive(Debug, Deserialize)]
struct Envelope {
    data: EventData,
}

#[derive(Debug, Deserialize)]
struct EventData {
    event_type: String,
    payload: TelnyxFax,
}

impl Callbacks {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let name = "TELNYX_PUBLIC_KEY";
        let text = platform.var(name)?;
        let bytes: Option<[u8; 32]> = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        let public_key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        let reason = "is not the base64 of an Ed25519 public key";
        public_key.map(|public_key| Self { public_key }).ok_or_else(|| ConfigError { name: name.into(), reason: reason.into() })
    }

    /// Verifies the headers `telnyx-signature-ed25519` and `telnyx-timestamp` over the exact body, then reads it.
    ///
    pub fn read(&self, signature: &str, timestamp: &str, body: &[u8], now: Timestamp) -> Result<Callback, CallbackError> {
        let signed_at = timestamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or(CallbackError::Unsigned)?;
        let signature =
            STANDARD.decode(signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok()).ok_or(CallbackError::Unsigned)?;
        if now.duration_since(signed_at).abs() > SIGNATURE_AGE {
            return Err(CallbackError::Stale);
        }
        let signed = [timestamp.as_bytes(), b"|", body].concat();
        self.public_key.verify_strict(&signed, &signature).map_err(|_| CallbackError::Forged)?;
        let envelope: Envelope = serde_json::from_slice(body).map_err(|_| CallbackError::Unreadable)?;
        let EventData { event_type, payload } = envelope.data;
        let Some(mark) = payload.mark() else { return Ok(Callback::Other) };
        let report = |result| CallReport { result, pages_sent: payload.page_count, duration_seconds: payload.call_duration_secs };
        let news = match event_type.as_str() {
            "fax.delivered" => News::Ended(report(Ok(()))),
            "fax.failed" => News::Ended(report(Err(failure(payload.failure_reason.as_deref().unwrap_or_default())))),
            "fax.sending.started" => News::UnderWay,
            _ => return Ok(Callback::Other),
        };
        Ok(Callback::Attempt(CarrierEvent { mark, id: CarrierFaxId(payload.id.clone()), news }))
    }
}

#[cfg(test)]
mod tests;
