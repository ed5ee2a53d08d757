//! Faxes that come in: somebody calls one of the account's numbers.

use std::sync::Arc;

use serde::Serialize;

use super::id::Id;
use super::media::{self, Trouble};
use super::state::State;
use super::types::{Direction, E164, Fax, NotE164, Quality};
use super::{file_store, supervisor};

/// The connection that the account's numbers belong to.
const CONNECTION_ID: &str = "local";

/// A call that is to come in.
#[derive(Debug)]
pub struct Incoming {
    /// The number that is called, in E.164.
    pub to: String,
    /// Who calls. Magic numbers choose how the carrier tells of it.
    pub from: String,
    /// What is sent, fax-ready.
    pub document: Vec<u8>,
}

/// A call that the carrier has taken.
#[derive(Debug, Clone, Serialize)]
pub struct Taken {
    pub carrier_fax_id: String,
    pub to: String,
    pub from: String,
    pub pages: usize,
}

/// Why a call does not come in.
#[derive(Debug, thiserror::Error)]
pub enum SendInError {
    #[error("a number of it is {0}")]
    Number(#[from] NotE164),
    #[error("its document cannot be used: {0}")]
    Document(String),
    #[error("it cannot be made durable: {0}")]
    Storage(#[from] std::io::Error),
}

impl From<Trouble> for SendInError {
    fn from(trouble: Trouble) -> Self {
        Self::Document(trouble.to_string())
    }
}

/// Takes a call: once this returns, no crash loses it. Blocks.
///
/// `partial`: the document is what had arrived when the call broke off.
pub(crate) fn take(state: &Arc<State>, incoming: Incoming, partial: bool) -> Result<Taken, SendInError> {
    let Incoming { to, from, document } = incoming;
    let (to, from) = (E164::try_from(to)?, E164::try_from(from)?);
    let pages = media::page_bytes(state.settings.decode, &document)?.len();
    let id = Id::fresh();
    file_store::write(&state.settings.files.inbound(&id), &document)?;
    let taken = Taken { carrier_fax_id: id.to_string(), to: to.as_str().to_owned(), from: from.as_str().to_owned(), pages };
    tracing::info!(fax = %id, to = to.last_four(), pages, "a call comes in");
    let fax = Fax {
        id,
        direction: Direction::Inbound,
        connection_id: CONNECTION_ID.to_owned(),
        from,
        to,
        media_url: None,
        quality: Quality::default(),
        store_media: false,
        from_display_name: None,
        client_state: None,
        webhook_url: None,
        partial,
        created_at: state.now(),
    };
    supervisor::ring(state, fax)?;
    Ok(taken)
}
