//! The local stack's OpenID Connect issuer: authorization code flow with PKCE for one public client. Anybody on this machine may
//! sign in as any member: it stands in for the deployment's user pool, whose users have passwords.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use axum::extract::{Form, Query, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, LOCATION};
use http::{HeaderValue, StatusCode};
use rand::RngExt as _;
use serde_json::{Value, json};
use sfm_core::clock::Clock;
use sfm_store::members::MembersAdmin;
use sha2::{Digest as _, Sha256};

use super::error::StackError;
use super::jwt::SigningKey;
use super::state;

pub const CLIENT_ID: &str = "dashboard";
const CODE_SECONDS: i64 = 60;
const TOKEN_SECONDS: i64 = 3600;

struct Grant {
    email: String,
    nonce: Option<String>,
    challenge: String,
    redirect_uri: String,
    expires_at: i64,
}

pub struct Issuer {
    url: String,
    /// Where a sign-in may come back to.
    redirect_uri: String,
    key_file: PathBuf,
    key: OnceLock<SigningKey>,
    members: MembersAdmin,
    clock: Clock,
    grants: Mutex<HashMap<String, Grant>>,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Issuer {
    pub fn new(url: String, base_url: &str, dir: &Path, members: MembersAdmin, clock: Clock) -> Self {
        let (key_file, redirect_uri) = (dir.join("oidc.p256"), format!("{base_url}/dashboard/"));
        Self { url, redirect_uri, key_file, key: OnceLock::new(), members, clock, grants: Mutex::default() }
    }

    /// The signing key: made at the first sign-in of a folder, and kept.
    fn key(&self) -> Result<&SigningKey, StackError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let kept = match std::fs::read(&self.key_file) {
            Ok(kept) => kept,
            Err(_) => {
                let made = SigningKey::generate().map_err(|e| self.failed(e))?;
                state::write_private(&self.key_file, &made)?;
                made
            }
        };
        let key = SigningKey::from_pkcs8(&kept).map_err(|e| self.failed(e))?;
        Ok(self.key.get_or_init(|| key))
    }

    fn failed(&self, error: String) -> StackError {
        StackError::io(&self.key_file, std::io::Error::other(error))
    }

    fn jwks(&self) -> Result<Value, StackError> {
        Ok(json!({"keys": [self.key()?.public()]}))
    }

    fn id_token(&self, grant: &Grant) -> Result<String, StackError> {
        let now = self.clock.now().as_second();
        let claims = json!({
            "iss": self.url, "aud": CLIENT_ID, "sub": grant.email, "email": grant.email, "email_verified": true,
            "iat": now, "exp": now + TOKEN_SECONDS, "nonce": grant.nonce, "token_use": "id",
        });
        self.key()?.sign(&claims).map_err(|e| self.failed(e))
    }
}

pub fn router(issuer: Arc<Issuer>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/jwks", get(jwks))
        .route("/authorize", get(authorize))
        .route("/token", post(token).options(preflight))
        .with_state(issuer)
}

/// The pages are at another origin and may read this.
fn shared(status: StatusCode, body: &Value) -> Response {
    let headers = [(ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (CACHE_CONTROL, "no-store")];
    (status, headers, Json(body)).into_response()
}

fn refused(error: &str) -> Response {
    shared(StatusCode::BAD_REQUEST, &json!({"error": error}))
}

fn broken(error: &StackError) -> Response {
    tracing::error!(%error, "the issuer failed");
    shared(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": "server_error"}))
}

async fn discovery(State(issuer): State<Arc<Issuer>>) -> Response {
    let url = &issuer.url;
    shared(
        StatusCode::OK,
        &json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": ["openid", "email"],
        }),
    )
}

async fn jwks(State(issuer): State<Arc<Issuer>>) -> Response {
    let made = tokio::task::spawn_blocking(move || issuer.jwks()).await;
    match made {
        Ok(Ok(keys)) => shared(StatusCode::OK, &keys),
        Ok(Err(e)) => broken(&e),
        Err(_) => refused("server_error"),
    }
}

/// What a browser asks before it sends more than a plain form.
async fn preflight() -> Response {
    let headers = [(ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (ACCESS_CONTROL_ALLOW_HEADERS, "*"), (ACCESS_CONTROL_ALLOW_METHODS, "POST")];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Lists the members; with `login` it signs that one in and sends the browser back.
async fn authorize(State(issuer): State<Arc<Issuer>>, Query(query): Query<HashMap<String, String>>) -> Response {
    let asked = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let known = asked("client_id") == CLIENT_ID && asked("redirect_uri") == issuer.redirect_uri;
    let pkce = asked("code_challenge_method") == "S256" && !asked("code_challenge").is_empty();
    if !known || !pkce || asked("response_type") != "code" {
        return refused("invalid_request");
    }
    let mut emails: Vec<String> = match issuer.members.all().await {
        Ok(members) => members.into_iter().map(|member| member.email.into()).collect(),
        Err(_) => return refused("server_error"),
    };
    emails.sort();
    emails.dedup();
    let Some(email) = emails.iter().find(|email| *email == asked("login")) else {
        return Html(page(&query, &emails)).into_response();
    };
    let code = URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 24]>());
    let grant = Grant {
        email: email.clone(),
        nonce: query.get("nonce").cloned(),
        challenge: asked("code_challenge").to_owned(),
        redirect_uri: issuer.redirect_uri.clone(),
        expires_at: issuer.clock.now().as_second() + CODE_SECONDS,
    };
    issuer.grants.lock().unwrap_or_else(|e| e.into_inner()).insert(code.clone(), grant);
    let back = form_urlencoded::Serializer::new(String::new()).append_pair("code", &code).append_pair("state", asked("state")).finish();
    match HeaderValue::from_str(&format!("{}?{back}", issuer.redirect_uri)) {
        Ok(location) => (StatusCode::FOUND, [(LOCATION, location)]).into_response(),
        Err(_) => refused("invalid_request"),
    }
}

fn page(query: &HashMap<String, String>, emails: &[String]) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let kept: String = query
        .iter()
        .filter(|(name, _)| *name != "login")
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value)))
        .collect();
    let buttons: String =
        emails.iter().map(|email| format!("<p><button name=\"login\" value=\"{0}\">{0}</button></p>", escaped(email))).collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Sign in</title><main><h1>Sign in to the local stack</h1><form>{kept}{buttons}</form></main></html>"
    )
}

/// Gives the tokens for a code, once.
async fn token(State(issuer): State<Arc<Issuer>>, Form(form): Form<HashMap<String, String>>) -> Response {
    let given = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if given("grant_type") != "authorization_code" {
        return refused("unsupported_grant_type");
    }
    let grant = issuer.grants.lock().unwrap_or_else(|e| e.into_inner()).remove(given("code"));
    let Some(grant) = grant else { return refused("invalid_grant") };
    let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(given("code_verifier").as_bytes()));
    let fits = proof == grant.challenge && given("redirect_uri") == grant.redirect_uri && given("client_id") == CLIENT_ID;
    if !fits || issuer.clock.now().as_second() >= grant.expires_at {
        return refused("invalid_grant");
    }
    let made = tokio::task::spawn_blocking(move || issuer.id_token(&grant)).await;
    match made {
        Ok(Ok(token)) => shared(
            StatusCode::OK,
            // Nothing here takes an access token; the protocol wants one.
            &json!({"id_token": token, "access_token": "unused", "token_type": "Bearer", "expires_in": TOKEN_SECONDS}),
        ),
        Ok(Err(e)) => broken(&e),
        Err(_) => refused("server_error"),
    }
}
