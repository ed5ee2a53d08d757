//! Webhooks: where an account is told of its events, and what it is told.
//!
//! An [`Endpoint`] is a URL with a secret; [`signature`] is how it knows us; a [`delivery`] is one event on its way to one endpoint.

pub mod delivery;
pub mod signature;

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use crate::clock::ApiTime;
use crate::event::EventType;
use crate::id::{AccountId, EndpointId, EventId};
use crate::secret::Secret;

/// How long an old secret signs beside a new one: the Standard Webhooks specification asks for an overlap, the 24 hours are our choice.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);
/// An endpoint whose every attempt failed for this long is disabled: as Svix does (docs.svix.com, "Retry schedule").
const DISABLED_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);
/// So many failures, and so far apart, it must have been at least: one event that fails is no proof.
const FAILURES: u32 = 5;
const FAILURES_APART: SignedDuration = SignedDuration::from_hours(12);
/// Of the way to being disabled, in percent: where a warning is logged.
const WARNINGS: [u8; 3] = [50, 70, 90];

/// How long an endpoint rests that asked for no time, the first time; twice as long each time in a row.
const FIRST_REST: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_REST: SignedDuration = SignedDuration::from_mins(5);
/// It may ask for a longer one, up to this.
const LONGEST_REST_ASKED: SignedDuration = SignedDuration::from_hours(24);
/// How long the first attempt after a rest keeps the others waiting: longer than its deadline.
const PROBE: SignedDuration = SignedDuration::from_secs(15);

/// An answer within this time is quick. Our choice: what has answered so is told of an event by whoever fans it out, so that one that hangs holds
/// up nobody's events but for the first time.
const QUICK: Duration = Duration::from_secs(1);

/// An account may have so many endpoints.
pub const MAX_ENDPOINTS: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndpointStatus {
    Enabled,
    Disabled,
}

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its owner, or an operator, switched it off.
    Owner,
    /// It answered 410 Gone.
    Gone,
    /// Nothing but failures for five days.
    Failing,
}

/// A signing secret, `whsec_` and base64 of 32 bytes, and until when it signs: the newest has no end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SigningSecret {
    pub secret: Secret,
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// Attempts that failed since the last one that did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    pub since: Timestamp,
    pub last: Timestamp,
    /// When the oldest event happened that was told in vain.
    pub oldest_event: Timestamp,
    pub attempts: u32,
    /// The last warning that was logged, in percent of the way.
    #[serde(default)]
    pub warned: u8,
}

/// An endpoint that has too much to do (429), or is behind a gateway that does not reach it (502, 503, 504), has a
/// rest: nothing of any event is sent to it until a moment, and from then on one attempt at a time until it answers
/// otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resting {
    pub until: Timestamp,
    /// How often in a row.
    pub times: u32,
    /// Until when the one attempt after the rest is taken for under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_until: Option<Timestamp>,
}

impl Resting {
    /// When an attempt may be made at the earliest. None when it may be made now.
    pub fn wait(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.probe_until.map_or(self.until, |probe| probe.max(self.until))).filter(|until| now < *until)
    }
}

/// What failed since a time, was put off, or was never told, is told now: a job, driven by an event of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The event that drives it. One of another recovery does nothing any more.
    pub job: EventId,
    pub since: Timestamp,
    pub started_at: Timestamp,
    /// The last event that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EventId>,
    /// Deliveries that were begun.
    pub begun: u64,
    /// Until when a worker is taken to be at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leased_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

impl Recovery {
    pub fn resource(&self) -> RecoveryResource {
        RecoveryResource {
            object: "recovery",
            status: if self.finished_at.is_some() { "finished" } else { "running" },
            since: self.since.into(),
            events: self.begun,
            started_at: self.started_at.into(),
            finished_at: self.finished_at.map(ApiTime::from),
        }
    }
}

/// A recovery as the endpoint's owner sees it.
#[derive(Debug, Clone, Serialize)]
pub struct RecoveryResource {
    pub object: &'static str,
    pub status: &'static str,
    pub since: ApiTime,
    /// So many are sent again, as far as it has come.
    pub events: u64,
    pub started_at: ApiTime,
    pub finished_at: Option<ApiTime>,
}

