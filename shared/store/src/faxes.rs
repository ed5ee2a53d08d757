//! Table `faxes`. Key `account_id`, `id`; index `by-seq` is the account's list, `by-status` the list by status and time, `due` what
//! needs a look, `by-id` is for operators.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::accounts::Accounts;
use super::events::Events;
use super::lists::{List, Lists};
use super::transaction::{past_conflicts, transact};
use super::{ReplaceError, StoreError};
use crate::final_counts::count;
use crate::items::{self, Item, find_by_id, from_item, key_of, list_from, n, s, to_item};
use crate::platform::{ConfigError, Platform};
use crate::transaction::Write;
use sfm_core::account::Account;
use sfm_core::event::Event;
use sfm_core::fax::{Fax, FaxStatus};
use sfm_core::id::{AccountId, FaxId};
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

pub(super) fn listed_as(account: AccountId, status: FaxStatus) -> AttributeValue {
    s(format!("{account}#{}", status.as_str()))
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
        let mut writes = Lists::removal(accounts.table(), &List::Faxes, fax.account_id, seq)?;
        let postings = std::mem::take(&mut fax.postings);
        writes.extend(Lists::out_of_postings(accounts.table(), fax, &postings)?);
        if fax.status.is_final() {
            writes.push(count(accounts.table(), fax.account_id, seq, fax.status, -1)?);
        }
        writes.push(self.replacement(fax)?);
        writes.push(audit.into());
        Ok(transact(&self.client, writes).await?.is_ok())
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn table(&self) -> &str {
        &self.table
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
        if let Some(seq) = fax.seq {
            writes.push(count(self.accounts.table(), fax.account_id, seq, fax.status, 1)?);
        }
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
