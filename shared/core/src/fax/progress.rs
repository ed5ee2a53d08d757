//! How a fax gets to its end: decided by [`Fax::next_action`] and the methods that record what happened, from the stored fax and the time alone.
//! Messages and callbacks only say that it is worth a look.

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, AttemptOutcome, Fax, FaxStatus};
use crate::failure::{FailureCode, Retry};

/// How long after an ambiguous answer the carrier is asked for the first time whether it has the fax. Our choice: a hand-over is given up after
/// seconds, and the carriers' lists show a fax within seconds (`docs/carriers.md`).
pub const RECONCILE_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// How far apart the look-ups are, of which [`EMPTY_LOOKUPS`] must find nothing before the fax is handed over again. Our choice:
/// two, so that one answer of a list that lags does not make a fax go out twice.
const LOOKUP_APART: SignedDuration = SignedDuration::from_secs(60);
const EMPTY_LOOKUPS: u32 = 2;
/// A callback is missed this long after the expected end of the call. Our choice: Telnyx repeats a callback for minutes, Sinch for hours; a
/// look-up tells what either would.
const CALLBACK_GRACE: SignedDuration = SignedDuration::from_mins(15);
/// The telephone is called this often for a fax, whatever the calls end in: at most three attempts are the contract's (`docs/carriers.md`).
const MOST_CALLS: usize = 3;
/// A call that the carrier still calls unfinished after this long is given up. Our choice: as long as the carrier's link to the document lives;
/// 200 pages at 9,600 bit/s take about three hours.
const CALL_LIMIT: SignedDuration = SignedDuration::from_hours(6);
/// How long the call of a test key's fax takes.
const TEST_CALL: SignedDuration = SignedDuration::from_secs(2);
/// A fax that no carrier took for this long is given up. Our choice: a sender counts on the same or the next day.
const DEFERRAL_LIMIT: SignedDuration = SignedDuration::from_hours(24);

/// What a fax needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextAction {
    /// Hand it to the carrier as this attempt.
    Submit(u32),
    /// Ask the carrier whether it has this attempt, of which no answer is known.
    Reconcile(u32),
    /// Ask the carrier how this attempt is going, whose callback is overdue.
    LookUp(u32),
    /// Remove its document: it was deleted.
    RemoveDocument,
    Wait(Timestamp),
    Done,
}

/// What a carrier says of a call that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallReport {
    pub result: Result<(), CallFailure>,
    pub pages_sent: Option<u32>,
    pub duration_seconds: Option<u32>,
}

/// A failure with the retry that this very cause deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFailure {
    pub code: FailureCode,
    pub retry: Retry,
    /// The call was stopped from our side.
    pub canceled: bool,
}

impl CallFailure {
    /// The call was stopped from our side. Where nobody here wished that, somebody did it at the carrier, who thereby refused the fax.
    pub const CANCELED: Self = Self { canceled: true, ..Self::new(FailureCode::Rejected, Retry::NEVER) };

    pub const fn new(code: FailureCode, retry: Retry) -> Self {
        Self { code, retry, canceled: false }
    }
}

impl From<FailureCode> for CallFailure {
    fn from(code: FailureCode) -> Self {
        Self::new(code, code.retry())
    }
}

impl CallReport {
    pub fn failed(failure: impl Into<CallFailure>) -> Self {
        Self { result: Err(failure.into()), pages_sent: None, duration_seconds: None }
    }

    /// `wished`: somebody here wished to cancel the fax.
    fn outcome(&self, wished: bool) -> AttemptOutcome {
        match self.result {
            Ok(()) => AttemptOutcome::DELIVERED,
            Err(failure) if wished && failure.canceled => AttemptOutcome::CANCELED,
            Err(failure) => AttemptOutcome::Failed(failure.code),
        }
    }
}

/// What a report changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it was known, or of an attempt that does not exist.
    None,
    /// The attempt had ended otherwise; that is recorded and nothing else changes.
    Contradiction,
    /// The attempt failed and another follows at the due time.
    Retry,
    /// The fax is delivered, failed or canceled.
    Final,
}

impl Fax {
    /// Seconds that a call with this many pages takes at most, by T.30's habits: ring, set-up and half a minute a page.
    fn expected_call(&self) -> SignedDuration {
        SignedDuration::from_secs(75 + 30 * i64::from(self.pages))
    }

