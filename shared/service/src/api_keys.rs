//! An account's keys as the dashboard and the operator manage them: made and revoked in one transaction with the audit entry.

use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::Clock;
use sfm_core::id::{AccountId, KeyId};
use sfm_core::key::{ApiKey, KeyRecord, Mode};
use sfm_core::principal::Principal;
use sfm_core::scope::Scope;
use sfm_store::Backoff;
use sfm_store::StoreError;
use sfm_store::accounts::{AccountsAdmin, ListedKey, MAX_KEYS};
use sfm_store::audit::Audit;
use sfm_store::platform::{ConfigError, Platform};

const LONGEST_NAME: usize = 100;

#[derive(Debug, Clone)]
pub struct ApiKeyService {
    accounts: AccountsAdmin,
    audit: Audit,
    clock: Clock,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiKeyError {
    #[error("There is no such account.")]
    NoAccount,
    #[error("name must have 1 to {LONGEST_NAME} characters.")]
    Name,
    #[error("An account has at most {MAX_KEYS} keys, revoked ones included.")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApiKeyService {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { accounts: AccountsAdmin::new(platform)?, audit: Audit::new(platform)?, clock: platform.clock() })
    }

    /// Makes a key. What is returned with it is the only copy of the key itself.
    ///
    /// # Errors
    /// [`ApiKeyError::Name`] for a name that is empty or too long, [`ApiKeyError::TooMany`] when the account has its most.
    pub async fn create(
        &self,
        who: &Principal,
        name: Option<&str>,
        mut scopes: Vec<Scope>,
        mode: Mode,
    ) -> Result<(ListedKey, ApiKey), ApiKeyError> {
        let account = who.account();
        let name = name.map(str::trim);
        if name.is_some_and(|name| !(1..=LONGEST_NAME).contains(&name.chars().count())) {
            return Err(ApiKeyError::Name);
        }
        let mut seen = std::collections::HashSet::new();
        scopes.retain(|scope| seen.insert(*scope));
        let now = self.clock.now();
        let secret = ApiKey::generate(mode);
        let id = KeyId::generate(now);
        let entry = AuditEntry::new(who, Action::KeyCreated, id, now).detail(name.unwrap_or_default());
        // The key repeats the account's plan, and counts with the others; should either change in between, it is read again.
        let mut backoff = Backoff::default();
        loop {
            let owner = self.accounts.get(account).await?.ok_or(ApiKeyError::NoAccount)?;
            let keys = self.accounts.keys(account).await?.len();
            if keys >= MAX_KEYS {
                return Err(ApiKeyError::TooMany);
            }
            let live = mode == Mode::Live;
            let key_hash = secret.hash();
            let record = KeyRecord {
                key_hash: key_hash.clone(),
                id,
                account_id: account,
                scopes: scopes.clone(),
                plan: owner.plan,
                live,
                revoked_at: None,
            };
            let listed = ListedKey {
                account_id: account,
                id,
                key_hash,
                name: name.map(str::to_owned),
                prefix: Some(secret.shown_prefix().to_owned()),
                scopes: scopes.clone(),
                live,
                created_by: Some(who.to_string()),
                created_at: now,
                revoked_at: None,
            };
            if self.accounts.create_key(&record, &listed, keys, self.audit.write(&entry)?).await? {
                return Ok((listed, secret));
            }
            backoff.wait().await.map_err(ApiKeyError::Store)?;
        }
    }

    pub async fn list(&self, account: AccountId) -> Result<Vec<ListedKey>, StoreError> {
        self.accounts.keys(account).await
    }

    /// Revokes one of the account's keys. None when it has no such key; one that was revoked stays as it is.
    pub async fn revoke(&self, who: &Principal, id: KeyId) -> Result<Option<ListedKey>, StoreError> {
        let now = self.clock.now();
        let Some(mut key) = self.accounts.key(who.account(), id).await? else { return Ok(None) };
        if key.revoked_at.is_none() {
            let entry = AuditEntry::new(who, Action::KeyRevoked, id, now);
            self.accounts.revoke_key(&key, now, self.audit.write(&entry)?).await?;
            key.revoked_at = Some(now);
        }
        Ok(Some(key))
    }

    /// Whose key it is, for operators, who know no account.
    pub async fn owner(&self, id: KeyId) -> Result<Option<AccountId>, StoreError> {
        Ok(self.accounts.find_key(id).await?.map(|key| key.account_id))
    }
}