/// A webhook endpoint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Endpoint {
    pub account_id: AccountId,
    pub id: EndpointId,
    pub url: String,
    pub events: BTreeSet<EventType>,
    #[serde(default)]
    pub description: Option<String>,
    pub status: EndpointStatus,
    #[serde(default)]
    pub disabled_reason: Option<Reason>,
    #[serde(default)]
    pub disabled_at: Option<Timestamp>,
    /// Newest first.
    pub secrets: Vec<SigningSecret>,
    #[serde(default)]
    pub failing: Option<Failing>,
    #[serde(default)]
    pub resting: Option<Resting>,
    /// Its last attempt succeeded within a second.
    #[serde(default)]
    pub quick: bool,
    /// The last one.
    #[serde(default)]
    pub recovery: Option<Recovery>,
    pub created_at: Timestamp,
    /// Counts the writes of this item: each one is conditional on the one before it.
    pub version: u64,
}

/// What a failed attempt did to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointHealth {
    Failing,
    /// So many percent of the way to being disabled.
    Warning(u8),
    Disabled,
}

fn new_secret() -> SigningSecret {
    let bytes: [u8; 32] = rand::rng().random();
    SigningSecret { secret: Secret::new(format!("whsec_{}", STANDARD.encode(bytes))), until: None }
}

impl Endpoint {
    /// A new endpoint; without `events` it is told of the faxes' alone.
    pub fn new(account_id: AccountId, url: String, events: BTreeSet<EventType>, description: Option<String>, now: Timestamp) -> Self {
        let events = if events.is_empty() { EventType::OF_FAXES.into() } else { events };
        Self {
            account_id,
            id: EndpointId::generate(now),
            url,
            events,
            description,
            status: EndpointStatus::Enabled,
            disabled_reason: None,
            disabled_at: None,
            secrets: vec![new_secret()],
            failing: None,
            resting: None,
            quick: false,
            recovery: None,
            created_at: now,
            version: 1,
        }
    }

    pub fn wants(&self, kind: EventType) -> bool {
        self.status == EndpointStatus::Enabled && (self.events.contains(&kind) || kind == EventType::WebhookTest)
    }

    /// Whether an answer that took so long was a quick one.
    pub fn is_quick_answer(took: Duration) -> bool {
        took <= QUICK
    }

    /// Whether all is well with it: it is told of an event at once, without a queue of its own.
    pub fn is_quick(&self) -> bool {
        self.quick && self.failing.is_none() && self.resting.is_none()
    }

    /// The secrets that sign now, newest first.
    pub fn signing(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().filter(move |secret| secret.until.is_none_or(|until| now < until)).map(|secret| &secret.secret)
    }

    /// Makes a new secret. The one before it signs for a day more, or not at all any more.
    pub fn rotate(&mut self, expire_now: bool, now: Timestamp) {
        self.secrets.truncate(1);
        if expire_now {
            self.secrets.clear();
        }
        for old in &mut self.secrets {
            old.until = Some(now + OVERLAP);
        }
        self.secrets.insert(0, new_secret());
    }

    /// Ends the overlap: from now on the newest secret signs alone.
    pub fn expire_old_secrets(&mut self) {
        self.secrets.truncate(1);
    }

    pub fn enable(&mut self) {
        self.status = EndpointStatus::Enabled;
        self.disabled_reason = None;
        self.disabled_at = None;
        self.failing = None;
        self.resting = None;
        self.quick = false;
    }

    pub fn disable(&mut self, reason: Reason, now: Timestamp) {
        if self.status == EndpointStatus::Enabled {
            self.disabled_at = Some(now);
        }
        self.status = EndpointStatus::Disabled;
        self.disabled_reason = Some(reason);
    }

    /// It asked for a rest, perhaps of a length. Attempts that were under way together ask once.
    pub fn throttled(&mut self, asked: Option<SignedDuration>, now: Timestamp) {
        let asked = asked.unwrap_or_default().min(LONGEST_REST_ASKED);
        let before = self.resting.unwrap_or(Resting { until: now, times: 0, probe_until: None });
        let (times, pause) = if now < before.until {
            (before.times, SignedDuration::ZERO)
        } else {
            (before.times.saturating_add(1), (FIRST_REST * 2_i32.pow(before.times.min(10))).min(LONGEST_REST))
        };
        self.resting = Some(Resting { until: before.until.max(now + pause.max(asked)), times, probe_until: None });
    }

