//! The course of one call in seconds of the telephone, from dialling on. Everything that is known of a call is read off its events.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::id::Id;
use super::outcome::{Ending, FailureReason, Outcome};
use super::remote_machine::{MOST_TRAININGS, RemoteMachine};
use super::t30::{self, Event, What};

/// A call that is answered rings as long as one or two cycles of the American ringing tone (6 s).
const RING_ANSWERED: (f64, f64) = (4.0, 10.0);
const RING_UNANSWERED: (f64, f64) = (30.0, 60.0);
const BUSY_TONE: (f64, f64) = (2.0, 5.0);
const UNALLOCATED_ANNOUNCEMENT: (f64, f64) = (1.0, 3.0);
/// How long a caller waits for the answering tone of a fax machine (T.30's T1).
const NO_FAX_TONE: f64 = 35.0;
/// How long a caller asks for the confirmation of a page: three times T.30's T4 of 3 s.
const NO_CONFIRMATION: f64 = 10.0;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timeline {
    events: Vec<Event>,
    failure: Option<FailureReason>,
}

/// What has come out of the receiving machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Printed {
    /// Pages that arrived whole.
    pub(crate) pages: usize,
    /// Bytes that arrived of the page after them.
    pub(crate) bytes: usize,
}

impl Timeline {
    /// `id` chooses among what the telephone leaves open, such as how long it rings.
    pub(crate) fn of(outcome: Outcome, page_bytes: &[usize], machine: &RemoteMachine, id: &Id) -> Self {
        let within = |(least, most): (f64, f64)| least + (most - least) * id.chance("ringing");
        let answered = within(RING_ANSWERED);
        match outcome {
            Outcome::Busy => Self::unanswered(within(BUSY_TONE), What::BusyTone, FailureReason::UserBusy),
            Outcome::NoAnswer => Self::unanswered(within(RING_UNANSWERED), What::RungOut, FailureReason::ReceiverNoAnswer),
            Outcome::NoFaxTone => Self::unanswered(answered + NO_FAX_TONE, What::NoFaxTone, FailureReason::FaxInitialCommunicationTimeout),
            Outcome::Unallocated => {
                Self::unanswered(within(UNALLOCATED_ANNOUNCEMENT), What::NotAssigned, FailureReason::ReceiverUnallocatedNumber)
            }
            Outcome::Delivered => Self::answered(answered, page_bytes, machine, id),
            Outcome::TrainingFails => {
                let machine = RemoteMachine { failed_trainings: MOST_TRAININGS, ..machine.clone() };
                Self { failure: Some(FailureReason::FaxSignalingError), ..Self::answered(answered, page_bytes, &machine, id) }
            }
            Outcome::DroppedMidPage => {
                let whole = Self::answered(answered, page_bytes, machine, id);
                let at = whole.middle_of(page_bytes.len() / 2 + 1);
                whole.broken_off(at, What::Dropped, FailureReason::ReceiverCallDropped)
            }
            Outcome::DroppedAfterPage => {
                let whole = Self::answered(answered, page_bytes, machine, id);
                // Before whatever follows the confirmation of the first page.
                let (confirmed, next) = whole.gap_after(|what| matches!(what, What::Confirmed { page: 1 }));
                whole.broken_off((confirmed + next) / 2.0, What::Dropped, FailureReason::ReceiverCallDropped)
            }
            Outcome::NotConfirmed => {
                let page = page_bytes.len() / 2 + 1;
                let whole = Self::answered(answered, page_bytes, machine, id);
                let (arrived, next) = whole.gap_after(|what| matches!(what, What::Arrived { page: number, .. } if *number == page));
                let mut silent =
                    whole.broken_off(f64::midpoint(arrived, next), What::NotConfirmed { page }, FailureReason::ReceiverCommunicationError);
                if let Some(last) = silent.events.last_mut() {
                    last.at = arrived + NO_CONFIRMATION;
                }
                silent
            }
        }
    }

    fn unanswered(end: f64, what: What, failure: FailureReason) -> Self {
        let mut events = vec![Event { at: 0.0, what: What::Dialled }];
        if !matches!(what, What::BusyTone | What::NotAssigned) {
            events.push(Event { at: 0.0, what: What::Ringing });
        }
        events.push(Event { at: end, what });
        Self { events, failure: Some(failure) }
    }

