//! Queue `webhooks` → a customer's endpoint. A message is a hint to look at a delivery; what to do follows from its row.
//!
//! An attempt takes one of the endpoint's slots, so that a slow endpoint delays nobody else's; then it claims the row, a lease that
//! ends by itself; then it posts; then it writes down how that went, with the time of the next attempt. Whoever dies in between leaves
//! a row that is due when the lease ends: the receiver may get the event twice, under the same id.

mod post;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use sfm_core::clock::Clock;
use sfm_core::event::Event;
use sfm_core::guarded::Guard;
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::queue::{Queue, failures, fenced};
use sfm_core::runtime::{Error, Worker};
use sfm_core::store::ReplaceError;
use sfm_core::store::deliveries::{Deliveries, DeliveryKey};
use sfm_core::store::events::Events;
use sfm_core::store::slots::Slots;
use sfm_core::store::webhooks::Webhooks;
use sfm_core::transmission::claim_token;
use sfm_core::webhook::delivery::{Delivery, Outcome, Trouble};
use sfm_core::webhook::{Endpoint, Health, Reason, Status};

/// Attempts at one endpoint at a time.
const AT_A_TIME: usize = 10;
/// Attempts at all endpoints of an account at a time: one whose endpoints all hang leaves most workers to the others.
const OF_AN_ACCOUNT: usize = 25;
/// A slot whose worker died is free again after so long: longer than a claim.
const SLOT_LEASE: SignedDuration = SignedDuration::from_secs(60);
/// For the whole exchange, the answer's body included.
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct DeliverWebhook {
    deliveries: Deliveries,
    webhooks: Webhooks,
    events: Events,
    slots: Slots,
    account_slots: Slots,
    queue: Queue,
    guard: Guard,
    clock: Clock,
}

impl Worker for DeliverWebhook {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            deliveries: Deliveries::new(platform)?,
            webhooks: Webhooks::new(platform)?,
            events: Events::new(platform)?,
            slots: Slots::new(platform, AT_A_TIME, SLOT_LEASE)?,
            account_slots: Slots::new(platform, OF_AN_ACCOUNT, SLOT_LEASE)?,
            queue: Queue::new(platform, "WEBHOOKS_QUEUE_URL")?,
            guard: Guard::new(platform)?,
            clock: platform.clock(),
        })
    }

    async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let followed = join_all(batch.records.iter().map(|message| fenced(self.follow(message.body.as_deref())))).await;
        Ok(failures(&batch.records, followed, "webhook not delivered"))
    }
}

impl DeliverWebhook {
    async fn follow(&self, message: Option<&str>) -> Result<(), Error> {
        let key: DeliveryKey = serde_json::from_str(message.unwrap_or_default())?;
        let Some(delivery) = self.deliveries.get(key).await? else { return Ok(()) };
        let Some(due) = delivery.due() else { return Ok(()) };
        if due > self.clock.now() {
            // Another worker has it, or its own hint comes in its time.
            return Ok(());
        }
        let endpoint = self.webhooks.get(delivery.account_id, delivery.endpoint_id).await?;
        let event = self.events.get(delivery.account_id, delivery.event_id).await?;
        match (endpoint.filter(|endpoint| endpoint.wants(delivery.event_type)), event) {
            (Some(endpoint), Some(event)) => self.attempt(delivery, &endpoint, &event).await,
            (None, _) => self.give_up(delivery, Trouble::EndpointDisabled).await,
            (_, None) => self.give_up(delivery, Trouble::EventExpired).await,
        }
    }

    async fn attempt(&self, mut delivery: Delivery, endpoint: &Endpoint, event: &Event) -> Result<(), Error> {
        let Some(of_account) = self.account_slots.take(endpoint.account_id, self.clock.now()).await? else {
            return self.defer(delivery).await;
        };
        let Some(slot) = self.slots.take(endpoint.id, self.clock.now()).await? else {
            self.account_slots.give_back(&of_account).await;
            return self.defer(delivery).await;
        };
        let done = async {
            let now = self.clock.now();
            delivery.claim(claim_token(), now);
            match self.deliveries.replace(&mut delivery).await {
                Ok(()) => {}
                // Another worker was faster, and has it now.
                Err(ReplaceError::Conflict) => return Ok(()),
                Err(e) => return Err(e.into()),
            }
            let outcome = post::post(&self.guard, endpoint, event, DEADLINE, &self.clock).await;
            self.record(delivery, endpoint, event, outcome).await
        };
        let done = done.await;
        tokio::join!(self.slots.give_back(&slot), self.account_slots.give_back(&of_account));
        done
    }

