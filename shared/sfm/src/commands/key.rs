//! `sfm key …`

use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};
use sfm_core::clock::ApiTime;
use sfm_core::id::{AccountId, KeyId};
use sfm_core::key::Mode;
use sfm_core::principal::Principal;
use sfm_core::scope::Scope;
use sfm_service::api_keys::{ApiKeyError, ApiKeyService};
use sfm_store::accounts::ListedKey;
use sfm_store::platform::Platform;

use super::{CommandError, id};

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Makes an API key and shows it, this once
    #[command(after_help = "Example:\n  sfm key create acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C --scope faxes:send --scope faxes:read --test")]
    Create {
        /// The account, acct_…
        account: String,
        /// What it may do; repeat it for more
        #[arg(long, required = true)]
        scope: Vec<Scope>,
        /// No carrier is involved and no quota used
        #[arg(long)]
        test: bool,
    },
    /// Lists the keys of an account, revoked ones too, newest first
    #[command(after_help = "Example:\n  sfm key list acct_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    List {
        /// The account, acct_…
        account: String,
    },
    /// Ends a key, at once
    #[command(after_help = "Example:\n  sfm key revoke key_01M8G0F2Z7V5YKQ4T9XN3D6B1C")]
    Revoke {
        /// The key's id, key_…
        id: String,
    },
}

impl KeyCommand {
    pub async fn run(self, platform: &Platform) -> Result<Value, CommandError> {
        match self {
            Self::Create { account, scope, test } => Ok(json!(create(platform, id(&account, "account")?, scope, test).await?)),
            Self::List { account } => list(platform, id(&account, "account")?).await,
            Self::Revoke { id: key } => revoke(platform, id(&key, "key")?).await,
        }
    }
}

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

impl From<ApiKeyError> for CommandError {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::NoAccount => Self::not_found("account"),
            ApiKeyError::Name => Self::invalid(error.to_string()),
            ApiKeyError::TooMany => Self::new("conflict", error.to_string()),
            ApiKeyError::Store(error) => error.into(),
        }
    }
}

pub async fn create(platform: &Platform, account: AccountId, scopes: Vec<Scope>, test: bool) -> Result<NewKey, CommandError> {
    let mode = if test { Mode::Test } else { Mode::Live };
    let (listed, key) = ApiKeyService::new(platform)?.create(&Principal::Operator { account }, None, scopes, mode).await?;
    Ok(NewKey { id: listed.id, key: key.expose().to_owned(), scopes: listed.scopes, live: !test })
}

pub async fn list(platform: &Platform, account: AccountId) -> Result<Value, CommandError> {
    let mut keys = ApiKeyService::new(platform)?.list(account).await?;
    keys.sort_by_key(|key| std::cmp::Reverse(key.id));
    let shown = |key: &ListedKey| {
        let (made, revoked) = (ApiTime::from(key.created_at), key.revoked_at.map(ApiTime::from));
        json!({"id": key.id, "name": key.name, "prefix": key.prefix, "scopes": key.scopes, "live": key.live, "created_at": made, "revoked_at": revoked})
    };
    Ok(json!({"object": "list", "data": keys.iter().map(shown).collect::<Vec<_>>()}))
}

pub async fn revoke(platform: &Platform, id: KeyId) -> Result<Value, CommandError> {
    let keys = ApiKeyService::new(platform)?;
    let account = keys.owner(id).await?.ok_or_else(|| CommandError::not_found("key"))?;
    keys.revoke(&Principal::Operator { account }, id).await?.ok_or_else(|| CommandError::not_found("key"))?;
    Ok(json!({"id": id, "revoked": true}))
}
