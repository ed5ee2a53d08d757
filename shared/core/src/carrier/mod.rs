//! Carriers: who makes the telephone call.

pub mod telnyx;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fax::CallReport;
use crate::id::{AccountId, FaxId};
use crate::phone::E164;
use crate::secret::Secret;

/// Names one attempt to the carrier and comes back in everything that it says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptMark {
    pub account_id: AccountId,
    pub fax_id: FaxId,
    pub attempt: u32,
}

impl AttemptMark {
    /// The mark as base64 of JSON, opaque to the carrier.
    pub fn encode(&self) -> String {
        STANDARD.encode(serde_json::json!(self).to_string())
    }

    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()
    }
}

/// What is handed to the carrier.
#[derive(Debug)]
pub struct Submission {
    pub mark: AttemptMark,
    pub to: E164,
    pub from: E164,
    pub media_url: Secret,
}

/// The carrier's own name of a fax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierFaxId(pub String);

impl fmt::Display for CarrierFaxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the carrier knows of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierFax {
    pub id: CarrierFaxId,
    /// None while the call is not over.
    pub report: Option<CallReport>,
}

/// Why an attempt was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The carrier certainly does not have it, and may take it later.
    #[error("the carrier did not take it: {0}")]
    NotTaken(String),
    /// The carrier refused it for good.
    #[error("the carrier refused it")]
    Refused(CallReport),
    /// The carrier may or may not have it.
    #[error("no clear answer: {0}")]
    Ambiguous(String),
}

/// The carrier could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the carrier could not be asked: {0}")]
pub struct LookupError(pub String);

/// A carrier that transmits faxes.
pub trait Carrier: Send + Sync {
    /// Hands over one attempt. It is called at most once per claim of an attempt.
    fn send(&self, submission: &Submission) -> impl Future<Output = Result<CarrierFaxId, SendError>> + Send;

    /// Looks for an attempt of which only the mark is known, among what was sent to `to` since `since`.
    fn find(
        &self,
        mark: &AttemptMark,
        to: &E164,
        from: &E164,
        since: Timestamp,
    ) -> impl Future<Output = Result<Option<CarrierFax>, LookupError>> + Send;

    /// Reads the state of a fax that the carrier accepted; None when it does not know it.
    fn get(&self, id: &CarrierFaxId) -> impl Future<Output = Result<Option<CarrierFax>, LookupError>> + Send;
}

/// Something that a carrier tells of its own accord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierEvent {
    pub mark: AttemptMark,
    pub id: CarrierFaxId,
    pub news: News,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The carrier has the fax and is at it.
    UnderWay,
    Ended(CallReport),
}
