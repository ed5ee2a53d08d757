//! One event on its way to one endpoint: what was tried, and what comes next.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::ApiTime;
use crate::due;
use crate::event::{Event, EventType};
use crate::id::{AccountId, DeliveryId, EndpointId, EventId};

/// How long after an attempt that failed the next one comes, by the number of attempts made: 75 h 35 min in all.
const PAUSES: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(24),
];
/// A receiver may ask for a later attempt, but no later than this.
const LONGEST_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// An attempt whose worker is not heard of for this long is taken for dead: longer than its deadline and its writes.
const LEASE: SignedDuration = SignedDuration::from_secs(45);
/// What is due within this time need not be recovered.
const SOON: SignedDuration = SignedDuration::from_secs(10);
/// The log of a delivery holds its last attempts.
const KEPT_ATTEMPTS: usize = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    Pending,
    Succeeded,
    Failed,
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryError {
    /// The URL's host has no address that may be connected to.
    HostNotAllowed,
    /// No connection.
    Connect,
    /// A certificate that is not good for the name, or a handshake that failed or broke off.
    Tls,
    /// The exchange was not over after 10 seconds.
    Timeout,
    /// The connection broke, or what came back is no HTTP.
    Protocol,
    /// Any answer that is not 2xx and not one of the following.
    Status,
    /// 3xx: redirects are not followed.
    Redirect,
    /// 410: the endpoint was disabled.
    Gone,
    /// Nothing was sent: the endpoint was disabled or deleted before.
    EndpointDisabled,
    /// Nothing was sent: the event is older than 30 days.
    EventExpired,
    /// Nothing was sent: the account's plan has no webhooks.
    PlanUpgradeRequired,
}

/// One attempt, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    pub duration_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<DeliveryError>,
    /// The first 1 KiB of the answer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub attempt: Attempt,
    pub retry_after: Option<SignedDuration>,
}

/// A delivery as it is stored: one for each event and endpoint, whose id follows from both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub account_id: AccountId,
    pub id: DeliveryId,
    pub endpoint_id: EndpointId,
    pub event_id: EventId,
    pub event_type: EventType,
    pub status: DeliveryStatus,
    /// Attempts of this round; redelivering begins a new one.
    pub tries: u32,
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// While an attempt is under way: whose, until `due_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    pub created_at: Timestamp,
    /// Seconds since the epoch: when the event's log ends.
    pub expires_at: i64,
    pub version: u64,
    /// The moment of the next attempt, or of the end of the lease, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<u8>,
}

impl Delivery {
    pub fn new(event: &Event, endpoint: EndpointId, now: Timestamp) -> Self {
        let id = DeliveryId::of(event.id, endpoint, event.created_at);
        Self {
            account_id: event.account_id,
            id,
            endpoint_id: endpoint,
            event_id: event.id,
            event_type: event.kind,
            status: DeliveryStatus::Pending,
            tries: 0,
            attempts: Vec::new(),
            claim: None,
            created_at: now,
            expires_at: event.expires_at,
            version: 1,
            due_at: Some(now.as_millisecond()),
            due_shard: Some(due::shard(&id.to_string())),
        }
    }

    /// When it is looked at next; never, once it has succeeded or failed.
    pub fn due(&self) -> Option<Timestamp> {
        self.due_at.filter(|_| self.status == DeliveryStatus::Pending).map(due::from_millis)
    }

    /// An attempt begins. Should its worker die, the next one comes when the lease ends: the receiver knows it by its id.
    pub fn claim(&mut self, token: String, now: Timestamp) {
        self.claim = Some(token);
        self.due_at = Some((now + LEASE).as_millisecond());
    }

    /// Nothing was tried, for want of room: that costs no attempt.
    pub fn deferred(&mut self, until: Timestamp) {
        self.due_at = Some(until.as_millisecond());
    }

