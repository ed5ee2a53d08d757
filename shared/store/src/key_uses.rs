//! Table `key_uses`: when each key was last used, to the hour. Key `account_id`, `key_id`.
//!
//! A table of its own, so that a function that may note a use may not change a key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::Client;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::items::{from_item, s, to_item};
use crate::platform::{ConfigError, Platform};
use sfm_core::id::{AccountId, KeyId};

/// So long one note stands for the uses that follow.
const GRAIN: SignedDuration = SignedDuration::from_hours(1);
/// Notes that a process remembers before it forgets them all.
const REMEMBERED: usize = 10_000;

#[derive(Debug, Clone)]
pub struct KeyUses {
    client: Client,
    table: String,
    noted: Arc<Mutex<HashMap<KeyId, Timestamp>>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeyUse {
    account_id: AccountId,
    key_id: KeyId,
    last_used_at: Timestamp,
}

impl KeyUses {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("KEY_USES_TABLE")?, noted: Arc::default() })
    }

    /// Notes that a key was used, unless this process did so within the hour. Failing that changes nothing for the request, and the next
    /// one tries again. (1 WRU for each key and process in an hour)
    pub async fn note(&self, account_id: AccountId, key_id: KeyId, now: Timestamp) {
        if self.noted().get(&key_id).is_some_and(|at| now.duration_since(*at) < GRAIN) {
            return;
        }
        match self.put(&KeyUse { account_id, key_id, last_used_at: now }).await {
            Ok(()) => {
                let mut noted = self.noted();
                if noted.len() >= REMEMBERED {
                    noted.clear();
                }
                noted.insert(key_id, now);
            }
            Err(e) => tracing::warn!(error = %e, %key_id, "use of a key not noted"),
        }
    }

    async fn put(&self, used: &KeyUse) -> Result<(), StoreError> {
        self.client.put_item().table_name(&self.table).set_item(Some(to_item(used)?)).send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }

    fn noted(&self) -> std::sync::MutexGuard<'_, HashMap<KeyId, Timestamp>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the keys of an account were last used; one that never was is not among them. An account has so few that one page has all.
    pub async fn of(&self, account: AccountId) -> Result<HashMap<KeyId, Timestamp>, StoreError> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("account_id = :account");
        let found = query.expression_attribute_values(":account", s(account)).send().await.map_err(StoreError::from_sdk)?;
        let uses = found.items.unwrap_or_default().into_iter().map(from_item::<KeyUse>);
        uses.map(|used| used.map(|used| (used.key_id, used.last_used_at))).collect()
    }
}
