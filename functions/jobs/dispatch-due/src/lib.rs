//! Every minute: sends on what is due. A `DueQueue` is a table's due index and the queue that its rows' keys go to.
//!
//! Scheduled faxes and late retries of webhooks are sent on ahead of their time, with the delay that makes their message arrive in its second. What is late, in
//! every lane, gets another hint: whoever does the work takes the row out of the index, so what is still there needs one. Events
//! that were not fanned out in time are published again.

mod due_queue;

use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;
use sfm_core::clock::Clock;
use sfm_core::due::SHARDS;
use sfm_core::event::Event;
use sfm_store::bus::{BATCH, Bus};
use sfm_store::deliveries::DeliveryKey;
use sfm_store::due::{Cursors, DueIndex, DueRange};
use sfm_store::faxes::{FaxEntry, FaxKey};
use sfm_store::inbound::InboundKey;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::scheduled::ScheduledKey;
use sfm_web::runtime::{Error, Worker};
use tokio::time::Instant;

use due_queue::{DueQueue, Mode};

/// What the schedule sends. An operator who emptied a queue can send `{"rescan": true}`: then all that is due is sent on anew.
#[derive(Debug, Default, Deserialize)]
pub struct Run {
    #[serde(default)]
    pub rescan: bool,
}

#[derive(Debug)]
pub struct DispatchDue {
    clock: Clock,
    /// How long a run reads on; the next one goes on where it stopped.
    time: Duration,
    cursors: Cursors,
    scheduled: DueQueue,
    faxes: DueQueue,
    inbound: DueQueue,
    deliveries: DueQueue,
    not_fanned_out: DueIndex,
    bus: Bus,
}

impl Worker for DispatchDue {
    type Event = Run;
    type Answer = ();

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let seconds = platform.var("DISPATCH_SECONDS")?.parse();
        let seconds = seconds.map_err(|_| ConfigError { name: "DISPATCH_SECONDS".into(), reason: "is not a number".into() })?;
        Ok(Self {
            clock: platform.clock(),
            time: Duration::from_secs(seconds),
            cursors: Cursors::new(platform)?,
            scheduled: DueQueue::new(platform, "scheduled", "SCHEDULED_TABLE", "DUE_QUEUE_URL", Mode::Prefetch)?,
            faxes: DueQueue::new(platform, "faxes", "FAXES_TABLE", "TRANSMISSIONS_QUEUE_URL", Mode::OverdueOnly)?,
            inbound: DueQueue::new(platform, "inbound", "INBOUND_TABLE", "INBOUND_QUEUE_URL", Mode::OverdueOnly)?,
            deliveries: DueQueue::new(platform, "deliveries", "DELIVERIES_TABLE", "WEBHOOKS_QUEUE_URL", Mode::Prefetch)?,
            not_fanned_out: DueIndex::new(platform, "EVENTS_TABLE")?,
            bus: Bus::new(platform)?,
        })
    }

    /// A lane or shard that fails does not keep the others from their turn; the run fails at its end, so that it is seen.
    async fn handle(&self, run: Run) -> Result<(), Error> {
        let until = Instant::now() + self.time;
        let (scheduled, faxes, inbound, deliveries, events) = tokio::join!(
            self.scheduled.dispatch::<ScheduledKey, ScheduledKey>(&self.cursors, &self.clock, run.rescan, until),
            self.faxes.dispatch::<FaxEntry, FaxKey>(&self.cursors, &self.clock, run.rescan, until),
            self.inbound.dispatch::<InboundKey, InboundKey>(&self.cursors, &self.clock, run.rescan, until),
            self.deliveries.dispatch::<DeliveryKey, DeliveryKey>(&self.cursors, &self.clock, run.rescan, until),
            self.publish_events(until),
        );
        scheduled.and(faxes).and(inbound).and(deliveries).and(events)
    }
}

impl DispatchDue {
    async fn publish_events(&self, until: Instant) -> Result<(), Error> {
        let shards = join_all((0..SHARDS).map(|shard| self.publish_shard(shard, until))).await;
        shards.into_iter().fold(Ok(()), Result::and)
    }

    async fn publish_shard(&self, shard: u8, until: Instant) -> Result<(), Error> {
        let overdue = DueRange { shard, after: i64::MIN, until: self.clock.now().as_millisecond() };
        let mut result = Ok(());
        let mut rest = None;
        loop {
            let page = self.not_fanned_out.page::<Event>(overdue, rest).await?;
            for events in page.entries.chunks(BATCH) {
                let events: Vec<&Event> = events.iter().collect();
                for (event, published) in events.iter().zip(self.bus.publish(&events).await?) {
                    match published {
                        // It leaves the index when it is fanned out.
                        Ok(()) => {}
                        // One that the bus does not take must not keep the others waiting.
                        Err(e) => {
                            tracing::warn!(error = %e, event_id = %event.id, "event not published");
                            result = Err(e.into());
                        }
                    }
                }
            }
            rest = page.rest;
            if rest.is_none() || Instant::now() >= until {
                return result;
            }
        }
    }
}
