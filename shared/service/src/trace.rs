//! The whole way of a fax, as the tables know it: for whoever asks what became of one.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sfm_core::audit::Action;
use sfm_core::clock::ApiTime;
use sfm_core::event::{Event, EventType};
use sfm_core::failure::FailureCode;
use sfm_core::fax::{AttemptOutcome, Fax, FaxStatus};
use sfm_core::id::{AccountId, EndpointId, EventId, FaxId};
use sfm_core::webhook::delivery::DeliveryError;
use sfm_store::StoreError;
use sfm_store::audit::Audit;
use sfm_store::events::Events;
use sfm_store::platform::{ConfigError, Platform};

use crate::faxes::FaxReader;
use crate::webhooks::{WebhookError, WebhookService};

/// Events and audit entries that are read at a time.
const PAGE: u32 = 100;
/// Events of a fax are written with its end, or by a repetition of the same step soon after.
const LAST_EVENT: SignedDuration = SignedDuration::from_hours(1);

/// Reads what there is to know of a fax. For operators: it goes through the account's events and audit entries since the fax was accepted.
#[derive(Debug)]
pub struct FaxTrace {
    faxes: FaxReader,
    events: Events,
    webhooks: WebhookService,
    audit: Audit,
}

/// Something that happened to a fax.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    pub at: ApiTime,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    Accepted,
    AttemptBegan { attempt: u32 },
    AttemptEnded { attempt: u32, outcome: Option<AttemptOutcome>, pages_sent: u32 },
    CancelRequested,
    Ended { status: FaxStatus, failure: Option<FailureCode> },
    Event { event_id: EventId, event_type: EventType },
    Told { event_id: EventId, endpoint_id: EndpointId, status_code: Option<u16>, error: Option<DeliveryError>, duration_ms: u64 },
    Audited { actor: String, action: Action, detail: Option<String> },
}

impl FaxTrace {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            faxes: FaxReader::new(platform)?,
            events: Events::new(platform)?,
            webhooks: WebhookService::new(platform)?,
            audit: Audit::new(platform)?,
        })
    }

    /// The fax and what happened to it, oldest first; None when there is none, or it was deleted.
    ///
    /// # Errors
    /// As [`WebhookService::deliveries_of_event`].
    pub async fn of(&self, account: AccountId, id: FaxId) -> Result<Option<(Fax, Vec<Step>)>, WebhookError> {
        let Some(fax) = self.faxes.get(account, id).await? else { return Ok(None) };
        let mut steps = own(&fax);
        for event in self.events(&fax).await? {
            steps.push(step(event.created_at, What::Event { event_id: event.id, event_type: event.kind }));
            for delivery in self.webhooks.deliveries_of_event(account, event.id).await? {
                steps.extend(delivery.attempts.iter().map(|attempt| {
                    let (status_code, error, duration_ms) = (attempt.status_code, attempt.error, attempt.duration_ms);
                    let endpoint_id = delivery.endpoint_id;
                    step(attempt.at, What::Told { event_id: event.id, endpoint_id, status_code, error, duration_ms })
                }));
            }
        }
        steps.extend(self.audited(&fax).await?);
        steps.sort_by_key(|step| step.at);
        Ok(Some((fax, steps)))
    }

    async fn events(&self, fax: &Fax) -> Result<Vec<Event>, StoreError> {
        let until = fax.completed_at.map(|at| at.saturating_add(LAST_EVENT).unwrap_or(Timestamp::MAX));
        let (mut of_fax, mut after) = (Vec::new(), None);
        loop {
            let (events, more) = self.events.since(fax.account_id, fax.created_at, after, i32::try_from(PAGE).unwrap_or(i32::MAX)).await?;
            after = events.last().map(|event| event.id);
            let is_over = events.last().is_some_and(|event| until.is_some_and(|until| event.created_at > until));
            of_fax.extend(events.into_iter().filter(|event| event.fax_id == Some(fax.id)));
            if !more || is_over {
                return Ok(of_fax);
            }
        }
    }

    async fn audited(&self, fax: &Fax) -> Result<Vec<Step>, StoreError> {
        let (id, mut of_fax, mut before) = (fax.id.to_string(), Vec::new(), None);
        loop {
            let entries = self.audit.list(fax.account_id, before, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(of_fax) };
            before = Some(last.id);
            let is_over = last.at < fax.created_at;
            let entries = entries.into_iter().filter(|entry| entry.target == id);
            of_fax.extend(
                entries.map(|entry| step(entry.at, What::Audited { actor: entry.actor, action: entry.action, detail: entry.detail })),
            );
            if is_over {
                return Ok(of_fax);
            }
        }
    }
}

fn step(at: Timestamp, what: What) -> Step {
    Step { at: at.into(), what }
}

/// What the fax itself tells.
fn own(fax: &Fax) -> Vec<Step> {
    let mut steps = vec![step(fax.created_at, What::Accepted)];
    for attempt in &fax.attempts {
        steps.push(step(attempt.started_at, What::AttemptBegan { attempt: attempt.number }));
        let ended = What::AttemptEnded { attempt: attempt.number, outcome: attempt.outcome, pages_sent: attempt.pages_sent };
        steps.extend(attempt.ended_at.map(|at| step(at, ended)));
    }
    steps.extend(fax.cancel_requested_at.map(|at| step(at, What::CancelRequested)));
    steps.extend(fax.completed_at.map(|at| step(at, What::Ended { status: fax.status, failure: fax.failure })));
    steps
}
