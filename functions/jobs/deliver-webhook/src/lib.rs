//! Queue `webhooks` → a customer's endpoint. A message is a hint to look at a delivery; what to do follows from its row.
//!
//! The messages of a batch to one endpoint share the slots that they get, so that a slow endpoint delays nobody else's. An attempt claims
//! the row, a lease that ends by itself; then it posts; then it writes down how that went, with the time of the next attempt. Whoever
//! dies in between patience_ends a row that is due when the lease ends: the receiver may get the event twice, under the same id.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use sfm_core::clock::Clock;
use sfm_core::id::EndpointId;
use sfm_core::webhook::Resting;
use sfm_core::webhook::delivery::{Delivery, DeliveryError};
use sfm_service::attempts::WebhookAttempts;
use sfm_service::transmission::claim_token;
use sfm_store::ReplaceError;
use sfm_store::accounts::Accounts;
use sfm_store::deliveries::{Deliveries, DeliveryKey};
use sfm_store::events::Events;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::semaphores::{NoPermit, Permit, Semaphores};
use sfm_store::webhooks::Webhooks;
use sfm_web::batch::{batch_response, catch_panic};
use sfm_web::runtime::{Error, Worker};

/// Attempts at one endpoint at a time.
const PER_ENDPOINT: usize = 10;
/// Attempts at all endpoints of an account at a time: one whose endpoints all hang patience_ends most workers to the others.
const PER_ACCOUNT: usize = 25;
/// A slot whose worker died is free again after so long: longer than a claim.
const PERMIT_LEASE: SignedDuration = SignedDuration::from_secs(60);
/// What finds no slot stays for so long where slots come back soon: waiting for milliseconds costs less than coming again.
const PATIENCE: Duration = Duration::from_secs(1);
/// Slots come back soon while half of them are taken for less than this: what [`PATIENCE`] allows, and an attempt.
const SOON: SignedDuration = SignedDuration::from_secs(2);
/// How long it waits, about, before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub struct DeliverWebhook {
    accounts: Accounts,
    deliveries: Deliveries,
    webhooks: Webhooks,
    events: Events,
    endpoint_permits: Semaphores,
    account_permits: Semaphores,
    attempts: WebhookAttempts,
    clock: Clock,
}

impl Worker for DeliverWebhook {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            accounts: Accounts::new(platform)?,
            deliveries: Deliveries::new(platform)?,
            webhooks: Webhooks::new(platform)?,
            events: Events::new(platform)?,
            endpoint_permits: Semaphores::new(platform, PER_ENDPOINT, PERMIT_LEASE)?,
            account_permits: Semaphores::new(platform, PER_ACCOUNT, PERMIT_LEASE)?,
            attempts: WebhookAttempts::new(platform)?,
            clock: platform.clock(),
        })
    }

    async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let due = join_all(batch.records.iter().map(|message| catch_panic(self.due(message.body.as_deref())))).await;
        let mut batches: HashMap<EndpointId, EndpointBatch> = HashMap::new();
        let mut followed = Vec::with_capacity(due.len());
        for (number, due) in due.into_iter().enumerate() {
            followed.push(due.map(|delivery| {
                if let Some(delivery) = delivery {
                    batches.entry(delivery.endpoint_id).or_insert_with(EndpointBatch::new).deliveries.push((number, delivery));
                }
            }));
        }
        let served = join_all(batches.values().map(|batch| self.serve(batch))).await;
        for (number, result) in served.into_iter().flatten() {
            followed[number] = result;
        }
        Ok(batch_response(&batch.records, followed, "webhook not delivered"))
    }
}

/// What came of each delivery, by the number of its message.
type BatchResults = Vec<(usize, Result<(), Error>)>;

/// The deliveries of a batch to one endpoint, each with the number of its message.
#[derive(Debug)]
struct EndpointBatch {
    deliveries: Vec<(usize, Delivery)>,
    taken: AtomicUsize,
    /// When it has waited for a slot long enough.
    patience_ends: Instant,
}

impl EndpointBatch {
    fn new() -> Self {
        Self { deliveries: Vec::new(), taken: AtomicUsize::new(0), patience_ends: Instant::now() + PATIENCE }
    }

    fn first(&self) -> Option<&Delivery> {
        self.deliveries.get(self.taken.load(Ordering::Relaxed)).map(|(_, delivery)| delivery)
    }

    fn take(&self) -> Option<(usize, Delivery)> {
        self.deliveries.get(self.taken.fetch_add(1, Ordering::Relaxed)).cloned()
    }
}

/// The right to one attempt at a time.
#[derive(Debug)]
struct Permits {
    of_endpoint: Permit,
    of_account: Permit,
}

impl DeliverWebhook {
    /// The delivery that a message speaks of, if it is its time: what is due later another worker has, or its own hint comes.
    async fn due(&self, message: Option<&str>) -> Result<Option<Delivery>, Error> {
        let key: DeliveryKey = serde_json::from_str(message.unwrap_or_default())?;
        let delivery = self.deliveries.get(key).await?;
        Ok(delivery.filter(|delivery| delivery.due().is_some_and(|due| due <= self.clock.now())))
    }

