//! Carriers: who makes the telephone call, and who takes one for us.
//!
//! [`Carrier`] is what the flows know; [`AnyCarrier`] is the one that the configuration names.

mod api;
pub mod chosen;
mod json;
pub mod sinch;
pub mod telnyx;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use api::Deadlines;
pub use chosen::AnyCarrier;
pub use sfm_core::inbound::{CarrierFaxId, Received};

use sfm_core::fax::progress::CallReport;
use sfm_core::id::{AccountId, FaxId};
use sfm_core::phone::E164;
use sfm_core::secret::Secret;
use sfm_core::settings::Zone;
use sfm_store::credentials::CredentialsError;

/// Names one attempt to the carrier and comes back in everything that it says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRef {
    pub account_id: AccountId,
    pub fax_id: FaxId,
    pub attempt: u32,
}

impl AttemptRef {
    /// The reference as base64 of JSON, opaque to the carrier.
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
    pub reference: AttemptRef,
    pub to: E164,
    pub from: E164,
    pub media_url: Secret,
    /// What the line above each page tells, for a carrier that writes it itself. None where the account wants none.
    pub header: Option<HeaderText>,
    /// From then on another worker may find that the carrier has nothing of it, and hand it over.
    pub not_after: Timestamp,
}

/// What a carrier's own line above each page tells, beside the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderText {
    pub sender: String,
    pub time_zone: Zone,
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
    /// The carrier certainly does not have it, and may take it later: it has too much in process, asked for a pause, cannot be
    /// reached, or does not know our credentials.
    #[error("the carrier did not take it: {reason}")]
    ///
    /// `needs_operator`: it refuses the whole account, for its key or its bill, and goes on until a person mends that.
    NotTaken { reason: String, retry_after: Option<SignedDuration>, needs_operator: bool },
    /// The carrier refused it for good.
    #[error("the carrier refused it")]
    Refused(CallReport),
    /// The carrier may or may not have it.
    #[error("no clear answer: {0}")]
    Ambiguous(String),
}

impl SendError {
    /// Not taken, and the carrier did not say for how long.
    pub fn not_taken(reason: impl Into<String>) -> Self {
        Self::NotTaken { reason: reason.into(), retry_after: None, needs_operator: false }
    }
}

impl From<CredentialsError> for SendError {
    /// Nothing was taken. What the secret lacks a person has to fill in.
    fn from(error: CredentialsError) -> Self {
        let needs_operator = matches!(error, CredentialsError::Missing(_) | CredentialsError::Unreadable);
        Self::NotTaken { reason: error.to_string(), retry_after: None, needs_operator }
    }
}

/// The carrier could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the carrier could not be asked: {0}")]
pub struct LookupError(pub String);

/// Why a document was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// It may be there later.
    #[error("the document could not be fetched: {0}")]
    NotYet(String),
    /// The carrier does not have it, or no longer.
    #[error("the carrier does not have the document: {0}")]
    Gone(String),
}

/// A received document has at most so many bytes: more than any carrier takes on (Telnyx: 50 MB).
pub const LARGEST_MEDIA: usize = 64 * 1024 * 1024;

/// A carrier that transmits faxes, and receives them.
pub trait Carrier: Send + Sync {
    /// Hands over one attempt. It is called at most once per claim of an attempt.
    fn send(&self, submission: &Submission) -> impl Future<Output = Result<CarrierFaxId, SendError>> + Send;

    /// Looks for an attempt of which only the reference is known, among what was sent to `to` since `since`.
    fn find(
        &self,
        reference: &AttemptRef,
        to: &E164,
        from: &E164,
        since: Timestamp,
    ) -> impl Future<Output = Result<Option<CarrierFax>, LookupError>> + Send;

    /// Reads the state of a fax that the carrier accepted; None when it does not know it.
    fn get(&self, id: &CarrierFaxId) -> impl Future<Output = Result<Option<CarrierFax>, LookupError>> + Send;

    /// Asks the carrier to stop a fax that it has accepted. What comes of it is told as the end of its call; one that has ended already is
    /// no error.
    fn stop(&self, id: &CarrierFaxId) -> impl Future<Output = Result<(), LookupError>> + Send;

    /// Every fax whose call came in from `from` to `until` and that is complete, whatever became of its callback. None when the list
    /// has more than `most_pages` pages: the caller asks for less at a time.
    fn received(
        &self,
        from: Timestamp,
        until: Timestamp,
        most_pages: usize,
    ) -> impl Future<Output = Result<Option<Vec<Received>>, LookupError>> + Send;

    /// Fetches the document of a fax that came in, a PDF. A link that has expired is renewed first, where the carrier can.
    fn document(&self, received: &Received) -> impl Future<Output = Result<Bytes, MediaError>> + Send;
}

/// Something that a carrier tells of its own accord, once it has shown that it is the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Callback {
    /// About an attempt of ours.
    Attempt(CarrierEvent),
    /// A fax has come in.
    Received(Received),
    /// True, and nothing that concerns us.
    Other,
}

/// Why a callback is not believed, or not yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    #[error("a signature header is missing or malformed")]
    Unsigned,
    #[error("the timestamp is more than 5 minutes off")]
    Stale,
    #[error("the signature does not match")]
    Forged,
    #[error("the event cannot be read")]
    Unreadable,
    /// What is needed to judge it could not be had: the carrier shall send it again.
    #[error("{0}")]
    Unavailable(String),
}

/// What a carrier tells of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierEvent {
    pub reference: AttemptRef,
    pub id: CarrierFaxId,
    pub update: AttemptUpdate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptUpdate {
    /// The carrier has the fax and is at it.
    InProgress,
    Ended(CallReport),
}
