//! `…/keys`: list, create, revoke.

use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use sfm_core::clock::ApiTime;
use sfm_core::id::KeyId;
use sfm_core::key::Mode;
use sfm_core::list::Paged;
use sfm_core::principal::Principal;
use sfm_core::scope::Scope;
use sfm_store::accounts::ListedKey;
use sfm_web::{ApiError, ListBody, Request, Response};

use crate::{DashboardApi, path_id};

#[derive(Serialize)]
struct KeyResource<'a> {
    object: &'static str,
    id: KeyId,
    name: Option<&'a str>,
    prefix: Option<&'a str>,
    scopes: &'a [Scope],
    live: bool,
    created_at: ApiTime,
    created_by: Option<&'a str>,
    last_used_at: Option<ApiTime>,
    revoked_at: Option<ApiTime>,
    /// Only where it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

fn resource<'a>(listed: &'a ListedKey, used: Option<Timestamp>, key: Option<&'a str>) -> KeyResource<'a> {
    KeyResource {
        object: "key",
        id: listed.id,
        name: listed.name.as_deref(),
        prefix: listed.prefix.as_deref(),
        scopes: &listed.scopes,
        live: listed.live,
        created_at: listed.created_at.into(),
        created_by: listed.created_by.as_deref(),
        last_used_at: used.map(ApiTime::from),
        revoked_at: listed.revoked_at.map(ApiTime::from),
        key,
    }
}

impl DashboardApi {
    pub(crate) async fn list_keys(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        self.api_plan(who).await?;
        let page = request.page()?;
        let (mut keys, uses) = tokio::try_join!(self.keys.list(who.account()), self.key_uses.of(who.account()))?;
        keys.sort_by_key(|key| std::cmp::Reverse(key.id));
        let keys = Paged::cut(keys, page);
        Response::json(StatusCode::OK, &ListBody::of(&keys, |key| resource(key, uses.get(&key.id).copied(), None)))
    }

    pub(crate) async fn create_key(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        self.owner_with_api(who).await?;
        let object = request.json()?;
        let name = object.required_text("name", "name")?;
        let wrong = || {
            let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
            ApiError::invalid(format!("scopes must be a list of one or more of {}.", known.join(", "))).param("scopes")
        };
        let scopes = object.get("scopes").and_then(|scopes| scopes.as_array()).filter(|scopes| !scopes.is_empty()).ok_or_else(wrong)?;
        let scopes = scopes.iter().map(|scope| scope.as_str()?.parse().ok()).collect::<Option<Vec<Scope>>>().ok_or_else(wrong)?;
        let mode = match object.get("live").map(|live| live.as_bool()) {
            None | Some(Some(true)) => Mode::Live,
            Some(Some(false)) => Mode::Test,
            Some(None) => return Err(ApiError::invalid("live must be true or false.").param("live")),
        };
        let (listed, secret) = self.keys.create(who, Some(name), scopes, mode).await?;
        Response::json(StatusCode::CREATED, &resource(&listed, None, Some(secret.expose())))
    }

    pub(crate) async fn revoke_key(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        self.owner_with_api(who).await?;
        let key = self.keys.revoke(who, path_id(id)?).await?.ok_or_else(ApiError::not_found)?;
        let used = self.key_uses.of(who.account()).await?.get(&key.id).copied();
        Response::json(StatusCode::OK, &resource(&key, used, None))
    }
}
