//! Queue `events` → one delivery for each endpoint that wants the event.
//!
//! An endpoint that answers quickly is told at once: the post comes first, then the row with its outcome. For every other the row comes
//! first, then its message to `deliver-webhook`, where a slow endpoint has slots of its own. A row's id follows from event and endpoint, so an
//! event that comes twice makes no second one. The event is due until all of its rows are there: should the worker die before, it comes again, and
//! who was told already is not told once more, but for the one whose row was not written yet. An event that is a recovery's is its driver:
//! see `recovery`.

mod recovery;

use std::collections::{HashMap, HashSet};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all, try_join_all};
use serde::{Deserialize, Serialize};
use sfm_core::clock::Clock;
use sfm_core::event::{Event, EventType};
use sfm_core::id::{AccountId, EventId};
use sfm_core::webhook::Endpoint;
use sfm_core::webhook::delivery::Delivery;
use sfm_service::attempts::WebhookAttempts;
use sfm_store::StoreError;
use sfm_store::deliveries::{Deliveries, DeliveryKey};
use sfm_store::events::Events;
use sfm_store::fan_out::{FanOutReader, FanOutState};
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::queue::Queue;
use sfm_store::webhooks::Webhooks;
use sfm_web::batch::{batch_response, catch_panic};
use sfm_web::runtime::{Error, Worker};

#[derive(Debug)]
pub struct FanOutEvent {
    reader: FanOutReader,
    webhooks: Webhooks,
    deliveries: Deliveries,
    events: Events,
    attempts: WebhookAttempts,
    /// Its own.
    events_queue: Queue,
    clock: Clock,
}

/// An event as the bus hands it on.
#[derive(Deserialize, Serialize)]
struct FromBus {
    detail: Event,
}

/// The endpoints of the accounts of a batch.
type Endpoints = HashMap<AccountId, Vec<Endpoint>>;

impl Worker for FanOutEvent {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            reader: FanOutReader::new(platform)?,
            webhooks: Webhooks::new(platform)?,
            deliveries: Deliveries::new(platform)?,
            events: Events::new(platform)?,
            attempts: WebhookAttempts::new(platform)?,
            events_queue: Queue::new(platform, "EVENTS_QUEUE_URL")?,
            clock: platform.clock(),
        })
    }

    async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let events: Vec<_> = batch.records.iter().map(parse).collect();
        let (recoveries, told): (Vec<&Event>, Vec<&Event>) =
            events.iter().flatten().partition(|event| event.kind == EventType::WebhookRecovery);
        let recoveries = recoveries.into_iter().map(|event| async { (event.id, catch_panic(self.recover(event.clone())).await) });
        let (recovered, fanned_out) = tokio::join!(join_all(recoveries), self.fan_out_all(told));
        let ended: HashMap<EventId, Result<(), Error>> = recovered.into_iter().chain(fanned_out).collect();
        let followed = events.iter().map(|event| match event {
            Ok(event) => ended.get(&event.id).map_or(Ok(()), |ended| ended.as_ref().map(drop).map_err(ToString::to_string)),
            Err(e) => Err(e.to_string()),
        });
        Ok(batch_response(&batch.records, followed.collect(), "event not fanned out"))
    }
}

fn parse(message: &SqsMessage) -> Result<Event, serde_json::Error> {
    let message: FromBus = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
    Ok(message.detail)
}

impl FanOutEvent {
    /// Each event once, however often it is there. (2 calls for all events of an account, and for each 2 with one endpoint)
    fn fan_out_all<'a>(&'a self, events: Vec<&'a Event>) -> BoxFuture<'a, Vec<(EventId, Result<(), Error>)>> {
        let unique: HashMap<EventId, &Event> = events.into_iter().map(|event| (event.id, event)).collect();
        let ended = async move {
            if unique.is_empty() {
                return Vec::new();
            }
            let (endpoints, state) = match self.look(&unique).await {
                Ok(read) => read,
                // What cannot be read of one event or account must not hold up the others.
                Err(_) if unique.len() > 1 => {
                    let alone = unique.into_values().map(|event| self.fan_out_all(vec![event]));
                    return join_all(alone).await.into_iter().flatten().collect();
                }
                Err(e) => return unique.into_keys().map(|id| (id, Err(e.clone().into()))).collect(),
            };
            let ended = unique.into_keys().map(|id| {
                let (endpoints, state) = (&endpoints, &state);
                async move { (id, catch_panic(self.fan_out(id, endpoints, state)).await) }
            });
            join_all(ended).await
        };
        ended.boxed()
    }

    async fn look(&self, events: &HashMap<EventId, &Event>) -> Result<(Endpoints, FanOutState), StoreError> {
        let accounts: HashSet<AccountId> = events.values().map(|event| event.account_id).collect();
        let endpoints = accounts.into_iter().map(|account| async move { Ok::<_, StoreError>((account, self.webhooks.of(account).await?)) });
        let endpoints: Endpoints = try_join_all(endpoints).await?.into_iter().collect();
        let now = self.clock.now();
        let begun = events.values().flat_map(|event| {
            let wanted = endpoints.get(&event.account_id).into_iter().flatten().filter(|endpoint| endpoint.wants(event.kind));
            wanted.map(|endpoint| DeliveryKey::from(&Delivery::new(event, endpoint.id, now)))
        });
        let keys = events.values().map(|event| (event.account_id, event.id)).collect();
        let state = self.reader.read(&keys, &begun.collect()).await?;
        Ok((endpoints, state))
    }

    async fn fan_out(&self, id: EventId, endpoints: &Endpoints, state: &FanOutState) -> Result<(), Error> {
        // It is gone after 30 days; and what was fanned out before is due no more.
        let Some(event) = state.events.get(&id).filter(|event| event.due_at.is_some()) else { return Ok(()) };
        // Webhooks are of the plans that have the API. What an account misses on another plan it can recover after it has changed again.
        if state.accounts.get(&event.account_id).is_some_and(|account| account.plan.includes_api()) {
            let wanted = endpoints.get(&event.account_id).into_iter().flatten().filter(|endpoint| endpoint.wants(event.kind));
            for ended in join_all(wanted.map(|endpoint| self.begin_delivery(event, endpoint, state))).await {
                ended?;
            }
        }
        // From here on its deliveries have due times of their own.
        Ok(self.events.fanned_out(event.account_id, event.id).await?)
    }

    async fn begin_delivery(&self, event: &Event, endpoint: &Endpoint, state: &FanOutState) -> Result<(), Error> {
        let delivery = Delivery::new(event, endpoint.id, self.clock.now());
        let key = DeliveryKey::from(&delivery);
        let is_begun = state.deliveries.contains(&key);
        if endpoint.is_quick() && !is_begun {
            return Ok(self.attempts.first(endpoint, event).await?);
        }
        if !is_begun {
            self.deliveries.add(&delivery).await?;
        }
        Ok(self.attempts.wake(key).await?)
    }
}
