//! The course of one call in seconds of the telephone, from dialling on (T.30 over V.17).

use jiff::{SignedDuration, Timestamp};

use super::outcome::{Ending, FailureReason, Outcome};

/// V.17's highest rate.
const BITS_PER_SECOND: f64 = 14_400.0;
/// From the answer to the first page: tones, capabilities, training.
const SET_UP: f64 = 12.0;
/// The confirmation of a page and the start of the next.
const BETWEEN_PAGES: f64 = 4.0;
/// The last confirmation and the disconnect.
const CLOSING: f64 = 3.5;
/// A call that is answered rings as long as one or two cycles of the American ringing tone (6 s).
const RING_ANSWERED: (f64, f64) = (4.0, 10.0);
const RING_UNANSWERED: (f64, f64) = (30.0, 60.0);
const BUSY_TONE: (f64, f64) = (2.0, 5.0);
const UNALLOCATED_ANNOUNCEMENT: (f64, f64) = (1.0, 3.0);
/// How long a caller waits for the answering tone of a fax machine (T.30's T1).
const NO_FAX_TONE: f64 = 35.0;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timeline {
    /// When the first page starts; never, if the call does not get that far.
    pub(crate) sending: Option<f64>,
    /// When each page that was sent as a whole was over.
    page_ends: Vec<f64>,
    pub(crate) end: f64,
    failure: Option<FailureReason>,
}

impl Timeline {
    /// `chance`, in 0..1, chooses among what the telephone leaves open, such as how long it rings.
    pub(crate) fn of(outcome: Outcome, page_bytes: &[usize], chance: f64) -> Self {
        let within = |(least, most): (f64, f64)| least + (most - least) * chance;
        let answered = within(RING_ANSWERED);
        match outcome {
            Outcome::Delivered => Self::transmission(answered, page_bytes, None),
            Outcome::DroppedMidPage => Self::transmission(answered, page_bytes, Some(page_bytes.len() / 2)),
            Outcome::DroppedAfterPage => Self::transmission(answered, page_bytes, Some(1)),
            Outcome::Busy => Self::without_pages(within(BUSY_TONE), FailureReason::UserBusy),
            Outcome::NoAnswer => Self::without_pages(within(RING_UNANSWERED), FailureReason::ReceiverNoAnswer),
            Outcome::NoFaxTone => Self::without_pages(answered + NO_FAX_TONE, FailureReason::FaxInitialCommunicationTimeout),
            Outcome::Unallocated => Self::without_pages(within(UNALLOCATED_ANNOUNCEMENT), FailureReason::ReceiverUnallocatedNumber),
        }
    }

    fn without_pages(end: f64, reason: FailureReason) -> Self {
        Self { sending: None, page_ends: Vec::new(), end, failure: Some(reason) }
    }

    /// With `dropped_after` whole pages the line drops half-way through the next one; where there is no next one, in the exchange
    /// that follows the last.
    fn transmission(answered: f64, page_bytes: &[usize], dropped_after: Option<usize>) -> Self {
        let sending = answered + SET_UP;
        let whole = dropped_after.unwrap_or(page_bytes.len()).min(page_bytes.len());
        let mut now = sending;
        let mut page_ends = Vec::with_capacity(whole);
        for bytes in &page_bytes[..whole] {
            if !page_ends.is_empty() {
                now += BETWEEN_PAGES;
            }
            now += page_seconds(*bytes);
            page_ends.push(now);
        }
        let gap = if page_ends.is_empty() { 0.0 } else { BETWEEN_PAGES };
        let (end, failure) = match (dropped_after, page_bytes.get(whole)) {
            (None, _) => (now + CLOSING, None),
            (Some(_), Some(cut)) => (now + gap + page_seconds(*cut) / 2.0, Some(FailureReason::ReceiverCallDropped)),
            (Some(_), None) => (now + gap, Some(FailureReason::ReceiverCallDropped)),
        };
        Self { sending: Some(sending), page_ends, end, failure }
    }

