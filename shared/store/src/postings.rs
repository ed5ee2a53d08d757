//! Posting lists: for each number that an account faxes with, and each reference that it notes, which of its faxes have it. In table `accounts`, paged as every list is
//! ([`crate::lists`]), at the same cost whatever the page.
//!
//! The head, item `faxes#<field>#<value>`, has the newest ids in the order of their places; full, it gives the older half to a block,
//! `faxes#<field>#<value>#<number>`. So an entry costs one small write, and a page reads one block or two.
//!
//! A fax is entered while its place in the account's list is reserved, before it exists. Where its sender dies in between, the entry is one without a
//! fax, and its page shows one fax less.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use futures::future::join_all;

use crate::StoreError;
use crate::items::{self, Item, from_item, key, key_of, n, s};
use crate::platform::{ConfigError, Platform};
use crate::posting_list::PostingList;
use crate::transaction::past_conflicts;
use sfm_core::fax::{Fax, FaxField};
use sfm_core::id::{AccountId, FaxId};

/// Entries of a block. Twice as many in the head have less than 1 KB, the unit of a write.
const BLOCK: usize = 24;

/// The head of a list, as far as entries are found by it.
struct Head {
    last: u64,
    ids: Vec<FaxId>,
}

impl Head {
    fn read(item: &Item) -> Self {
        let last = item.get("last").and_then(|last| last.as_n().ok()?.parse().ok()).unwrap_or(0);
        let ids = item.get("ids").and_then(|ids| ids.as_l().ok()).map(Vec::as_slice).unwrap_or_default();
        let ids = ids.iter().filter_map(|id| Some(FaxId::from_bytes(id.as_b().ok()?.as_ref().try_into().ok()?))).collect();
        Self { last, ids }
    }

    /// Entries that lie in blocks: those before the head's.
    fn in_blocks(&self) -> u64 {
        self.last.saturating_sub(self.ids.len() as u64)
    }

    fn place_of(&self, fax: FaxId) -> Option<u64> {
        let index = self.ids.iter().position(|id| *id == fax)?;
        Some(self.in_blocks() + index as u64 + 1)
    }
}

/// Keeps the lists, and reads them.
#[derive(Debug, Clone)]
pub(crate) struct Postings {
    client: Client,
    table: String,
    faxes_table: String,
}

