//! Sinch's callbacks. They carry no signature: a secret stands in their path, and what they say is read again over the API.

use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::Sinch;
use crate::api::Deadlines;
use crate::{AttemptUpdate, Callback, CallbackError, CarrierEvent};
use sfm_store::credentials::needed;
use sfm_store::platform::{ConfigError, Platform};

/// Reads callbacks whose path has shown that they are Sinch's.
#[derive(Debug, Clone)]
pub struct Callbacks {
    sinch: Sinch,
}

/// What is taken from a callback. The rest, the whole document in base64 among it, is passed over.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    event: String,
    #[serde(default)]
    fax: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

impl Callbacks {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { sinch: Sinch::new(platform)? })
    }

    /// The same with other deadlines.
    pub fn within(self, deadlines: Deadlines) -> Self {
        Self { sinch: self.sinch.within(deadlines) }
    }

    /// Compares the secret of the path, then asks the API for the fax that the callback names: only what the API says is returned.
    ///
    /// # Errors
    /// [`CallbackError::Unavailable`] when the API cannot be asked, or does not yet say what the callback says.
    pub async fn read(&self, secret_in_path: &str, body: &[u8]) -> Result<Callback, CallbackError> {
        let unavailable = |e: String| CallbackError::Unavailable(e);
        let credentials = self.sinch.credentials.get().await.map_err(|e| unavailable(e.to_string()))?;
        let secret = needed(&credentials.callback_secret, "callback_secret").map_err(|e| unavailable(e.to_string()))?;
        if !bool::from(secret.expose().as_bytes().ct_eq(secret_in_path.as_bytes())) {
            return Err(CallbackError::Forged);
        }
        let event: Event = serde_json::from_slice(body).map_err(|_| CallbackError::Unreadable)?;
        if !matches!(event.event.as_str(), "FAX_COMPLETED" | "INCOMING_FAX") {
            return Ok(Callback::Other);
        }
        let id = event.fax.ok_or(CallbackError::Unreadable)?.id;
        let now = self.sinch.api.clock.now();
        let read = self.sinch.fax(&id, |fax| {
            if !fax.is_final() {
                return None;
            }
            if fax.is_inbound() {
                return Some(fax.received(now).map_or(Callback::Other, Callback::Received));
            }
            let attempt = fax.reference().zip(fax.report());
            Some(attempt.map_or(Callback::Other, |(reference, report)| {
                Callback::Attempt(CarrierEvent { reference, id: fax.id(), update: AttemptUpdate::Ended(report) })
            }))
        });
        let read = read.await.map_err(|e| unavailable(e.to_string()))?;
        read.flatten().ok_or_else(|| unavailable("the carrier's API does not say yet what its callback says".into()))
    }
}
