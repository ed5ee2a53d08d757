//! Who is calling, and may they.

use super::{ApiError, Request};
use sfm_core::key::ApiKey;
use sfm_core::principal::Principal;
use sfm_core::scope::Scope;
use sfm_store::key_uses::KeyUses;
use sfm_store::keys::Keys;
use sfm_store::platform::{ConfigError, Platform};

#[derive(Debug, Clone)]
pub struct KeyAuth {
    keys: Keys,
    uses: KeyUses,
}

impl KeyAuth {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { keys: Keys::new(platform)?, uses: KeyUses::new(platform)? })
    }

    /// Checks in the contract's order: key (401), plan (403), scope (403). One read, and the first time in an hour a write.
    ///
    /// # Errors
    /// 401 or 403, as said.
    pub async fn authorize(&self, request: &Request, scope: Scope) -> Result<Principal, ApiError> {
        self.authorize_any(request, &[scope]).await
    }

    /// As [`KeyAuth::authorize`], for what each of several scopes allows.
    ///
    /// # Errors
    /// As [`KeyAuth::authorize`].
    pub async fn authorize_any(&self, request: &Request, scopes: &[Scope]) -> Result<Principal, ApiError> {
        let invalid = || ApiError::unauthorized("This API key is not valid. Check that it is complete and has not been revoked.");
        let text = bearer_token(request)?;
        let key = ApiKey::parse(text).ok_or_else(invalid)?;
        let record = self.keys.find(&key.hash()).await?.filter(|record| record.revoked_at.is_none()).ok_or_else(invalid)?;
        self.uses.note(record.account_id, record.id, request.now).await;
        if !record.plan.includes_api() {
            return Err(ApiError::plan_upgrade_required());
        }
        if !scopes.iter().any(|scope| record.scopes.contains(scope)) {
            let wanted: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
            return Err(ApiError::forbidden(wanted.join(" or ")));
        }
        Ok(Principal::ApiKey { account: record.account_id, key: record.id, scopes: record.scopes, live: record.live })
    }
}

fn bearer_token(request: &Request) -> Result<&str, ApiError> {
    let missing = || ApiError::unauthorized("Send your API key in the header: Authorization: Bearer sfm_live_…");
    let mut values = request.headers.get_all(http::header::AUTHORIZATION).iter();
    let header = values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, token) = header.trim().split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(missing()) }
}
