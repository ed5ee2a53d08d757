//! Attempts to tell an endpoint of an event, and what is written down of them.

mod post;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;

use sfm_core::clock::Clock;
use sfm_core::event::Event;
use sfm_core::webhook::delivery::{Attempt, Delivery, DeliveryError, Outcome};
use sfm_core::webhook::{Endpoint, EndpointHealth, EndpointStatus, Reason};
use sfm_http_client::ssrf::SafeHttp;
use sfm_store::deliveries::{Deliveries, DeliveryKey};
use sfm_store::metrics::{Metric, Metrics};
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::queue::{Queue, QueueError};
use sfm_store::webhooks::Webhooks;
use sfm_store::{ReplaceError, StoreError};

use post::Connection;

/// For the whole exchange, the answer's body included.
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub struct WebhookAttempts {
    deliveries: Deliveries,
    webhooks: Webhooks,
    queue: Queue,
    guard: SafeHttp,
    metrics: Metrics,
    clock: Clock,
}

impl WebhookAttempts {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            deliveries: Deliveries::new(platform)?,
            webhooks: Webhooks::new(platform)?,
            queue: Queue::new(platform, "WEBHOOKS_QUEUE_URL")?,
            guard: platform.guard()?,
            metrics: Metrics::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Makes the first attempt at once, and writes the delivery with its outcome: for an endpoint that answers quickly.
    /// (1 call; 1 WRU and 1 for each index: 3, 4 where it is tried again)
    ///
    /// Whoever calls it sees to it that the event comes again should the process die in between: then the receiver is told twice, under one id.
    pub async fn first(&self, endpoint: &Endpoint, event: &Event) -> Result<(), StoreError> {
        let mut delivery = Delivery::new(event, endpoint.id, self.clock.now());
        let outcome = post::post(&self.guard, endpoint, event, (Connection::Kept, DEADLINE), &self.clock).await;
        let told = self.conclude(&mut delivery, event, &outcome);
        if self.deliveries.add(&delivery).await? {
            self.hint(&delivery).await;
        } else {
            // The event came twice, or a recovery has begun it.
            self.log_beside(&delivery, outcome.attempt).await?;
        }
        self.judge(endpoint, event, told).await;
        Ok(())
    }

    /// Makes an attempt of a delivery that the caller has claimed, and writes down how it ended.
    pub async fn again(&self, mut delivery: Delivery, endpoint: &Endpoint, event: &Event) -> Result<(), StoreError> {
        let outcome = post::post(&self.guard, endpoint, event, (Connection::New, DEADLINE), &self.clock).await;
        let told = self.conclude(&mut delivery, event, &outcome);
        match self.deliveries.replace(&mut delivery).await {
            Ok(()) => {}
            // The lease had ended, and whoever has it now goes on; or a copy of the event was told of beside it.
            Err(ReplaceError::Conflict) => return self.log_beside(&delivery, outcome.attempt).await,
            Err(ReplaceError::Store(e)) => return Err(e),
        }
        self.hint(&delivery).await;
        self.judge(endpoint, event, told).await;
        Ok(())
    }

    /// Writes down an attempt that was made beside another one: the log has both.
    async fn log_beside(&self, delivery: &Delivery, attempt: Attempt) -> Result<(), StoreError> {
        let logged = self.deliveries.update(DeliveryKey::from(delivery), |delivery| delivery.also_attempted(attempt.clone()));
        logged.await.map(drop)
    }