    pub(crate) fn ending(&self) -> Ending {
        Ending { failure: self.failure, page_count: self.page_ends.len(), call_duration_secs: whole_seconds(self.end) }
    }

    /// How the call ends if the sender hangs up at `elapsed`.
    pub(crate) fn canceled(&self, elapsed: f64) -> Ending {
        let elapsed = elapsed.clamp(0.0, self.end);
        Ending {
            failure: Some(FailureReason::SenderCanceled),
            page_count: self.page_ends.iter().filter(|end| **end <= elapsed).count(),
            call_duration_secs: whole_seconds(elapsed),
        }
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

fn page_seconds(bytes: usize) -> f64 {
    bytes as f64 * 8.0 / BITS_PER_SECOND
}

fn whole_seconds(seconds: f64) -> u64 {
    seconds.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 36,000 bytes are 20 s at 14,400 bit/s.
    const PAGE: usize = 36_000;

    fn sent(outcome: Outcome, pages: usize, chance: f64) -> Ending {
        Timeline::of(outcome, &vec![PAGE; pages], chance).ending()
    }

    #[test]
    fn a_delivered_call_lasts_ring_set_up_pages_gaps_and_closing() {
        let timeline = Timeline::of(Outcome::Delivered, &[PAGE, PAGE / 2, PAGE], 0.0);
        assert_eq!(timeline.sending, Some(4.0 + 12.0));
        assert_eq!(timeline.page_ends, [36.0, 50.0, 74.0]);
        assert_eq!(timeline.end, 77.5);
        assert_eq!(timeline.ending(), Ending { failure: None, page_count: 3, call_duration_secs: 78 });
    }

    #[test]
    fn calls_that_never_send_last_as_long_as_the_telephone_lets_them() {
        for (outcome, least, most) in
            [(Outcome::Busy, 2, 5), (Outcome::NoAnswer, 30, 60), (Outcome::Unallocated, 1, 3), (Outcome::NoFaxTone, 39, 45)]
        {
            for chance in [0.0, 1.0] {
                let timeline = Timeline::of(outcome, &[PAGE], chance);
                assert_eq!(timeline.sending, None);
                assert_eq!(timeline.ending().page_count, 0);
                assert_eq!(timeline.ending().call_duration_secs, if chance == 0.0 { least } else { most }, "{outcome:?}");
            }
        }
    }

    #[test]
    fn a_line_dropped_mid_page_has_sent_the_first_half_of_the_document() {
        for (pages, whole) in [(1, 0), (2, 1), (3, 1), (7, 3)] {
            let ending = sent(Outcome::DroppedMidPage, pages, 0.0);
            assert_eq!(ending.failure, Some(FailureReason::ReceiverCallDropped));
            assert_eq!(ending.page_count, whole);
            let seconds = 16 + 24 * whole + 10;
            assert_eq!(ending.call_duration_secs, seconds as u64);
        }
    }

    #[test]
    fn a_line_dropped_after_a_page_has_sent_one_page_even_of_a_document_of_one() {
        assert_eq!(sent(Outcome::DroppedAfterPage, 5, 0.0).page_count, 1);
        assert_eq!(sent(Outcome::DroppedAfterPage, 5, 0.0).call_duration_secs, 50);
        assert_eq!(sent(Outcome::DroppedAfterPage, 1, 0.0).page_count, 1);
        assert_eq!(sent(Outcome::DroppedAfterPage, 1, 0.0).call_duration_secs, 40);
    }

    #[test]
    fn a_canceled_call_counts_the_pages_that_were_over() {
        let timeline = Timeline::of(Outcome::Delivered, &[PAGE, PAGE], 0.0);
        assert_eq!(timeline.canceled(20.0).page_count, 0);
        assert_eq!(timeline.canceled(37.0).page_count, 1);
        assert_eq!(timeline.canceled(1e9).call_duration_secs, timeline.ending().call_duration_secs);
    }
}
