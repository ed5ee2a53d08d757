//! The secret that receipts are signed with: one of Secrets Manager, a JSON object, made when the stack is deployed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::platform::{ConfigError, Platform};
use crate::sdk_error;
use sfm_core::clock::Clock;
use sfm_core::secret::Secret;

/// How long a secret is used before it is read again, so that a rotation is taken up without a deployment.
const KEPT: SignedDuration = SignedDuration::from_mins(5);
/// How long an answer is waited for, the SDK's own repetitions included.
const DEADLINE: Duration = Duration::from_secs(5);

/// The members of the secret. A key follows from its text.
#[derive(Debug, Clone, Deserialize)]
pub struct ReceiptSecrets {
    pub receipt_key: Secret,
    /// Of keys that signed earlier receipts, newest first.
    #[serde(default)]
    pub earlier_receipt_keys: Vec<Secret>,
}

sfm_core::not_serializable!(ReceiptSecrets);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptSecretsError {
    #[error("the key of receipts cannot be read: {0}")]
    Unavailable(String),
    #[error("the secret of receipts is not a JSON object with receipt_key")]
    Unreadable,
}

/// Reads the secret that the variable `RECEIPT_SECRET` names.
#[derive(Debug, Clone)]
pub struct ReceiptSecretStore {
    client: aws_sdk_secretsmanager::Client,
    secret_id: String,
    clock: Clock,
    known: Arc<Mutex<Option<(ReceiptSecrets, Timestamp)>>>,
}

impl ReceiptSecretStore {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let secret_id = platform.var("RECEIPT_SECRET")?;
        Ok(Self { client: platform.secrets(), secret_id, clock: platform.clock(), known: Arc::default() })
    }

    /// The secrets, at most five minutes old.
    ///
    /// # Errors
    /// [`ReceiptSecretsError`] where they are older, and cannot be read.
    pub async fn get(&self) -> Result<ReceiptSecrets, ReceiptSecretsError> {
        let now = self.clock.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((secrets, _)) = known.filter(|(_, read_at)| now < *read_at + KEPT) {
            return Ok(secrets);
        }
        let read = tokio::time::timeout(DEADLINE, self.client.get_secret_value().secret_id(&self.secret_id).send()).await;
        let read = read.map_err(|_| ReceiptSecretsError::Unavailable("no answer in 5 s".into()))?;
        let read = read.map_err(|e| ReceiptSecretsError::Unavailable(sdk_error::summary(&e)))?;
        // What serde says of a text may quote it.
        let secrets: ReceiptSecrets =
            serde_json::from_str(read.secret_string().unwrap_or_default()).map_err(|_| ReceiptSecretsError::Unreadable)?;
        if secrets.receipt_key.expose().len() < 32 {
            return Err(ReceiptSecretsError::Unreadable);
        }
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((secrets.clone(), now));
        Ok(secrets)
    }
}
