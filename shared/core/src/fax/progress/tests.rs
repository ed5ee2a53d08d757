use super::*;
use crate::fax::cancel::Cancel;
use crate::id::{AccountId, FaxId};
use crate::phone::E164;
use proptest::prelude::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
}

fn queued(pages: u32) -> Fax {
    let number: E164 = "+12125551234".parse().unwrap_or_else(|_| unreachable!());
    Fax::queued(AccountId::generate(at(0)), FaxId::generate(at(0)), number.clone(), number, pages, at(0))
}

fn failed(code: FailureCode, pages_sent: u32) -> CallReport {
    CallReport { pages_sent: Some(pages_sent), ..CallReport::failed(code) }
}

fn delivered() -> CallReport {
    CallReport { result: Ok(()), pages_sent: None, duration_seconds: Some(60) }
}

/// A fax whose first attempt the carrier has, since second 1.
fn sending(pages: u32) -> Fax {
    let mut fax = queued(pages);
    fax.claim(1, "a".into(), at(0));
    assert!(fax.accepted(1, "carrier-1", at(1)));
    fax
}

#[test]
fn a_queued_fax_is_submitted_at_once() {
    assert_eq!(queued(1).next_action(at(0)), NextAction::Submit(1));
}

#[test]
fn a_claimed_attempt_of_which_nothing_is_heard_is_reconciled_after_two_minutes_and_not_before() {
    let mut fax = queued(1);
    fax.claim(1, "a".into(), at(0));
    assert_eq!(fax.status, FaxStatus::Queued, "nobody has it yet");
    assert_eq!(fax.next_action(at(119)), NextAction::Wait(at(120)));
    assert_eq!(fax.next_action(at(120)), NextAction::Reconcile(1));
}

#[test]
fn only_the_second_look_up_that_finds_nothing_a_minute_later_lets_it_be_handed_over_again() {
    let mut fax = queued(1);
    fax.claim(1, "a".into(), at(0));
    assert!(!fax.may_be_sent_again(at(120)));
    assert_eq!(fax.not_found(at(120)), Effect::None);
    assert_eq!(fax.next_action(at(179)), NextAction::Wait(at(180)));
    assert_eq!(fax.next_action(at(180)), NextAction::Reconcile(1));
    assert!(fax.may_be_sent_again(at(180)));
    fax.claim(1, "b".into(), at(180));
    assert_eq!(fax.attempts.len(), 1, "it is the same attempt");
    assert!(!fax.may_be_sent_again(at(300)), "and it may get lost again");
}

#[test]
fn a_fax_that_never_gets_to_the_carrier_is_given_up_after_six_hours_and_refunded() {
    let (mut fax, mut now) = (queued(3), 0);
    loop {
        fax.claim(1, "a".into(), at(now));
        assert_eq!(fax.not_found(at(now + 120)), Effect::None);
        now += 180;
        if !fax.may_be_sent_again(at(now)) {
            break;
        }
    }
    assert!((6 * 3600..6 * 3600 + 300).contains(&now), "{now}");
    assert_eq!(fax.not_found(at(now)), Effect::Final);
    assert_eq!((fax.status, fax.failure, fax.refund()), (FaxStatus::Failed, Some(FailureCode::CarrierError), 3));
}

#[test]
fn a_call_without_a_callback_is_looked_up_fifteen_minutes_after_its_expected_end() {
    let fax = sending(2);
    let due = at(1) + SignedDuration::from_secs(75 + 60) + SignedDuration::from_mins(15);
    assert_eq!(fax.next_action(at(600)), NextAction::Wait(due));
    assert_eq!(fax.next_action(due), NextAction::LookUp(1));
}

