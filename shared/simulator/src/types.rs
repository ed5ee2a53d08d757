//! The values that a fax is made of. What must not reach a log has a `Debug` that keeps it back.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::Id;

/// A telephone number: `+`, then 7 to 15 digits, the first not 0 (ITU-T E.164).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct E164(String);

#[derive(Debug, thiserror::Error)]
#[error("not a telephone number in +E.164 format")]
pub struct NotE164;

impl E164 {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// All of a number that may be logged.
    pub(crate) fn last_four(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }
}

impl TryFrom<String> for E164 {
    type Error = NotE164;

    fn try_from(text: String) -> Result<Self, NotE164> {
        let digits = text.strip_prefix('+').ok_or(NotE164)?;
        let possible = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if possible { Ok(Self(text)) } else { Err(NotE164) }
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E164(…{})", self.last_four())
    }
}

/// An absolute `http` or `https` address. A media link is a key to its document, so it is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Link(String);

impl Link {
    pub(crate) fn parse(text: String) -> Option<Self> {
        let url = reqwest::Url::parse(&text).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(…)")
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Quality {
    Normal,
    #[default]
    High,
    VeryHigh,
    UltraLight,
    UltraDark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    Outbound,
    Inbound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum CallStatus {
    #[serde(rename = "queued")]
    Queued,
    #[serde(rename = "media.processed")]
    MediaProcessed,
    #[serde(rename = "originated")]
    Originated,
    #[serde(rename = "sending")]
    Sending,
    #[serde(rename = "delivered")]
    Delivered,
    #[serde(rename = "failed")]
    Failed,
    /// A call comes in.
    #[serde(rename = "initiated")]
    Initiated,
    #[serde(rename = "receiving")]
    Receiving,
    #[serde(rename = "media.processing")]
    MediaProcessing,
    #[serde(rename = "received")]
    Received,
}

/// A fax as it was accepted, from the product or from the telephone. What became of it since is the projection's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fax {
    pub(crate) id: Id,
    pub(crate) direction: Direction,
    pub(crate) connection_id: String,
    pub(crate) from: E164,
    pub(crate) to: E164,
    /// Empty for one that comes in: the carrier itself has its document.
    pub(crate) media_url: Option<Link>,
    pub(crate) quality: Quality,
    pub(crate) store_media: bool,
    pub(crate) from_display_name: Option<String>,
    pub(crate) client_state: Option<String>,
    /// Empty where the default holds: it is looked up when it is used, for it may move between two starts.
    pub(crate) webhook_url: Option<Link>,
    /// Of one that comes in: the call broke off before its last page.
    #[serde(default)]
    pub(crate) partial: bool,
    pub(crate) created_at: Timestamp,
}

impl Fax {
    pub(crate) fn tag(&self) -> Tag {
        self.client_state.as_deref().and_then(Tag::parse).unwrap_or_default()
    }
}

/// What the product writes into `client_state`: base64 of JSON. Anything else reads as a first attempt of nobody's fax.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Tag {
    pub(crate) fax_id: Option<String>,
    pub(crate) attempt: u32,
}

impl Tag {
    fn parse(client_state: &str) -> Option<Self> {
        serde_json::from_slice(&STANDARD.decode(client_state).ok()?).ok()
    }
}

impl Default for Tag {
    fn default() -> Self {
        Self { fax_id: None, attempt: 1 }
    }
}
