//! Stopping a fax that was accepted.

use jiff::Timestamp;

use super::progress::Effect;
use super::{Fax, FaxStatus};
use crate::failure::FailureCode;

/// What comes of the wish to cancel a fax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// No carrier had it: it is canceled.
    Canceled,
    /// It is being handed over, or called: the carrier is to be asked to stop it.
    Requested,
    /// The same, and it was asked for before.
    RequestedBefore,
    /// The carrier has it, and stops no call.
    AlreadySending,
    AlreadyFinal,
}

impl Fax {
    /// Cancels the fax, or notes the wish where an attempt is under way. `can_stop`: the carrier can stop a call.
    ///
    /// Of an attempt whose hand-over has no answer yet nothing can be asked: what becomes of it is found out as without the wish, only
    /// that it is never handed over again.
    pub fn cancel(&mut self, can_stop: bool, now: Timestamp) -> Cancel {
        if self.status.is_final() {
            return Cancel::AlreadyFinal;
        }
        let Some(attempt) = self.current_attempt() else {
            self.end(FaxStatus::Canceled, None, now);
            return Cancel::Canceled;
        };
        let accepted = attempt.carrier_fax_id.is_some();
        if self.cancel_requested_at.is_some() {
            return Cancel::RequestedBefore;
        }
        // No carrier is involved in the fax of a test key.
        if self.live && accepted && !can_stop {
            return Cancel::AlreadySending;
        }
        self.cancel_requested_at = Some(now);
        if accepted {
            self.due(now);
        }
        Cancel::Requested
    }

    /// When it was canceled, if it is.
    pub fn canceled_at(&self) -> Option<Timestamp> {
        self.completed_at.filter(|_| self.status == FaxStatus::Canceled)
    }

    /// Whether it is to be canceled once it is known where it is.
    pub fn is_to_be_canceled(&self) -> bool {
        self.cancel_requested_at.is_some()
    }

    /// Ends the fax. The document of one that was deleted meanwhile is due to be removed.
    pub(super) fn end(&mut self, status: FaxStatus, failure: Option<FailureCode>, now: Timestamp) -> Effect {
        self.status = status;
        self.failure = failure;
        self.completed_at = Some(now);
        if self.deleted_at.is_some() {
            self.remove_document_at(now);
        } else {
            self.due_at = None;
            self.due_shard = None;
        }
        Effect::Final
    }
}