#[test]
fn each_failure_is_retried_as_its_code_says() {
    use FailureCode::*;
    for (code, attempts, minutes) in [
        (Busy, 3, 3),
        (NoAnswer, 3, 5),
        (LineDropped, 3, 1),
        (TrainingFailed, 3, 1),
        (NumberUnreachable, 3, 5),
        (CarrierError, 3, 5),
        (Timeout, 3, 5),
        (NoFaxTone, 2, 5),
        (NumberInvalid, 1, 0),
        (Rejected, 1, 0),
        (DocumentUnreadable, 1, 0),
    ] {
        let mut fax = queued(1);
        for number in 1..=attempts {
            fax.claim(number, "a".into(), at(0));
            fax.accepted(number, "c", at(1));
            let effect = fax.reported(number, &failed(code, 0), at(2));
            if number < attempts {
                assert_eq!(effect, Effect::Retry, "{code:?} {number}");
                assert_eq!(fax.next_action(at(2)), NextAction::Wait(at(2) + SignedDuration::from_mins(minutes)));
                assert_eq!(fax.next_action(at(2) + SignedDuration::from_mins(minutes)), NextAction::Submit(number + 1));
            } else {
                assert_eq!(effect, Effect::Final, "{code:?} {number}");
                assert_eq!((fax.status, fax.failure), (FaxStatus::Failed, Some(code)));
                assert_eq!(fax.next_action(at(1_000_000)), NextAction::Done);
            }
        }
    }
}

#[test]
fn causes_are_counted_apart_and_calls_together() {
    use FailureCode::*;
    let fetch_failed = || CallReport::failed(CallFailure::new(DocumentUnreadable, Retry::again(2, 0)));
    let run = |reports: &[CallReport]| {
        let mut fax = queued(1);
        let effects: Vec<Effect> = reports
            .iter()
            .zip(1..)
            .map(|(report, number)| {
                fax.claim(number, "a".into(), at(0));
                fax.accepted(number, "c", at(1));
                fax.reported(number, report, at(2))
            })
            .collect();
        effects
    };
    assert_eq!(run(&[failed(Busy, 0), failed(NoAnswer, 0), failed(Busy, 0)]), [Effect::Retry, Effect::Retry, Effect::Final]);
    assert_eq!(run(&[failed(Busy, 0), failed(NoFaxTone, 0), failed(NoFaxTone, 0)]), [Effect::Retry, Effect::Retry, Effect::Final]);
    // The link is signed anew once, whenever it fails, and that costs no call.
    let dropped = || failed(LineDropped, 0);
    assert_eq!(run(&[dropped(), fetch_failed(), dropped(), dropped()]), [Effect::Retry, Effect::Retry, Effect::Retry, Effect::Final]);
    assert_eq!(run(&[fetch_failed(), fetch_failed()]), [Effect::Retry, Effect::Final]);
}

#[test]
fn a_final_state_is_final_and_a_contradiction_is_recorded_on_its_attempt() {
    let mut fax = sending(1);
    assert_eq!(fax.reported(1, &delivered(), at(60)), Effect::Final);
    assert_eq!(fax.reported(1, &delivered(), at(61)), Effect::None, "said twice");
    assert_eq!(fax.reported(1, &failed(FailureCode::Busy, 0), at(62)), Effect::Contradiction);
    assert_eq!(fax.reported(1, &failed(FailureCode::Busy, 0), at(63)), Effect::None, "contradicted twice");
    assert_eq!(fax.status, FaxStatus::Delivered);
    assert_eq!(fax.attempts[0].contradicted_by, Some(AttemptOutcome::Failed(FailureCode::Busy)));
    assert_eq!(fax.reported(2, &delivered(), at(64)), Effect::None, "an attempt that does not exist");
}

#[test]
fn what_was_never_sent_by_any_attempt_is_given_back() {
    let mut fax = sending(10);
    fax.reported(1, &failed(FailureCode::LineDropped, 7), at(60));
    fax.claim(2, "b".into(), at(200));
    fax.accepted(2, "carrier-2", at(201));
    fax.reported(2, &failed(FailureCode::NumberInvalid, 2), at(260));
    assert_eq!((fax.status, fax.pages_sent, fax.refund()), (FaxStatus::Failed, 7, 3));
    fax.live = false;
    assert_eq!(fax.refund(), 0, "a test key paid nothing");
    let mut fax = sending(10);
    fax.reported(1, &delivered(), at(60));
    assert_eq!((fax.pages_sent, fax.refund()), (10, 0));
}

