//! The operator commands: for a local or a real stack alike, through the SDK's own configuration.

pub mod account;
#[cfg(feature = "local")]
mod bench;
#[cfg(feature = "local")]
pub mod carrier;
#[cfg(feature = "local")]
pub mod clock;
#[cfg(feature = "local")]
mod control;
#[cfg(feature = "local")]
pub mod document;
pub mod fax;
pub mod key;
pub mod member;
pub mod number;
pub mod scheduled;
pub mod user;
pub mod webhook;

use std::borrow::Cow;
use std::str::FromStr;

use serde_json::{Value, json};
use sfm_core::list::Paged;
use sfm_core::phone::E164;
use sfm_store::StoreError;
use sfm_store::aws_json::CallError;
use sfm_store::platform::ConfigError;

/// Why a command failed, as it is printed: `{"error":{"type","message"}}`.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    kind: Cow<'static, str>,
    message: String,
    code: Option<Cow<'static, str>>,
}

impl CommandError {
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), code: None }
    }

    /// An error that the API told; None where there is none.
    fn told(error: &Value) -> Option<Self> {
        let text = |name: &str| error[name].as_str().map(str::to_owned);
        Some(Self { kind: text("type")?.into(), message: text("message")?, code: text("code").map(Cow::from) })
    }

    fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid_request", message)
    }

    pub fn not_found(what: &str) -> Self {
        Self::new("not_found", format!("There is no such {what}."))
    }

    /// What exactly, as in the API's errors.
    pub fn code(self, code: &'static str) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    pub fn json(&self) -> String {
        let mut error = json!({"type": self.kind, "message": self.message});
        if let Some(code) = &self.code {
            error["code"] = json!(code);
        }
        json!({"error": error}).to_string()
    }
}

/// Reads an id of the command line. As in the API, one that is malformed names nothing.
fn id<T: FromStr>(text: &str, what: &str) -> Result<T, CommandError> {
    text.parse().map_err(|_| CommandError::not_found(what))
}

/// A page of a list, as it is printed.
fn list<T>(page: &Paged<T>, shown: impl Fn(&T) -> Value) -> Value {
    let data: Vec<Value> = page.entries.iter().map(shown).collect();
    json!({"object": "list", "data": data, "page": page.page.page, "total": page.total, "has_more": page.has_more})
}

/// Reads a telephone number of the command line.
fn e164(text: &str) -> Result<E164, CommandError> {
    text.parse().map_err(|e| CommandError::invalid(format!("The number {e}.")))
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let passes = matches!(error, StoreError::Unavailable(_) | StoreError::Contention);
        let kind = if passes { "unavailable" } else { "internal_error" };
        Self::new(kind, error.to_string())
    }
}

impl From<CallError> for CommandError {
    fn from(error: CallError) -> Self {
        let kind = if matches!(error, CallError::Unavailable { .. }) { "unavailable" } else { "refused" };
        Self::new(kind, error.to_string())
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::new("configuration", format!("{error}. Load the stack's operator.env first."))
    }
}
