//! Taking a fax into the list of its account.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use tokio::time::Instant;

use sfm_core::account::{Account, Number, SendNotAllowed};
use sfm_core::event::Event;
use sfm_core::fax::{Direction, Fax, FaxField};
use sfm_core::id::AccountId;
use sfm_core::month::Month;

use crate::StoreError;
use crate::accounts::Accounts;
use crate::events::Events;
use crate::faxes::Faxes;
use crate::final_counts::count;
use crate::items::from_item;
use crate::lists::Lists;
use crate::platform::{ConfigError, Platform};
use crate::postings::Postings;
use crate::requests::{Created, IdempotencyStore, IdempotentRequest};
use crate::reservations::Reservations;
use crate::transaction::{Cancelled, Reason, Write, transact};

/// Takes faxes into an account's list. The place and the pages are reserved first; then the fax, its event and what hangs on it are one
/// transaction.
#[derive(Debug, Clone)]
pub struct FaxCreation {
    faxes: Faxes,
    accounts: Accounts,
    requests: IdempotencyStore,
    events: Events,
    reservations: Reservations,
    postings: Postings,
}

pub(super) enum Entered {
    In(Box<Fax>),
    /// The writes beside it stood against it, for these reasons; nothing was done.
    Beside(Vec<Reason>),
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
        let postings = Postings::new(platform)?;
        Ok(Self { faxes, accounts, requests: IdempotencyStore::new(platform)?, events: Events::new(platform)?, reservations, postings })
    }

    /// The account as it is now, with what is reserved of it. (1 RRU)
    ///
    /// # Errors
    /// [`AcceptError::NoAccount`] when there is none.
    pub async fn account(&self, id: AccountId) -> Result<Account, AcceptError> {
        self.accounts.get(id).await?.ok_or(AcceptError::NoAccount)
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

    /// Accepts a fax whose sender has passed the gates with `account`, the account as last read. What answers `request` and the entry of the
    /// audit log are written with it. It gives up at `until`. (3 round trips; 9 to 13 WRU)
    pub async fn create(
        &self,
        account: &Account,
        fax: Fax,
        request: Option<&IdempotentRequest>,
        audit: Option<Write>,
        now: Timestamp,
        until: Instant,
    ) -> Result<Created<Box<Fax>>, AcceptError> {
        let entered = self.enter(account, fax, now, until, |fax| {
            let kept = request.map(|request| self.requests.keep(&request.answered(&fax.resource(), now)?, now)).transpose()?;
            Ok((Event::queued(fax), kept.into_iter().chain(audit.map(TransactWriteItem::from)).collect()))
        });
        match entered.await {
            Ok(Entered::In(fax)) => Ok(Created::New(fax)),
            Ok(Entered::Beside(reasons)) => match reasons.into_iter().next() {
                Some(Reason::Condition(Some(item))) => Ok(Created::Replay(from_item(item)?)),
                other => Err(StoreError::Unexpected(format!("{other:?}")).into()),
            },
            Err(AcceptError::SendNotAllowed(refusal)) => self.refuse(refusal, request, now).await,
            Err(e) => Err(e),
        }
    }

    /// Refuses a fax; but where a request with the same key was accepted meanwhile, and used up the quota, its answer is this one's too.
    pub async fn refuse<T>(
        &self,
        refusal: SendNotAllowed,
        request: Option<&IdempotentRequest>,
        now: Timestamp,
    ) -> Result<Created<T>, AcceptError> {
        let Some(request) = request else { return Err(refusal.into()) };
        self.requests.find(&request.key, now).await?.map(Created::Replay).ok_or(refusal.into())
    }

    /// Takes a fax into the lists of its account: reserves its place and pages and enters it in its posting lists, and then writes it with its event
    /// and with what else `beside` makes for it, whose conditions decide too. It gives up at `until`.
    ///
    /// Where it is unknown whether it happened, one look tells, and spares everybody a fax sent twice.
    pub(super) async fn enter(
        &self,
        account: &Account,
        fax: Fax,
        now: Timestamp,
        until: Instant,
        beside: impl FnOnce(&Fax) -> Result<(Event, Vec<TransactWriteItem>), StoreError>,
    ) -> Result<Entered, AcceptError> {
        let id = fax.id;
        let reserving = self.reservations.reserve(account, id, fax.charged_pages(), now, until);
        let (reserved, (postings, entered)) = futures::join!(reserving, self.postings.enter(&fax));
        let (reservation, left_behind) = match (reserved, entered) {
            (Ok(reserved), Ok(())) => reserved,
            (Ok((reservation, _)), Err(e)) => {
                self.reservations.give_back(account.id, &reservation).await;
                self.take_back(&fax, &postings).await;
                return Err(e.into());
            }
            (Err(e), _) => {
                self.take_back(&fax, &postings).await;
                return Err(e);
            }
        };
        let fax = Fax { postings, ..fax.placed(&reservation) };
        let (event, beside) = beside(&fax)?;
        let mut writes = vec![self.faxes.put_new(&fax, reservation.seq)?, self.events.add(&event)?.into()];
        if fax.status.is_final() {
            writes.push(count(self.accounts.table(), account.id, reservation.seq, fax.status, 1)?);
        }
        let own = writes.len();
        writes.extend(beside);
        let entered = match transact(self.faxes.client(), writes).await {
            Ok(Ok(())) => Entered::In(Box::new(fax)),
            Ok(Err(Cancelled(mut reasons))) => {
                self.reservations.give_back(account.id, &reservation).await;
                self.take_back(&fax, &fax.postings).await;
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

    /// Takes out again what was entered for a fax that was not made. A scheduled fax and one that came in are tried again under the same id, and
    /// keep their entries. Should it fail, an entry without a fax stays.
    async fn take_back(&self, fax: &Fax, places: &BTreeMap<FaxField, u64>) {
        let tried_again = fax.scheduled_id.is_some() || fax.direction == Direction::Inbound;
        if tried_again || places.is_empty() {
            return;
        }
        let undone = async { transact(self.faxes.client(), Lists::out_of_postings(self.accounts.table(), fax, places)?).await };
        if let Err(e) = undone.await {
            tracing::warn!(error = %e, fax_id = %fax.id, "entries of a fax that was not made stay in the lists of its numbers");
        }
    }
}