#[test]
fn an_attempt_that_was_certainly_not_taken_is_taken_back_until_a_day_has_passed() {
    let mut fax = queued(1);
    fax.claim(1, "a".into(), at(0));
    assert_eq!(fax.deferred(1, "a", at(60), at(0)), Effect::None);
    assert_eq!((fax.status, fax.attempts.len()), (FaxStatus::Queued, 0));
    assert_eq!(fax.next_action(at(60)), NextAction::Submit(1));
    let late = 24 * 3600 + 1;
    fax.claim(1, "b".into(), at(late));
    assert_eq!(fax.deferred(1, "b", at(late + 60), at(late)), Effect::Final);
    assert_eq!(fax.failure, Some(FailureCode::CarrierError));
}

#[test]
fn a_worker_that_comes_late_takes_back_nothing_of_anothers_claim() {
    let mut fax = queued(1);
    fax.claim(1, "slow".into(), at(0));
    for seconds in [120, 180] {
        fax.not_found(at(seconds));
    }
    fax.claim(1, "other".into(), at(240));
    let claimed = fax.clone();
    assert_eq!(fax.deferred(1, "slow", at(300), at(241)), Effect::None);
    assert_eq!(fax, claimed);
    let late = 24 * 3600 + 1;
    assert_eq!(fax.deferred(1, "slow", at(late + 60), at(late)), Effect::None);
    assert_eq!(fax, claimed);
}

#[test]
fn a_call_that_never_ends_is_given_up_without_another_attempt() {
    let mut fax = sending(1);
    assert_eq!(fax.still_open(at(3600), SignedDuration::from_mins(5)), Effect::None);
    assert_eq!(fax.next_action(at(3600)), NextAction::Wait(at(3900)));
    assert_eq!(fax.still_open(at(6 * 3600 + 1), SignedDuration::from_mins(5)), Effect::Final);
    assert_eq!((fax.status, fax.failure), (FaxStatus::Failed, Some(FailureCode::Timeout)));
}

#[test]
fn a_callback_that_overtakes_the_answer_counts() {
    let mut fax = queued(3);
    fax.claim(1, "a".into(), at(0));
    assert_eq!(fax.reported(1, &delivered(), at(5)), Effect::Final);
    assert!(!fax.accepted(1, "carrier-1", at(6)), "the late answer changes nothing");
    assert_eq!(fax.status, FaxStatus::Delivered);
}

#[test]
fn the_resource_has_the_fields_of_the_contract_and_nothing_internal() {
    let mut fax = sending(2);
    fax.reported(1, &delivered(), at(60));
    let json = serde_json::to_value(fax.resource()).unwrap_or_default();
    let fields: Vec<&String> = json.as_object().map(|fields| fields.keys().collect()).unwrap_or_default();
    let mut expected = [
        "id",
        "object",
        "direction",
        "status",
        "to",
        "from",
        "pages",
        "pages_sent",
        "failure",
        "attempts",
        "scheduled_id",
        "live",
        "created_at",
        "completed_at",
    ];
    expected.sort_unstable();
    let mut fields: Vec<&str> = fields.into_iter().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, expected);
    assert_eq!(json["attempts"][0]["outcome"], "delivered");
    assert_eq!(json["attempts"][0].as_object().map(serde_json::Map::len), Some(6));
}

fn stopped(pages_sent: u32) -> CallReport {
    CallReport { pages_sent: Some(pages_sent), ..CallReport::failed(CallFailure::CANCELED) }
}

#[test]
fn a_fax_that_no_carrier_has_is_canceled_at_once_and_what_was_never_sent_is_given_back() {
    let mut fax = queued(3);
    assert_eq!(fax.cancel(false, at(1)), Cancel::Canceled);
    assert_eq!((fax.status, fax.failure, fax.completed_at, fax.refund()), (FaxStatus::Canceled, None, Some(at(1)), 3));
    assert_eq!(fax.next_action(at(1_000_000)), NextAction::Done);
    assert_eq!(fax.cancel(true, at(2)), Cancel::AlreadyFinal);
    let mut waiting = sending(3);
    waiting.reported(1, &failed(FailureCode::LineDropped, 2), at(60));
    assert_eq!(waiting.cancel(false, at(61)), Cancel::Canceled, "between two calls");
    assert_eq!((waiting.status, waiting.pages_sent, waiting.refund()), (FaxStatus::Canceled, 2, 1));
}

