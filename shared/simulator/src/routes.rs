//! The routes, and what each of them does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use super::call_player::{self, NotCanceled};
use super::error::ApiError;
use super::event::Record;
use super::id::Id;
use super::links::{self, Shut};
use super::listing::Query;
use super::projection::Entry;
use super::state::State;
use super::supervisor::{self, Refusal};
use super::{outcome, resource, submission};

#[derive(Debug)]
pub(crate) enum Route {
    Send,
    List,
    View(Id),
    Delete(Id),
    Cancel(Id),
    Refresh(Id),
    /// The link to a received document, which needs no key: it is one.
    Media {
        id: Id,
        until: String,
        signature: String,
    },
    Unknown {
        method: Method,
        path: String,
    },
}

impl Route {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match (method.as_str(), segments.as_slice()) {
            ("POST", ["v2", "faxes"]) => Self::Send,
            ("GET", ["v2", "faxes"]) => Self::List,
            ("GET", ["v2", "faxes", id]) => Self::View(Id::from(*id)),
            ("DELETE", ["v2", "faxes", id]) => Self::Delete(Id::from(*id)),
            ("POST", ["v2", "faxes", id, "actions", "cancel"]) => Self::Cancel(Id::from(*id)),
            ("POST", ["v2", "faxes", id, "actions", "refresh"]) => Self::Refresh(Id::from(*id)),
            ("GET", ["media", id, until, signature]) => {
                Self::Media { id: Id::from(*id), until: (*until).to_owned(), signature: (*signature).to_owned() }
            }
            _ => Self::Unknown { method: method.clone(), path: path.to_owned() },
        }
    }

    /// As the interceptor names it.
    pub(crate) fn operation(&self) -> String {
        match self {
            Self::Send => "POST /v2/faxes".to_owned(),
            Self::List => "GET /v2/faxes".to_owned(),
            Self::View(_) => "GET /v2/faxes/{id}".to_owned(),
            Self::Delete(_) => "DELETE /v2/faxes/{id}".to_owned(),
            Self::Cancel(_) => "POST /v2/faxes/{id}/actions/cancel".to_owned(),
            Self::Refresh(_) => "POST /v2/faxes/{id}/actions/refresh".to_owned(),
            Self::Media { .. } => "GET /media/{id}".to_owned(),
            Self::Unknown { method, path } => format!("{method} {path}"),
        }
    }
}

const JSON: &str = "application/json";

/// `204` has no body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn json(status: StatusCode, body: &Value) -> Self {
        Self { status, content_type: JSON, body: body.to_string().into_bytes() }
    }
}

impl From<ApiError> for Answer {
    fn from(problem: ApiError) -> Self {
        Self::json(problem.status, &problem.body())
    }
}

pub(crate) async fn answer(state: &Arc<State>, route: Route, headers: &HeaderMap, query: &str, body: &[u8]) -> Answer {
    if let Route::Media { id, until, signature } = route {
        return media(state, &id, &until, &signature).await.unwrap_or_else(Answer::from);
    }
    let answered = authenticate(state, headers).and_then(|()| match route {
        Route::Send => send(state, body),
        Route::List => list(state, query),
        Route::View(id) => view(state, &id),
        Route::Delete(id) => delete(state, id),
        Route::Cancel(id) => cancel(state, &id),
        Route::Refresh(id) => refresh(state, id),
        Route::Media { .. } | Route::Unknown { .. } => Err(ApiError::not_found()),
    });
    answered.unwrap_or_else(Answer::from)
}

fn authenticate(state: &State, headers: &HeaderMap) -> Result<(), ApiError> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, key) = authorization.and_then(|value| value.split_once(' ')).ok_or_else(ApiError::unauthenticated)?;
    let known = scheme.eq_ignore_ascii_case("bearer") && key == state.settings.api_key;
    known.then_some(()).ok_or_else(ApiError::unauthenticated)
}

