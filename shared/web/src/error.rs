//! Errors as a caller sees them: status, type, code, message and the field that is wrong.

use std::borrow::Cow;
use std::fmt;

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use sfm_core::account::SendNotAllowed;
use sfm_core::id::RequestId;
use sfm_core::rate::{RateLimitStatus, SLOTS, SPAN_SECONDS};
use sfm_service::api_keys::ApiKeyError;
use sfm_service::export::ExportError;
use sfm_service::faxes::CancelFaxError;
use sfm_service::receipts::ReceiptError;
use sfm_service::submission::SubmitError;
use sfm_service::webhooks::WebhookError;
use sfm_store::StoreError;
use sfm_store::contacts::{CreateContactError, UpdateContactError};
use sfm_store::documents::{DocumentLinkError, DocumentStoreError};
use sfm_store::receipt_keys::ReceiptSecretsError;
use sfm_store::scheduled::CancelError;

/// An error answer: what the caller is told, and apart from it what only the log is told.
#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    kind: &'static str,
    message: String,
    code: Option<&'static str>,
    param: Option<Cow<'static, str>>,
    pub headers: HeaderMap,
    /// For the log alone.
    pub cause: Option<String>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), code: None, param: None, headers: HeaderMap::new(), cause: None }
    }

    /// 400: the message says what is wrong and what to do.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// 401, with the challenge that RFC 9110, section 11.6.1, asks for.
    pub fn unauthorized(message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message).header(WWW_AUTHENTICATE, "Bearer")
    }

    /// 415 for a compressed body.
    pub fn content_coding() -> Self {
        let message = "The body is compressed (Content-Encoding). Send it as it is.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", message).param("Content-Encoding")
    }

    pub fn plan_upgrade_required() -> Self {
        let message = "The API is part of the Business and Enterprise plans. Upgrade the account's plan to use it.";
        Self::new(StatusCode::FORBIDDEN, "plan_upgrade_required", message)
    }

    pub fn forbidden(scope: impl fmt::Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", format!("This key lacks the scope {scope}. Use a key that has it."))
    }

    /// 403: this is for the account's owners.
    pub fn owners_only() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Only an owner of this account may do this. Ask one of them.")
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such resource on this account.")
    }

    pub fn document_expired() -> Self {
        let message = "The document of this fax is no longer kept.";
        Self::new(StatusCode::NOT_FOUND, "not_found", message).code("document_expired")
    }

    /// 401 for a callback that is not the carrier's.
    pub fn bad_signature(cause: impl fmt::Display) -> Self {
        let message = "The signature of this callback is missing or wrong.";
        Self { cause: Some(cause.to_string()), ..Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message) }
    }

    pub fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such route. The routes are listed in /v1/openapi.json.")
    }

    /// `allow`: the methods that the route takes, as the header lists them.
    pub fn method_not_allowed(allow: &str) -> Self {
        let message = format!("This route does not take that method. It takes {allow}.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message).header(ALLOW, allow)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    pub fn rate_limited(quota: RateLimitStatus) -> Self {
        let seconds = quota.reset_seconds;
        let message =
            format!("{SLOTS} requests were sent within {SPAN_SECONDS} seconds, the most that are allowed. Try again in {seconds} s.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message).header(RETRY_AFTER, &seconds.to_string())
    }

    pub fn send_failed(closed: SendNotAllowed) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "send_failed", closed.to_string()).code(closed.code())
    }

    /// 503: nothing was done, or what was done can safely be asked for again.
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        let message =
            "The service could not finish this request. Nothing is wrong with it: repeat it, with the same Idempotency-Key if it had one.";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
        Self { cause: Some(cause.to_string()), ..error }.header(RETRY_AFTER, "2")
    }

    pub fn internal(cause: impl fmt::Display) -> Self {
        let message = "Something went wrong on our side. Quote the request id when you report it.";
        Self { cause: Some(cause.to_string()), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message) }
    }

    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub fn param(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The error envelope.
    pub fn body(&self, request: RequestId) -> String {
        let mut error = json!({"type": self.kind, "message": self.message, "request_id": request});
        if let Some(code) = self.code {
            error["code"] = code.into();
        }
        if let Some(param) = &self.param {
            error["param"] = param.as_ref().into();
        }
        json!({"error": error}).to_string()
    }
}

impl AsMut<HeaderMap> for ApiError {
    fn as_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unreadable(_) | StoreError::Invalid(_) | StoreError::Unexpected(_) => Self::internal(error),
            StoreError::Unavailable(_) | StoreError::Contention => Self::unavailable(error),
        }
    }
}

impl From<DocumentStoreError> for ApiError {
    fn from(error: DocumentStoreError) -> Self {
        Self::unavailable(error)
    }
}

impl From<ReceiptSecretsError> for ApiError {
    fn from(error: ReceiptSecretsError) -> Self {
        match error {
            ReceiptSecretsError::Unavailable(_) => Self::unavailable(error),
            ReceiptSecretsError::Unreadable => Self::internal(error),
        }
    }
}