    /// An attempt has ended. `jitter` in 0..1 lengthens the pause by up to a fifth.
    pub fn attempted(&mut self, outcome: Outcome, jitter: f64, now: Timestamp) {
        let Outcome { attempt, retry_after } = outcome;
        let error = attempt.error;
        self.log(attempt);
        self.tries += 1;
        self.claim = None;
        let pause = usize::try_from(self.tries).ok().and_then(|tries| PAUSES.get(tries.checked_sub(1)?));
        match (error, pause) {
            (None, _) => self.settle(DeliveryStatus::Succeeded),
            (Some(DeliveryError::Gone), _) | (_, None) => self.settle(DeliveryStatus::Failed),
            (Some(_), Some(pause)) => {
                let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
                self.due_at = Some((now + pause.mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 5.0).max(asked)).as_millisecond());
            }
        }
    }

    /// Another attempt was made beside the one that is written down or under way: it is in the log, and where it succeeded nothing more is
    /// tried.
    pub fn also_attempted(&mut self, attempt: Attempt) -> bool {
        let is_over = attempt.error.is_none() && self.status == DeliveryStatus::Pending;
        self.log(attempt);
        if is_over {
            self.claim = None;
            self.settle(DeliveryStatus::Succeeded);
        }
        true
    }

    /// It is not tried any more, and nothing was sent.
    pub fn given_up(&mut self, error: DeliveryError, now: Timestamp) {
        self.log(Attempt { at: now, duration_ms: 0, status_code: None, error: Some(error), answer: None });
        self.claim = None;
        self.settle(DeliveryStatus::Failed);
    }

    /// Begins a new round at once if it failed, or waits for an attempt far away. False when it has succeeded, or is
    /// tried anyway.
    pub fn recover(&mut self, now: Timestamp) -> bool {
        let waits = self.claim.is_none() && self.due().is_some_and(|due| due > now + SOON);
        let again = self.status == DeliveryStatus::Failed || waits;
        if again {
            self.redeliver(now);
        }
        again
    }

    /// Begins a new round at once, with the log of the old ones.
    pub fn redeliver(&mut self, now: Timestamp) {
        self.status = DeliveryStatus::Pending;
        self.tries = 0;
        self.claim = None;
        self.due_at = Some(now.as_millisecond());
        self.due_shard = Some(due::shard(&self.id.to_string()));
    }

    fn log(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        let over = self.attempts.len().saturating_sub(KEPT_ATTEMPTS);
        self.attempts.drain(..over);
    }

    fn settle(&mut self, status: DeliveryStatus) {
        self.status = status;
        self.due_at = None;
        self.due_shard = None;
    }

    /// What its owner sees of it.
    pub fn resource(&self) -> DeliveryResource<'_> {
        DeliveryResource {
            id: self.id,
            object: "webhook_delivery",
            endpoint_id: self.endpoint_id,
            event_id: self.event_id,
            event_type: self.event_type,
            status: self.status,
            attempts: self.attempts.iter().map(AttemptResource::from).collect(),
            next_attempt_at: self.due().map(ApiTime::from),
            created_at: self.created_at.into(),
        }
    }
}

/// The delivery as its owner sees it.
#[derive(Debug, Clone, Serialize)]
pub struct DeliveryResource<'a> {
    pub id: DeliveryId,
    pub object: &'static str,
    pub endpoint_id: EndpointId,
    pub event_id: EventId,
    pub event_type: EventType,
    pub status: DeliveryStatus,
    pub attempts: Vec<AttemptResource<'a>>,
    pub next_attempt_at: Option<ApiTime>,
    pub created_at: ApiTime,
}

#[derive(Debug, Clone, Serialize)]
pub struct AttemptResource<'a> {
    pub at: ApiTime,
    pub duration_ms: u64,
    pub status_code: Option<u16>,
    pub error: Option<DeliveryError>,
    pub answer: Option<&'a str>,
}

