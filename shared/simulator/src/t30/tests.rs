//! The exchange, second by second.

use super::super::remote_machine::Modulation;
use super::*;

fn played(best: Modulation, ecm: bool, failed_trainings: usize, noise: f64, page_bytes: &[usize]) -> Vec<Event> {
    let machine = RemoteMachine { csid: None, best, ecm, failed_trainings, noise };
    exchange(5.0, page_bytes, &machine, &Id::from("fax"))
}

fn end(events: &[Event]) -> f64 {
    events.last().map_or(0.0, |event| event.at)
}

#[test]
fn a_call_lasts_its_set_up_its_pages_the_gaps_and_the_closing() {
    // 42,000 bytes are 10 s at 33,600 bit/s; 18,000 at 14,400; 12,000 at 9,600; 6,000 at 4,800.
    for (best, page, set_up, between, closing) in [
        (Modulation::V34, 42_000, 6.0, 1.0, 1.0),
        (Modulation::V17, 18_000, 12.0, 4.0, 3.5),
        (Modulation::V29, 12_000, 12.0, 4.0, 3.5),
        (Modulation::V27ter, 6_000, 12.0, 4.0, 3.5),
    ] {
        let events = played(best, false, 0, 0.0, &[page, page / 2, page]);
        assert_eq!(end(&events), 5.0 + set_up + 10.0 + between + 5.0 + between + 10.0 + closing, "{best:?}");
    }
}

#[test]
fn each_failed_training_costs_time_and_speed() {
    // 18,000 bytes: 10 s at 14,400 bit/s, 15 s at 9,600.
    assert_eq!(end(&played(Modulation::V17, false, 0, 0.0, &[18_000])), 5.0 + 12.0 + 10.0 + 3.5);
    assert_eq!(end(&played(Modulation::V17, false, 2, 0.0, &[18_000])), 5.0 + 12.0 + 8.0 + 15.0 + 3.5);
}

#[test]
fn a_call_that_cannot_train_sends_nothing() {
    let events = played(Modulation::V29, false, MOST_TRAININGS, 0.0, &[18_000]);
    assert_eq!(end(&events), 5.0 + 12.0 + 12.0);
    assert!(!events.iter().any(|event| matches!(event.what, What::Trained { .. } | What::Image { .. })));
}

#[test]
fn error_correction_sends_partial_pages_of_64_kb() {
    let events = played(Modulation::V17, true, 0, 0.0, &[150_000]);
    let parts: Vec<usize> =
        events.iter().filter_map(|event| if let What::Image { bytes, .. } = event.what { Some(bytes) } else { None }).collect();
    assert_eq!(parts, [65_536, 65_536, 18_928]);
    let seconds = 150_000.0 * 8.0 / 14_400.0;
    assert!((end(&events) - (5.0 + 12.0 + seconds + 2.0 * 4.0 + 3.5)).abs() < 1e-9);
}

#[test]
fn noise_makes_frames_go_twice_with_error_correction_alone() {
    let quiet = end(&played(Modulation::V17, true, 0, 0.0, &[150_000]));
    let noisy = played(Modulation::V17, true, 0, 1.0, &[150_000]);
    let resent: Vec<usize> =
        noisy.iter().filter_map(|event| if let What::Resent { frames, .. } = event.what { Some(frames) } else { None }).collect();
    assert_eq!(resent.len(), 3, "every partial page is damaged");
    assert!(resent.iter().all(|frames| (1..=8).contains(frames)));
    let again: usize = resent.iter().sum();
    assert!((end(&noisy) - quiet - (3.0 * 4.0 + (again * 256) as f64 * 8.0 / 14_400.0)).abs() < 1e-9);
    assert_eq!(end(&played(Modulation::V17, false, 0, 1.0, &[150_000])), end(&played(Modulation::V17, false, 0, 0.0, &[150_000])));
}

#[test]
fn time_never_goes_back() {
    for best in [Modulation::V34, Modulation::V17, Modulation::V29, Modulation::V27ter] {
        let events = played(best, true, 1, 0.5, &[1, 65_536, 65_537, 300_000]);
        assert!(events.is_sorted_by_key(|event| event.at));
        let arrived = events.iter().filter(|event| matches!(event.what, What::Arrived { .. })).count();
        let confirmed = events.iter().filter(|event| matches!(event.what, What::Confirmed { .. })).count();
        assert_eq!((arrived, confirmed), (4, 4));
    }
}
