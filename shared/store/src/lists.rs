//! An account's lists: the head of each, what was deleted from it, and the arithmetic of [`sfm_core::list`].
//!
//! All of it lies in table `accounts`. The head of the fax list is part of the account's item, because a send writes that item
//! anyway; the others have an item of their own, named like the list. `<list>#holes` counts deletions per block in attributes
//! `b<block>`; `<list>#gone#<block>` names them in the set `seqs`.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use jiff::Timestamp;
use tokio::time::Instant;

use super::StoreError;
use super::faxes::Faxes;
use super::reservations::account_of;
use super::transaction::{Backoff, Cancelled, Reason, transact};
use crate::items::{self, Item, from_item, n, s};
use crate::platform::{ConfigError, Platform};
use crate::posting_list::PostingList;
use sfm_core::fax::{Fax, FaxField};
use sfm_core::id::AccountId;
use sfm_core::list::{Holes, ListHead, Page, Paged, block_of, find_block, find_in_block};
use sfm_core::reservation::Reservation;

/// The lists whose entries have sequence numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum List {
    Faxes,
    Contacts,
    Scheduled,
    /// The faxes that have one value in common.
    Postings(PostingList),
}

impl List {
    fn name(&self) -> &str {
        match self {
            Self::Faxes => "faxes",
            Self::Contacts => "contacts",
            Self::Scheduled => "scheduled",
            Self::Postings(list) => list.name(),
        }
    }

    /// The item that the head is in.
    fn item(&self) -> &str {
        match self {
            Self::Faxes => "account",
            other => other.name(),
        }
    }

