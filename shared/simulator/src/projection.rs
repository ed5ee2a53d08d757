//! The faxes as the events of the log make them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sfm_core::clock::ApiTime;
use tokio::sync::Notify;

use super::event::{Callback, Ended, Fetched, Record, Tries};
use super::id::Id;
use super::types::{CallStatus, Direction, E164, Fax};

/// One fax and what became of it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) fax: Fax,
    pub(crate) fetched: Option<Fetched>,
    /// When the first page was on the line, whichever way.
    pub(crate) sending_at: Option<Timestamp>,
    /// When the call of a fax that comes in was over.
    pub(crate) processing_at: Option<Timestamp>,
    pub(crate) ended: Option<Ended>,
    /// When the link to a received document was last renewed.
    refreshed_at: Option<Timestamp>,
    /// How often a received document was asked for; a start forgets it.
    pub(crate) downloads: AtomicU32,
    pub(crate) callbacks: HashMap<Callback, Tries>,
    pub(crate) deleted: bool,
    pub(crate) notifiers: Arc<Notifiers>,
}

/// Notified when a fax's two tasks are to ask again what is to be done.
#[derive(Debug, Default)]
pub(crate) struct Notifiers {
    pub(crate) call: Notify,
    pub(crate) callbacks: Notify,
}

impl Notifiers {
    pub(crate) fn notify(&self) {
        self.call.notify_one();
        self.callbacks.notify_one();
    }
}

impl Entry {
    fn new(fax: Fax) -> Self {
        Self {
            fax,
            fetched: None,
            sending_at: None,
            processing_at: None,
            ended: None,
            refreshed_at: None,
            downloads: AtomicU32::new(0),
            callbacks: HashMap::new(),
            deleted: false,
            notifiers: Arc::default(),
        }
    }

    pub(crate) fn is_outbound(&self) -> bool {
        self.fax.direction == Direction::Outbound
    }

    /// Dialling follows the media at once, so that a look-up never finds `media.processed`: only its event tells of it.
    pub(crate) fn status(&self) -> CallStatus {
        if !self.is_outbound() {
            return match (&self.ended, self.processing_at, self.sending_at) {
                (Some(_), _, _) => CallStatus::Received,
                (None, Some(_), _) => CallStatus::MediaProcessing,
                (None, None, Some(_)) => CallStatus::Receiving,
                (None, None, None) => CallStatus::Initiated,
            };
        }
        match (&self.ended, self.sending_at, &self.fetched) {
            (Some(ended), _, _) if ended.ending.failure.is_some() => CallStatus::Failed,
            (Some(_), _, _) => CallStatus::Delivered,
            (None, Some(_), _) => CallStatus::Sending,
            (None, None, Some(_)) => CallStatus::Originated,
            (None, None, None) => CallStatus::Queued,
        }
    }

    pub(crate) fn updated_at(&self) -> Timestamp {
        let ended = self.ended.as_ref().map(|ended| ended.at);
        let fetched = self.fetched.as_ref().map(|fetched| fetched.at);
        self.refreshed_at.or(ended).or(self.processing_at).or(self.sending_at).or(fetched).unwrap_or(self.fax.created_at)
    }

    /// Since when the link to a received document holds.
    pub(crate) fn linked_at(&self) -> Option<Timestamp> {
        self.ended.as_ref().filter(|_| !self.is_outbound()).map(|ended| self.refreshed_at.unwrap_or(ended.at))
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
pub(crate) struct Projection {
    /// In the order in which they were accepted.
    entries: Vec<Entry>,
    by_id: HashMap<Id, usize>,
    in_process: usize,
}

impl Projection {
    pub(crate) fn replay(records: Vec<Record>) -> Self {
        let mut projection = Self::default();
        for record in records {
            projection.apply(record);
        }
        projection
    }

    /// The one place where a fax changes. What has ended stays as it ended.
    pub(crate) fn apply(&mut self, record: Record) {
        if let Record::Accepted { fax, .. } = record {
            self.by_id.insert(fax.id.clone(), self.entries.len());
            let entry = Entry::new(fax);
            self.in_process += usize::from(entry.is_outbound());
            self.entries.push(entry);
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
            Record::Refreshed { at, .. } => entry.refreshed_at = Some(at),
            _ if entry.ended.is_some() => {}
            Record::Fetched { at, page_bytes, engaged, .. } => entry.fetched = Some(Fetched { at, page_bytes, engaged }),
            Record::SendingStarted { at, .. } => entry.sending_at = Some(at),
            Record::Processing { at, .. } => entry.processing_at = Some(at),
            Record::Ended { at, ending, .. } => {
                entry.ended = Some(Ended { at, ending });
                self.in_process -= usize::from(entry.is_outbound());
            }
            Record::Accepted { .. } => {}
        }
        entry.notifiers.notify();
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

    /// Whether a call to this number is under way that found a line.
    pub(crate) fn is_being_called(&self, number: &E164) -> bool {
        let on_the_line = |entry: &Entry| entry.ended.is_none() && entry.fetched.as_ref().is_some_and(|fetched| !fetched.engaged);
        self.entries.iter().rev().any(|entry| entry.is_outbound() && entry.fax.to == *number && on_the_line(entry))
    }

    /// Oldest first, deleted ones included.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Faxes of the product that have not ended.
    pub(crate) fn in_process(&self) -> usize {
        self.in_process
    }

    pub(crate) fn submissions(&self) -> Vec<Submission> {
        self.entries.iter().filter(|entry| entry.is_outbound()).map(Entry::submission).collect()
    }
}
