//! Taking a fax into the list of its account.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use tokio::time::Instant;

use sfm_core::account::{Account, Number, SendNotAllowed};
use sfm_core::event::Event;
use sfm_core::fax::Fax;
use sfm_core::id::FaxId;
use sfm_core::list::ListHead;
use sfm_core::month::Month;

use crate::accounts::Accounts;
use crate::events::Events;
use crate::faxes::Faxes;
use crate::platform::{ConfigError, Platform};
use crate::requests::{IdempotencyRecord, IdempotencyStore};
use crate::reservations::Reservations;
use crate::transaction::{Cancelled, Reason, Write, transact};
use crate::{StoreError, from_item};

/// Takes faxes into an account's list. The place and the pages are reserved first; then the fax, its event and what hangs on it are one
/// transaction.
#[derive(Debug, Clone)]
pub struct FaxCreation {
    pub faxes: Faxes,
    pub accounts: Accounts,
    pub requests: IdempotencyStore,
    events: Events,
    reservations: Reservations,
}

/// A fax that is to be taken in, with what its transaction writes.
pub(super) struct Entry {
    pub(super) fax: Fax,
    pub(super) event: Event,
    /// Further writes, whose conditions decide too.
    pub(super) beside: Vec<TransactWriteItem>,
}

pub(super) enum Entered {
    In(Box<Fax>),
    /// The writes beside it stood against it, for these reasons; nothing was done.
    Beside(Vec<Reason>),
}

/// What became of a fax that was to be accepted.
#[derive(Debug)]
pub enum Accepted {
    New(Box<Fax>),
    /// A request with the same name was answered before; nothing was done.
    Replay(IdempotencyRecord),
}

#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    #[error(transparent)]
    SendNotAllowed(#[from] SendNotAllowed),
    /// Nothing was written.
    #[error("the account is gone")]
    NoAccount,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FaxCreation {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let (faxes, accounts) = (Faxes::new(platform)?, Accounts::new(platform)?);
        let reservations = Reservations::new(accounts.clone(), faxes.clone());
        Ok(Self { faxes, accounts, requests: IdempotencyStore::new(platform)?, events: Events::new(platform)?, reservations })
    }

    /// Asks the gates. Where only open reservations stand in the way, which may come to nothing, they are open: the quota is asked again when
    /// the pages are reserved.
    pub async fn gates<'n>(
        &self,
        account: &Account,
        pages: u32,
        month: Month,
        sender: Option<&'n Number>,
    ) -> Result<Result<&'n Number, SendNotAllowed>, StoreError> {
        let asked = account.gates(pages, month, sender);
        if !matches!(asked, Err(SendNotAllowed::Quota { .. })) || account.reservations.is_empty() {
            return Ok(asked);
        }
        Ok(self.faxes.without_open(account.clone()).await?.gates(pages, month, sender))
    }

    /// Accepts a fax whose sender has passed the gates with `account`, the account as last read, and tells what became of it.
    ///
    /// `charged` is what it costs of the quota. `draft` makes the fax for its place in the list; `reply` the answer that a repeated request will
    /// get, if it has a name. `audit` is written with it. It gives up at `until`. (3 round trips; 9 to 13 WRU)
    #[allow(clippy::too_many_arguments)]
    pub async fn accept(
        &self,
        account: Account,
        (id, charged): (FaxId, u32),
        now: Timestamp,
        until: Instant,
        draft: impl Fn(ListHead) -> Fax,
        reply: impl Fn(&Fax) -> Result<Option<IdempotencyRecord>, serde_json::Error>,
        audit: Option<Write>,
    ) -> Result<Accepted, AcceptError> {
        let entered = self.enter(&account, (id, charged), now, until, |place| {
            let fax = draft(place);
            let reply = reply(&fax)?;
            let beside = reply
                .map(|reply| self.requests.keep(&reply, now))
                .transpose()?
                .into_iter()
                .chain(audit.clone().map(TransactWriteItem::from))
                .collect();
            Ok(Entry { event: Event::queued(&fax), fax, beside })
        });
        match entered.await {
            Ok(Entered::In(fax)) => Ok(Accepted::New(fax)),
            Ok(Entered::Beside(reasons)) => match reasons.into_iter().next() {
                Some(Reason::Condition(Some(item))) => Ok(Accepted::Replay(from_item(item)?)),
                other => Err(StoreError::Unexpected(format!("{other:?}")).into()),
            },
            // A request that won the race for this name may have used up the quota: its answer is ours too.
            Err(AcceptError::SendNotAllowed(closed)) => {
                let name = reply(&draft(ListHead::default())).map_err(StoreError::from)?.map(|reply| reply.request);
                let Some(name) = name else { return Err(closed.into()) };
                self.requests.find(&name, now).await?.map(Accepted::Replay).ok_or(closed.into())
            }
            Err(e) => Err(e),
        }
    }

    /// Takes a fax into the list of its account: reserves its place and pages, and then makes what `make` drafts for that place. It gives up
    /// at `until`.
    ///
    /// Where it is unknown whether it happened, one look tells, and spares everybody a fax sent twice.
    pub(super) async fn enter(
        &self,
        account: &Account,
        (id, charged): (FaxId, u32),
        now: Timestamp,
        until: Instant,
        make: impl FnOnce(ListHead) -> Result<Entry, StoreError>,
    ) -> Result<Entered, AcceptError> {
        let (reservation, left_behind) = self.reservations.reserve(account, id, charged, now, until).await?;
        let place = ListHead { last: reservation.seq, last_at: reservation.at, ..ListHead::default() };
        let Entry { mut fax, event, beside } = make(place)?;
        fax.month = reservation.month;
        let mut writes = vec![self.faxes.put_new(&fax, reservation.seq)?, self.events.add(&event)?.into()];
        let own = writes.len();
        writes.extend(beside);
        let entered = match transact(self.faxes.client(), writes).await {
            Ok(Ok(())) => Entered::In(Box::new(fax)),
            Ok(Err(Cancelled(mut reasons))) => {
                self.reservations.give_back(account.id, &reservation).await;
                let beside = reasons.split_off(own.min(reasons.len()));
                if beside.iter().all(|reason| *reason == Reason::None) {
                    // Another worker has made this very fax, or it came too late and its reservation was undone.
                    return match self.faxes.get(account.id, id).await? {
                        Some(fax) => Ok(Entered::In(Box::new(fax))),
                        None => Err(StoreError::Contention.into()),
                    };
                }
                return Ok(Entered::Beside(beside));
            }
            Err(unknown) => match self.faxes.get(account.id, id).await {
                Ok(Some(fax)) => Entered::In(Box::new(fax)),
                _ => return Err(unknown.into()),
            },
        };
        self.reservations.confirm(account.id, &reservation).await;
        self.reservations.settle_all(account.id, left_behind.into_iter()).await;
        Ok(entered)
    }
}
