//! What we are known to the carrier by: one secret of Secrets Manager, a JSON object, read once and kept for a while.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::platform::{ConfigError, Platform};
use crate::sdk_error;
use crate::secret::Secret;

/// How long a secret is used before it is read again, so that one that was changed is taken up without a deployment.
const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// The members of the secret; those of the carrier that is not used may be absent or empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Credentials {
    pub telnyx_api_key: Option<Secret>,
    pub sinch_key_id: Option<Secret>,
    pub sinch_key_secret: Option<Secret>,
    /// Stands in the path of Sinch's callbacks, which carry no signature.
    pub callback_secret: Option<Secret>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error("the carrier's credentials cannot be read: {0}")]
    Unavailable(String),
    #[error("the carrier's credentials lack {0}")]
    Missing(&'static str),
}

/// Reads the secret that the variable `CARRIER_SECRET` names.
#[derive(Debug, Clone)]
pub struct CredentialStore {
    client: aws_sdk_secretsmanager::Client,
    secret_id: String,
    clock: Clock,
    kept: Arc<Mutex<Option<(Timestamp, Credentials)>>>,
}

impl CredentialStore {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let secret_id = platform.var("CARRIER_SECRET")?;
        Ok(Self { client: platform.secrets(), secret_id, clock: platform.clock(), kept: Arc::default() })
    }

    /// The credentials, at most five minutes old. When they cannot be read again, the old ones go on being used.
    pub async fn get(&self) -> Result<Credentials, CredentialsError> {
        let mut kept = self.kept.lock().await;
        let now = self.clock.now();
        if let Some((read_at, credentials)) = &*kept
            && now < *read_at + KEPT
        {
            return Ok(credentials.clone());
        }
        match (self.read().await, &*kept) {
            (Ok(credentials), _) => {
                *kept = Some((now, credentials.clone()));
                Ok(credentials)
            }
            (Err(e), Some((_, old))) => {
                tracing::warn!(error = %e, "the carrier's credentials of before are used");
                Ok(old.clone())
            }
            (Err(e), None) => Err(e),
        }
    }

    /// The carrier did not know them: they are read anew when they are needed next.
    pub async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    async fn read(&self) -> Result<Credentials, CredentialsError> {
        let read = self.client.get_secret_value().secret_id(&self.secret_id).send().await;
        let read = read.map_err(|e| CredentialsError::Unavailable(sdk_error::summary(&e)))?;
        // What serde says of a text may quote it.
        serde_json::from_str(read.secret_string().unwrap_or_default())
            .map_err(|_| CredentialsError::Unavailable("the secret is not a JSON object of texts".into()))
    }
}

/// A member that must be there.
pub(super) fn needed<'c>(member: &'c Option<Secret>, name: &'static str) -> Result<&'c Secret, CredentialsError> {
    member.as_ref().filter(|secret| !secret.expose().is_empty()).ok_or(CredentialsError::Missing(name))
}