    /// Whether an attempt may be made now; if not, when. The first one after a rest keeps the others waiting until it
    /// is over.
    ///
    /// # Errors
    /// The time from which one may be made.
    pub fn probe(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let Some(resting) = &mut self.resting else { return Ok(()) };
        match resting.wait(now) {
            Some(until) => Err(until),
            None => {
                resting.probe_until = Some(now + PROBE);
                Ok(())
            }
        }
    }

    /// A recovery begins, or takes over from the one that runs.
    pub fn recover(&mut self, job: EventId, since: Timestamp, now: Timestamp) -> Recovery {
        let running = self.recovery.filter(|recovery| recovery.finished_at.is_none());
        let since = running.map_or(since, |running| running.since.min(since));
        // Its owner says that it is well.
        self.resting = None;
        let (after, leased_until, finished_at) = (None, None, None);
        *self.recovery.insert(Recovery { job, since, started_at: now, after, begun: 0, leased_until, finished_at })
    }

    /// Since when events were told in vain, or not at all: what a recovery would begin with. None when nothing was missed.
    pub fn missed_since(&self) -> Option<Timestamp> {
        self.failing.map(|failing| failing.oldest_event).into_iter().chain(self.disabled_at).min()
    }

    /// An attempt failed to tell of an event of `event_at`.
    pub fn failed(&mut self, event_at: Timestamp, now: Timestamp) -> EndpointHealth {
        let failing = self.failing.get_or_insert(Failing { since: now, last: now, oldest_event: event_at, attempts: 0, warned: 0 });
        failing.oldest_event = failing.oldest_event.min(event_at);
        failing.last = failing.last.max(now);
        failing.attempts = failing.attempts.saturating_add(1);
        let since = failing.last.duration_since(failing.since);
        let way = u8::try_from((since.as_secs() * 100 / DISABLED_AFTER.as_secs()).clamp(0, 100)).unwrap_or(100);
        if way >= 100 && failing.attempts >= FAILURES && since >= FAILURES_APART && self.status == EndpointStatus::Enabled {
            self.disable(Reason::Failing, now);
            return EndpointHealth::Disabled;
        }
        match WARNINGS.into_iter().rev().find(|warning| way >= *warning && *warning > failing.warned) {
            Some(warning) => {
                failing.warned = warning;
                EndpointHealth::Warning(warning)
            }
            None => EndpointHealth::Failing,
        }
    }

    /// What is shown of it, without its secret.
    pub fn resource(&self) -> EndpointResource<'_> {
        EndpointResource {
            id: self.id,
            object: "webhook_endpoint",
            url: &self.url,
            events: &self.events,
            description: self.description.as_deref(),
            status: self.status,
            disabled_reason: self.disabled_reason,
            failing_since: self.failing.map(|failing| failing.since.into()),
            resting_until: self.resting.map(|resting| resting.until.into()),
            recovery: self.recovery.map(|recovery| recovery.resource()),
            created_at: self.created_at.into(),
        }
    }
}