impl From<ReceiptError> for ApiError {
    fn from(error: ReceiptError) -> Self {
        match error {
            ReceiptError::NotFound => Self::not_found(),
            ReceiptError::NotFinal(status) => {
                let message = format!(
                    "This fax is {}: there is a receipt once it has ended. Poll the fax, or wait for its webhook.",
                    status.as_str()
                );
                Self::conflict(message).code("not_final")
            }
            ReceiptError::Secrets(error) => error.into(),
            ReceiptError::Documents(error) => error.into(),
            ReceiptError::Store(error) => error.into(),
        }
    }
}

impl From<DocumentLinkError> for ApiError {
    fn from(error: DocumentLinkError) -> Self {
        match error {
            DocumentLinkError::NotFound => Self::not_found(),
            DocumentLinkError::Expired => Self::document_expired(),
            DocumentLinkError::Documents(error) => error.into(),
            DocumentLinkError::Store(error) => error.into(),
        }
    }
}

impl From<ExportError> for ApiError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::Documents(error) => error.into(),
        }
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Document(refused) => Self::invalid(refused.message).code(refused.code).param(refused.field),
            SubmitError::Number(error) => Self::invalid(format!("to {error}.")).code("number_not_allowed").param("to"),
            SubmitError::Sender(error) => Self::invalid(format!("from {error}. GET /v1/numbers lists them.")).param("from"),
            SubmitError::NotAllowed(refusal) => Self::send_failed(refusal),
            SubmitError::Recipient(refusal) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "send_failed", refusal.to_string()).code(refusal.code()).param("to")
            }
            SubmitError::Forbidden(scope) => Self::forbidden(scope),
            SubmitError::CameIn => Self::conflict("A fax that came in cannot be sent again. Send its document as a new fax."),
            SubmitError::UnderWay => {
                let message = "This fax is under way: which pages were not sent is known at its end. Cancel it, or wait.";
                Self::conflict(message).code("under_way")
            }
            SubmitError::NothingUnsent => {
                let message = "Every page of this fax was sent. Leave out pages to send all of them again.";
                Self::conflict(message).code("nothing_unsent").param("pages")
            }
            SubmitError::NotFound => Self::not_found(),
            SubmitError::DocumentExpired => Self::document_expired(),
            SubmitError::NoAccount => Self::unauthorized("This account no longer exists."),
            SubmitError::OutOfTime(cause) => Self::unavailable(cause),
            SubmitError::Internal(cause) => Self::internal(cause),
            SubmitError::Documents(error) => error.into(),
            SubmitError::Store(error) => error.into(),
        }
    }
}

impl From<ApiKeyError> for ApiError {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::NoAccount => Self::not_found(),
            ApiKeyError::Name => Self::invalid(error.to_string()).param("name"),
            ApiKeyError::TooMany => Self::conflict(error.to_string()).code("too_many_keys"),
            ApiKeyError::Store(error) => error.into(),
        }
    }
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        let message = error.to_string();
        match error {
            WebhookError::NotFound => Self::not_found(),
            WebhookError::Url(_) | WebhookError::UrlTooLong => Self::invalid(message).param("url"),
            WebhookError::DescriptionTooLong => Self::invalid(message).param("description"),
            WebhookError::TooMany => Self::conflict(message).code("too_many_webhooks"),
            WebhookError::Disabled => Self::conflict(message).code("webhook_disabled"),
            WebhookError::Store(error) => error.into(),
            WebhookError::Queue(error) => Self::unavailable(error),
        }
    }
}

impl From<CreateContactError> for ApiError {
    fn from(error: CreateContactError) -> Self {
        match error {
            CreateContactError::NotAllowed(error) => {
                Self::invalid(format!("fax_number {error}.")).code("number_not_allowed").param("fax_number")
            }
            CreateContactError::NumberTaken(contact) => {
                let message = format!("This number is in the address book already, as contact {contact}.");
                Self::conflict(message).code("contact_exists").param("fax_number")
            }
            CreateContactError::Store(error) => error.into(),
        }
    }
}

impl From<UpdateContactError> for ApiError {
    fn from(error: UpdateContactError) -> Self {
        match error {
            UpdateContactError::NotFound => Self::not_found(),
            UpdateContactError::Number(error) => error.into(),
        }
    }
}

impl From<CancelFaxError> for ApiError {
    fn from(error: CancelFaxError) -> Self {
        match error {
            CancelFaxError::NotFound => Self::not_found(),
            CancelFaxError::AlreadySending => {
                let message = "This fax is being sent, and the carrier cannot stop a call. Wait for its end.";
                Self::conflict(message).code("already_sending")
            }
            CancelFaxError::AlreadyFinal(status) => {
                let message = format!("This fax is {} already: there is nothing to cancel.", status.as_str());
                Self::conflict(message).code("already_final")
            }
            CancelFaxError::Store(error) => error.into(),
        }
    }
}

impl From<CancelError> for ApiError {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::Absent => Self::not_found(),
            CancelError::NotPending(scheduled) => {
                let message = format!("This scheduled fax is {}: only a pending one can be canceled.", scheduled.status.as_str());
                Self::conflict(message).code("not_pending")
            }
            CancelError::Store(error) => error.into(),
        }
    }
}
