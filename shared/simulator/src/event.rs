//! What happens to a fax: the records of the event log, and what they are made of.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::Id;
use super::outcome::Ending;
use super::types::Fax;

/// One thing that happened to a fax.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(crate) enum Record {
    Accepted {
        fax: Fax,
        /// What was asked for, word for word but for the link to the document: so that it can be held against the vendor's own models.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<serde_json::Value>,
    },
    /// The document is kept and decoded; the number is dialled, or a call comes in.
    Fetched {
        fax_id: Id,
        at: Timestamp,
        page_bytes: Vec<usize>,
        /// The machine has one line, and another call has it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        engaged: bool,
    },
    /// The first page is on the line, whichever way.
    SendingStarted {
        fax_id: Id,
        at: Timestamp,
    },
    /// The call of a fax that comes in is over; its document is being made.
    Processing {
        fax_id: Id,
        at: Timestamp,
    },
    Ended {
        fax_id: Id,
        at: Timestamp,
        ending: Ending,
    },
    CalledBack {
        fax_id: Id,
        at: Timestamp,
        callback: Callback,
        attempt: u32,
        acknowledged: bool,
    },
    /// The link to the document of a received fax was renewed.
    Refreshed {
        fax_id: Id,
        at: Timestamp,
    },
    Deleted {
        fax_id: Id,
        at: Timestamp,
    },
}

impl Record {
    pub(crate) fn fax_id(&self) -> &Id {
        match self {
            Self::Accepted { fax, .. } => &fax.id,
            Self::Fetched { fax_id, .. }
            | Self::SendingStarted { fax_id, .. }
            | Self::Processing { fax_id, .. }
            | Self::Ended { fax_id, .. }
            | Self::CalledBack { fax_id, .. }
            | Self::Refreshed { fax_id, .. }
            | Self::Deleted { fax_id, .. } => fax_id,
        }
    }
}

/// What a callback tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Event {
    #[serde(rename = "fax.queued")]
    Queued,
    #[serde(rename = "fax.media.processed")]
    MediaProcessed,
    #[serde(rename = "fax.sending.started")]
    SendingStarted,
    #[serde(rename = "fax.delivered")]
    Delivered,
    #[serde(rename = "fax.failed")]
    Failed,
    #[serde(rename = "fax.receiving.started")]
    ReceivingStarted,
    #[serde(rename = "fax.media.processing.started")]
    MediaProcessingStarted,
    #[serde(rename = "fax.received")]
    Received,
}

/// One event that is to be told; `copy` counts from 1 where it is told more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Callback {
    pub(crate) event: Event,
    pub(crate) copy: u8,
}

/// What came of it so far.
#[derive(Debug, Clone)]
pub(crate) struct Tries {
    pub(crate) attempts: u32,
    pub(crate) last_at: Timestamp,
    pub(crate) acknowledged: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    pub(crate) at: Timestamp,
    pub(crate) page_bytes: Vec<usize>,
    pub(crate) engaged: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) at: Timestamp,
    pub(crate) ending: Ending,
}
