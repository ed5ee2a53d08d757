//! What is read off a call.

use super::super::remote_machine::Modulation;
use super::*;

/// 36,000 bytes are 20 s at 14,400 bit/s.
const PAGE: usize = 36_000;

fn machine() -> RemoteMachine {
    RemoteMachine { csid: Some("FAX 0123".into()), best: Modulation::V17, ecm: false, failed_trainings: 0, noise: 0.0 }
}

fn call(outcome: Outcome, pages: usize) -> Timeline {
    Timeline::of(outcome, &vec![PAGE; pages], &machine(), &Id::from("fax"))
}

fn ring() -> f64 {
    call(Outcome::Delivered, 1).at(|what| matches!(what, What::Answered { .. })).unwrap_or_default()
}

fn assert_seconds(told: f64, expected: f64) {
    assert!((told - expected).abs() < 1e-6, "{told} s, not {expected} s");
}

#[test]
fn a_delivered_call_has_sent_and_printed_every_page() {
    let timeline = call(Outcome::Delivered, 3);
    assert_eq!(timeline.sending(), Some(ring() + 12.0));
    assert_seconds(timeline.end(), ring() + 12.0 + 20.0 + 4.0 + 20.0 + 4.0 + 20.0 + 3.5);
    let call_duration_secs = (ring() + 83.5).round() as u64;
    assert_eq!(timeline.ending(), Ending { failure: None, page_count: 3, call_duration_secs });
    assert_eq!(timeline.printed(), Printed { pages: 3, bytes: 0 });
}

#[test]
fn calls_that_never_send_last_as_long_as_the_telephone_lets_them_and_print_nothing() {
    for (outcome, seconds) in [
        (Outcome::Busy, 2..=5),
        (Outcome::NoAnswer, 30..=60),
        (Outcome::Unallocated, 1..=3),
        (Outcome::NoFaxTone, 39..=45),
        (Outcome::TrainingFails, 20..=40),
    ] {
        for best in [Modulation::V34, Modulation::V17, Modulation::V29, Modulation::V27ter] {
            for fax in 0..50 {
                let machine = RemoteMachine { best, ..machine() };
                let timeline = Timeline::of(outcome, &[PAGE], &machine, &Id::from(format!("fax-{fax}").as_str()));
                assert_eq!((timeline.sending(), timeline.ending().page_count), (None, 0));
                assert!(seconds.contains(&timeline.ending().call_duration_secs), "{outcome:?}: {}", timeline.end());
                assert!(timeline.ending().failure.is_some());
                assert_eq!(timeline.printed(), Printed { pages: 0, bytes: 0 });
            }
        }
    }
}

#[test]
fn a_line_dropped_mid_page_has_printed_the_first_half_of_the_document_and_half_a_page() {
    for (pages, whole) in [(1, 0), (2, 1), (3, 1), (7, 3)] {
        let timeline = call(Outcome::DroppedMidPage, pages);
        let ending = timeline.ending();
        assert_eq!((ending.failure, ending.page_count), (Some(FailureReason::ReceiverCallDropped), whole));
        assert_eq!(timeline.printed(), Printed { pages: whole, bytes: PAGE / 2 });
        assert_seconds(timeline.end(), ring() + 12.0 + 24.0 * whole as f64 + 10.0);
    }
}

#[test]
fn with_error_correction_too_the_middle_of_a_page_is_half_of_its_bytes() {
    let machine = RemoteMachine { ecm: true, noise: 1.0, ..machine() };
    for bytes in [1_000, 65_536, 200_000] {
        let timeline = Timeline::of(Outcome::DroppedMidPage, &[bytes], &machine, &Id::from("fax"));
        assert_eq!(timeline.printed(), Printed { pages: 0, bytes: bytes / 2 });
    }
}

#[test]
fn a_line_dropped_after_a_page_has_sent_one_page_even_of_a_document_of_one() {
    for pages in [5, 1] {
        let timeline = call(Outcome::DroppedAfterPage, pages);
        assert_eq!(timeline.ending().page_count, 1);
        assert_eq!(timeline.printed(), Printed { pages: 1, bytes: 0 });
        assert_eq!(timeline.ending().failure, Some(FailureReason::ReceiverCallDropped));
        let least = ring() + 12.0 + 20.0;
        assert!(timeline.end() > least && timeline.end() < least + 4.0);
    }
}

#[test]
fn a_page_that_was_never_confirmed_is_not_counted_and_has_printed() {
    for (pages, confirmed) in [(1, 0), (3, 1)] {
        let timeline = call(Outcome::NotConfirmed, pages);
        let ending = timeline.ending();
        assert_eq!((ending.failure, ending.page_count), (Some(FailureReason::ReceiverCommunicationError), confirmed));
        assert_eq!(timeline.printed(), Printed { pages: confirmed + 1, bytes: 0 });
        assert_seconds(timeline.end(), ring() + 12.0 + 24.0 * confirmed as f64 + 20.0 + 10.0);
    }
}

#[test]
fn a_canceled_call_counts_the_pages_that_were_confirmed() {
    let canceled = |after_ring: f64| call(Outcome::Delivered, 2).canceled(ring() + after_ring);
    assert_eq!(canceled(12.0 + 5.0).printed(), Printed { pages: 0, bytes: PAGE / 4 });
    assert_eq!(canceled(12.0 + 5.0).ending().page_count, 0);
    assert_eq!(canceled(12.0 + 20.0 + 2.5).ending().page_count, 1);
    assert_eq!(canceled(12.0 + 20.0 + 4.0 + 15.0).printed(), Printed { pages: 1, bytes: PAGE * 3 / 4 });
    let late = call(Outcome::Delivered, 2).canceled(1e9);
    assert_eq!(late.ending().call_duration_secs, call(Outcome::Delivered, 2).ending().call_duration_secs);
    assert_eq!(late.ending().failure, Some(FailureReason::SenderCanceled));
}

#[test]
fn the_story_of_a_call_can_be_read() {
    let machine = RemoteMachine { ecm: true, failed_trainings: 1, noise: 1.0, ..machine() };
    let story = Timeline::of(Outcome::DroppedMidPage, &[PAGE, PAGE], &machine, &Id::from("fax")).story();
    for told in [
        "00:00.0  dialled\n",
        "answered by \"FAX 0123\"",
        "training at 14400 bit/s (V.17) failed",
        "trained at 12000 bit/s (V.17), with error correction",
        "page 1: 36000 bytes\n",
        "(PPR)\n",
        "page 1 is through (MPS)\n",
        "page 1 is confirmed (MCF)\n",
        "page 2: 36000 bytes\n",
        "the line dropped\nreceiver_call_dropped, 1 pages confirmed, ",
    ] {
        assert!(story.contains(told), "{told} is missing in\n{story}");
    }
}
