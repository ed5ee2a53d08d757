//! Queue `events` → one delivery for each endpoint that wants the event: its row first, then its message.
//!
//! A row's id follows from event and endpoint, so an event that comes twice makes no second one. A row whose message got lost is due,
//! and found by the dispatcher. An event that is a recovery's is its driver: see `recovery`.

mod recovery;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use sfm_core::clock::Clock;
use sfm_core::event::{Event, EventType};
use sfm_core::webhook::delivery::Delivery;
use sfm_store::accounts::Accounts;
use sfm_store::deliveries::{Deliveries, DeliveryKey};
use sfm_store::events::Events;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::queue::Queue;
use sfm_store::webhooks::Webhooks;
use sfm_web::batch::{batch_response, catch_panic};
use sfm_web::runtime::{Error, Worker};

#[derive(Debug)]
pub struct FanOutEvent {
    accounts: Accounts,
    webhooks: Webhooks,
    deliveries: Deliveries,
    events: Events,
    queue: Queue,
    /// Its own.
    events_queue: Queue,
    clock: Clock,
}

/// An event as the bus hands it on.
#[derive(Deserialize, Serialize)]
struct FromBus {
    detail: Event,
}

impl Worker for FanOutEvent {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            accounts: Accounts::new(platform)?,
            webhooks: Webhooks::new(platform)?,
            deliveries: Deliveries::new(platform)?,
            events: Events::new(platform)?,
            queue: Queue::new(platform, "WEBHOOKS_QUEUE_URL")?,
            events_queue: Queue::new(platform, "EVENTS_QUEUE_URL")?,
            clock: platform.clock(),
        })
    }

    async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let followed = join_all(batch.records.iter().map(|message| catch_panic(self.fan_out(message.body.as_deref())))).await;
        Ok(batch_response(&batch.records, followed, "event not fanned out"))
    }
}

impl FanOutEvent {
    async fn fan_out(&self, message: Option<&str>) -> Result<(), Error> {
        let FromBus { detail: event } = serde_json::from_str(message.unwrap_or_default())?;
        if event.kind == EventType::WebhookRecovery {
            return self.recover(event).await;
        }
        let now = self.clock.now();
        let mut endpoints = self.webhooks.of(event.account_id).await?;
        endpoints.retain(|endpoint| endpoint.wants(event.kind));
        // Webhooks are of the plans that have the API. What an account misses on another plan it can recover after it has changed again.
        if !endpoints.is_empty() && !self.accounts.get(event.account_id).await?.is_some_and(|account| account.plan.includes_api()) {
            endpoints.clear();
        }
        for endpoint in &endpoints {
            let delivery = Delivery::new(&event, endpoint.id, now);
            self.deliveries.add(&delivery).await?;
            self.queue.send_fair(&DeliveryKey::from(&delivery), event.account_id, now, now).await?;
        }
        // From here on its deliveries have due times of their own.
        Ok(self.events.fanned_out(event.account_id, event.id).await?)
    }
}
