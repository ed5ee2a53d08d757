//! What becomes of a call, by number.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::support::{Stage, client_state};

const FAST: f64 = 1000.0;
const NO_CALL: [&str; 3] = ["fax.queued", "fax.media.processed", "fax.failed"];
const DROPPED: [&str; 4] = ["fax.queued", "fax.media.processed", "fax.sending.started", "fax.failed"];
const DELIVERED: [&str; 4] = ["fax.queued", "fax.media.processed", "fax.sending.started", "fax.delivered"];

struct Expected {
    events: &'static [&'static str],
    reason: Option<&'static str>,
    pages: u64,
    seconds: RangeInclusive<u64>,
}

async fn assert_call(number: &str, attempt: u32, expected: Expected) {
    let stage = Stage::new(FAST).await;
    let mut fax = stage.fax(number);
    fax["client_state"] = json!(client_state("fax_1", attempt));
    let id = stage.send(&fax).await;
    let hooks = stage.hooks(&id, expected.events.len()).await;
    assert_eq!(hooks.iter().map(|hook| hook.event()).collect::<Vec<_>>(), expected.events);

    let last = hooks.last().unwrap().payload();
    let status = if expected.reason.is_some() { "failed" } else { "delivered" };
    assert_eq!(last["status"], status);
    // A failed call's pages and length are not told: the resource has the pages.
    let delivered = expected.reason.is_none();
    assert_eq!(last.get("page_count"), delivered.then(|| json!(expected.pages)).as_ref());
    let seconds = last.get("call_duration_secs").map(|seconds| seconds.as_u64().unwrap());
    assert_eq!(seconds.map(|seconds| expected.seconds.contains(&seconds)), delivered.then_some(true), "{last}");
    assert_eq!(last.get("failure_reason"), expected.reason.map(|reason| json!(reason)).as_ref());

    let seen = stage.view(&id).await;
    assert_eq!(seen["status"], status);
    assert_eq!(seen["page_count"], expected.pages);
    assert_eq!(seen["failure_reason"], json!(expected.reason));
    let log = stage.carrier.log();
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].fax_id.as_deref(), log[0].attempt, log[0].to.as_str()), (Some("fax_1"), attempt, number));
    assert_eq!(log[0].outcome.as_deref(), Some(expected.reason.unwrap_or("delivered")));
}

/// From V.34 (ring 4 s, set-up 6 s, three pages of 0.4 s, two gaps and the end of 1 s) to V.27ter after two failed trainings (ring 10 s,
/// set-up 12 s and twice 4 s, three pages of 6 s, two gaps of 4 s, 3.5 s at the end).
const WHOLE_CALL: RangeInclusive<u64> = 14..=60;
/// The same, with one page and at most a part of the next.
const DROPPED_CALL: RangeInclusive<u64> = 11..=43;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_number_is_delivered() {
    assert_call("+12025550123", 1, Expected { events: &DELIVERED, reason: None, pages: 3, seconds: WHOLE_CALL }).await;
}

#[tokio::test]
async fn number_0001_is_delivered() {
    assert_call("+15005550001", 1, Expected { events: &DELIVERED, reason: None, pages: 3, seconds: WHOLE_CALL }).await;
}

#[tokio::test]
async fn number_0002_is_busy() {
    assert_call("+15005550002", 3, Expected { events: &NO_CALL, reason: Some("user_busy"), pages: 0, seconds: 2..=5 }).await;
}

#[tokio::test]
async fn number_0003_does_not_answer() {
    let expected = Expected { events: &NO_CALL, reason: Some("receiver_no_answer"), pages: 0, seconds: 30..=60 };
    assert_call("+15005550003", 1, expected).await;
}

#[tokio::test]
async fn number_0004_drops_the_first_attempt_mid_page() {
    let expected = Expected { events: &DROPPED, reason: Some("receiver_call_dropped"), pages: 1, seconds: DROPPED_CALL };
    assert_call("+15005550004", 1, expected).await;
}

#[tokio::test]
async fn number_0004_takes_the_second_attempt() {
    assert_call("+15005550004", 2, Expected { events: &DELIVERED, reason: None, pages: 3, seconds: WHOLE_CALL }).await;
}

