//! Reservations: how sends of one account take their places in its list and the pages of its quota without waiting for each other.
//!
//! One plain update of the account's item gives a fax the next place and time and charges its pages, and notes both in the same item under
//! the fax's id. Then one transaction, in which the account's item has no part, makes the fax; then the note is removed. Where the process died in
//! between, a note is left: whether its fax exists tells what it is worth, and the next send of the account settles it. Until then
//! whoever reads quota or list leaves out what no fax stands behind (`docs/adr/0025-reservations.md`).

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::StoreError;
use super::accounts::Accounts;
use super::fax_creation::AcceptError;
use super::faxes::Faxes;
use super::lists::{List, Lists};
use super::transaction::{Backoff, past_conflicts, transact};
use crate::items::{Item, from_item, n, s};
use sfm_core::account::{Account, SendNotAllowed};
use sfm_core::id::{AccountId, FaxId};
use sfm_core::month::Month;
use sfm_core::reservation::Reservation;

/// A request is over after 24 s (its transaction is tried no longer): what is older than this was left behind.
const LEFT_BEHIND: SignedDuration = SignedDuration::from_secs(30);
/// Notes left behind that one send settles.
const SETTLED_AT_ONCE: usize = 10;

const PLACE: &str = "place#";
const AT: &str = "at#";
/// The note is still that of this reservation. Another worker of the same fax may have made a later one since.
const SAME_PLACE: &str = "#place = :seq";

/// An account with the reservations that are noted in its item.
pub(super) fn account_of(item: Item) -> Result<Account, StoreError> {
    let reservations = reservations_of(&item);
    Ok(Account { reservations, ..from_item(item)? })
}

fn reservations_of(item: &Item) -> Vec<Reservation> {
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
    let read = |name: &String| {
        let mut parts = name.strip_prefix(PLACE)?.split('#');
        let fax: FaxId = parts.next()?.parse().ok()?;
        let (pages, month) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let at = Timestamp::from_millisecond(number(&at_name(fax))?).ok()?;
        Some(Reservation { fax, pages, month, seq: u64::try_from(number(name)?).ok()?, at })
    };
    item.keys().filter_map(read).collect()
}

fn at_name(fax: FaxId) -> String {
    format!("{AT}{fax}")
}

fn place_name(fax: FaxId, pages: u32, month: Month) -> String {
    format!("{PLACE}{fax}#{pages}#{month}")
}

/// Takes places and pages, and settles what was left behind.
#[derive(Debug, Clone)]
pub(super) struct Reservations {
    accounts: Accounts,
    faxes: Faxes,
}

impl Reservations {
    pub(super) fn new(accounts: Accounts, faxes: Faxes) -> Self {
        Self { accounts, faxes }
    }

    /// Reserves the next place in the list of faxes, and `pages` of the quota of `limit`. The same fax gets the same place again.
    /// Returns what was left behind by others, too. (1 round trip, 2 where others were faster within the millisecond; 1 WRU each)
    ///
    /// # Errors
    /// [`AcceptError::SendNotAllowed`] where the pages do not suffice; [`StoreError::Contention`] where at `until` it is still unknown whether they do,
    /// because reservations of others are open.
    pub(super) async fn reserve(
        &self,
        account: &Account,
        fax: FaxId,
        pages: u32,
        now: Timestamp,
        until: Instant,
    ) -> Result<(Reservation, Vec<Reservation>), AcceptError> {
        let limit = account.page_limit();
        let mut backoff = Backoff::until(until);
        // The time of the newest fax, where that is not before `now`: then the next one gets the next millisecond.
        let mut newest: Option<i64> = None;
        loop {
            let month = newest.and_then(|ms| Timestamp::from_millisecond(ms + 1).ok()).map_or(Month::of(now), Month::of);
            let item = match self.try_reserve(account.id, fax, (pages, month), limit, now, newest.is_some()).await? {
                Ok(item) => {
                    let (own, others) = split(reservations_of(&item), fax);
                    let own = own.ok_or_else(|| StoreError::Unexpected("a reservation that was made is not there".into()))?;
                    return Ok((own, others.into_iter().filter(|other| other.at + LEFT_BEHIND < now).take(SETTLED_AT_ONCE).collect()));
                }
                Err(None) => return Err(AcceptError::NoAccount),
                Err(Some(item)) => item,
            };
            let (own, others) = split(reservations_of(&item), fax);
            if let Some(own) = own {
                return Ok((own, Vec::new()));
            }
            let read: Account = account_of(item)?;
            let last = read.faxes.last_ms.filter(|last| *last >= now.as_millisecond());
            if last.is_some() != newest.is_some() {
                newest = last;
                continue;
            }
            let used = read.used_in(month);
            if used.saturating_add(pages.into()) > limit {
                let open: u64 = self.faxes.open(account.id, &others).await?.iter().map(|other| other.pages_of(month)).sum();
                let used = used.saturating_sub(open);
                if used.saturating_add(pages.into()) > limit {
                    return Err(SendNotAllowed::Quota { pages, left: limit.saturating_sub(used), limit }.into());
                }
                let left_behind = others.into_iter().filter(|other| other.at + LEFT_BEHIND < now).take(SETTLED_AT_ONCE);
                self.settle_all(account.id, left_behind).await;
            }
            backoff.wait().await?;
            newest = last;
        }
    }

