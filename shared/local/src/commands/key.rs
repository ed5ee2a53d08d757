//! `sfm key …`

use serde::Serialize;
use serde_json::{Value, json};
use sfm_core::id::{AccountId, KeyId};
use sfm_core::key::{ApiKey, KeyRecord, Mode};
use sfm_core::platform::Platform;
use sfm_core::scope::Scope;
use sfm_core::store::accounts::{AccountsAdmin, MAX_KEYS};

use super::CommandError;

/// A new key. This is the only time that it is shown.
#[derive(Serialize)]
pub struct NewKey {
    pub id: KeyId,
    pub key: String,
    scopes: Vec<Scope>,
    live: bool,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

pub async fn create(platform: &Platform, account: AccountId, mut scopes: Vec<Scope>, test: bool) -> Result<NewKey, CommandError> {
    let mut seen = std::collections::HashSet::new();
    scopes.retain(|scope| seen.insert(*scope));
    let accounts = AccountsAdmin::new(platform)?;
    let now = platform.clock().now();
    let secret = ApiKey::generate(if test { Mode::Test } else { Mode::Live });
    // The key repeats the account's plan; should that change in between, it is read again.
    for _ in 0..5 {
        let owner = accounts.get(account).await?.ok_or_else(|| CommandError::not_found("account"))?;
        if accounts.keys(account).await?.len() >= MAX_KEYS {
            return Err(CommandError::new("conflict", format!("An account has at most {MAX_KEYS} keys.")));
        }
        let record = KeyRecord {
            key_hash: secret.hash(),
            id: KeyId::generate(now),
            account_id: account,
            scopes: scopes.clone(),
            plan: owner.plan,
            live: !test,
            revoked_at: None,
        };
        if accounts.create_key(&record, now).await? {
            return Ok(NewKey { id: record.id, key: secret.expose().to_owned(), scopes, live: !test });
        }
    }
    Err(CommandError::new("unavailable", "The account keeps changing. Try again."))
}

pub async fn revoke(platform: &Platform, id: KeyId) -> Result<Value, CommandError> {
    let now = platform.clock().now();
    AccountsAdmin::new(platform)?.revoke_key(id, now).await?.ok_or_else(|| CommandError::not_found("key"))?;
    Ok(json!({"id": id, "revoked": true}))
}