/// The endpoint as its owner sees it.
#[derive(Debug, Clone, Serialize)]
pub struct EndpointResource<'a> {
    pub id: EndpointId,
    pub object: &'static str,
    pub url: &'a str,
    pub events: &'a BTreeSet<EventType>,
    pub description: Option<&'a str>,
    pub status: EndpointStatus,
    pub disabled_reason: Option<Reason>,
    /// Since when nothing but failures; null when the last attempt succeeded.
    pub failing_since: Option<ApiTime>,
    /// Until when nothing is sent to it, because it answered 429, 502, 503 or 504; null when it does not rest.
    pub resting_until: Option<ApiTime>,
    /// The last recovery; null when there was none.
    pub recovery: Option<RecoveryResource>,
    pub created_at: ApiTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap_or_default()
    }

    fn endpoint() -> Endpoint {
        Endpoint::new(AccountId::generate(at(0)), "https://example.com/hook".into(), BTreeSet::new(), None, at(0))
    }

    #[test]
    fn an_endpoint_is_told_of_faxes_and_of_schedules_only_if_it_asks() {
        let endpoint = endpoint();
        assert!(endpoint.wants(EventType::FaxDelivered) && endpoint.wants(EventType::FaxFailed) && endpoint.wants(EventType::FaxReceived));
        assert!(!endpoint.wants(EventType::ScheduledFailed) && !endpoint.wants(EventType::FaxQueued));
        let mut disabled = endpoint;
        disabled.disable(Reason::Owner, at(7));
        assert_eq!(disabled.missed_since(), Some(at(7)));
        assert!(!disabled.wants(EventType::FaxDelivered));
    }

    #[test]
    fn during_a_rotation_both_secrets_sign_new_first_and_then_the_new_one_alone() {
        let mut endpoint = endpoint();
        let first = endpoint.secrets[0].secret.clone();
        endpoint.rotate(false, at(0));
        let second = endpoint.secrets[0].secret.clone();
        assert_eq!(endpoint.signing(at(23)).collect::<Vec<_>>(), [&second, &first]);
        assert_eq!(endpoint.signing(at(24)).collect::<Vec<_>>(), [&second]);
        endpoint.rotate(false, at(1));
        assert_eq!(endpoint.signing(at(1)).count(), 2, "of three only the last two");
        endpoint.rotate(true, at(1));
        assert_eq!(endpoint.signing(at(1)).count(), 1);
        assert!(STANDARD.decode(&endpoint.secrets[0].secret.expose()[6..]).is_ok_and(|bytes| bytes.len() == 32));
    }

    #[test]
    fn five_days_of_nothing_but_failures_disable_with_warnings_on_the_way() {
        let mut endpoint = endpoint();
        let mut told = Vec::new();
        for hour in (0..=120).step_by(6) {
            match endpoint.failed(at(hour - 1), at(hour)) {
                EndpointHealth::Failing => {}
                other => told.push((hour, other)),
            }
        }
        let warning = EndpointHealth::Warning;
        assert_eq!(told, [(60, warning(50)), (84, warning(70)), (108, warning(90)), (120, EndpointHealth::Disabled)]);
        assert_eq!((endpoint.status, endpoint.disabled_reason), (EndpointStatus::Disabled, Some(Reason::Failing)));
        assert_eq!(endpoint.missed_since(), Some(at(-1)), "the event whose failure was the first");
        endpoint.enable();
        assert_eq!((endpoint.status, endpoint.failing), (EndpointStatus::Enabled, None));
    }

    #[test]
    fn a_rest_is_as_long_as_was_asked_or_grows_and_one_attempt_ends_it() {
        let seconds = |seconds| at(0) + SignedDuration::from_secs(seconds);
        let mut endpoint = endpoint();
        let until = |endpoint: &Endpoint| endpoint.resting.map(|resting| resting.until);
        assert_eq!(endpoint.probe(at(0)), Ok(()), "one that does not rest");
        endpoint.throttled(None, seconds(0));
        endpoint.throttled(None, seconds(1));
        assert_eq!(until(&endpoint), Some(seconds(5)), "two that were under way together");
        assert_eq!(endpoint.probe(seconds(4)), Err(seconds(5)));
        assert_eq!(endpoint.probe(seconds(5)), Ok(()));
        assert_eq!(endpoint.probe(seconds(6)), Err(seconds(20)), "the others wait for the first");
        endpoint.throttled(None, seconds(6));
        assert_eq!(until(&endpoint), Some(seconds(16)), "twice as long");
        endpoint.throttled(Some(SignedDuration::from_hours(2)), seconds(7));
        assert_eq!(until(&endpoint), Some(seconds(7207)));
        endpoint.throttled(Some(SignedDuration::from_hours(200)), at(3));
        assert_eq!(until(&endpoint), Some(at(27)), "a day at most");
        for hour in 30..60 {
            endpoint.throttled(None, at(hour));
        }
        assert_eq!(until(&endpoint), Some(at(59) + LONGEST_REST));
    }

    #[test]
    fn a_recovery_takes_over_from_the_one_that_runs() {
        let mut endpoint = endpoint();
        let [one, two] = [at(9), at(10)].map(EventId::generate);
        endpoint.recover(one, at(5), at(9));
        let both = endpoint.recover(two, at(7), at(10));
        assert_eq!((both.job, both.since), (two, at(5)));
        if let Some(recovery) = &mut endpoint.recovery {
            recovery.finished_at = Some(at(11));
        }
        assert_eq!(endpoint.recover(one, at(7), at(12)).since, at(7));
    }

    #[test]
    fn a_few_failures_far_apart_do_not_disable() {
        let mut endpoint = endpoint();
        for hour in [0, 130, 260, 390] {
            assert_ne!(endpoint.failed(at(hour), at(hour)), EndpointHealth::Disabled, "{hour}");
        }
        assert_eq!(endpoint.failed(at(400), at(400)), EndpointHealth::Disabled, "the fifth");
    }
}