    /// The account's item as it is then; or, where the condition failed, as it was.
    async fn try_reserve(
        &self,
        account: AccountId,
        fax: FaxId,
        (pages, month): (u32, Month),
        limit: u64,
        now: Timestamp,
        after_newest: bool,
    ) -> Result<Result<Item, Option<Item>>, StoreError> {
        let (at, in_time) = match after_newest {
            false => (":now", "(attribute_not_exists(faxes.last_ms) OR faxes.last_ms < :now)"),
            true => ("faxes.last_ms + :one", "faxes.last_ms >= :now"),
        };
        let mut condition = format!("attribute_exists(account_id) AND attribute_not_exists(#at) AND {in_time}");
        let mut sets = format!("faxes.#last = faxes.#last + :one, faxes.last_ms = {at}, #place = faxes.#last + :one, #at = {at}");
        let mut update = self
            .accounts
            .update(account)
            .expression_attribute_names("#last", "last")
            .expression_attribute_names("#place", place_name(fax, pages, month))
            .expression_attribute_names("#at", at_name(fax))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":now", n(now.as_millisecond()));
        if pages > 0 {
            condition.push_str(" AND (attribute_not_exists(used.#month) OR used.#month <= :room)");
            sets.push_str(", used.#month = if_not_exists(used.#month, :zero) + :pages");
            update = update
                .expression_attribute_names("#month", month.to_string())
                .expression_attribute_values(":room", n(limit.saturating_sub(pages.into())))
                .expression_attribute_values(":pages", n(pages))
                .expression_attribute_values(":zero", n(0));
        }
        let update = update
            .update_expression(format!("SET {sets}"))
            .condition_expression(condition)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match past_conflicts(|| update.clone().send()).await {
            Ok(done) => Ok(Ok(done.attributes.unwrap_or_default())),
            Err(e) => match e.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(Err(failed.item.clone())),
                _ => Err(StoreError::from_sdk(e)),
            },
        }
    }

    /// Removes the note: the fax is there. Should that fail, the next send of the account does it. (1 WRU)
    pub(super) async fn confirm(&self, account: AccountId, reservation: &Reservation) {
        if let Err(e) = self.try_confirm(account, reservation).await {
            tracing::warn!(error = %e, fax_id = %reservation.fax, "a reservation stays until the next send");
        }
    }

    async fn try_confirm(&self, account: AccountId, reservation: &Reservation) -> Result<(), StoreError> {
        let Reservation { fax, pages, month, seq, .. } = *reservation;
        let update = self
            .accounts
            .update(account)
            .update_expression("REMOVE #place, #at")
            .condition_expression(SAME_PLACE)
            .expression_attribute_values(":seq", n(seq))
            .expression_attribute_names("#place", place_name(fax, pages, month))
            .expression_attribute_names("#at", at_name(fax));
        match past_conflicts(|| update.clone().send()).await {
            Ok(_) => Ok(()),
            Err(e) if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => Ok(()),
            Err(e) => Err(StoreError::from_sdk(e)),
        }
    }

    /// Gives a reservation back whose transaction was refused, unless another worker made the same fax with it.
    pub(super) async fn give_back(&self, account: AccountId, reservation: &Reservation) {
        if let Err(e) = self.settle(account, reservation, false).await {
            tracing::warn!(error = %e, fax_id = %reservation.fax, "a reservation stays until the next send");
        }
    }

    pub(super) async fn settle_all(&self, account: AccountId, reservations: impl Iterator<Item = Reservation>) {
        for reservation in reservations {
            match self.settle(account, &reservation, true).await {
                Ok(()) => tracing::info!(fax_id = %reservation.fax, "a reservation that was left behind is settled"),
                Err(e) => tracing::warn!(error = %e, fax_id = %reservation.fax, "a reservation stays until the next send"),
            }
        }
    }

    /// Confirms a reservation whose fax exists, and undoes another. `fence`: its own process may still be about to make the fax, and must
    /// fail from now on.
    async fn settle(&self, account: AccountId, reservation: &Reservation, fence: bool) -> Result<(), StoreError> {
        let mut fax = self.faxes.get(account, reservation.fax).await?;
        if fax.is_none() && fence {
            self.faxes.fence(account, reservation).await?;
            // It may have been made just before.
            fax = self.faxes.get(account, reservation.fax).await?;
        }
        match fax {
            Some(fax) if fax.has_place(reservation) => self.try_confirm(account, reservation).await,
            _ => self.undo(account, reservation).await,
        }
    }

    /// Gives the pages back and makes the place one that was deleted, once. (8 WRU)
    async fn undo(&self, account: AccountId, reservation: &Reservation) -> Result<(), StoreError> {
        let Reservation { fax, pages, month, seq, .. } = *reservation;
        let mut sets = "faxes.deleted = if_not_exists(faxes.deleted, :zero) + :one".to_owned();
        let mut update = Update::builder()
            .table_name(self.accounts.table())
            .key("account_id", s(account))
            .key("item", s("account"))
            .condition_expression(SAME_PLACE)
            .expression_attribute_values(":seq", n(seq))
            .expression_attribute_names("#place", place_name(fax, pages, month))
            .expression_attribute_names("#at", at_name(fax))
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":one", n(1));
        if pages > 0 {
            sets.push_str(", used.#month = if_not_exists(used.#month, :pages) - :pages");
            update = update
                .expression_attribute_names("#month", month.to_string())
                .expression_attribute_values(":pages", AttributeValue::N(pages.to_string()));
        }
        let update = update.update_expression(format!("SET {sets} REMOVE #place, #at")).build();
        let update = update?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        writes.extend(Lists::gap(self.accounts.table(), &List::Faxes, account, seq)?);
        // A condition that fails: somebody else has settled it.
        transact(self.accounts.client(), writes).await.map(drop)
    }
}

/// The reservation of one fax, and those of the others.
fn split(reservations: Vec<Reservation>, fax: FaxId) -> (Option<Reservation>, Vec<Reservation>) {
    let (own, others): (Vec<_>, Vec<_>) = reservations.into_iter().partition(|reservation| reservation.fax == fax);
    (own.into_iter().next(), others)
}
