//! Table `faxes`. Key `account_id`, `id`; index `by-seq` is the account's list, `by-status` the list by status and time, `due` what
//! needs a look, `by-id` is for operators.

use std::cmp::Reverse;
use std::collections::VecDeque;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::accounts::Accounts;
use super::events::Events;
use super::lists::{List, Lists};
use super::transaction::{past_conflicts, transact};
use super::{ReplaceError, StoreError};
use crate::items::{self, Item, find_by_id, from_item, key_of, list_from, n, s, to_item};
use crate::platform::{ConfigError, Platform};
use crate::transaction::Write;
use sfm_core::account::Account;
use sfm_core::event::Event;
use sfm_core::fax::{Fax, FaxStatus};
use sfm_core::id::{AccountId, FaxId};
use sfm_core::list::Page;
use sfm_core::reservation::Reservation;

#[derive(Debug, Clone)]
pub struct Faxes {
    client: Client,
    table: String,
}

/// Marks an item that is no fax, with a place in the list: it keeps a fax from being made under its id at that place or an earlier one.
const FENCE: &str = "fence";

/// The key of a fax, as messages carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaxKey {
    pub account_id: AccountId,
    pub fax_id: FaxId,
}

/// An entry of an index that has the keys alone.
#[derive(Debug, Deserialize)]
pub struct FaxEntry {
    account_id: AccountId,
    id: FaxId,
}

impl From<FaxEntry> for FaxKey {
    fn from(FaxEntry { account_id, id }: FaxEntry) -> Self {
        Self { account_id, fax_id: id }
    }
}

/// A fax with what index `by-status` is keyed by, while it is in its account's list.
fn item_of(fax: &Fax) -> Result<Item, StoreError> {
    let mut item = to_item(fax)?;
    if fax.seq.is_some() {
        item.insert("listed_as".into(), listed_as(fax.account_id, fax.status));
        item.insert("listed_at".into(), n(fax.created_at.as_millisecond()));
    }
    Ok(item)
}

fn listed_as(account: AccountId, status: FaxStatus) -> AttributeValue {
    s(format!("{account}#{}", status.as_str()))
}

/// What a filtered list shows.
#[derive(Debug, Clone)]
pub struct FaxFilter {
    pub statuses: Vec<FaxStatus>,
    /// Created after this moment, itself not included.
    pub after: Option<Timestamp>,
    /// Created before this moment, itself not included.
    pub before: Option<Timestamp>,
}

/// One status of a filtered list, newest first, read as far as it was needed.
struct Run {
    status: FaxStatus,
    read: VecDeque<RunEntry>,
    rest: Option<Item>,
    ended: bool,
}

#[derive(Deserialize)]
struct RunEntry {
    id: FaxId,
    listed_at: i64,
}