fn send(state: &Arc<State>, body: &[u8]) -> Result<Answer, ApiError> {
    let (fax, request) = submission::parse(body, state.now())?;
    let (id, to) = (fax.id.clone(), fax.to.clone());
    let accepted = supervisor::accept(state, fax, request, |entry| show(state, entry)).map_err(|refusal| match refusal {
        Refusal::TooManyInProcess => ApiError::too_many(),
        Refusal::Storage(error) => {
            tracing::error!(%error, "a fax cannot be made durable");
            ApiError::unexpected()
        }
    })?;
    tracing::info!(fax = %id, to = to.last_four(), "a fax was accepted");
    Ok(Answer::json(StatusCode::ACCEPTED, &accepted.ok_or_else(ApiError::unexpected)?))
}

fn list(state: &State, query: &str) -> Result<Answer, ApiError> {
    let query = Query::parse(query)?;
    let body = state.read(|projection| query.answer(projection, &state.settings));
    Ok(Answer::json(StatusCode::OK, &body))
}

fn view(state: &State, id: &Id) -> Result<Answer, ApiError> {
    let seen = state.read(|projection| projection.entry(id).filter(|entry| !entry.deleted).map(|entry| show(state, entry)));
    Ok(Answer::json(StatusCode::OK, &seen.ok_or_else(ApiError::not_found)?))
}

/// Takes the fax out of sight. One that is being sent goes on, and so do its callbacks.
fn delete(state: &State, id: Id) -> Result<Answer, ApiError> {
    let seen = state.read_entry(&id, |entry| !entry.deleted).unwrap_or(false);
    if !seen {
        return Err(ApiError::not_found());
    }
    state.commit(Record::Deleted { fax_id: id, at: state.now() }).map_err(|_| ApiError::unexpected())?;
    Ok(Answer { status: StatusCode::NO_CONTENT, content_type: JSON, body: Vec::new() })
}

fn cancel(state: &State, id: &Id) -> Result<Answer, ApiError> {
    call_player::cancel(state, id).map_err(|refusal| match refusal {
        NotCanceled::NoSuchFax => ApiError::not_found(),
        NotCanceled::Ended => ApiError::has_ended(),
        NotCanceled::Storage(error) => {
            tracing::error!(%error, "a fax cannot be canceled durably");
            ApiError::unexpected()
        }
    })?;
    Ok(Answer::json(StatusCode::ACCEPTED, &json!({ "data": { "result": "ok" } })))
}

/// Renews the link to the document of a received fax; the resource shows it.
fn refresh(state: &State, id: Id) -> Result<Answer, ApiError> {
    let received = state.read_entry(&id, |entry| (!entry.deleted).then(|| entry.linked_at().is_some())).flatten();
    if !received.ok_or_else(ApiError::not_found)? {
        return Err(ApiError::not_received());
    }
    state.commit(Record::Refreshed { fax_id: id, at: state.now() }).map_err(|error| {
        tracing::error!(%error, "a link cannot be renewed durably");
        ApiError::unexpected()
    })?;
    Ok(Answer::json(StatusCode::OK, &json!({ "data": { "result": "ok" } })))
}

async fn media(state: &State, id: &Id, until: &str, signature: &str) -> Result<Answer, ApiError> {
    links::check(&state.settings.signing_key, id, until, signature, state.now()).map_err(|shut| match shut {
        Shut::Unknown => ApiError::not_found(),
        Shut::Expired => ApiError::expired(),
    })?;
    let refused = state.read_entry(id, |entry| {
        let earlier = entry.downloads.fetch_add(1, Ordering::Relaxed);
        (!entry.deleted).then(|| earlier < outcome::refused_downloads(&entry.fax.from))
    });
    if refused.flatten().ok_or_else(ApiError::not_found)? {
        return Err(ApiError::unavailable());
    }
    let document = tokio::fs::read(state.settings.files.inbound(id)).await.map_err(|error| {
        tracing::error!(fax = %id, %error, "a received document cannot be read");
        ApiError::unexpected()
    })?;
    Ok(Answer { status: StatusCode::OK, content_type: "application/pdf", body: document })
}

fn show(state: &State, entry: &Entry) -> Value {
    json!({ "data": resource::fax(entry, &state.settings) })
}