    /// Makes attempts one after another in one slot, while the rest of the line looks for the next: a quiet endpoint is told of all at
    /// once, a busy one by slots that seldom change hands.
    fn serve<'a>(&'a self, batch: &'a EndpointBatch) -> BoxFuture<'a, BatchResults> {
        let served = async {
            let permits = loop {
                let Some(delivery) = batch.first() else { return BatchResults::new() };
                match self.permits(delivery).await {
                    Ok(permits) => break permits,
                    Err(NoPermit::Full { half_since }) if half_since < SOON && Instant::now() < batch.patience_ends => {
                        let pause = LOOK_AGAIN.mul_f64(rand::rng().random_range(0.5..1.5));
                        tokio::time::sleep(pause).await;
                    }
                    Err(no_permit) => return self.defer_all(batch, &no_permit).await,
                }
            };
            let attempts = async {
                let mut made = BatchResults::new();
                while let Some((number, delivery)) = batch.take() {
                    made.push((number, catch_panic(self.attempt(delivery)).await));
                }
                tokio::join!(self.endpoint_permits.give_back(&permits.of_endpoint), self.account_permits.give_back(&permits.of_account));
                made
            };
            let (mut served, others) = tokio::join!(attempts, self.serve(batch));
            served.extend(others);
            served
        };
        served.boxed()
    }

    async fn permits(&self, delivery: &Delivery) -> Result<Permits, NoPermit> {
        let of_endpoint = self.endpoint_permits.take(delivery.endpoint_id, self.clock.now()).await?;
        match self.account_permits.take(delivery.account_id, self.clock.now()).await {
            Ok(of_account) => Ok(Permits { of_endpoint, of_account }),
            Err(no_permit) => {
                self.endpoint_permits.give_back(&of_endpoint).await;
                Err(no_permit)
            }
        }
    }

    async fn defer_all(&self, batch: &EndpointBatch, no_permit: &NoPermit) -> BatchResults {
        let rest = std::iter::from_fn(|| batch.take()).map(|(number, delivery)| async move {
            match no_permit {
                NoPermit::Full { .. } => (number, catch_panic(self.defer(delivery)).await),
                NoPermit::Store(e) => (number, Err(e.clone().into())),
            }
        });
        join_all(rest).await
    }

    async fn attempt(&self, mut delivery: Delivery) -> Result<(), Error> {
        let (account, endpoint, event) = tokio::try_join!(
            self.accounts.get(delivery.account_id),
            self.webhooks.get(delivery.account_id, delivery.endpoint_id),
            self.events.get(delivery.account_id, delivery.event_id)
        )?;
        // What was not tried when the plan changed can be recovered after it has changed again.
        if !account.is_some_and(|account| account.plan.includes_api()) {
            return self.give_up(delivery, DeliveryError::PlanUpgradeRequired).await;
        }
        let Some(endpoint) = endpoint.filter(|endpoint| endpoint.wants(delivery.event_type)) else {
            return self.give_up(delivery, DeliveryError::EndpointDisabled).await;
        };
        let Some(event) = event else { return self.give_up(delivery, DeliveryError::EventExpired).await };
        if let Some(resting) = &endpoint.resting
            && let Err(until) = self.probe(&delivery, resting).await?
        {
            return self.rest(delivery, until).await;
        }
        delivery.claim(claim_token(), self.clock.now());
        match self.deliveries.replace(&mut delivery).await {
            Ok(()) => {}
            // Another worker was faster, and has it now.
            Err(ReplaceError::Conflict) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
        Ok(self.attempts.again(delivery, &endpoint, &event).await?)
    }

    /// Whether an endpoint that rests may be tried with this delivery; if not, when.
    async fn probe(&self, delivery: &Delivery, resting: &Resting) -> Result<Result<(), Timestamp>, Error> {
        let now = self.clock.now();
        if let Some(until) = resting.wait(now) {
            return Ok(Err(until));
        }
        let probed = self.webhooks.update(delivery.account_id, delivery.endpoint_id, |endpoint| {
            let probed = endpoint.probe(now);
            (endpoint.resting.is_some() && probed.is_ok(), probed)
        });
        Ok(probed.await?.map_or(Ok(()), |(_, probed)| probed))
    }

    /// The endpoint rests: the row waits, which costs no attempt. What has waited comes one after another, not all in
    /// one moment.
    async fn rest(&self, mut delivery: Delivery, until: Timestamp) -> Result<(), Error> {
        let spread = (until.duration_since(self.clock.now()) / 4).clamp(SignedDuration::from_secs(5), SignedDuration::from_mins(5));
        delivery.deferred(until + spread.mul_f64(rand::rng().random_range(0.0..1.0)));
        self.put_off(delivery).await
    }

    /// The endpoint has as many attempts under way as it may: the row waits some seconds, longer the longer it has waited, which costs no
    /// attempt.
    async fn defer(&self, mut delivery: Delivery) -> Result<(), Error> {
        let now = self.clock.now();
        let waited = now.duration_since(delivery.created_at) / 4;
        let pause = waited.clamp(SignedDuration::from_secs(5), SignedDuration::from_mins(10));
        delivery.deferred(now + pause.mul_f64(rand::rng().random_range(0.5..1.5)));
        self.put_off(delivery).await
    }

    async fn put_off(&self, mut delivery: Delivery) -> Result<(), Error> {
        match self.deliveries.replace(&mut delivery).await {
            Ok(()) => self.attempts.hint(&delivery).await,
            Err(ReplaceError::Conflict) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    async fn give_up(&self, mut delivery: Delivery, error: DeliveryError) -> Result<(), Error> {
        tracing::warn!(delivery_id = %delivery.id, ?error, "webhook not delivered");
        delivery.given_up(error, self.clock.now());
        match self.deliveries.replace(&mut delivery).await {
            Ok(()) | Err(ReplaceError::Conflict) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}
