//! Writing down how a transmission goes: read the fax, let the domain decide, write it over the version that was read.

use jiff::Timestamp;
use rand::RngExt as _;

use sfm_core::clock::Clock;
use sfm_core::event::Event;
use sfm_core::fax::Fax;
use sfm_core::fax::progress::Effect;
use sfm_core::id::{AccountId, FaxId};
use sfm_store::faxes::{FaxEnding, FaxKey};
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::queue::Queue;
use sfm_store::{ReplaceError, StoreError};

/// Whether a decision changed the fax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Nothing,
    Changed,
    Ended(Effect),
}

impl From<Effect> for Progress {
    fn from(effect: Effect) -> Self {
        if effect == Effect::None { Self::Nothing } else { Self::Ended(effect) }
    }
}

#[derive(Debug, Clone)]
pub struct Transmissions {
    ending: FaxEnding,
    hints: Queue,
    clock: Clock,
}

/// Another writer between read and write is met again this many times; each time it has moved the fax on.
const TRIES: u32 = 20;

impl Transmissions {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let hints = Queue::new(platform, "TRANSMISSIONS_QUEUE_URL")?;
        Ok(Self { ending: FaxEnding::new(platform)?, hints, clock: platform.clock() })
    }

    /// The fax as it is now, read strongly. (1 RRU)
    pub async fn get(&self, key: FaxKey) -> Result<Option<Fax>, StoreError> {
        self.ending.faxes().get(key.account_id, key.fax_id).await
    }

    /// Lets `decide` change the fax as it is now, and stores what it decided; asks again when somebody else wrote meanwhile.
    ///
    /// A final status is stored with its event and its refund in one transaction. A retry sends the hint for its time after the
    /// commit, and so does what is to be canceled; should the hint get lost, the due index has it. None when there is no such fax.
    ///
    /// # Errors
    /// [`StoreError::Contention`] when others write it each time.
    pub async fn record(
        &self,
        account: AccountId,
        id: FaxId,
        mut decide: impl FnMut(&mut Fax, Timestamp) -> Progress,
    ) -> Result<Option<(Fax, Progress)>, StoreError> {
        for _ in 0..TRIES {
            let Some(mut fax) = self.ending.faxes().get(account, id).await? else { return Ok(None) };
            let now = self.clock.now();
            let progress = decide(&mut fax, now);
            if progress == Progress::Nothing {
                return Ok(Some((fax, progress)));
            }
            match self.store(&mut fax, progress, now).await {
                Ok(()) => return Ok(Some((fax, progress))),
                Err(ReplaceError::Conflict) => {}
                Err(ReplaceError::Store(e)) => return Err(e),
            }
        }
        Err(StoreError::Contention)
    }

    /// Stores a decision over the version of the fax that it was made on.
    ///
    /// # Errors
    /// [`ReplaceError::Conflict`] when somebody else wrote it meanwhile.
    pub async fn store(&self, fax: &mut Fax, progress: Progress, now: Timestamp) -> Result<(), ReplaceError> {
        if progress == Progress::Ended(Effect::Final) {
            let event = Event::completed(fax, now).map_err(StoreError::from)?;
            self.ending.complete(fax, &event).await?;
            // One that was deleted meanwhile has its document removed next.
            self.hint(fax, now).await;
            return Ok(());
        }
        self.ending.faxes().replace(fax).await?;
        // What is to be canceled waits for nobody else's hint.
        if progress == Progress::Ended(Effect::Retry) || fax.is_to_be_canceled() {
            self.hint(fax, now).await;
        }
        Ok(())
    }

    /// Wakes the worker at the fax's due time. A hint that gets lost is replaced from the due index.
    pub async fn hint(&self, fax: &Fax, now: Timestamp) {
        let Some(due) = fax.due_at.and_then(|ms| Timestamp::from_millisecond(ms).ok()) else { return };
        let key = FaxKey { account_id: fax.account_id, fax_id: fax.id };
        if let Err(e) = self.hints.send(&key, due, now).await {
            tracing::warn!(error = %e, fax_id = %fax.id, "hint not sent");
        }
    }
}

/// A token that tells one claim from all others.
pub fn claim_token() -> String {
    format!("{:016x}", rand::rng().random::<u64>())
}
