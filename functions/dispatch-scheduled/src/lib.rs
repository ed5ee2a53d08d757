//! Every minute: drives what is due. Faxes whose next step has come get a hint on the transmissions queue; events that the relay
//! did not publish in time are published.

use serde_json::Value;
use sfm_core::bus::{BATCH, Bus};
use sfm_core::clock::Clock;
use sfm_core::due::SHARDS;
use sfm_core::event::Event;
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::queue::Queue;
use sfm_core::runtime::{Error, Worker};
use sfm_core::store::events::Events;
use sfm_core::store::faxes::Faxes;

/// Rows of one shard that one run drives, oldest first. What is left is the next run's.
const ROWS: i32 = 500;

#[derive(Debug)]
pub struct DispatchScheduled {
    clock: Clock,
    faxes: Faxes,
    events: Events,
    transmissions: Queue,
    bus: Bus,
}

impl Worker for DispatchScheduled {
    /// What the schedule sends says nothing that the clock does not say better.
    type Event = Value;
    type Answer = ();

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            clock: platform.clock(),
            faxes: Faxes::new(platform)?,
            events: Events::new(platform)?,
            transmissions: Queue::new(platform, "TRANSMISSIONS_QUEUE_URL")?,
            bus: Bus::new(platform)?,
        })
    }

    /// One shard that fails does not keep the others from their turn; the run fails at its end, so that it is seen and repeated.
    async fn handle(&self, _: Value) -> Result<(), Error> {
        let mut result = Ok(());
        for shard in 0..SHARDS {
            for driven in [self.drive_faxes(shard).await, self.publish_events(shard).await] {
                if let Err(e) = driven {
                    tracing::error!(error = %e, shard, "not all that is due was driven");
                    result = Err(e);
                }
            }
        }
        result
    }
}

impl DispatchScheduled {
    async fn drive_faxes(&self, shard: u8) -> Result<(), Error> {
        let now = self.clock.now();
        let due = self.faxes.due(shard, now, ROWS).await?;
        self.transmissions.send_all(&due).await?;
        Ok(())
    }

    async fn publish_events(&self, shard: u8) -> Result<(), Error> {
        let overdue = self.events.overdue(shard, self.clock.now(), ROWS).await?;
        let mut result = Ok(());
        for events in overdue.chunks(BATCH) {
            let events: Vec<&Event> = events.iter().collect();
            for (event, published) in events.iter().zip(self.bus.publish(&events).await?) {
                match published {
                    Ok(()) => self.events.published(event.account_id, event.id).await?,
                    // One that the bus does not take must not keep the others waiting.
                    Err(e) => result = Err(e.into()),
                }
            }
        }
        result
    }
}
