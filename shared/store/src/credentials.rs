//! What we are known to the carrier by: one secret of Secrets Manager, a JSON object, read once and kept for a while.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::platform::{ConfigError, Platform};
use crate::sdk_error;
use sfm_core::clock::Clock;
use sfm_core::secret::Secret;

/// How long a secret is used before it is read again, so that one that was changed is taken up without a deployment.
const KEPT: SignedDuration = SignedDuration::from_mins(5);
/// Secrets Manager is not asked more often than this, however many callers there are and whatever it answers.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// How long an answer is waited for, the SDK's own repetitions included.
const DEADLINE: Duration = Duration::from_secs(5);

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

sfm_core::not_serializable!(Credentials);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error("the carrier's credentials cannot be read: {0}")]
    Unavailable(String),
    #[error("the carrier's credentials are not a JSON object of texts")]
    Unreadable,
    #[error("the carrier's credentials lack {0}")]
    Missing(&'static str),
}

/// Reads the secret that the variable `CARRIER_SECRET` names.
#[derive(Debug, Clone)]
pub struct CredentialStore {
    client: aws_sdk_secretsmanager::Client,
    secret_id: String,
    clock: Clock,
    /// What is known. Never locked while Secrets Manager is asked.
    known: Arc<Mutex<Known>>,
    /// Held by the one who asks.
    flight: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Known {
    credentials: Option<Credentials>,
    /// Until when they are used without a question.
    fresh_until: Option<Timestamp>,
    asked_at: Option<Timestamp>,
    /// What the last question came to, if it failed.
    failed: Option<CredentialsError>,
}

impl CredentialStore {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let secret_id = platform.var("CARRIER_SECRET")?;
        let (known, flight) = (Arc::default(), Arc::default());
        Ok(Self { client: platform.secrets(), secret_id, clock: platform.clock(), known, flight })
    }

    /// The credentials, at most five minutes old. When they cannot be read again, the old ones go on being used.
    ///
    /// One caller asks at a time. Who has old ones does not wait for the answer; who has none waits, within the same deadline.
    pub async fn get(&self) -> Result<Credentials, CredentialsError> {
        if let Some(known) = self.known() {
            return known;
        }
        let old = self.locked().credentials.clone();
        let _asking = match (self.flight.try_lock(), old) {
            (Ok(asking), _) => asking,
            (Err(_), Some(old)) => return Ok(old),
            (Err(_), None) => tokio::time::timeout(DEADLINE, self.flight.lock()).await.map_err(|_| no_answer())?,
        };
        // Somebody may have asked meanwhile.
        if let Some(known) = self.known() {
            return known;
        }
        let read = tokio::time::timeout(DEADLINE, self.read()).await.unwrap_or_else(|_| Err(no_answer()));
        let now = self.clock.now();
        let mut known = self.locked();
        known.asked_at = Some(now);
        match read {
            Ok(credentials) => {
                (known.failed, known.fresh_until) = (None, Some(now + KEPT));
                known.credentials = Some(credentials.clone());
                Ok(credentials)
            }
            Err(e) => {
                known.failed = Some(e.clone());
                if known.credentials.is_some() {
                    tracing::warn!(error = %e, "the carrier's credentials of before are used");
                }
                known.credentials.clone().ok_or(e)
            }
        }
    }

    /// What can be said without a question: credentials that are fresh, or what came of a question a moment ago.
    fn known(&self) -> Option<Result<Credentials, CredentialsError>> {
        let (now, known) = (self.clock.now(), self.locked());
        if known.fresh_until.is_some_and(|until| now < until) {
            return known.credentials.clone().map(Ok);
        }
        let failed = known.failed.clone().filter(|_| known.asked_at.is_some_and(|at| now < at + ASKED_AGAIN_AFTER))?;
        Some(known.credentials.clone().ok_or(failed))
    }

    /// The carrier did not know them: they are read anew when they are needed next, unless that was done a moment ago.
    pub fn forget(&self) {
        let (now, mut known) = (self.clock.now(), self.locked());
        if known.asked_at.is_none_or(|at| now >= at + ASKED_AGAIN_AFTER) {
            known.fresh_until = None;
        }
    }

    fn locked(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self) -> Result<Credentials, CredentialsError> {
        let read = self.client.get_secret_value().secret_id(&self.secret_id).send().await;
        let read = read.map_err(|e| CredentialsError::Unavailable(sdk_error::summary(&e)))?;
        // What serde says of a text may quote it.
        serde_json::from_str(read.secret_string().unwrap_or_default()).map_err(|_| CredentialsError::Unreadable)
    }
}

fn no_answer() -> CredentialsError {
    CredentialsError::Unavailable("no answer in 5 s".into())
}

/// A member that must be there.
pub fn needed<'c>(member: &'c Option<Secret>, name: &'static str) -> Result<&'c Secret, CredentialsError> {
    member.as_ref().filter(|secret| !secret.expose().is_empty()).ok_or(CredentialsError::Missing(name))
}
