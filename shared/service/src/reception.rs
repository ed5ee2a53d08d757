//! Taking note of a fax that came in: whose it is, a row that outlives everything, and a hint to fetch its document.

use sfm_core::clock::Clock;
use sfm_core::inbound::Received;
use sfm_core::inbound::{Inbound, InboundStatus, name};
use sfm_store::StoreError;
use sfm_store::faxes::FaxKey;
use sfm_store::inbound::{InboundFaxes, InboundKey};
use sfm_store::numbers::Numbers;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::queue::Queue;

#[derive(Debug, Clone)]
pub struct InboundService {
    carrier: String,
    numbers: Numbers,
    arrivals: InboundFaxes,
    hints: Queue,
    clock: Clock,
}

/// Another writer between read and write is met again this many times; each time it has moved the row on.
const TRIES: u32 = 20;

/// What became of the carrier's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    New,
    /// The carrier has told of it before.
    Known,
    /// The number was nobody's when the fax came in.
    Refused,
}

impl InboundService {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            carrier: platform.var("CARRIER")?,
            numbers: Numbers::new(platform)?,
            arrivals: InboundFaxes::new(platform)?,
            hints: Queue::new(platform, "INBOUND_QUEUE_URL")?,
            clock: platform.clock(),
        })
    }

    /// Takes note of a fax. Once this returns, the row's due time drives it, even if its hint got lost.
    pub async fn note(&self, received: Received) -> Result<Noted, StoreError> {
        if self.arrivals.get(&name(&self.carrier, &received)).await?.is_some() {
            return Ok(Noted::Known);
        }
        let Some(account) = self.numbers.owner(&received.to, received.received_at).await? else {
            tracing::warn!(to = received.to.masked(), carrier_fax_id = %received.id, "a fax to a number that is nobody's was refused");
            return Ok(Noted::Refused);
        };
        let now = self.clock.now();
        let inbound = Inbound::announced(&self.carrier, account, received, now);
        if !self.arrivals.announce(&inbound).await? {
            return Ok(Noted::Known);
        }
        tracing::info!(fax_id = %inbound.fax_id, carrier_fax_id = %inbound.received.id, "a fax has come in");
        self.hint(&inbound).await;
        Ok(Noted::New)
    }

    /// Takes note that a fax which is known is incomplete. Where it has become a fax already, the key of that fax, which is to say so.
    pub async fn incomplete(&self, received: &Received) -> Result<Option<FaxKey>, StoreError> {
        for _ in 0..TRIES {
            let Some(mut inbound) = self.arrivals.get(&name(&self.carrier, received)).await? else { return Ok(None) };
            if inbound.received.partial || inbound.status == InboundStatus::Lost {
                return Ok(None);
            }
            if inbound.status == InboundStatus::Taken {
                return Ok(Some(FaxKey { account_id: inbound.account_id, fax_id: inbound.fax_id }));
            }
            inbound.received.partial = true;
            if self.arrivals.incomplete(&inbound).await? {
                return Ok(None);
            }
        }
        Err(StoreError::Contention)
    }

    /// Wakes the worker at the row's due time. A hint that gets lost is replaced from the due index.
    pub async fn hint(&self, inbound: &Inbound) {
        let Some(due) = inbound.due() else { return };
        let key = InboundKey { id: inbound.id.clone() };
        if let Err(e) = self.hints.send(&key, due, self.clock.now()).await {
            tracing::warn!(error = %e, fax_id = %inbound.fax_id, "hint not sent");
        }
    }
}