    /// Where in its item the head is.
    fn head_path(&self) -> &'static str {
        match self {
            Self::Faxes => "faxes.",
            Self::Contacts | Self::Scheduled | Self::Postings(_) => "",
        }
    }

    fn head_of(&self, item: Item) -> Result<ListHead, StoreError> {
        match self {
            Self::Faxes => account_of(item).map(|account| account.faxes),
            Self::Contacts | Self::Scheduled | Self::Postings(_) => from_item(item),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Lists {
    client: Client,
    table: String,
    faxes: Faxes,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    pub total: u64,
    /// Sequence number of the page's first entry; none when the page lies past the end.
    pub first: Option<u64>,
}

impl Lists {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("ACCOUNTS_TABLE")?, faxes: Faxes::new(platform)? })
    }

    /// Finds where a page of a list begins. (One round trip; two when something was deleted from the page's block, or places of faxes are
    /// reserved.)
    pub async fn find(&self, list: &List, account: AccountId, page: Page) -> Result<Start, StoreError> {
        let (mut head, mut holes, reserved) = self.read(list, account).await?;
        // Nobody sees a place whose fax is not there.
        let open = self.faxes.open(account, &reserved).await?;
        head.deleted += open.len() as u64;
        for reservation in &open {
            *holes.entry(block_of(reservation.seq)).or_default() += 1;
        }
        let total = head.total();
        let Some((block, skip)) = find_block(&head, &holes, page.offset()) else { return Ok(Start { total, first: None }) };
        let mut gone = if holes.contains_key(&block) { self.gone(list, account, block).await? } else { BTreeSet::new() };
        gone.extend(open.iter().map(|reservation| reservation.seq));
        Ok(Start { total, first: find_in_block(&head, &gone, block, skip) })
    }

    /// A page of a list: `read` reads at most so many of its entries from a place downwards.
    pub async fn page<T, F>(
        &self,
        list: &List,
        account: AccountId,
        page: Page,
        read: impl FnOnce(u64, u32) -> F,
    ) -> Result<Paged<T>, StoreError>
    where
        F: Future<Output = Result<Vec<T>, StoreError>>,
    {
        let Start { total, first } = self.find(list, account, page).await?;
        let entries = match first {
            Some(first) => read(first, page.limit).await?,
            None => Vec::new(),
        };
        Ok(Paged::of(entries, page, total))
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// The head of a list and the deletions of its blocks. (1 round trip)
    pub(super) async fn head_and_holes(&self, list: &List, account: AccountId) -> Result<(ListHead, Holes), StoreError> {
        self.read(list, account).await.map(|(head, holes, _)| (head, holes))
    }

    async fn read(&self, list: &List, account: AccountId) -> Result<(ListHead, Holes, Vec<Reservation>), StoreError> {
        let key = |item: &str| items::key([("account_id", s(account)), ("item", s(item))]);
        let keys = vec![key(list.item()), key(&format!("{}#holes", list.name()))];
        let (mut head, mut holes, mut reserved) = (ListHead::default(), Holes::new(), Vec::new());
        for item in items::get_all(&self.client, &self.table, keys).await? {
            if item.get("item") == Some(&s("account")) {
                let account = account_of(item)?;
                (head, reserved) = (account.faxes, account.reservations);
            } else if item.get("item") == Some(&s(list.item())) {
                head = list.head_of(item)?;
            } else {
                let counts = item.iter().filter_map(|(name, value)| Some((name.strip_prefix('b')?, value)));
                holes = counts.filter_map(|(block, count)| Some((block.parse().ok()?, count.as_n().ok()?.parse().ok()?))).collect();
            }
        }
        Ok((head, holes, reserved))
    }

    async fn gone(&self, list: &List, account: AccountId, block: u64) -> Result<BTreeSet<u64>, StoreError> {
        let item = self.item(account, &format!("{}#gone#{block}", list.name())).await?;
        let seqs = item.and_then(|mut item| item.remove("seqs"));
        Ok(match seqs {
            Some(AttributeValue::Ns(seqs)) => seqs.iter().filter_map(|seq| seq.parse().ok()).collect(),
            _ => BTreeSet::new(),
        })
    }

    async fn item(&self, account: AccountId, item: &str) -> Result<Option<Item>, StoreError> {
        items::get_item(&self.client, &self.table, items::key([("account_id", s(account)), ("item", s(item))])).await
    }

    /// The head of a list. (1 RRU)
    pub async fn head(&self, list: &List, account: AccountId) -> Result<ListHead, StoreError> {
        Ok(self.item(account, list.item()).await?.map(|item| list.head_of(item)).transpose()?.unwrap_or_default())
    }

    /// Adds an entry to a list whose head has an item of its own: `entry` makes its writes for the place that it gets. Where others
    /// were faster the place is taken anew and the transaction tried again.
    ///
    /// It gives up at `until`. A cancellation is the entry's: its reasons are those of the writes that `entry` made, in their order. (2 round trips)
    pub(super) async fn add(
        &self,
        list: &List,
        account: AccountId,
        now: Timestamp,
        until: Instant,
        entry: impl Fn(ListHead) -> Result<Vec<TransactWriteItem>, StoreError>,
    ) -> Result<Result<ListHead, Cancelled>, StoreError> {
        let mut head = self.head(list, account).await?;
        let mut backoff = Backoff::until(until);
        loop {
            let place = head.next(now);
            let mut writes = entry(place)?;
            writes.push(self.take_place(list, account, &head, &place)?);
            let Err(Cancelled(mut reasons)) = transact(&self.client, writes).await? else { return Ok(Ok(place)) };
            let taken = reasons.pop();
            if reasons.iter().any(|reason| *reason != Reason::None) {
                return Ok(Err(Cancelled(reasons)));
            }
            match taken {
                Some(Reason::Condition(Some(_))) => {}
                other => return Err(StoreError::Unexpected(format!("no place in the list: {other:?}"))),
            }
            // What the refusal showed is old after the wait.
            backoff.wait().await?;
            head = self.head(list, account).await?;
        }
    }

    fn take_place(&self, list: &List, account: AccountId, seen: &ListHead, place: &ListHead) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("account_id", s(account))
            .key("item", s(list.item()))
            .update_expression("SET #last = :last, last_at = :at")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":last", n(place.last))
            .expression_attribute_values(":at", s(place.last_at))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        update = match seen.last {
            0 => update.condition_expression("attribute_not_exists(#last)"),
            last => update.condition_expression("#last = :seen").expression_attribute_values(":seen", n(last)),
        };
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }

    /// The writes that take entry `seq` out of a list, for the transaction that deletes the entry.
    pub(super) fn removal(table: &str, list: &List, account: AccountId, seq: u64) -> Result<Vec<TransactWriteItem>, StoreError> {
        let deleted = format!("{}deleted", list.head_path());
        let head = Update::builder()
            .table_name(table)
            .key("account_id", s(account))
            .key("item", s(list.item()))
            .update_expression(format!("SET {deleted} = if_not_exists({deleted}, :zero) + :one"))
            .condition_expression("attribute_exists(account_id)")
            .expression_attribute_values(":zero", n(0))
            .expression_attribute_values(":one", n(1))
            .build()?;
        let mut writes = vec![TransactWriteItem::builder().update(head).build()];
        writes.extend(Self::gap(table, list, account, seq)?);
        Ok(writes)
    }

    /// The writes that take a fax out of the posting lists in which it has these places.
    pub(super) fn out_of_postings(table: &str, fax: &Fax, places: &BTreeMap<FaxField, u64>) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut writes = Vec::new();
        for (field, value) in fax.fields() {
            if let Some(place) = places.get(&field) {
                let list = List::Postings(PostingList::of(field, value));
                writes.extend(Self::removal(table, &list, fax.account_id, *place)?);
            }
        }
        Ok(writes)
    }

    /// Those of them that say where the gap is; the head counts it in a write of its own.
    pub(super) fn gap(table: &str, list: &List, account: AccountId, seq: u64) -> Result<Vec<TransactWriteItem>, StoreError> {
        let block = block_of(seq);
        let at = |item: String| Update::builder().table_name(table).key("account_id", s(account)).key("item", s(item));
        let writes = [
            at(format!("{}#holes", list.name()))
                .update_expression("ADD #block :one")
                .expression_attribute_names("#block", format!("b{block}"))
                .expression_attribute_values(":one", n(1)),
            at(format!("{}#gone#{block}", list.name()))
                .update_expression("ADD seqs :seq")
                .expression_attribute_values(":seq", AttributeValue::Ns(vec![seq.to_string()])),
        ];
        writes.into_iter().map(|update| Ok(TransactWriteItem::builder().update(update.build()?).build())).collect()
    }
}
