//! The faxes as the journal tells them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sfm_core::clock::ApiTime;
use tokio::sync::Notify;

use super::callbacks::{Callback, Tries};
use super::id::Id;
use super::journal::Record;
use super::outcome::Ending;
use super::types::{Fax, Status};

/// One fax and what became of it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) fax: Fax,
    pub(crate) fetched: Option<Fetched>,
    pub(crate) sending_at: Option<Timestamp>,
    pub(crate) ended: Option<Ended>,
    pub(crate) callbacks: HashMap<Callback, Tries>,
    pub(crate) deleted: bool,
    pub(crate) bells: Arc<Bells>,
}

#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    pub(crate) at: Timestamp,
    pub(crate) page_bytes: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) at: Timestamp,
    pub(crate) ending: Ending,
}

/// Rung when a fax's two tasks are to ask again what is to be done.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    pub(crate) line: Notify,
    pub(crate) callbacks: Notify,
}

impl Bells {
    pub(crate) fn ring(&self) {
        self.line.notify_one();
        self.callbacks.notify_one();
    }
}

impl Entry {
    fn new(fax: Fax) -> Self {
        Self { fax, fetched: None, sending_at: None, ended: None, callbacks: HashMap::new(), deleted: false, bells: Arc::default() }
    }

    /// Dialling follows the media at once, so that a look-up never finds `media.processed`: only its event tells of it.
    pub(crate) fn status(&self) -> Status {
        match (&self.ended, self.sending_at, &self.fetched) {
            (Some(ended), _, _) if ended.ending.failure.is_some() => Status::Failed,
            (Some(_), _, _) => Status::Delivered,
            (None, Some(_), _) => Status::Sending,
            (None, None, Some(_)) => Status::Originated,
            (None, None, None) => Status::Queued,
        }
    }

    pub(crate) fn updated_at(&self) -> Timestamp {
        let ended = self.ended.as_ref().map(|ended| ended.at);
        let fetched = self.fetched.as_ref().map(|fetched| fetched.at);
        ended.or(self.sending_at).or(fetched).unwrap_or(self.fax.created_at)
    }

    fn submission(&self) -> Submission {
        let tag = self.fax.tag();
        let outcome = self.ended.as_ref().map(|ended| match ended.ending.failure {
            None => "delivered".to_owned(),
            Some(reason) => reason.as_str().to_owned(),
        });
        Submission {
            fax_id: tag.fax_id,
            attempt: tag.attempt,
            at: self.fax.created_at.into(),
            to: self.fax.to.as_str().to_owned(),
            outcome,
        }
    }
}

/// One line of the carrier's log: a fax that it took on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The product's id of the fax, from `client_state`.
    pub fax_id: Option<String>,
    pub attempt: u32,
    pub at: ApiTime,
    pub to: String,
    /// Empty while it plays, then `delivered` or the reason of the failure.
    pub outcome: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// In the order in which they were accepted.
    entries: Vec<Entry>,
    by_id: HashMap<Id, usize>,
    in_process: usize,
}

impl Ledger {
    pub(crate) fn replay(records: Vec<Record>) -> Self {
        let mut ledger = Self::default();
        for record in records {
            ledger.apply(record);
        }
        ledger
    }

    /// The one place where a fax changes. What has ended stays as it ended.
    pub(crate) fn apply(&mut self, record: Record) {
        if let Record::Accepted { fax } = record {
            self.by_id.insert(fax.id.clone(), self.entries.len());
            self.entries.push(Entry::new(fax));
            self.in_process += 1;
            return;
        }
        let Some(entry) = self.by_id.get(record.fax_id()).and_then(|index| self.entries.get_mut(*index)) else {
            return;
        };
        match record {
            Record::CalledBack { callback, attempt, acknowledged, at, .. } => {
                entry.callbacks.insert(callback, Tries { attempts: attempt, last_at: at, acknowledged });
            }
            Record::Deleted { .. } => entry.deleted = true,
            _ if entry.ended.is_some() => {}
            Record::Fetched { at, page_bytes, .. } => entry.fetched = Some(Fetched { at, page_bytes }),
            Record::SendingStarted { at, .. } => entry.sending_at = Some(at),
            Record::Ended { at, ending, .. } => {
                entry.ended = Some(Ended { at, ending });
                self.in_process -= 1;
            }
            Record::Accepted { .. } => {}
        }
        entry.bells.ring();
    }

    /// Callbacks without an acknowledgement are due at once: after a start nobody waits for what was agreed before it.
    pub(crate) fn hasten_callbacks(&mut self) {
        for tries in self.entries.iter_mut().flat_map(|entry| entry.callbacks.values_mut()) {
            tries.last_at = Timestamp::MIN;
        }
    }

    pub(crate) fn entry(&self, id: &Id) -> Option<&Entry> {
        self.entries.get(*self.by_id.get(id)?)
    }

    /// Oldest first, deleted ones included.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn in_process(&self) -> usize {
        self.in_process
    }

    pub(crate) fn submissions(&self) -> Vec<Submission> {
        self.entries.iter().map(Entry::submission).collect()
    }
}
