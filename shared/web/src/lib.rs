//! The boundary: HTTP requests are parsed once, answers and errors are made in one place; and the glue to Lambda, by which a function's `main` is
//! one call.

pub mod account;
pub mod auth;
pub mod batch;
pub mod body;
pub mod contact;
pub mod error;
pub mod filter;
pub mod logging;
pub mod membership;
pub mod new_fax;
pub mod openapi;
pub mod receipt;
pub mod runtime;
pub mod submission_guard;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use body::Object;

pub use error::ApiError;
use sfm_core::clock::parse_time;
use sfm_core::id::RequestId;
use sfm_core::list::{Page, Paged};
use sfm_core::trace::{TRACEPARENT, TraceParent};
use sfm_store::platform::{ConfigError, Platform};

/// One route of the API: a function.
pub trait Endpoint: Sized + Send + Sync + 'static {
    /// As the template and the log name it, for instance `GET /v1/faxes/{id}`.
    const ROUTE: &'static str;

    /// What the log calls the route of a request: one with many routes says which it was. Never the path, which may have a secret in it.
    fn route(_request: &Request) -> Cow<'static, str> {
        Cow::Borrowed(Self::ROUTE)
    }

    fn new(platform: &Platform) -> Result<Self, ConfigError>;

    fn handle(&self, request: &Request) -> impl Future<Output = Result<Response, ApiError>> + Send;
}

/// A request as it came through the API.
#[derive(Debug)]
pub struct Request {
    pub id: RequestId,
    pub now: Timestamp,
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub path_params: HashMap<String, String>,
    pub query: Vec<(String, String)>,
    pub body: Bytes,
    /// What a JWT authorizer found in the token, as the API's gateway says; empty on a route without one.
    pub claims: HashMap<String, String>,
    json: OnceLock<Map<String, Value>>,
}

impl Request {
    /// An answer in JSON.
    ///
    /// # Errors
    /// 500 when the value cannot be written so.
    pub fn json(&self) -> Result<Object<'_>, ApiError> {
        let fields = match self.json.get() {
            Some(fields) => fields,
            None => {
                let fields = body::parse(&self.headers, &self.body)?;
                self.json.get_or_init(|| fields)
            }
        };
        Ok(Object::new(fields))
    }

    /// The value of a header that is there once.
    ///
    /// # Errors
    /// 400 when it is there more often, or is not text.
    pub fn header(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut values = self.headers.get_all(name).iter();
        let Some(value) = values.next() else { return Ok(None) };
        match value.to_str() {
            Ok(text) if values.next().is_none() => Ok(Some(text)),
            _ => Err(ApiError::invalid(format!("The header {name} must be given once, in plain ASCII."))),
        }
    }

    /// The trace that the caller says it belongs to. One that is none is left out, as the standard asks (W3C Trace Context, section 3.2).
    pub fn trace(&self) -> Option<TraceParent> {
        let mut given = self.headers.get_all(TRACEPARENT).iter();
        let only = given.next().filter(|_| given.next().is_none())?;
        only.to_str().ok()?.parse().ok()
    }

    /// The id in the path.
    ///
    /// # Errors
    /// 404 when it is malformed: it names nothing.
    pub fn path_id<T: std::str::FromStr>(&self) -> Result<T, ApiError> {
        self.path_params.get("id").and_then(|text| text.parse().ok()).ok_or_else(ApiError::not_found)
    }

    /// A query parameter that is given at most once.
    ///
    /// # Errors
    /// 400 when it is given more often.
    pub fn query_param(&self, name: &'static str) -> Result<Option<&str>, ApiError> {
        let mut values = self.query.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(ApiError::invalid(format!("{name} must be given once.")).param(name)),
        }
    }

    /// A query parameter of one of these values.
    ///
    /// # Errors
    /// 400 when it is another, or given more often.
    pub fn query_choice<T: Copy>(&self, name: &'static str, choices: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        let Some(text) = self.query_param(name)? else { return Ok(None) };
        let chosen = choices.iter().find(|(value, _)| *value == text).map(|(_, chosen)| *chosen);
        chosen.map(Some).ok_or_else(|| {
            let values: Vec<_> = choices.iter().map(|(value, _)| *value).collect();
            ApiError::invalid(format!("{name} must be one of {}.", values.join(", "))).param(name)
        })
    }

    /// A query parameter that is a moment, in RFC 3339 with its offset.
    ///
    /// # Errors
    /// 400 when it is none, or given more often.
    pub fn query_time(&self, name: &'static str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.query_param(name)? else { return Ok(None) };
        // A plus sign that was not percent-encoded has become a space.
        let time = parse_time(&text.replace(' ', "+"));
        let wrong = || ApiError::invalid(format!("{name} must be a time in RFC 3339, such as 2026-07-01T17:00:00Z.")).param(name);
        time.map(Some).ok_or_else(wrong)
    }

    /// `limit` and `page` of a list.
    ///
    /// # Errors
    /// 400 when one of them is not within its bounds.
    pub fn page(&self) -> Result<Page, ApiError> {
        let limit = match self.query_param("limit")? {
            None => Page::DEFAULT_LIMIT,
            Some(text) => whole_number(text)
                .filter(|limit| (1..=u64::from(Page::MAX_LIMIT)).contains(limit))
                .and_then(|limit| u32::try_from(limit).ok())
                .ok_or_else(|| ApiError::invalid("limit must be a whole number from 1 to 100.").param("limit"))?,
        };
        let page = match self.query_param("page")? {
            None => 1,
            Some(text) => whole_number(text)
                .filter(|page| *page >= 1)
                .ok_or_else(|| ApiError::invalid("page must be a whole number from 1.").param("page"))?
                .min(LAST_PAGE),
        };
        Ok(Page { limit, page })
    }
}