    /// The whole call, however it may be broken off.
    fn answered(answered: f64, page_bytes: &[usize], machine: &RemoteMachine, id: &Id) -> Self {
        let mut events = vec![Event { at: 0.0, what: What::Dialled }, Event { at: 0.0, what: What::Ringing }];
        events.extend(t30::exchange(answered, page_bytes, machine, id));
        Self { events, failure: None }
    }

    /// When half of a page's bytes have arrived.
    fn middle_of(&self, page: usize) -> f64 {
        let images = self.events.iter().filter_map(|event| match event.what {
            What::Image { page: number, bytes, until } if number == page => Some((event.at, bytes as f64, until)),
            _ => None,
        });
        let mut left = images.clone().map(|(_, bytes, _)| bytes).sum::<f64>() / 2.0;
        for (at, bytes, until) in images {
            if left <= bytes {
                return at + (until - at) * left / bytes;
            }
            left -= bytes;
        }
        self.end()
    }

    /// When the first such event happened, and the one after it.
    fn gap_after(&self, is: impl Fn(&What) -> bool) -> (f64, f64) {
        let mut from = self.events.iter().skip_while(|event| !is(&event.what)).map(|event| event.at);
        let at = from.next().unwrap_or_else(|| self.end());
        (at, from.next().unwrap_or(at))
    }

    fn at(&self, is: impl Fn(&What) -> bool) -> Option<f64> {
        self.events.iter().find(|event| is(&event.what)).map(|event| event.at)
    }

    fn broken_off(mut self, at: f64, what: What, failure: FailureReason) -> Self {
        let at = at.clamp(0.0, self.end());
        self.events.retain(|event| event.at <= at && event.what != What::HungUp);
        self.events.push(Event { at, what });
        Self { failure: Some(failure), ..self }
    }

    /// The call as it is if the sender hangs up at `elapsed`.
    pub(crate) fn canceled(self, elapsed: f64) -> Self {
        self.broken_off(elapsed, What::Canceled, FailureReason::SenderCanceled)
    }

    /// When the first page starts; never, if the call does not get that far.
    pub(crate) fn sending(&self) -> Option<f64> {
        self.at(|what| matches!(what, What::Trained { .. }))
    }

    pub(crate) fn end(&self) -> f64 {
        self.events.last().map_or(0.0, |event| event.at)
    }

    pub(crate) fn ending(&self) -> Ending {
        let page_count = self.count(|what| matches!(what, What::Confirmed { .. }));
        Ending { failure: self.failure, page_count, call_duration_secs: self.end().round() as u64 }
    }

    fn count(&self, is: impl Fn(&What) -> bool) -> usize {
        self.events.iter().filter(|event| is(&event.what)).count()
    }

    /// What the machine has received: a page may have printed of which the sender never had the confirmation.
    pub(crate) fn printed(&self) -> Printed {
        let pages = self.count(|what| matches!(what, What::Arrived { .. }));
        let end = self.end();
        let of_next = self.events.iter().map(|event| match event.what {
            What::Image { page, bytes, until } if page == pages + 1 => {
                let share = (end - event.at) / (until - event.at);
                (bytes as f64 * share.clamp(0.0, 1.0)).round() as usize
            }
            _ => 0,
        });
        Printed { pages, bytes: of_next.sum() }
    }

    /// The call for people: a line for each event, with its time in minutes, seconds and tenths.
    pub(crate) fn story(&self) -> String {
        let mut story = String::new();
        for Event { at, what } in &self.events {
            let tenths = (at * 10.0).round() as u64;
            // Writing to a text cannot fail.
            let _ = writeln!(story, "{:02}:{:02}.{}  {what}", tenths / 600, tenths / 10 % 60, tenths % 10);
        }
        let Ending { failure, page_count, call_duration_secs } = self.ending();
        let outcome = failure.map_or("delivered", FailureReason::as_str);
        let _ = writeln!(story, "{outcome}, {page_count} pages confirmed, {call_duration_secs} s");
        story
    }
}

/// The moment `seconds` of the telephone after `start`, played `speed` times faster.
pub(crate) fn moment(start: Timestamp, seconds: f64, speed: f64) -> Timestamp {
    let ms = (seconds * 1000.0 / speed).ceil() as i64;
    start.checked_add(SignedDuration::from_millis(ms)).unwrap_or(Timestamp::MAX)
}

/// How many seconds of the telephone have passed since `start`: the inverse of [`moment`].
pub(crate) fn elapsed(start: Timestamp, now: Timestamp, speed: f64) -> f64 {
    now.duration_since(start).as_secs_f64() * speed
}