    fn open_attempt(&mut self) -> Option<&mut Attempt> {
        self.attempts.last_mut().filter(|attempt| attempt.ended_at.is_none())
    }

    /// The attempt that is under way.
    pub fn current_attempt(&self) -> Option<&Attempt> {
        self.attempts.last().filter(|attempt| attempt.ended_at.is_none())
    }

    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    pub fn next_action(&self, now: Timestamp) -> NextAction {
        let Some(due) = self.due_at.and_then(|ms| Timestamp::from_millisecond(ms).ok()) else { return NextAction::Done };
        if self.status.is_final() && self.deleted_at.is_none() {
            return NextAction::Done;
        }
        if now < due {
            return NextAction::Wait(due);
        }
        if self.status.is_final() {
            return NextAction::RemoveDocument;
        }
        match self.attempts.last() {
            Some(Attempt { ended_at: None, carrier_fax_id: None, number, .. }) => NextAction::Reconcile(*number),
            Some(Attempt { ended_at: None, number, .. }) => NextAction::LookUp(*number),
            Some(Attempt { number, .. }) => NextAction::Submit(number + 1),
            None => NextAction::Submit(1),
        }
    }

    pub(super) fn due(&mut self, at: Timestamp) {
        self.due_at = Some(at.as_millisecond());
    }

    /// Records attempt `number` before the carrier is called. An attempt that two look-ups did not find is claimed anew.
    pub fn claim(&mut self, number: u32, claim: String, now: Timestamp) {
        if let Some(again) = self.open_attempt() {
            again.claim = claim;
            again.empty_lookups = 0;
        } else {
            self.attempts.push(Attempt {
                number,
                started_at: now,
                ended_at: None,
                outcome: None,
                pages_sent: 0,
                duration_seconds: None,
                claim,
                carrier_fax_id: None,
                empty_lookups: 0,
                contradicted_by: None,
            });
        }
        self.due(now + RECONCILE_AFTER);
    }

    /// The carrier has the attempt. True when that is news. One that is to be canceled is due at once: now it can be asked to stop.
    pub fn accepted(&mut self, number: u32, carrier_fax_id: &str, now: Timestamp) -> bool {
        let due = match (self.live, self.is_to_be_canceled()) {
            (_, true) => now,
            (true, false) => now + self.expected_call() + CALLBACK_GRACE,
            (false, false) => now + TEST_CALL,
        };
        let Some(attempt) = self.open_attempt().filter(|a| a.number == number && a.carrier_fax_id.is_none()) else { return false };
        attempt.carrier_fax_id = Some(carrier_fax_id.to_owned());
        self.status = FaxStatus::Sending;
        self.due(due);
        true
    }

    /// The carrier certainly did not take the attempt of this claim, and may later: it is taken back, and costs nothing. Where another worker
    /// has claimed it since, that one may be handing it over.
    ///
    /// A fax that nobody took for a day has failed. One that is to be canceled is canceled.
    pub fn deferred(&mut self, number: u32, claim: &str, until: Timestamp, now: Timestamp) -> Effect {
        if self.current_attempt().is_none_or(|attempt| attempt.number != number || attempt.claim != claim) {
            return Effect::None;
        }
        let taken = self.current_attempt().is_some_and(|attempt| attempt.carrier_fax_id.is_some());
        if self.is_to_be_canceled() && !taken {
            self.attempts.pop();
            return self.end(FaxStatus::Canceled, None, now);
        }
        if !self.may_wait(now) {
            return self.reported(number, &CallReport::failed(CallFailure::new(FailureCode::CarrierError, Retry::NEVER)), now);
        }
        if !taken {
            self.attempts.pop();
            self.due(until);
        }
        Effect::None
    }

    /// Whether it may wait for a carrier that takes nothing. After a day it is tried once more, and given up if it is not taken.
    pub fn may_wait(&self, now: Timestamp) -> bool {
        now <= self.created_at + DEFERRAL_LIMIT
    }

    /// The carrier takes nothing for now: what is to be handed over next is looked at again at `until`.
    pub fn postponed(&mut self, until: Timestamp) {
        self.due(until);
    }

