//! `GET /dashboard` and what is under it but the API: the static pages, for anybody, under a strict content security policy.

use http::header::X_CONTENT_TYPE_OPTIONS;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::{ApiError, Endpoint, Request, Response};
use sha2::{Digest as _, Sha256};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

#[derive(Debug)]
pub struct ServeDashboard {
    config: String,
    policy: HeaderValue,
}

impl Endpoint for ServeDashboard {
    const ROUTE: &'static str = "GET /dashboard/{path+}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let (issuer, client) = (platform.var("OIDC_ISSUER")?, platform.var("OIDC_CLIENT_ID")?);
        // The sign-in's token endpoint may be at an origin beside the issuer's: Cognito's is.
        let origins = match platform.var("OIDC_ORIGINS") {
            Ok(more) => format!("{} {more}", origin(&issuer)),
            Err(_) => origin(&issuer),
        };
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self' {origins}; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::from_str(&policy).map_err(|e| ConfigError { name: "OIDC_ISSUER".into(), reason: e.to_string() })?;
        Ok(Self { config: json!({"issuer": issuer, "client_id": client}).to_string(), policy })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let path = match request.path.strip_prefix("/dashboard").unwrap_or_default() {
            // No redirect from the one to the other: a gateway that drops the last slash would make it a circle.
            "" | "/" => "index.html",
            path => path.trim_start_matches('/'),
        };
        let text = if path == "config.json" { Some(self.config.as_str()) } else { None };
        let file = FILES.iter().find(|(name, _)| *name == path).map(|(_, text)| *text);
        let text = text.or(file).ok_or_else(ApiError::no_route)?;
        let etag = format!("\"{:x}\"", Sha256::digest(text.as_bytes()));
        let known = request.header("if-none-match")?.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == etag));
        let response =
            if known { Response::empty(StatusCode::NOT_MODIFIED) } else { Response::bytes(media_type(path), text.as_bytes().to_vec()) };
        Ok(self.guard(response.with_header(ETAG, value(&etag)?)))
    }
}

impl ServeDashboard {
    fn guard(&self, response: Response) -> Response {
        let fixed: [(HeaderName, &str); 4] = [
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            (STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
            (CACHE_CONTROL, "no-cache"),
        ];
        let response = response.with_header(CONTENT_SECURITY_POLICY, self.policy.clone());
        fixed.into_iter().fold(response, |response, (name, value)| response.with_header(name, HeaderValue::from_static(value)))
    }
}

fn value(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(ApiError::internal)
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}