#[test]
fn a_call_that_is_to_be_canceled_is_due_at_once_and_told_as_it_ends() {
    use FailureCode::*;
    for (report, status, failure, outcome, refund) in [
        (stopped(1), FaxStatus::Canceled, None, AttemptOutcome::CANCELED, 2),
        (failed(Busy, 0), FaxStatus::Canceled, None, AttemptOutcome::Failed(Busy), 3),
        (failed(LineDropped, 2), FaxStatus::Canceled, None, AttemptOutcome::Failed(LineDropped), 1),
        (failed(NumberInvalid, 0), FaxStatus::Failed, Some(NumberInvalid), AttemptOutcome::Failed(NumberInvalid), 3),
        (delivered(), FaxStatus::Delivered, None, AttemptOutcome::DELIVERED, 0),
    ] {
        let mut fax = sending(3);
        assert_eq!(fax.cancel(true, at(10)), Cancel::Requested);
        assert_eq!(fax.cancel(true, at(11)), Cancel::RequestedBefore);
        assert_eq!((fax.cancel_requested_at, fax.next_action(at(10))), (Some(at(10)), NextAction::LookUp(1)));
        assert_eq!(fax.reported(1, &report, at(20)), Effect::Final);
        assert_eq!((fax.status, fax.failure, fax.attempts[0].outcome, fax.refund()), (status, failure, Some(outcome), refund));
        assert_eq!(fax.reported(1, &report, at(21)), Effect::None, "told twice");
    }
}

#[test]
fn a_call_that_somebody_stopped_at_the_carrier_was_refused() {
    let mut fax = sending(1);
    assert_eq!(fax.reported(1, &stopped(0), at(20)), Effect::Final);
    assert_eq!((fax.status, fax.failure), (FaxStatus::Failed, Some(FailureCode::Rejected)));
}

#[test]
fn a_hand_over_without_an_answer_is_found_out_first_and_never_made_again() {
    let claimed = || {
        let mut fax = queued(2);
        fax.claim(1, "a".into(), at(0));
        assert_eq!(fax.cancel(true, at(1)), Cancel::Requested);
        assert_eq!(fax.next_action(at(119)), NextAction::Wait(at(120)), "a look-up before its time finds nothing yet");
        fax
    };
    let mut taken = claimed();
    assert!(taken.accepted(1, "carrier-1", at(5)));
    assert_eq!(taken.next_action(at(5)), NextAction::LookUp(1), "now it can be asked to stop it");
    let mut not_taken = claimed();
    assert_eq!(not_taken.deferred(1, "a", at(60), at(5)), Effect::Final);
    assert_eq!((not_taken.status, not_taken.attempts.len(), not_taken.refund()), (FaxStatus::Canceled, 0, 2));
    let mut nowhere = claimed();
    assert_eq!(nowhere.not_found(at(120)), Effect::None);
    assert!(!nowhere.may_be_sent_again(at(180)));
    assert_eq!(nowhere.not_found(at(180)), Effect::Final);
    assert_eq!((nowhere.status, nowhere.refund()), (FaxStatus::Canceled, 2));
}

#[test]
fn a_call_of_a_carrier_that_stops_none_goes_on_but_that_of_a_test_key_is_nobodys() {
    let mut fax = sending(1);
    let before = fax.clone();
    assert_eq!(fax.cancel(false, at(10)), Cancel::AlreadySending);
    assert_eq!(fax, before);
    fax.live = false;
    assert_eq!(fax.cancel(false, at(10)), Cancel::Requested);
    let mut unknown = queued(2);
    unknown.claim(1, "a".into(), at(0));
    assert_eq!(unknown.cancel(false, at(10)), Cancel::Requested, "it may not have it, and must not get it again");
}

/// Anything that can happen to a fax.
#[derive(Debug, Clone)]
enum Happening {
    Drive,
    Taken,
    NotTaken,
    Nowhere,
    StillOpen,
    Delivered(u32),
    Failed(u32, FailureCode, u32),
    Later(i64),
    Cancel(bool),
    Stopped(u32, u32),
}