impl<'a> From<&'a Attempt> for AttemptResource<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        let Attempt { at, duration_ms, status_code, error, answer } = attempt;
        Self { at: (*at).into(), duration_ms: *duration_ms, status_code: *status_code, error: *error, answer: answer.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
    }

    fn pending() -> Delivery {
        let event = Event::test(AccountId::generate(at(0)), "{}".into(), at(0));
        Delivery::new(&event, EndpointId::generate(at(0)), at(0))
    }

    fn outcome(error: Option<DeliveryError>) -> Outcome {
        let attempt = Attempt { at: at(0), duration_ms: 5, status_code: None, error, answer: None };
        Outcome { attempt, retry_after: None }
    }

    fn tried(jitter: f64) -> Vec<i64> {
        let (mut delivery, mut times) = (pending(), Vec::new());
        while let Some(due) = delivery.due() {
            times.push(due.duration_since(at(0)).as_secs());
            delivery.claim("a".into(), due);
            delivery.attempted(outcome(Some(DeliveryError::Status)), jitter, due);
        }
        assert_eq!(delivery.status, DeliveryStatus::Failed);
        times
    }

    #[test]
    fn ten_attempts_are_made_over_75_hours_and_35_minutes_and_up_to_a_fifth_more() {
        let hours = |h: f64| (h * 3600.0) as i64;
        let pauses = [0, 5, 300, 1800, hours(2.0), hours(5.0), hours(10.0), hours(14.0), hours(20.0), hours(24.0)];
        let expected: Vec<i64> = (1..=10).map(|n| pauses[..n].iter().sum()).collect();
        assert_eq!(tried(0.0), expected);
        assert_eq!(expected[9], 75 * 3600 + 35 * 60 + 5);
        assert_eq!(tried(1.0)[9], expected[9] * 6 / 5);
    }

    #[test]
    fn what_succeeds_and_what_is_gone_is_settled_and_what_is_redelivered_begins_anew_with_its_log() {
        let mut delivery = pending();
        delivery.attempted(outcome(Some(DeliveryError::Gone)), 0.0, at(0));
        assert_eq!((delivery.status, delivery.due()), (DeliveryStatus::Failed, None));
        delivery.redeliver(at(60));
        assert_eq!((delivery.status, delivery.due(), delivery.attempts.len()), (DeliveryStatus::Pending, Some(at(60)), 1));
        delivery.attempted(outcome(None), 0.0, at(61));
        assert_eq!((delivery.status, delivery.due(), delivery.attempts.len()), (DeliveryStatus::Succeeded, None, 2));
    }

    #[test]
    fn what_failed_or_waits_long_is_recovered_and_what_succeeded_or_is_under_way_is_not() {
        let mut delivery = pending();
        assert!(!delivery.recover(at(0)), "it is due");
        delivery.claim("a".into(), at(0));
        assert!(!delivery.recover(at(1)), "it is under way");
        delivery.attempted(outcome(Some(DeliveryError::Status)), 0.0, at(2));
        assert!(!delivery.recover(at(3)), "it is due in four seconds");
        delivery.attempted(outcome(Some(DeliveryError::Status)), 0.0, at(7));
        assert!(delivery.recover(at(8)), "it is due in five minutes");
        assert_eq!((delivery.due(), delivery.tries, delivery.attempts.len()), (Some(at(8)), 0, 2));
        delivery.given_up(DeliveryError::EndpointDisabled, at(9));
        assert!(delivery.recover(at(10)));
        delivery.attempted(outcome(None), 0.0, at(11));
        assert!(!delivery.recover(at(100_000)));
    }

    #[test]
    fn a_receiver_may_ask_for_a_later_attempt_but_not_for_an_earlier_one_or_one_in_days() {
        for (asked, expected) in [(2, 5), (120, 120), (864_000, 86_400)] {
            let mut delivery = pending();
            let outcome = Outcome { retry_after: Some(SignedDuration::from_secs(asked)), ..outcome(Some(DeliveryError::Status)) };
            delivery.attempted(outcome, 0.0, at(0));
            assert_eq!(delivery.due(), Some(at(expected)));
        }
    }

    #[test]
    fn the_id_of_a_delivery_follows_from_its_event_and_endpoint() {
        let event = Event::test(AccountId::generate(at(0)), "{}".into(), at(0));
        let (one, other) = (EndpointId::generate(at(0)), EndpointId::generate(at(0)));
        assert_eq!(Delivery::new(&event, one, at(0)).id, Delivery::new(&event, one, at(9)).id);
        assert_ne!(Delivery::new(&event, one, at(0)).id, Delivery::new(&event, other, at(0)).id);
    }

    #[test]
    fn the_log_does_not_grow_for_ever() {
        let mut delivery = pending();
        for _ in 0..100 {
            delivery.attempted(outcome(None), 0.0, at(0));
        }
        assert_eq!(delivery.attempts.len(), KEPT_ATTEMPTS);
    }
}