#[tokio::test]
async fn number_0005_drops_every_attempt_after_one_page() {
    for attempt in [1, 3] {
        let expected = Expected { events: &DROPPED, reason: Some("receiver_call_dropped"), pages: 1, seconds: DROPPED_CALL };
        assert_call("+15005550005", attempt, expected).await;
    }
}

#[tokio::test]
async fn number_0006_has_no_fax_tone() {
    let expected = Expected { events: &NO_CALL, reason: Some("fax_initial_communication_timeout"), pages: 0, seconds: 39..=45 };
    assert_call("+15005550006", 1, expected).await;
}

#[tokio::test]
async fn number_0007_is_unallocated() {
    let expected = Expected { events: &NO_CALL, reason: Some("receiver_unallocated_number"), pages: 0, seconds: 1..=3 };
    assert_call("+15005550007", 1, expected).await;
}

#[tokio::test]
async fn number_0020_cannot_train() {
    let expected = Expected { events: &NO_CALL, reason: Some("fax_signaling_error"), pages: 0, seconds: 20..=40 };
    assert_call("+15005550020", 1, expected).await;
}

#[tokio::test]
async fn number_0021_never_confirms_the_second_page() {
    let expected = Expected { events: &DROPPED, reason: Some("receiver_communication_error"), pages: 1, seconds: 21..=60 };
    assert_call("+15005550021", 1, expected).await;
}

#[tokio::test]
async fn number_0008_is_delivered_in_silence() {
    let stage = Stage::new(FAST).await;
    let id = stage.send(&stage.fax("+15005550008")).await;
    assert_eq!(stage.view_when(&id, "delivered").await["page_count"], 3);
    // One that tells, to the end: whatever the silent one had to tell would have come before.
    let other = stage.send(&stage.fax("+15005550001")).await;
    stage.hooks(&other, 4).await;
    assert!(stage.product.hooks(&id).is_empty());
}

#[tokio::test]
async fn number_0009_tells_everything_twice_and_backwards() {
    let stage = Stage::new(FAST).await;
    let id = stage.send(&stage.fax("+15005550009")).await;
    let hooks = stage.hooks(&id, 8).await;
    let backwards = ["fax.delivered", "fax.sending.started", "fax.media.processed", "fax.queued"];
    assert_eq!(hooks.iter().map(|hook| hook.event()).collect::<Vec<_>>(), [backwards, backwards].concat());
    for (first, second) in hooks[..4].iter().zip(&hooks[4..]) {
        assert_eq!(first.json["data"], second.json["data"], "a repeated event is the same event");
    }
    assert_eq!(stage.view(&id).await["status"], "delivered");
}

#[tokio::test]
async fn a_client_state_that_nobody_understands_is_a_first_attempt() {
    let stage = Stage::new(FAST).await;
    let mut fax = stage.fax("+15005550004");
    fax["client_state"] = json!("!");
    let id = stage.send(&fax).await;
    assert_eq!(stage.view_when(&id, "failed").await["failure_reason"], "receiver_call_dropped");
    assert_eq!((stage.carrier.log()[0].fax_id.clone(), stage.carrier.log()[0].attempt), (None, 1));
}

#[tokio::test]
async fn a_call_lasts_at_the_speed_of_the_telephone_until_the_clock_leaps() {
    let stage = Stage::new(1.0).await;
    let id = stage.send(&stage.fax("+15005550001")).await;
    assert_eq!(stage.view_when(&id, "originated").await["page_count"], json!(null));
    stage.hooks(&id, 2).await;
    assert_eq!(stage.carrier.log()[0].outcome, None);

    stage.advance(SignedDuration::from_hours(72));
    stage.view_when(&id, "delivered").await;
    let hooks = stage.hooks(&id, 4).await;
    let at = |index: usize| -> Timestamp { hooks[index].json["data"]["occurred_at"].as_str().unwrap().parse().unwrap() };
    let call = at(3).duration_since(at(1)).as_secs_f64();
    let told = hooks[3].payload()["call_duration_secs"].as_f64().unwrap();
    assert!((call - told).abs() <= 0.5, "it ended when it was due, {call} s after it was dialled, not when the clock leapt");
    let sent: i64 = hooks[3].timestamp.parse().unwrap();
    assert!(sent >= (stage.clock.now() - SignedDuration::from_mins(5)).as_second(), "but it was told after the leap");
}
