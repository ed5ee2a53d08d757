//! Telnyx's callbacks. They come unordered, may come twice, and are signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Telnyx;
use super::wire::{TelnyxFax, may_have_sent_pages};
use crate::json::{text, time};
use crate::{AttemptUpdate, Callback, CallbackError, Carrier as _, CarrierEvent};
use sfm_core::fax::progress::CallReport;
use sfm_store::platform::{ConfigError, Platform};

/// Callbacks older or newer than this are refused, so that a recorded one cannot be replayed: the tolerance of Telnyx's own SDKs.
const SIGNATURE_AGE: SignedDuration = SignedDuration::from_mins(5);

/// Reads callbacks, after their signature has shown that they are Telnyx's.
#[derive(Debug, Clone)]
pub struct Callbacks {
    verifier: Verifier,
    telnyx: Telnyx,
}

impl Callbacks {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { verifier: Verifier::new(platform)?, telnyx: Telnyx::new(platform)? })
    }

    /// Verifies and reads a callback. One that tells of a failed call does not tell how many pages went: the API is asked for the fax.
    ///
    /// # Errors
    /// [`CallbackError::Unavailable`] when the API cannot be asked, or does not yet say what the callback says.
    pub async fn read(&self, signature: &str, timestamp: &str, body: &[u8], now: Timestamp) -> Result<Callback, CallbackError> {
        let callback = self.verifier.read(signature, timestamp, body, now)?;
        let Callback::Attempt(CarrierEvent { id, update: AttemptUpdate::Ended(report), reference }) = &callback else {
            return Ok(callback);
        };
        let Err(failure) = report.result else { return Ok(callback) };
        if report.pages_sent.is_some() || !may_have_sent_pages(failure.code) {
            return Ok(callback);
        }
        let known = self.telnyx.get(id).await.map_err(|e| CallbackError::Unavailable(e.to_string()))?;
        let pages_sent = match known.map(|fax| fax.report) {
            // It does not know the fax any more.
            None => None,
            Some(None) => return Err(CallbackError::Unavailable("the API does not yet say that the call has ended".into())),
            Some(Some(known)) => known.pages_sent,
        };
        let update = AttemptUpdate::Ended(CallReport { pages_sent, ..*report });
        Ok(Callback::Attempt(CarrierEvent { reference: *reference, id: id.clone(), update }))
    }
}

/// Tells whether a callback is Telnyx's, and what it says.
#[derive(Debug, Clone)]
struct Verifier {
    public_key: VerifyingKey,
}

impl Verifier {
    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let name = "TELNYX_PUBLIC_KEY";
        let text = platform.var(name)?;
        let bytes: Option<[u8; 32]> = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        let public_key = bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        let reason = "is not the base64 of an Ed25519 public key";
        public_key.map(|public_key| Self { public_key }).ok_or_else(|| ConfigError { name: name.into(), reason: reason.into() })
    }

    /// Verifies the headers `telnyx-signature-ed25519` and `telnyx-timestamp` over the exact body, then reads it.
    fn read(&self, signature: &str, timestamp: &str, body: &[u8], now: Timestamp) -> Result<Callback, CallbackError> {
        let signed_at = timestamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or(CallbackError::Unsigned)?;
        let signature =
            STANDARD.decode(signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok()).ok_or(CallbackError::Unsigned)?;
        if now.duration_since(signed_at).abs() > SIGNATURE_AGE {
            return Err(CallbackError::Stale);
        }
        let signed = [timestamp.as_bytes(), b"|", body].concat();
        self.public_key.verify_strict(&signed, &signature).map_err(|_| CallbackError::Forged)?;
        let envelope: Value = serde_json::from_slice(body).map_err(|_| CallbackError::Unreadable)?;
        let event = &envelope["data"];
        let kind = text(event, "event_type").ok_or(CallbackError::Unreadable)?;
        if !matches!(kind, "fax.delivered" | "fax.failed" | "fax.sending.started" | "fax.received") {
            return Ok(Callback::Other);
        }
        let fax = TelnyxFax::new(&event["payload"]).ok_or(CallbackError::Unreadable)?;
        let complete = kind == "fax.received" || (kind == "fax.delivered" && fax.is_inbound());
        if complete {
            let received = fax.as_received(time(event, "occurred_at").unwrap_or(now));
            return Ok(received.map_or(Callback::Other, Callback::Received));
        }
        let Some(reference) = fax.reference() else { return Ok(Callback::Other) };
        let update = match kind {
            "fax.delivered" => AttemptUpdate::Ended(fax.delivered()),
            "fax.failed" => AttemptUpdate::Ended(fax.failed()),
            _ => AttemptUpdate::InProgress,
        };
        Ok(Callback::Attempt(CarrierEvent { reference, id: fax.id(), update }))
    }
}

#[cfg(test)]
mod tests;
