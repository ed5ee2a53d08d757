//! One due index and the queue that it is drained into.

use futures::future::join_all;
use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sfm_core::clock::Clock;
use sfm_core::due::{LOOKAHEAD, from_millis};
use sfm_core::id::AccountId;
use sfm_store::deliveries::DeliveryKey;
use sfm_store::due::{Cursor, Cursors, DueIndex, DueRange, StartKey, Unfinished};
use sfm_store::faxes::FaxKey;
use sfm_store::inbound::InboundKey;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::queue::{BATCH, Queue};
use sfm_store::scheduled::ScheduledKey;
use sfm_web::runtime::Error;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Rows are sent on before their time, once; and again when they are late.
    Prefetch,
    /// Whoever writes a row sends its hint: here only what is late.
    OverdueOnly,
}

/// A row that was sent on ahead is late when its message is overdue by this much.
const LATE: SignedDuration = SignedDuration::from_secs(45);

/// A cursor that nothing moves is written anew when it has fallen behind by this many milliseconds.
const RENEWED: i64 = 10 * 60 * 1000;

/// A hint, and the account that a fair queue is to know it by.
pub trait Hint: Serialize {
    fn account(&self) -> Option<AccountId> {
        None
    }
}

impl Hint for FaxKey {}
impl Hint for InboundKey {}
impl Hint for ScheduledKey {
    fn account(&self) -> Option<AccountId> {
        Some(self.account_id)
    }
}
impl Hint for DeliveryKey {
    fn account(&self) -> Option<AccountId> {
        Some(self.account_id)
    }
}

#[derive(Debug)]
pub struct DueQueue {
    name: &'static str,
    index: DueIndex,
    queue: Queue,
    mode: Mode,
}

/// An entry of the index: the key of a row, and when it is due in milliseconds since the epoch.
#[derive(Deserialize)]
struct Entry<E> {
    #[serde(flatten)]
    key: E,
    due_at: i64,
}

impl DueQueue {
    pub fn new(platform: &Platform, name: &'static str, table: &str, queue: &str, mode: Mode) -> Result<Self, ConfigError> {
        Ok(Self { name, index: DueIndex::new(platform, table)?, queue: Queue::new(platform, queue)?, mode })
    }

    /// Sends on what is due, all shards at once, until it is done or `until` has come.
    pub async fn dispatch<E, H>(&self, cursors: &Cursors, clock: &Clock, rescan: bool, until: Instant) -> Result<(), Error>
    where
        E: DeserializeOwned + Into<H>,
        H: Hint,
    {
        let stored = cursors.get(self.name).await?;
        let shards = stored.into_iter().zip(0..).map(|(stored, shard)| async move {
            let mut cursor = if rescan { Cursor::default() } else { stored.clone() };
            let sent = self.shard::<E, H>(shard, &mut cursor, clock, until).await;
            // Where nothing was sent the old cursor is as good, for a while: what is behind the cursor is not sent on ahead twice.
            let aged = cursor.sent_until > stored.sent_until.saturating_add(RENEWED);
            let moved = cursor.unfinished != stored.unfinished || cursor.late != stored.late || sent.as_ref().is_ok_and(|count| *count > 0);
            let moved = moved || aged;
            if moved {
                cursors.put(self.name, shard, &cursor).await?;
            }
            sent
        });
        let mut result = Ok(());
        let mut count = 0;
        for sent in join_all(shards).await {
            match sent {
                Ok(sent) => count += sent,
                Err(e) => {
                    tracing::warn!(error = %e, queue = self.name, "not all that is due was sent on");
                    result = Err(e);
                }
            }
        }
        if count > 0 {
            tracing::info!(queue = self.name, count, "sent on");
        }
        result
    }

    /// Returns how many hints were sent.
    async fn shard<E, H>(&self, shard: u8, cursor: &mut Cursor, clock: &Clock, until: Instant) -> Result<usize, Error>
    where
        E: DeserializeOwned + Into<H>,
        H: Hint,
    {
        let now = clock.now();
        let late = match self.mode {
            Mode::Prefetch => (now - LATE).as_millisecond().min(cursor.sent_until),
            Mode::OverdueOnly => now.as_millisecond(),
        };
        let mut count = 0;
        let late = DueRange { shard, after: i64::MIN, until: late };
        cursor.late = self.send::<E, H>(late, cursor.late.take(), clock, until, &mut count).await?;
        if self.mode == Mode::OverdueOnly {
            return Ok(count);
        }
        let ahead = (now + LOOKAHEAD).as_millisecond();
        let (mut target, mut from) = match cursor.unfinished.take() {
            Some(Unfinished { until, rest }) => (until, Some(rest)),
            None => (ahead, None),
        };
        loop {
            let range = DueRange { shard, after: cursor.sent_until, until: target };
            if let Some(rest) = self.send::<E, H>(range, from, clock, until, &mut count).await? {
                cursor.unfinished = Some(Unfinished { until: target, rest });
                return Ok(count);
            }
            cursor.sent_until = cursor.sent_until.max(target);
            if target >= ahead {
                return Ok(count);
            }
            (target, from) = (ahead, None);
        }
    }

    /// Sends on the rows of a range. Returns where it stopped, if its time ran out.
    async fn send<E, H>(
        &self,
        range: DueRange,
        mut from: Option<StartKey>,
        clock: &Clock,
        until: Instant,
        count: &mut usize,
    ) -> Result<Option<StartKey>, Error>
    where
        E: DeserializeOwned + Into<H>,
        H: Hint,
    {
        loop {
            let page = self.index.page::<Entry<E>>(range, from).await?;
            let hints: Vec<_> = page.entries.into_iter().map(|entry| (entry.key.into(), from_millis(entry.due_at))).collect();
            for batch in hints.chunks(BATCH) {
                self.queue.send_batch(batch, H::account, clock).await?;
                *count += batch.len();
            }
            from = page.rest;
            if from.is_none() || Instant::now() >= until {
                return Ok(from);
            }
        }
    }
}
