//! What is kept, and where: the only crate of the service that names an AWS SDK.
//!
//! The tables of DynamoDB, one file each, one method per access pattern (`docs/data-model.md` describes items and costs); [`documents`] in S3, [`queue`]s of
//! SQS, the [`bus`] of EventBridge, the carrier's [`credentials`] in Secrets Manager; and the [`platform`], from which all of them are made.

pub mod accounts;
pub mod audit;
pub mod aws_json;
pub mod bus;
pub mod contacts;
pub mod credentials;
pub mod deliveries;
pub mod documents;
pub mod due;
pub mod events;
pub mod fan_out;
pub mod fax_creation;
pub mod fax_filters;
pub mod faxes;
mod final_counts;
pub mod inbound;
mod items;
pub mod key_uses;
pub mod keys;
pub mod lines;
pub mod lists;
pub mod log_lines;
pub mod members;
pub mod metrics;
pub mod numbers;
pub mod platform;
mod posting_list;
mod postings;
pub mod queue;
pub mod rates;
pub mod receipt_keys;
pub mod requests;
mod reservations;
pub mod scheduled;
mod sdk_error;
pub mod semaphores;
mod transaction;
pub mod users;
pub mod webhooks;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
pub use transaction::{Backoff, Cancelled, Reason, Write};

/// Why a table could not be read or written. Every function here that reads or writes one may fail with it, and says so where it fails with more.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The call failed after the client's own retries. A write may have happened all the same.
    #[error("the database did not answer: {0}")]
    Unavailable(String),
    /// Other writers kept getting in first until the deadline.
    #[error("too much contention")]
    Contention,
    /// An item is not of the shape that this version reads.
    #[error("an item could not be read: {0}")]
    Unreadable(String),
    /// A request of this program's that could not be made, or that DynamoDB calls invalid. To repeat it is no use.
    #[error("a request to the database is wrong: {0}")]
    Invalid(String),
    /// The tables are in a state that no rule of this program leads to.
    #[error("the database is in an unexpected state: {0}")]
    Unexpected(String),
}

impl From<BuildError> for StoreError {
    fn from(error: BuildError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// From an answer or event that could not be written as JSON.
impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// From a transaction that stopped at a condition which holds by the rules.
impl From<Cancelled> for StoreError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Unexpected(cancelled.to_string())
    }
}

impl StoreError {
    fn from_sdk<E: ProvideErrorMetadata + std::error::Error + 'static, R>(error: SdkError<E, R>) -> Self {
        let summary = sdk_error::summary(&error);
        let invalid = error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ValidationException");
        if invalid { Self::Invalid(summary) } else { Self::Unavailable(summary) }
    }
}

/// Lost the race for an item: somebody wrote it since it was read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplaceError {
    #[error("the item was written by another since it was read")]
    Conflict,
    #[error(transparent)]
    Store(#[from] StoreError),
}
