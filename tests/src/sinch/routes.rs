//! The routes: who may ask, and what is answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};

use super::faxes::{self, Fax};
use super::{KEY_ID, KEY_SECRET, PROJECT, State};

type App = Shared<Arc<State>>;

/// What OAuth2 gives for the key, which the vendor's SDK asks for.
const TOKEN: &str = "a-token";

pub(super) fn router(state: Arc<State>) -> Router {
    let faxes = Router::new()
        .route("/v3/projects/{project}/faxes", post(send).get(list))
        .route("/v3/projects/{project}/faxes/{id}", get(one))
        .route("/v3/projects/{project}/faxes/{id}/file", get(file).delete(delete_file))
        .route("/v3/projects/{project}/faxes/{id}/file.pdf", get(file))
        .layer(from_fn(admit))
        .with_state(state);
    Router::new().route("/oauth2/token", post(token)).merge(faxes).layer(DefaultBodyLimit::disable())
}

fn is_ours(headers: &HeaderMap) -> bool {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    given == format!("Basic {}", STANDARD.encode(format!("{KEY_ID}:{KEY_SECRET}")))
}

async fn token(headers: HeaderMap) -> Response {
    if !is_ours(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    json_answer(200, &json!({"access_token": TOKEN, "expires_in": 3599, "scope": "", "token_type": "bearer"}))
}

async fn admit(request: Request, next: Next) -> Response {
    let bearer = request.headers().get("authorization").is_some_and(|value| value == &format!("Bearer {TOKEN}"));
    if !bearer && !is_ours(request.headers()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if !request.uri().path().starts_with(&format!("/v3/projects/{PROJECT}/")) {
        return problem(404, "Not found");
    }
    next.run(request).await
}

fn json_answer(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json")], body.to_string()).into_response()
}

fn problem(status: u16, error: &str) -> Response {
    json_answer(status, &json!({"code": status.to_string(), "error": error, "message": error}))
}

fn violation(field: &str, description: &str) -> Response {
    let details = json!({"fieldViolations": [{"field": field, "description": description}]});
    json_answer(422, &json!({"code": "422", "error": "Invalid parameters", "message": "…", "details": details}))
}

async fn send(Shared(state): App, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else { return problem(400, "Bad Request") };
    let Some(to) = request["to"].as_str().map(str::to_owned) else { return violation("to", "is required") };
    let digits = to.strip_prefix('+').unwrap_or_default();
    if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return violation("to", "is not a valid phone number");
    }
    let has_document = request["contentUrl"].is_string() || request["files"].is_array();
    if !has_document {
        return violation("contentUrl", "is required");
    }
    let (script, shown) = {
        let mut inner = state.inner();
        inner.sends.push(request.clone());
        let script = inner.scripts.get_mut(&to).and_then(|scripts| scripts.pop_front()).unwrap_or_default();
        let fax = Fax::outbound(inner.faxes.len(), &request, &to, state.clock.now());
        let shown = fax.fields.clone();
        if script.taken || script.answer.is_none() {
            inner.faxes.push(fax);
            let id = shown["id"].as_str().unwrap().to_owned();
            tokio::spawn(faxes::play(state.clone(), id, request, script.clone()));
        }
        (script, shown)
    };
    let mut answer = match script.answer {
        Some((status, body)) => json_answer(status, &body),
        None if script.as_list => json_answer(200, &json!({"faxes": [shown]})),
        None => json_answer(200, &shown),
    };
    for (name, value) in script.headers {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}

async fn list(Shared(state): App, uri: Uri) -> Response {
    let url = Url::parse(&format!("http://carrier{uri}")).unwrap();
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let inner = state.inner();
    let passes = |fax: &&Fax| query.iter().all(|(name, value)| filter(&fax.fields, name, value));
    let found: Vec<&Value> = inner.faxes.iter().rev().filter(passes).map(|fax| &fax.fields).collect();
    let number = |name: &str, default: usize| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default).max(1);
    let page = number("page", 1);
    let size = number("pageSize", 100).min(inner.largest_page);
    let shown: Vec<&Value> = found.iter().copied().skip((page - 1) * size).take(size).collect();
    let total_pages = found.len().div_ceil(size);
    json_answer(200, &json!({"page": page, "totalPages": total_pages, "pageSize": size, "totalItems": found.len(), "faxes": shown}))
}

fn filter(fax: &Value, name: &str, value: &str) -> bool {
    let text = |field: &str| fax[field].as_str().unwrap_or_default().to_owned();
    let time = |text: &str| text.parse::<Timestamp>().ok();
    match name {
        "direction" | "status" | "serviceId" => text(name) == value,
        // The vendor's SDK does not escape the plus.
        "to" | "from" => text(name).starts_with(&value.replace(' ', "+")),
        "createTime" => text("createTime").starts_with(value),
        "createTime>" => time(&text("createTime")) >= time(value),
        "createTime<" => time(&text("createTime")) <= time(value),
        _ => true,
    }
}

async fn one(Shared(state): App, Path((_, id)): Path<(String, String)>) -> Response {
    match state.inner().fax(&id) {
        Some(fax) => json_answer(200, &fax.fields),
        None => problem(404, "Not found"),
    }
}

async fn file(Shared(state): App, Path((_, id)): Path<(String, String)>) -> Response {
    match state.inner().fax(&id).and_then(|fax| fax.file.clone()) {
        Some(file) => {
            let named = format!("attachment; filename=\"fax-{id}.pdf\"");
            (StatusCode::OK, [("content-type", "application/pdf".to_owned()), ("content-disposition", named)], file).into_response()
        }
        None => problem(404, "Not found"),
    }
}

async fn delete_file(Shared(state): App, Path((_, id)): Path<(String, String)>) -> Response {
    match state.inner().fax_mut(&id) {
        Some(fax) => {
            fax.file = None;
            fax.fields["hasFile"] = false.into();
            StatusCode::NO_CONTENT.into_response()
        }
        None => problem(404, "Not found"),
    }
}
