//! Refusals in the shape of Telnyx's errors, with the codes of its published list.

use http::StatusCode;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    /// The field at fault, as a JSON pointer.
    pointer: Option<String>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: &str) -> Self {
        Self { status, code, title, detail: detail.to_owned(), pointer: None }
    }

    fn field(code: &'static str, title: &'static str, field: &str, detail: &str) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, detail);
        Self { pointer: Some(format!("/{field}")), ..problem }
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "10009",
            "Authentication failed",
            "The required authentication headers were either invalid or not included in the request.",
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "10005", "Resource not found", "The requested resource or URL could not be found.")
    }

    /// What is the service's own trouble: too many requests, or a failure.
    pub(crate) fn of_the_service(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match status {
            StatusCode::TOO_MANY_REQUESTS => Self::new(status, "10011", "Too many requests", "You have exceeded the rate limit."),
            _ => Self::new(status, "10007", "Unexpected error", "An unexpected error occurred."),
        }
    }

    pub(crate) fn unreadable() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "10015", "Bad Request", "The request failed because it was not well-formed.")
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::field("10004", "Missing required parameter", field, &format!("The parameter '{field}' is required."))
    }

    pub(crate) fn not_e164(field: &str) -> Self {
        let title = "Phone number must be in +E.164 format";
        Self::field("10016", title, field, &format!("The parameter '{field}' must be a phone number in +E.164 format."))
    }

    pub(crate) fn invalid_url(field: &str) -> Self {
        Self::field("10003", "Invalid URL", field, &format!("The parameter '{field}' must be an http or https URL."))
    }

    pub(crate) fn invalid(field: &str, detail: &str) -> Self {
        Self::field("10015", "Bad Request", field, detail)
    }

    pub(crate) fn has_ended() -> Self {
        let detail = "Only a fax that is queued, media.processed, originated or sending can be canceled.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "10015", "Bad Request", detail)
    }

    pub(crate) fn not_received() -> Self {
        let detail = "Only the link to the document of a received fax can be refreshed.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "10015", "Bad Request", detail)
    }

    pub(crate) fn expired() -> Self {
        Self::new(StatusCode::FORBIDDEN, "10010", "Authorization failed", "This link has expired: it was valid for 10 minutes.")
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "10008", "Service unavailable", "The document cannot be had now. Try again later.")
    }

    pub(crate) fn too_many() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "10011", "Too many requests", "At most 2,000 faxes may be in process at a time.")
    }

    pub(crate) fn unexpected() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "10007", "Unexpected error", "An unexpected error occurred.")
    }

    pub(crate) fn body(&self) -> Value {
        let mut error = json!({ "code": self.code, "title": self.title, "detail": self.detail });
        if let Some(pointer) = &self.pointer {
            error["source"] = json!({ "pointer": pointer });
        }
        json!({ "errors": [error] })
    }
}
