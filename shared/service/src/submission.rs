//! Why a fax that somebody asked for is not accepted. It stands here, so that the boundary knows it without the code for documents.

use std::borrow::Cow;

use sfm_core::account::{NumberNotAllowed, SendNotAllowed, SenderNotOwned};
use sfm_core::recipient::RecipientRefused;
use sfm_core::scope::Scope;
use sfm_store::StoreError;
use sfm_store::documents::DocumentStoreError;
use sfm_store::fax_creation::AcceptError;

#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    #[error(transparent)]
    Document(#[from] DocumentRefused),
    #[error(transparent)]
    Number(#[from] NumberNotAllowed),
    #[error(transparent)]
    Sender(#[from] SenderNotOwned),
    #[error(transparent)]
    NotAllowed(#[from] SendNotAllowed),
    #[error(transparent)]
    Recipient(#[from] RecipientRefused),
    /// The key may send, but what is to be sent takes this scope too.
    #[error("the key lacks the scope {0}")]
    Forbidden(Scope),
    /// The fax that was to be sent again came in.
    #[error("a fax that came in cannot be sent again")]
    CameIn,
    /// What of a fax was not sent is known at its end.
    #[error("the fax that was to be sent again is under way")]
    UnderWay,
    #[error("every page of it was sent")]
    NothingUnsent,
    #[error("there is no such fax")]
    NotFound,
    #[error("its document is no longer kept")]
    DocumentExpired,
    #[error("the account is gone")]
    NoAccount,
    /// Nothing was done for want of time or of a worker: the same request may do better.
    #[error("{0}")]
    OutOfTime(String),
    #[error("{0}")]
    Internal(String),
    #[error(transparent)]
    Documents(#[from] DocumentStoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A document that cannot be faxed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DocumentRefused {
    /// As errors of the API name it.
    pub code: &'static str,
    /// A sentence for the sender: what is wrong, and what to do.
    pub message: String,
    /// The field that it came in.
    pub field: Cow<'static, str>,
}

impl From<AcceptError> for SubmitError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::SendNotAllowed(refusal) => refusal.into(),
            AcceptError::NoAccount => Self::NoAccount,
            AcceptError::Store(error) => error.into(),
        }
    }
}