    /// Whether one more look-up that finds nothing is enough to hand the fax over again, or to give it up.
    fn at_last_lookup(&self) -> bool {
        self.current_attempt().is_some_and(|attempt| attempt.empty_lookups + 1 >= EMPTY_LOOKUPS)
    }

    /// Whether a look-up that finds nothing at `now` lets the fax be handed over again.
    pub fn may_be_sent_again(&self, now: Timestamp) -> bool {
        !self.is_to_be_canceled()
            && self.at_last_lookup()
            && self.current_attempt().is_some_and(|attempt| now <= attempt.started_at + CALL_LIMIT)
    }

    /// A look-up at the carrier found nothing of the attempt. Where that was the last one before the fax would be handed over again,
    /// but it has been handed over for longer than a call may take, and never got there, it has failed. One that is to be canceled is
    /// canceled then.
    pub fn not_found(&mut self, now: Timestamp) -> Effect {
        let last = self.at_last_lookup();
        let to_be_canceled = self.is_to_be_canceled();
        let Some(attempt) = self.open_attempt() else { return Effect::None };
        if last && to_be_canceled {
            let number = attempt.number;
            return self.reported(number, &CallReport::failed(CallFailure::CANCELED), now);
        }
        if last && now > attempt.started_at + CALL_LIMIT {
            let number = attempt.number;
            return self.reported(number, &CallReport::failed(CallFailure::new(FailureCode::CarrierError, Retry::NEVER)), now);
        }
        attempt.empty_lookups += 1;
        self.due(now + LOOKUP_APART);
        Effect::None
    }

    /// The carrier is still at it, or could not be asked: look again later, within the limit of a call.
    pub fn still_open(&mut self, now: Timestamp, again_after: SignedDuration) -> Effect {
        let Some((number, started)) = self.current_attempt().map(|a| (a.number, a.started_at)) else { return Effect::None };
        if now > started + CALL_LIMIT {
            // It may yet print: another attempt could print twice.
            return self.reported(number, &CallReport::failed(CallFailure::new(FailureCode::Timeout, Retry::NEVER)), now);
        }
        self.due(now + again_after);
        Effect::None
    }

    /// Records how attempt `number` ended. A fax that is to be canceled is not tried again: where it would be, it is canceled.
    pub fn reported(&mut self, number: u32, report: &CallReport, now: Timestamp) -> Effect {
        let (pages, to_be_canceled) = (self.pages, self.is_to_be_canceled());
        let Some(attempt) = self.attempts.iter_mut().find(|a| a.number == number) else { return Effect::None };
        let outcome = report.outcome(to_be_canceled);
        if attempt.ended_at.is_some() {
            if attempt.outcome == Some(outcome) || attempt.contradicted_by == Some(outcome) {
                return Effect::None;
            }
            attempt.contradicted_by = Some(outcome);
            return Effect::Contradiction;
        }
        attempt.ended_at = Some(now);
        attempt.outcome = Some(outcome);
        attempt.duration_seconds = report.duration_seconds;
        attempt.pages_sent = match report.result {
            Ok(()) => pages,
            Err(_) => report.pages_sent.unwrap_or(0).min(pages),
        };
        self.pages_sent = self.attempts.iter().map(|a| a.pages_sent).max().unwrap_or(0);
        let Err(failure) = report.result else { return self.end(FaxStatus::Delivered, None, now) };
        match self.deserves_another(failure) {
            true if !to_be_canceled => {
                self.status = FaxStatus::Sending;
                self.due(now + failure.retry.after);
                Effect::Retry
            }
            another if to_be_canceled && (another || failure.canceled) => self.end(FaxStatus::Canceled, None, now),
            _ => self.end(FaxStatus::Failed, Some(failure.code), now),
        }
    }

    /// Whether a failure is retried: as often as its own cause is, and as long as the telephone was not called too often. A document
    /// that the carrier could not fetch made no call.
    fn deserves_another(&self, failure: CallFailure) -> bool {
        let ended_in = |code: FailureCode| self.attempts.iter().filter(|a| a.outcome == Some(AttemptOutcome::Failed(code))).count();
        let calls = self.attempts.len() - ended_in(FailureCode::DocumentUnreadable);
        ended_in(failure.code) < failure.retry.attempts as usize && calls < MOST_CALLS
    }
}

#[cfg(test)]
mod tests;