impl Postings {
    pub(crate) fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("ACCOUNTS_TABLE")?, faxes_table: platform.var("FAXES_TABLE")? })
    }

    /// Enters a fax, which is yet to be made, in the list of each of its values. Entered again it keeps its places, as long as fewer than
    /// [`BLOCK`] faxes have come between. (1 WRU for each list)
    ///
    /// Where one could not be written, those that were are given with the error.
    pub(crate) async fn enter(&self, fax: &Fax) -> (BTreeMap<FaxField, u64>, Result<(), StoreError>) {
        let entered = join_all(fax.fields().map(async |(field, value)| {
            let place = self.enter_one(fax.account_id, &PostingList::of(field, value), fax.id).await;
            place.map(|place| (field, place))
        }));
        let (mut places, mut failed) = (BTreeMap::new(), Ok(()));
        for entry in entered.await {
            match entry {
                Ok((field, place)) => drop(places.insert(field, place)),
                Err(e) => failed = Err(e),
            }
        }
        (places, failed)
    }

    async fn enter_one(&self, account: AccountId, list: &PostingList, fax: FaxId) -> Result<u64, StoreError> {
        let id = AttributeValue::B(Blob::new(fax.to_bytes()));
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key([("account_id", s(account)), ("item", s(list.name()))])))
            .update_expression("SET ids = list_append(if_not_exists(ids, :none), :ids), #last = if_not_exists(#last, :zero) + :one")
            .condition_expression("NOT contains(ids, :id)")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":ids", AttributeValue::L(vec![id.clone()]))
            .expression_attribute_values(":id", id)
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let head = match past_conflicts(|| update.clone().send()).await {
            Ok(done) => done.attributes.unwrap_or_default(),
            Err(e) => match e.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => failed.item.clone().unwrap_or_default(),
                _ => return Err(StoreError::from_sdk(e)),
            },
        };
        let head = Head::read(&head);
        if head.ids.len() >= 2 * BLOCK
            && let Err(e) = self.fill_block(account, list, &head).await
        {
            tracing::info!(error = %e, "the next fax fills the block of a posting list");
        }
        head.place_of(fax).ok_or_else(|| StoreError::Unexpected("an entry that was made is not there".into()))
    }

    /// Gives the older half of a head to the next block. The block comes first: until the head is shorter nobody reads it.
    async fn fill_block(&self, account: AccountId, list: &PostingList, head: &Head) -> Result<(), StoreError> {
        let Some(oldest) = head.ids.get(..BLOCK) else { return Ok(()) };
        let ids: Vec<u8> = oldest.iter().flat_map(|id| id.to_bytes()).collect();
        let number = head.in_blocks() / BLOCK as u64;
        let block = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key([("account_id", s(account)), ("item", s(list.block(number)))])))
            .update_expression("SET ids = :ids")
            .expression_attribute_values(":ids", AttributeValue::B(Blob::new(ids)));
        block.send().await.map_err(StoreError::from_sdk)?;
        // From the last: DynamoDB counts as the list was, one of its emulators as the list is after each.
        let removed: Vec<String> = (0..BLOCK).rev().map(|index| format!("ids[{index}]")).collect();
        let shorten = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key([("account_id", s(account)), ("item", s(list.name()))])))
            .update_expression(format!("REMOVE {}", removed.join(", ")))
            .condition_expression("ids[0] = :oldest")
            .expression_attribute_values(":oldest", AttributeValue::B(Blob::new(oldest[0].to_bytes())));
        match past_conflicts(|| shorten.clone().send()).await {
            Ok(_) => Ok(()),
            // Another has done it.
            Err(e) if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => Ok(()),
            Err(e) => Err(StoreError::from_sdk(e)),
        }
    }

    /// At most `limit` faxes of a list from place `first` downwards. (1 RRU for the head and each block; 1 RRU for each fax)
    pub(crate) async fn list_from(&self, account: AccountId, list: &PostingList, first: u64, limit: u32) -> Result<Vec<Fax>, StoreError> {
        let (mut found, mut top) = (Vec::new(), first);
        while top > 0 && found.len() < limit as usize {
            let wanted = u64::from(limit) - found.len() as u64;
            found.extend(self.read(account, list, top, wanted).await?);
            top = top.saturating_sub(wanted);
        }
        Ok(found)
    }

    /// The faxes at places `top`, `top` − 1 and so on, `count` in all, newest first; less those that are deleted or were never made.
    pub(crate) async fn read(&self, account: AccountId, list: &PostingList, top: u64, count: u64) -> Result<Vec<Fax>, StoreError> {
        let places: BTreeSet<u64> = (top.saturating_sub(count) + 1..=top).collect();
        let block_of = |place: u64| (place - 1) / BLOCK as u64;
        let blocks: BTreeSet<u64> = places.iter().map(|place| block_of(*place)).collect();
        let item = |name: String| key([("account_id", s(account)), ("item", s(name))]);
        let keys = std::iter::once(item(list.name().to_owned())).chain(blocks.into_iter().map(|number| item(list.block(number))));
        let (mut head, mut of_blocks) = (Head { last: 0, ids: Vec::new() }, BTreeMap::new());
        for item in items::get_all(&self.client, &self.table, keys.collect()).await? {
            let name = item.get("item").and_then(|name| name.as_s().ok()).map(String::as_str).unwrap_or_default();
            match name.strip_prefix(list.name()).and_then(|rest| rest.strip_prefix('#')?.parse::<u64>().ok()) {
                None => head = Head::read(&item),
                Some(number) => drop(of_blocks.insert(number, item.get("ids").and_then(|ids| ids.as_b().ok()).cloned())),
            }
        }
        let id_at = |place: u64| {
            if let Some(index) = (place - 1).checked_sub(head.in_blocks()) {
                return head.ids.get(usize::try_from(index).ok()?).copied();
            }
            let ids = of_blocks.get(&block_of(place))?.as_ref()?.as_ref();
            let index = usize::try_from((place - 1) % BLOCK as u64).ok()?;
            Some(FaxId::from_bytes(*ids.as_chunks::<16>().0.get(index)?))
        };
        let ids: BTreeSet<FaxId> = places.iter().filter_map(|place| id_at(*place)).collect();
        let keys = ids.into_iter().map(|id| key_of(account, id)).collect();
        let found = items::get_all(&self.client, &self.faxes_table, keys).await?;
        let mut faxes: Vec<Fax> = found.into_iter().filter(|item| item.contains_key("seq")).map(from_item).collect::<Result<_, _>>()?;
        faxes.retain(|fax| list.has(fax, &places));
        faxes.sort_by_key(|fax| std::cmp::Reverse(fax.seq));
        Ok(faxes)
    }
}