    async fn record(&self, mut delivery: Delivery, endpoint: &Endpoint, event: &Event, outcome: Outcome) -> Result<(), Error> {
        let error = outcome.attempt.error;
        let now = self.clock.now();
        let tries = delivery.tries + 1;
        match error {
            None => tracing::info!(delivery_id = %delivery.id, event_id = %delivery.event_id, tries, "webhook delivered"),
            Some(error) => tracing::warn!(delivery_id = %delivery.id, event_id = %delivery.event_id, tries, ?error, "webhook failed"),
        }
        delivery.attempted(outcome, rand::rng().random_range(0.0..1.0), now);
        match self.deliveries.replace(&mut delivery).await {
            Ok(()) => {}
            // The lease had ended: whoever has it now goes on, and the receiver may be told twice.
            Err(ReplaceError::Conflict) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
        self.hint(&delivery).await;
        if error.is_some() || endpoint.failing.is_some() {
            self.judge(&delivery, event, error, now).await?;
        }
        Ok(())
    }

    /// What an attempt says of the endpoint's health.
    async fn judge(&self, delivery: &Delivery, event: &Event, error: Option<Trouble>, now: Timestamp) -> Result<(), Error> {
        let judged = self.webhooks.update(delivery.account_id, delivery.endpoint_id, |endpoint| match error {
            None => (endpoint.failing.take().is_some(), Health::Failing),
            // Nothing that was under way when it was switched off, or on again, says more of it.
            Some(_) if endpoint.status == Status::Disabled => (false, Health::Failing),
            Some(Trouble::Gone) => {
                endpoint.disable(Reason::Gone, now);
                (true, Health::Disabled)
            }
            Some(_) => (true, endpoint.failed(event.created_at, now)),
        });
        match judged.await? {
            Some((endpoint, Health::Warning(percent))) => {
                tracing::warn!(endpoint_id = %endpoint.id, percent, "a webhook endpoint is on its way to being disabled");
            }
            Some((endpoint, Health::Disabled)) => {
                tracing::error!(endpoint_id = %endpoint.id, reason = ?endpoint.disabled_reason, "a webhook endpoint was disabled");
            }
            _ => {}
        }
        Ok(())
    }

    /// The endpoint has as many attempts under way as it may: the row waits as long again as it has waited,
    /// some seconds at first, which costs no attempt.
    async fn defer(&self, mut delivery: Delivery) -> Result<(), Error> {
        let now = self.clock.now();
        let waited = now.duration_since(delivery.created_at);
        let pause = waited.clamp(SignedDuration::from_secs(5), SignedDuration::from_mins(10));
        delivery.deferred(now + pause.mul_f64(rand::rng().random_range(0.5..1.5)));
        match self.deliveries.replace(&mut delivery).await {
            Ok(()) => self.hint(&delivery).await,
            Err(ReplaceError::Conflict) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    async fn give_up(&self, mut delivery: Delivery, error: Trouble) -> Result<(), Error> {
        tracing::warn!(delivery_id = %delivery.id, ?error, "webhook not delivered");
        delivery.given_up(error, self.clock.now());
        match self.deliveries.replace(&mut delivery).await {
            Ok(()) | Err(ReplaceError::Conflict) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Wakes a worker at the due time. What is due later than the longest delay is the dispatcher's, and so is a hint that got lost.
    async fn hint(&self, delivery: &Delivery) {
        let Some(due) = delivery.due() else { return };
        let key = DeliveryKey::from(delivery);
        if let Err(e) = self.queue.send_fair(&key, key.account_id, due, self.clock.now()).await {
            tracing::warn!(error = %e, delivery_id = %delivery.id, "hint not sent");
        }
    }
}