/// A page behind it is answered as it is: empty. The answer repeats the number, and every JSON parser can hold this one (RFC 8259,
/// section 6).
const LAST_PAGE: u64 = (1 << 53) - 1;

/// Digits only; a number too large to hold counts as the largest.
fn whole_number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Response {
    pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self::json_text(status, serde_json::to_string(value).map_err(ApiError::internal)?))
    }

    /// What is answered after something was deleted.
    ///
    /// # Errors
    /// As [`Response::json`].
    pub fn deleted(object: &'static str, id: impl Serialize) -> Result<Self, ApiError> {
        Self::json(StatusCode::OK, &json!({"id": id, "object": object, "deleted": true}))
    }

    pub fn json_text(status: StatusCode, body: String) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers, body: body.into() }
    }

    pub fn bytes(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Self { status: StatusCode::OK, headers, body: body.into() }
    }

    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl AsMut<HeaderMap> for Response {
    fn as_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }
}

/// A page of a list, as it is answered.
#[derive(Debug, Serialize)]
pub struct ListBody<T> {
    object: &'static str,
    pub data: Vec<T>,
    page: u64,
    limit: u32,
    total: Option<u64>,
    has_more: bool,
}

impl<T> ListBody<T> {
    /// The body for a page whose entries are shown by `show`.
    pub fn of<'e, E>(paged: &'e Paged<E>, show: impl FnMut(&'e E) -> T) -> Self {
        let Paged { entries, page, total, has_more } = paged;
        Self {
            object: "list",
            data: entries.iter().map(show).collect(),
            page: page.page,
            limit: page.limit,
            total: *total,
            has_more: *has_more,
        }
    }

    pub fn new(data: Vec<T>, page: Page, total: u64) -> Self {
        Self { object: "list", data, page: page.page, limit: page.limit, total: Some(total), has_more: page.has_more(total) }
    }

    /// A page of what a filter lets through, which nobody has counted.
    pub fn filtered(data: Vec<T>, page: Page, has_more: bool) -> Self {
        Self { object: "list", data, page: page.page, limit: page.limit, total: None, has_more }
    }
}
