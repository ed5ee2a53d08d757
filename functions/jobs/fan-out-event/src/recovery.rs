//! A recovery, page by page. Its state is the endpoint's: what comes next, and who is at it. Its event is due until it
//! is over, so one whose worker died is taken up by the next that the dispatcher wakes; what has been begun is not
//! begun again.

use futures::future::join_all;
use jiff::SignedDuration;
use sfm_core::event::{Event, EventType};
use sfm_core::id::EndpointId;
use sfm_core::webhook::delivery::Delivery;
use sfm_core::webhook::{Endpoint, Recovery};
use sfm_store::deliveries::DeliveryKey;
use sfm_web::runtime::Error;

use crate::{FanOutEvent, FromBus};

/// Events of a page. The next page is another message's, so that none takes long.
const PAGE: i32 = 50;
/// Deliveries that are begun at a time.
const AT_A_TIME: usize = 10;
/// A worker that is not heard of for so long is dead: longer than the function may take.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// Whose a recovery is.
enum Turn {
    Ours(Recovery),
    /// Another worker is at it, or has died: the event stays due.
    Anothers,
    /// It is over, or another one took its place.
    Over,
}

/// The recovery that an event drives, while it is not over.
fn of<'e>(endpoint: &'e mut Endpoint, job: &Event) -> Option<&'e mut Recovery> {
    endpoint.recovery.as_mut().filter(|recovery| recovery.job == job.id && recovery.finished_at.is_none())
}

impl FanOutEvent {
    pub(crate) async fn recover(&self, job: Event) -> Result<(), Error> {
        let Some(id) = job.endpoint_id else { return Err("a recovery without an endpoint".into()) };
        let (endpoint, recovery) = match self.turn(&job, id).await? {
            Some((endpoint, Turn::Ours(recovery))) => (endpoint, recovery),
            Some((_, Turn::Anothers)) => return Ok(()),
            Some((_, Turn::Over)) | None => return Ok(self.events.fanned_out(job.account_id, job.id).await?),
        };
        let (events, more) = self.events.since(job.account_id, recovery.since, recovery.after, PAGE).await?;
        let told = |event: &&Event| event.kind != EventType::WebhookTest && endpoint.wants(event.kind);
        let told: Vec<&Event> = events.iter().filter(told).collect();
        let mut begun = 0;
        for some in told.chunks(AT_A_TIME) {
            for delivery in join_all(some.iter().map(|event| self.begin(event, id))).await {
                begun += u64::from(delivery?);
            }
        }
        let after = events.last().map(|event| event.id).max(recovery.after);
        let now = self.clock.now();
        let noted = self.webhooks.update(job.account_id, id, |endpoint| {
            let Some(recovery) = of(endpoint, &job) else { return (false, false) };
            recovery.after = after;
            recovery.begun += begun;
            recovery.leased_until = None;
            recovery.finished_at = (!more).then_some(now);
            (true, more)
        });
        if noted.await?.is_some_and(|(_, more)| more) {
            return Ok(self.events_queue.send(&FromBus { detail: job }, now, now).await?);
        }
        tracing::info!(endpoint_id = %id, "recovered");
        Ok(self.events.fanned_out(job.account_id, job.id).await?)
    }

    async fn turn(&self, job: &Event, id: EndpointId) -> Result<Option<(Endpoint, Turn)>, Error> {
        let now = self.clock.now();
        let turn = self.webhooks.update(job.account_id, id, |endpoint| {
            let Some(recovery) = of(endpoint, job) else { return (false, Turn::Over) };
            if recovery.leased_until.is_some_and(|until| now < until) {
                return (false, Turn::Anothers);
            }
            recovery.leased_until = Some(now + LEASE);
            (true, Turn::Ours(*recovery))
        });
        Ok(turn.await?)
    }

    /// Begins the delivery of an event, unless it has succeeded or is tried anyway.
    async fn begin(&self, event: &Event, endpoint: EndpointId) -> Result<bool, Error> {
        let now = self.clock.now();
        let delivery = Delivery::new(event, endpoint, now);
        let key = DeliveryKey::from(&delivery);
        if !self.deliveries.add(&delivery).await? {
            let again = self.deliveries.update(key, |delivery| delivery.recover(now)).await?;
            if again.is_none_or(|delivery| delivery.due() != Some(now)) {
                return Ok(false);
            }
        }
        self.attempts.wake(key).await?;
        Ok(true)
    }
}
