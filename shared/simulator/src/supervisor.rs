//! Starts the two tasks of each fax: the player of its call, and the teller of its callbacks.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use super::event::Record;
use super::id::Id;
use super::projection::{Entry, Projection};
use super::state::State;
use super::types::Fax;
use super::{call_player, callbacks};

/// "At most 2,000 faxes in process" (Telnyx).
const MOST_IN_PROCESS: usize = 2_000;

/// Why a fax was not taken on.
#[derive(Debug)]
pub(crate) enum Refusal {
    TooManyInProcess,
    Storage(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Storage(error)
    }
}

/// Takes a fax on: durably, and started when this returns. It is shown as it was then.
pub(crate) fn accept<T>(state: &Arc<State>, fax: Fax, request: Value, show: impl FnOnce(&Entry) -> T) -> Result<Option<T>, Refusal> {
    let id = fax.id.clone();
    let decide = |projection: &Projection| match projection.in_process() {
        MOST_IN_PROCESS.. => Err(Refusal::TooManyInProcess),
        _ => Ok(Record::Accepted { fax, request: Some(request) }),
    };
    let shown = state.decide(decide, show)?;
    start(state, id);
    Ok(shown)
}

/// Lets a fax come in whose document is kept: durably, and ringing when this returns.
pub(crate) fn ring(state: &Arc<State>, fax: Fax) -> io::Result<()> {
    let id = fax.id.clone();
    state.commit(Record::Accepted { fax, request: None })?;
    start(state, id);
    Ok(())
}

/// Goes on with everything that the log left unfinished.
pub(crate) fn resume(state: &Arc<State>) {
    let unprinted = state.settings.files.unprinted();
    let unfinished = |projection: &Projection| -> Vec<Id> {
        let is = |entry: &&Entry| !callbacks::finished(entry) || unprinted.contains(&entry.fax.id);
        projection.entries().iter().filter(is).map(|entry| entry.fax.id.clone()).collect()
    };
    for id in state.read(unfinished) {
        start(state, id);
    }
}

fn start(state: &Arc<State>, id: Id) {
    state.spawn(call_player::play(Arc::clone(state), id.clone()));
    state.spawn(callbacks::tell(Arc::clone(state), id));
}
