//! Every five minutes: asks the carrier for faxes that came in, because a callback can get lost, and one with a large file never
//! arrives. What was noted before is known by the carrier's id.

use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sfm_core::carrier::{Carrier, Chosen, Received};
use sfm_core::clock::Clock;
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::reception::{Noted, Reception};
use sfm_core::runtime::{Error, Worker};
use sfm_core::store::due::Cursors;

/// What is listed once more: longer than a call takes, because lists go by the time at which it began.
const OVERLAP: SignedDuration = SignedDuration::from_hours(2);
/// How far back the first look goes.
const FIRST: SignedDuration = SignedDuration::from_hours(24);
/// Most of what is listed is known: each is one read.
const AT_A_TIME: usize = 16;
/// The name of the cursor.
const CURSOR: &str = "received";

#[derive(Debug)]
pub struct PollCarrier {
    carrier: Chosen,
    reception: Reception,
    cursors: Cursors,
    clock: Clock,
}

impl Worker for PollCarrier {
    type Event = Value;
    type Answer = ();

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            carrier: Chosen::new(platform)?,
            reception: Reception::new(platform)?,
            cursors: Cursors::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// One fax that cannot be noted does not keep the others waiting; the cursor then stays, and the next run tries again.
    async fn handle(&self, _: Value) -> Result<(), Error> {
        let now = self.clock.now();
        let looked_at = self.cursors.reached(CURSOR).await?;
        let since = looked_at.map_or(now - FIRST, |at: Timestamp| at - OVERLAP);
        let listed = self.carrier.received(since).await?;
        let noted: Vec<_> = stream::iter(listed).map(|received| self.note(received)).buffer_unordered(AT_A_TIME).collect().await;
        noted.into_iter().collect::<Result<(), Error>>()?;
        self.cursors.reach(CURSOR, now).await?;
        Ok(())
    }
}

impl PollCarrier {
    async fn note(&self, received: Received) -> Result<(), Error> {
        let id = received.id.clone();
        match self.reception.note(received).await {
            Ok(Noted::New) => tracing::warn!(carrier_fax_id = %id, "a received fax that no callback told of"),
            Ok(Noted::Known | Noted::Refused) => {}
            Err(e) => {
                tracing::error!(error = %e, carrier_fax_id = %id, "a received fax was not noted");
                return Err(e.into());
            }
        }
        Ok(())
    }
}
