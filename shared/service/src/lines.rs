//! Announcing a call to a number before it is made, so that our calls do not make each other busy.

use jiff::Timestamp;

use sfm_core::fax::Fax;
use sfm_core::line::Call;
use sfm_core::sandbox_numbers;
use sfm_store::faxes::Faxes;
use sfm_store::lines::Lines;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::{ReplaceError, StoreError};

#[derive(Debug, Clone)]
pub struct LineKeeper {
    lines: Lines,
    faxes: Faxes,
}

/// Another writer between read and write is met again this many times.
const TRIES: u32 = 20;

impl LineKeeper {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { lines: Lines::new(platform)?, faxes: Faxes::new(platform)? })
    }

    /// Announces that `fax` is about to be handed to the carrier as this attempt. False where its number has no line free for it. Nobody has to
    /// say that a call is over: its fax tells. (1 RRU, and 1 for each call before it; 1 WRU)
    ///
    /// # Errors
    /// [`StoreError::Contention`] when others write it each time.
    pub async fn announce(&self, fax: &Fax, attempt: u32, now: Timestamp) -> Result<bool, StoreError> {
        if sandbox_numbers::has_lines_enough(&fax.to) {
            return Ok(true);
        }
        for _ in 0..TRIES {
            let mut line = self.lines.get(&fax.to).await?;
            let known = line.clone();
            let mut faxes = Vec::new();
            for call in &line.calls {
                faxes.push(self.faxes.get(call.account_id, call.fax_id).await?);
            }
            line.look(&faxes, now);
            let call = Call { account_id: fax.account_id, fax_id: fax.id, attempt, announced_at: now };
            let free = line.announce(call, now);
            if line == known {
                return Ok(free);
            }
            match self.lines.replace(&fax.to, &mut line, now).await {
                Ok(()) => return Ok(free),
                Err(ReplaceError::Conflict) => {}
                Err(ReplaceError::Store(e)) => return Err(e),
            }
        }
        Err(StoreError::Contention)
    }
}
