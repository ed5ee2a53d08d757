//! Domain events: rows written in the transaction of the change that they tell of, and published from the table's stream.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::ApiTime;
use crate::due;
use crate::fax::{Fax, FaxStatus};
use crate::id::{AccountId, EndpointId, EventId, FaxId, ScheduledId};
use crate::scheduled::Scheduled;
use crate::text_enum::{UnknownName, text_enum};
use crate::trace::TraceParent;

/// How long events can be listed, and their webhooks redelivered.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// An event that was not fanned out by then is published again by the dispatcher. Our choice: the stream, bus and queue take seconds.
const FANNED_OUT_WITHIN: SignedDuration = SignedDuration::from_mins(2);

text_enum! {
    pub enum EventType {
        /// Internal: a fax is to be transmitted.
        FaxQueued = "fax.queued",
        FaxDelivered = "fax.delivered",
        FaxFailed = "fax.failed",
        FaxReceived = "fax.received",
        FaxCanceled = "fax.canceled",
        /// A scheduled fax that did not become one.
        ScheduledFailed = "scheduled.failed",
        /// Made by hand, for one endpoint.
        WebhookTest = "webhook.test",
        /// Internal: an endpoint's recovery is to go on.
        WebhookRecovery = "webhook.recovery",
    }
}

impl EventType {
    /// What an endpoint is told of that asks for nothing in particular.
    pub const OF_FAXES: [Self; 3] = [Self::FaxDelivered, Self::FaxFailed, Self::FaxReceived];

    /// A type of event that an endpoint can ask for.
    ///
    /// # Errors
    /// [`UnknownName`] for all else, internal events too.
    pub fn for_endpoint(text: &str) -> Result<Self, UnknownName> {
        const NAMES: [EventType; 5] =
            [EventType::FaxDelivered, EventType::FaxFailed, EventType::FaxReceived, EventType::FaxCanceled, EventType::ScheduledFailed];
        const TEXTS: [&str; 5] = [NAMES[0].as_str(), NAMES[1].as_str(), NAMES[2].as_str(), NAMES[3].as_str(), NAMES[4].as_str()];
        NAMES.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownName(&TEXTS))
    }
}

/// An event as it is stored, and without its data as it travels on the bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub account_id: AccountId,
    pub id: EventId,
    #[serde(rename = "type")]
    pub kind: EventType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fax_id: Option<FaxId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_id: Option<ScheduledId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<EndpointId>,
    pub created_at: Timestamp,
    /// The caller's trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
    /// Of a test key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
    /// The resource as it was at that moment, in JSON: the `data` of its webhooks, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Seconds since the epoch.
    pub expires_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<u8>,
}

impl Event {
    /// Tells that a fax was accepted. Should it get lost, the fax's own due time drives the fax, so it has none.
    pub fn queued(fax: &Fax) -> Self {
        Self {
            account_id: fax.account_id,
            id: EventId::generate(fax.created_at),
            kind: EventType::FaxQueued,
            fax_id: Some(fax.id),
            scheduled_id: None,
            endpoint_id: None,
            created_at: fax.created_at,
            trace: fax.trace,
            test: !fax.live,
            data: None,
            expires_at: (fax.created_at + KEPT).as_second(),
            due_at: None,
            due_shard: None,
        }
    }

    /// Tells that a fax reached its final status, or came in.
    ///
    /// # Errors
    /// When the fax cannot be written as JSON.
    pub fn completed(fax: &Fax, now: Timestamp) -> Result<Self, serde_json::Error> {
        let kind = match fax.status {
            FaxStatus::Delivered => EventType::FaxDelivered,
            FaxStatus::Received => EventType::FaxReceived,
            FaxStatus::Canceled => EventType::FaxCanceled,
            FaxStatus::Queued | FaxStatus::Sending | FaxStatus::Failed => EventType::FaxFailed,
        };
        let event = Self::outward(fax.account_id, kind, serde_json::to_string(&fax.resource())?, now);
        Ok(Self { fax_id: Some(fax.id), trace: fax.trace, test: !fax.live, ..event })
    }

    /// Tells that a scheduled fax did not become one.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn not_sent(scheduled: &Scheduled, now: Timestamp) -> Result<Self, serde_json::Error> {
        let data = serde_json::to_string(&scheduled.resource())?;
        let event = Self::outward(scheduled.account_id, EventType::ScheduledFailed, data, now);
        Ok(Self { scheduled_id: Some(scheduled.id), trace: scheduled.trace, test: !scheduled.live, ..event })
    }

    /// Tells one endpoint that it is reached. Its delivery is written with it, so it has no due time, and no rule of the bus passes it on.
    pub fn test(account_id: AccountId, data: String, now: Timestamp) -> Self {
        Self { due_at: None, due_shard: None, ..Self::outward(account_id, EventType::WebhookTest, data, now) }
    }

    /// Begins a recovery of an endpoint. It is due until the recovery is over, so that one whose worker died goes on.
    pub fn recovery(account_id: AccountId, endpoint_id: EndpointId, now: Timestamp) -> Self {
        let event = Self::outward(account_id, EventType::WebhookRecovery, String::new(), now);
        Self { endpoint_id: Some(endpoint_id), data: None, ..event }
    }

    /// The trace that its webhooks belong to: the caller's, else that of the fax, of the scheduled fax, or its own.
    pub fn trace(&self) -> TraceParent {
        let id = self.fax_id.map(FaxId::bits).or(self.scheduled_id.map(ScheduledId::bits)).unwrap_or(self.id.bits());
        self.trace.unwrap_or_else(|| TraceParent::begun(id))
    }

    /// The event as it travels: ids, type and times. Its data have telephone numbers, and stay in the table, from which whoever tells of
    /// it reads them.
    pub fn slim(&self) -> Self {
        Self { data: None, trace: None, due_at: None, due_shard: None, ..self.clone() }
    }

    /// What its webhooks carry, the same bytes each time. None for an event that is nobody's outside.
    pub fn body(&self) -> Option<String> {
        let (id, kind, created_at) = (self.id, self.kind.as_str(), ApiTime::from(self.created_at));
        let created_at = serde_json::to_string(&created_at).ok()?;
        Some(format!(r#"{{"id":"{id}","type":"{kind}","created_at":{created_at},"data":{}}}"#, self.data.as_ref()?))
    }

    /// An event that customers are told of.
    fn outward(account_id: AccountId, kind: EventType, data: String, now: Timestamp) -> Self {
        let id = EventId::generate(now);
        Self {
            account_id,
            id,
            kind,
            fax_id: None,
            scheduled_id: None,
            endpoint_id: None,
            created_at: now,
            trace: None,
            test: false,
            data: Some(data),
            expires_at: (now + KEPT).as_second(),
            due_at: Some((now + FANNED_OUT_WITHIN).as_millisecond()),
            due_shard: Some(due::shard(&id.to_string())),
        }
    }
}