fn happening() -> impl Strategy<Value = Happening> {
    let code =
        prop_oneof![Just(FailureCode::Busy), Just(FailureCode::LineDropped), Just(FailureCode::NumberInvalid), Just(FailureCode::Timeout)];
    prop_oneof![
        4 => Just(Happening::Drive),
        3 => Just(Happening::Taken),
        1 => Just(Happening::NotTaken),
        1 => Just(Happening::Nowhere),
        1 => Just(Happening::StillOpen),
        1 => (1u32..4).prop_map(Happening::Delivered),
        3 => (1u32..4, code, 0u32..6).prop_map(|(number, code, pages)| Happening::Failed(number, code, pages)),
        4 => (1i64..1200).prop_map(Happening::Later),
        1 => any::<bool>().prop_map(Happening::Cancel),
        1 => (1u32..4, 0u32..6).prop_map(|(number, pages)| Happening::Stopped(number, pages)),
    ]
}

proptest! {
    /// Whatever order things happen in: attempts count up without a gap, only the last is open, a final fax stays as it is and is never due,
    /// one that is not final always is, one that is to be canceled is not tried again, and no more is given back than was charged.
    #[test]
    fn no_order_of_events_breaks_a_fax(events in prop::collection::vec(happening(), 0..60)) {
        let (mut fax, mut now) = (queued(4), 0);
        for event in events {
            let before = fax.clone();
            match event {
                Happening::Drive => match fax.next_action(at(now)) {
                    NextAction::Submit(number) => fax.claim(number, "a".into(), at(now)),
                    NextAction::Reconcile(number) if fax.may_be_sent_again(at(now)) => fax.claim(number, "b".into(), at(now)),
                    NextAction::Reconcile(_) => {
                        fax.not_found(at(now));
                    }
                    _ => {}
                },
                Happening::Taken => {
                    let number = fax.attempts.len() as u32;
                    fax.accepted(number, "carrier", at(now));
                }
                Happening::NotTaken => {
                    let number = fax.attempts.len() as u32;
                    let claim = fax.attempts.last().map(|attempt| attempt.claim.clone()).unwrap_or_default();
                    fax.deferred(number, &claim, at(now + 60), at(now));
                }
                Happening::Nowhere => {
                    fax.not_found(at(now));
                }
                Happening::StillOpen => {
                    fax.still_open(at(now), SignedDuration::from_mins(5));
                }
                Happening::Delivered(number) => {
                    fax.reported(number, &delivered(), at(now));
                }
                Happening::Failed(number, code, pages) => {
                    fax.reported(number, &failed(code, pages), at(now));
                }
                Happening::Later(seconds) => now += seconds,
                Happening::Cancel(can_stop) => {
                    fax.cancel(can_stop, at(now));
                }
                Happening::Stopped(number, pages) => {
                    fax.reported(number, &stopped(pages), at(now));
                }
            }
            prop_assert!(fax.attempts.iter().enumerate().all(|(i, a)| a.number as usize == i + 1));
            prop_assert!(fax.attempts.iter().rev().skip(1).all(|a| a.ended_at.is_some()));
            prop_assert!(fax.attempts.len() <= 3);
            prop_assert_eq!(fax.due_at.is_none(), fax.status.is_final());
            prop_assert!(fax.pages_sent <= fax.pages && fax.refund() <= fax.pages);
            if before.status.is_final() {
                prop_assert_eq!((fax.status, fax.failure, fax.completed_at, fax.refund()), (before.status, before.failure, before.completed_at, before.refund()));
            }
            if before.is_to_be_canceled() {
                prop_assert!(fax.is_to_be_canceled() && fax.attempts.len() <= before.attempts.len(), "no other attempt follows");
                prop_assert!(before.attempts.last().zip(fax.attempts.last()).is_none_or(|(old, new)| old.claim == new.claim), "nor a claim");
            }
            prop_assert!(!(before.status == FaxStatus::Sending && fax.status == FaxStatus::Queued), "a fax does not go back");
        }
    }
}