impl Faxes {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("FAXES_TABLE")? })
    }

    /// Reads a fax strongly, deleted or not. (1 RRU)
    pub async fn get(&self, account: AccountId, id: FaxId) -> Result<Option<Fax>, StoreError> {
        let found = items::get_item(&self.client, &self.table, key_of(account, id)).await?;
        found.filter(|item| !item.contains_key(FENCE)).map(from_item).transpose()
    }

    /// The reservations without a fax at their place: its transaction is under way, was never made, or another worker made the fax at another
    /// place. (1 RRU each)
    pub(super) async fn open(&self, account: AccountId, reservations: &[Reservation]) -> Result<Vec<Reservation>, StoreError> {
        let found = try_join_all(reservations.iter().map(|reservation| self.get(account, reservation.fax))).await?;
        let open = reservations.iter().zip(found).filter(|(reservation, fax)| !fax.as_ref().is_some_and(|fax| fax.has_place(reservation)));
        Ok(open.map(|(reservation, _)| *reservation).collect())
    }

    /// The account as it is without what is reserved for faxes that do not exist. (1 RRU for each reservation, of which there are few)
    pub async fn without_open(&self, mut account: Account) -> Result<Account, StoreError> {
        for open in self.open(account.id, &account.reservations).await? {
            if let Some(used) = account.used.get_mut(&open.month) {
                *used = used.saturating_sub(open.pages.into());
            }
        }
        account.reservations.clear();
        Ok(account)
    }

    /// Makes sure that a fax which does not exist is never made at this place: whoever is still about to must fail. A later reservation has a
    /// later place and is let through, because a scheduled fax and one that came in have the same id whichever worker makes them. Does nothing
    /// where the fax exists. (1 WRU)
    pub(super) async fn fence(&self, account: AccountId, reservation: &Reservation) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("account_id", s(account))
            .item("id", s(reservation.fax))
            .item(FENCE, n(reservation.seq))
            .condition_expression("attribute_not_exists(id) OR #fence < :place")
            .expression_attribute_names("#fence", FENCE)
            .expression_attribute_values(":place", n(reservation.seq));
        match past_conflicts(|| put.clone().send()).await {
            Ok(_) => Ok(()),
            Err(e) if e.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => Ok(()),
            Err(e) => Err(StoreError::from_sdk(e)),
        }
    }

    /// A fax that was not deleted. (1 RRU)
    pub async fn visible(&self, account: AccountId, id: FaxId) -> Result<Option<Fax>, StoreError> {
        Ok(self.get(account, id).await?.filter(|fax| fax.deleted_at.is_none()))
    }

    /// At most `limit` faxes of an account's list from `first` downwards, newest first.
    pub async fn list_from(&self, account: AccountId, first: u64, limit: u32) -> Result<Vec<Fax>, StoreError> {
        list_from(&self.client, &self.table, account, first, limit).await
    }

    /// A page of the faxes that `filter` lets through, newest first, and whether there are more.
    ///
    /// Walks index `by-status`, whose entries are keys alone, to the page: 0.5 RRU for each 30 entries before it. Then one batch
    /// reads the page. (2 round trips, more for each 5,000 entries)
    pub async fn list_filtered(&self, account: AccountId, filter: &FaxFilter, page: Page) -> Result<(Vec<Fax>, bool), StoreError> {
        let run = |status: &FaxStatus| Run { status: *status, read: VecDeque::new(), rest: None, ended: false };
        let mut runs: Vec<Run> = filter.statuses.iter().map(run).collect();
        let mut skip = page.offset();
        let mut ids: Vec<FaxId> = Vec::new();
        let has_more = loop {
            let wanted = skip.saturating_add(page.limit.into()).saturating_add(1);
            let unread = runs.iter_mut().filter(|run| run.read.is_empty() && !run.ended);
            try_join_all(unread.map(|run| self.read_on(account, filter, run, wanted))).await?;
            let newest = runs.iter_mut().filter(|run| !run.read.is_empty()).max_by_key(|run| run.read.front().map(|entry| entry.listed_at));
            let Some(entry) = newest.and_then(|run| run.read.pop_front()) else { break false };
            if skip > 0 {
                skip -= 1;
            } else if ids.len() == page.limit as usize {
                break true;
            } else if !ids.contains(&entry.id) {
                ids.push(entry.id);
            }
        };
        let keys = ids.iter().map(|id| key_of(account, id)).collect();
        let items = items::get_all(&self.client, &self.table, keys).await?;
        let mut faxes: Vec<Fax> = items.into_iter().map(from_item).collect::<Result<_, _>>()?;
        // The index may trail behind: what has left the filter since is not shown.
        faxes.retain(|fax| fax.seq.is_some() && filter.statuses.contains(&fax.status));
        faxes.sort_by_key(|fax| Reverse(fax.seq));
        Ok((faxes, has_more))
    }

    async fn read_on(&self, account: AccountId, filter: &FaxFilter, run: &mut Run, wanted: u64) -> Result<(), StoreError> {
        let after = filter.after.map_or(i64::MIN, Timestamp::as_millisecond);
        // A moment within a millisecond lies after the faxes of that millisecond.
        let before = filter.before.map_or(i64::MAX, |at| at.as_millisecond() - i64::from(at.subsec_nanosecond() % 1_000_000 == 0));
        if after >= before {
            run.ended = true;
            return Ok(());
        }
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by-status")
            .key_condition_expression("listed_as = :as AND listed_at BETWEEN :from AND :to")
            .expression_attribute_values(":as", listed_as(account, run.status))
            .expression_attribute_values(":from", n(after.saturating_add(1)))
            .expression_attribute_values(":to", n(before))
            .scan_index_forward(false)
            .limit(i32::try_from(wanted).unwrap_or(i32::MAX).min(5_000))
            .set_exclusive_start_key(run.rest.take())
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        run.ended = found.last_evaluated_key.is_none();
        run.rest = found.last_evaluated_key;
        run.read = found.items.unwrap_or_default().into_iter().map(from_item).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Writes a fax over the version it was read in. (1 WRU a KB, and as much for each index whose part changed)
    pub async fn replace(&self, fax: &mut Fax) -> Result<(), ReplaceError> {
        fax.version += 1;
        items::replace(&self.client, &self.table, item_of(fax)?, fax, fax.version - 1).await
    }

    /// The write of a new fax, unless its place is fenced off.
    pub(super) fn put_new(&self, fax: &Fax, place: u64) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item_of(fax)?))
            .condition_expression("attribute_not_exists(id) OR #fence < :place")
            .expression_attribute_names("#fence", FENCE)
            .expression_attribute_values(":place", n(place))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Finds a fax by its id alone, for operators.
    pub async fn find(&self, id: FaxId) -> Result<Option<FaxKey>, StoreError> {
        let entry: Option<FaxEntry> = find_by_id(&self.client, &self.table, id).await?;
        Ok(entry.map(FaxKey::from))
    }

    fn replacement(&self, fax: &mut Fax) -> Result<TransactWriteItem, StoreError> {
        fax.version += 1;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item_of(fax)?))
            .condition_expression("version = :seen")
            .expression_attribute_values(":seen", n(fax.version - 1))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Takes a fax, which has place `seq`, out of its account's list, with its audit entry. False when somebody else wrote it meanwhile.
    pub async fn remove(&self, fax: &mut Fax, seq: u64, accounts: &Accounts, audit: Write) -> Result<bool, StoreError> {
        let mut writes = Lists::removal(accounts.table(), List::Faxes, fax.account_id, seq)?;
        writes.push(self.replacement(fax)?);
        writes.push(audit.into());
        Ok(transact(&self.client, writes).await?.is_ok())
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

/// Ends faxes: the last status, the event that tells of it and the pages given back are one transaction.
#[derive(Debug, Clone)]
pub struct FaxEnding {
    faxes: Faxes,
    accounts: Accounts,
    events: Events,
}

impl FaxEnding {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { faxes: Faxes::new(platform)?, accounts: Accounts::new(platform)?, events: Events::new(platform)? })
    }

    pub fn faxes(&self) -> &Faxes {
        &self.faxes
    }

    pub async fn complete(&self, fax: &mut Fax, event: &Event) -> Result<(), ReplaceError> {
        let mut writes = vec![self.faxes.replacement(fax)?, self.events.add(event)?.into()];
        let refund = fax.refund();
        if refund > 0 {
            let give_back = Update::builder()
                .table_name(self.accounts.table())
                .key("account_id", s(fax.account_id))
                .key("item", s("account"))
                .update_expression("SET used.#month = if_not_exists(used.#month, :pages) - :pages")
                .expression_attribute_names("#month", fax.month.to_string())
                .expression_attribute_values(":pages", n(refund))
                .build()
                .map_err(StoreError::from)?;
            writes.push(TransactWriteItem::builder().update(give_back).build());
        }
        transact(&self.faxes.client, writes).await?.map_err(|_| ReplaceError::Conflict)
    }
}