    fn conclude(&self, delivery: &mut Delivery, event: &Event, outcome: &Outcome) -> Told {
        let Attempt { error, status_code, duration_ms, .. } = outcome.attempt;
        let tries = delivery.tries + 1;
        let fax_id = event.fax_id.map(tracing::field::display);
        match error {
            None => tracing::info!(fax_id, event_id = %event.id, delivery_id = %delivery.id, tries, "webhook delivered"),
            Some(error) => tracing::warn!(fax_id, event_id = %event.id, delivery_id = %delivery.id, tries, ?error, "webhook failed"),
        }
        let ended = if error.is_none() { Metric::WebhooksDelivered } else { Metric::WebhooksFailed };
        self.metrics.write(None, &[(ended, 1.0), (Metric::WebhookLatency, duration_ms as f64)]);
        let at = self.clock.now();
        delivery.attempted(outcome.clone(), rand::rng().random_range(0.0..1.0), at);
        let throttled = matches!(status_code, Some(429 | 502..=504)).then_some(outcome.retry_after);
        Told { at, error, throttled, took: Duration::from_millis(duration_ms) }
    }

    /// Writes down what an attempt says of the endpoint's health, where it says anything new. Should that fail, the next attempt says it.
    async fn judge(&self, seen: &Endpoint, event: &Event, told: Told) {
        if let Err(e) = self.try_judge(seen, event, told).await {
            tracing::warn!(error = %e, endpoint_id = %seen.id, "health of an endpoint not written down");
        }
    }

    async fn try_judge(&self, seen: &Endpoint, event: &Event, told: Told) -> Result<(), StoreError> {
        let Told { at, error, throttled, took } = told;
        let is_quick = error.is_none() && Endpoint::is_quick_answer(took);
        if error.is_none() && seen.failing.is_none() && seen.resting.is_none() && seen.quick == is_quick {
            return Ok(());
        }
        let judged = self.webhooks.update(seen.account_id, seen.id, |endpoint| {
            let rested = match throttled {
                Some(asked) => {
                    endpoint.throttled(asked, at);
                    false
                }
                None => endpoint.resting.take().is_some(),
            };
            let was_quick = std::mem::replace(&mut endpoint.quick, is_quick);
            match error {
                None => (endpoint.failing.take().is_some() || rested || was_quick != is_quick, EndpointHealth::Failing),
                // Nothing that was under way when it was switched off, or on again, says more of it.
                Some(_) if endpoint.status == EndpointStatus::Disabled => (false, EndpointHealth::Failing),
                Some(DeliveryError::Gone) => {
                    endpoint.disable(Reason::Gone, at);
                    (true, EndpointHealth::Disabled)
                }
                Some(_) => (true, endpoint.failed(event.created_at, at)),
            }
        });
        match judged.await? {
            Some((endpoint, EndpointHealth::Warning(percent))) => {
                tracing::warn!(endpoint_id = %endpoint.id, percent, "a webhook endpoint is on its way to being disabled");
            }
            Some((endpoint, EndpointHealth::Disabled)) => {
                tracing::warn!(endpoint_id = %endpoint.id, reason = ?endpoint.disabled_reason, "a webhook endpoint was disabled");
            }
            _ => {}
        }
        Ok(())
    }

    /// Wakes a worker for a delivery that is due now.
    ///
    /// # Errors
    /// When the queue did not take the message: the row is due, and found by the dispatcher.
    pub async fn wake(&self, key: DeliveryKey) -> Result<(), QueueError> {
        let now = self.clock.now();
        self.queue.send_fair(&key, key.account_id, now, now).await
    }

    /// Wakes a worker at the due time. What is due later than the longest delay is the dispatcher's, and so is a hint that got lost.
    pub async fn hint(&self, delivery: &Delivery) {
        let Some(due) = delivery.due() else { return };
        let key = DeliveryKey::from(delivery);
        if let Err(e) = self.queue.send_fair(&key, key.account_id, due, self.clock.now()).await {
            tracing::warn!(error = %e, delivery_id = %delivery.id, "hint not sent");
        }
    }
}

/// What an attempt says of the endpoint.
#[derive(Debug, Clone, Copy)]
struct Told {
    at: Timestamp,
    error: Option<DeliveryError>,
    /// The endpoint has too much to do, or its gateway does not reach it; with how long it asked for.
    throttled: Option<Option<SignedDuration>>,
    took: Duration,
}
