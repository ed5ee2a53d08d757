//! The filtered list of faxes: a posting list, or a walk of index `by-status`, which begins near a deep page by counting what lies before it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;

use crate::StoreError;
use crate::faxes::{Faxes, listed_as};
use crate::final_counts::{self, FinalCounts, is_settled};
use crate::items::{self, Item, from_item, key_of, list_from, n};
use crate::lists::{List, Lists};
use crate::platform::{ConfigError, Platform};
use crate::posting_list::PostingList;
use crate::postings::Postings;
use sfm_core::fax::{Fax, FaxField, FaxStatus};
use sfm_core::id::{AccountId, FaxId};
use sfm_core::list::{BLOCK, Page, block_of};
use sfm_core::phone::E164;

/// Entries that one Query of the index is asked for.
const MOST_READ: u64 = 5_000;

/// Entries of a posting list that are read at a time where further conditions must hold.
const READ_AT_ONCE: u64 = 100;

/// What a filtered list shows.
#[derive(Debug, Clone)]
pub struct FaxFilter {
    /// The values that faxes must have, at most one of each field.
    pub values: BTreeMap<FaxField, String>,
    /// One of these.
    pub statuses: Vec<FaxStatus>,
    /// Created after this moment, itself not included.
    pub after: Option<Timestamp>,
    /// Created before this moment, itself not included.
    pub before: Option<Timestamp>,
}

impl FaxFilter {
    fn lets_through(&self, fax: &Fax) -> bool {
        self.statuses.contains(&fax.status)
            && self.after.is_none_or(|after| after < fax.created_at)
            && self.before.is_none_or(|before| fax.created_at < before)
            && self.values.iter().all(|(field, value)| fax.field(*field) == Some(value))
    }

    /// Whether one value is all that it asks for.
    fn has_value_alone(&self) -> bool {
        self.values.len() == 1 && self.statuses.len() == FaxStatus::ALL.len() && self.after.is_none() && self.before.is_none()
    }
}

#[derive(Debug, Clone)]
pub struct FilteredFaxes {
    faxes: Faxes,
    lists: Lists,
    postings: Postings,
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

/// The entries of some statuses whose times of creation lie between two, in milliseconds, both included.
struct Walk<'a> {
    faxes: &'a Faxes,
    account: AccountId,
    from: i64,
    to: i64,
    runs: Vec<Run>,
}

impl<'a> Walk<'a> {
    fn new(faxes: &'a Faxes, account: AccountId, statuses: &[FaxStatus], from: i64, to: i64) -> Self {
        let run = |status: &FaxStatus| Run { status: *status, read: VecDeque::new(), rest: None, ended: from > to };
        Self { faxes, account, from, to, runs: statuses.iter().map(run).collect() }
    }

    /// The next entry, newest first, where so many are still wanted.
    async fn next(&mut self, wanted: u64) -> Result<Option<RunEntry>, StoreError> {
        let Self { faxes, account, from, to, runs } = self;
        let unread = runs.iter_mut().filter(|run| run.read.is_empty() && !run.ended);
        try_join_all(unread.map(|run| read_on(faxes, *account, (*from, *to), run, wanted))).await?;
        let newest = runs.iter_mut().filter(|run| !run.read.is_empty()).max_by_key(|run| run.read.front().map(|entry| entry.listed_at));
        Ok(newest.and_then(|run| run.read.pop_front()))
    }
}

async fn read_on(faxes: &Faxes, account: AccountId, (from, to): (i64, i64), run: &mut Run, wanted: u64) -> Result<(), StoreError> {
    let found = faxes
        .client()
        .query()
        .table_name(faxes.table())
        .index_name("by-status")
        .key_condition_expression("listed_as = :as AND listed_at BETWEEN :from AND :to")
        .expression_attribute_values(":as", listed_as(account, run.status))
        .expression_attribute_values(":from", n(from))
        .expression_attribute_values(":to", n(to))
        .scan_index_forward(false)
        .limit(i32::try_from(wanted.clamp(1, MOST_READ)).unwrap_or(i32::MAX))
        .set_exclusive_start_key(run.rest.take())
        .send()
        .await
        .map_err(StoreError::from_sdk)?;
    run.ended = found.last_evaluated_key.is_none();
    run.rest = found.last_evaluated_key;
    run.read = found.items.unwrap_or_default().into_iter().map(from_item).collect::<Result<_, _>>()?;
    Ok(())
}

impl FilteredFaxes {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let (faxes, lists) = (Faxes::new(platform)?, Lists::new(platform)?);
        Ok(Self { faxes, lists, postings: Postings::new(platform)? })
    }

    /// A page of the faxes that `filter` lets through, newest first, and whether there are more.
    pub async fn list(&self, account: AccountId, filter: &FaxFilter, page: Page) -> Result<(Vec<Fax>, bool), StoreError> {
        // The last field is the one that fewest faxes have in common.
        match filter.values.last_key_value() {
            None => self.by_status(account, filter, page).await,
            Some((field, value)) => self.by_value(account, &PostingList::of(*field, value), filter, page).await,
        }
    }

    /// Whether a fax was ever delivered to a number, by a live key or by a test key. (2 RRU, and 1 for each fax since the last that was)
    pub async fn was_delivered(&self, account: AccountId, to: &E164, live: bool) -> Result<bool, StoreError> {
        let list = PostingList::of(FaxField::To, to.as_str());
        let mut top = self.lists.head(&List::Postings(list.clone()), account).await?.last;
        while top > 0 {
            let faxes = self.postings.read(account, &list, top, READ_AT_ONCE).await?;
            if faxes.iter().any(|fax| fax.status == FaxStatus::Delivered && fax.live == live) {
                return Ok(true);
            }
            top = top.saturating_sub(READ_AT_ONCE);
        }
        Ok(false)
    }

    /// From a posting list. A page that no other condition holds for costs the same at any depth: 3 RRU, and 1 for each fax. Otherwise
    /// what lies before it is read too.
    async fn by_value(
        &self,
        account: AccountId,
        list: &PostingList,
        filter: &FaxFilter,
        page: Page,
    ) -> Result<(Vec<Fax>, bool), StoreError> {
        let postings = List::Postings(list.clone());
        if filter.has_value_alone() {
            let read = |first, limit| self.postings.list_from(account, list, first, limit);
            let paged = self.lists.page(&postings, account, page, read).await?;
            return Ok((paged.entries, paged.has_more));
        }
        let (mut skip, mut shown) = (page.offset(), Vec::new());
        let mut top = self.lists.head_and_holes(&postings, account).await?.0.last;
        while top > 0 {
            let faxes = self.postings.read(account, list, top, READ_AT_ONCE).await?;
            if faxes.last().is_some_and(|oldest| filter.after.is_some_and(|after| oldest.created_at <= after)) {
                top = 0;
            }
            for fax in faxes.into_iter().filter(|fax| filter.lets_through(fax)) {
                if skip > 0 {
                    skip -= 1;
                } else if shown.len() == page.limit as usize {
                    return Ok((shown, true));
                } else {
                    shown.push(fax);
                }
            }
            top = top.saturating_sub(READ_AT_ONCE);
        }
        Ok((shown, false))
    }

    /// Walks index `by-status`, whose entries are keys alone, to the page: 0.5 RRU for each 30 entries. More than a block before the page, it
    /// begins near it: 1 RRU for each 16 blocks that it passes over. Then one batch reads the page. (2 round trips, 7 for a deep page)
    async fn by_status(&self, account: AccountId, filter: &FaxFilter, page: Page) -> Result<(Vec<Fax>, bool), StoreError> {
        let from = filter.after.map_or(i64::MIN, |at| at.as_millisecond().saturating_add(1));
        // A moment within a millisecond lies after the faxes of that millisecond.
        let to = filter.before.map_or(i64::MAX, |at| at.as_millisecond() - i64::from(at.subsec_nanosecond() % 1_000_000 == 0));
        let (to, mut skip) = match page.offset() {
            offset if offset > BLOCK => self.near(account, filter, to, offset).await?,
            offset => (to, offset),
        };
        let mut walk = Walk::new(&self.faxes, account, &filter.statuses, from, to);
        let mut ids: Vec<FaxId> = Vec::new();
        let has_more = loop {
            let wanted = skip.saturating_add(page.limit.into()).saturating_add(1);
            let Some(entry) = walk.next(wanted).await? else { break false };
            if skip > 0 {
                skip -= 1;
            } else if ids.len() == page.limit as usize {
                break true;
            } else if !ids.contains(&entry.id) {
                ids.push(entry.id);
            }
        };
        let keys = ids.iter().map(|id| key_of(account, id)).collect();
        let items = items::get_all(self.faxes.client(), self.faxes.table(), keys).await?;
        let mut faxes: Vec<Fax> = items.into_iter().map(from_item).collect::<Result<_, _>>()?;
        // The index may trail behind: what has left the filter since is not shown.
        faxes.retain(|fax| fax.seq.is_some() && filter.statuses.contains(&fax.status));
        faxes.sort_by_key(|fax| Reverse(fax.seq));
        Ok((faxes, has_more))
    }

    /// A time of creation from which the walk to what has `offset` entries before it is short, and how many of those come after it.
    async fn near(&self, account: AccountId, filter: &FaxFilter, to: i64, offset: u64) -> Result<(i64, u64), StoreError> {
        let (head, holes) = self.lists.head_and_holes(&List::Faxes, account).await?;
        let newest = if filter.before.is_some() { self.first_place(account, filter, to).await? } else { Some(head.last) };
        let Some(newest) = newest else { return Ok((to, offset)) };
        let mut block = block_of(newest);
        let matching = |counts: &FinalCounts| -> i64 { filter.statuses.iter().filter_map(|status| counts.get(status)).sum() };
        let counts = final_counts::below(self.faxes.client(), self.lists.table(), account, block)
            .await?
            .into_iter()
            .filter(|(block, counts)| is_settled(*block, counts, &holes));
        let settled: BTreeMap<u64, u64> = counts.map(|(block, counts)| (block, u64::try_from(matching(&counts)).unwrap_or(0))).collect();
        let (mut to, mut left) = (to, offset);
        while let Some((next, _)) = settled.range(..block).next_back() {
            let Some(top) = self.top_of(account, *next).await? else { break };
            let mut unsettled = Walk::new(&self.faxes, account, &filter.statuses, top.saturating_add(1), to);
            let mut passed = 0;
            while unsettled.next((left - passed).saturating_add(1)).await?.is_some() {
                if passed == left {
                    return Ok((to, left));
                }
                passed += 1;
            }
            left -= passed;
            block = next + 1;
            while let Some(matching) = block.checked_sub(1).and_then(|below| settled.get(&below)) {
                if left < *matching {
                    break;
                }
                left -= matching;
                block -= 1;
            }
            let Some(below) = block.checked_sub(1) else { return Ok((i64::MIN, 0)) };
            let Some(top) = self.top_of(account, below).await? else { return Ok((i64::MIN, 0)) };
            to = top;
            if settled.contains_key(&below) {
                break;
            }
        }
        Ok((to, left))
    }

    /// The place of the first entry that a filter with an end lets through. (2 round trips)
    async fn first_place(&self, account: AccountId, filter: &FaxFilter, to: i64) -> Result<Option<u64>, StoreError> {
        let first = Walk::new(&self.faxes, account, &filter.statuses, i64::MIN, to).next(1).await?;
        let Some(first) = first else { return Ok(None) };
        Ok(self.faxes.get(account, first.id).await?.and_then(|fax| fax.seq))
    }

    /// When the newest fax of a block or of those below it was created, in milliseconds. (0.5 RRU)
    async fn top_of(&self, account: AccountId, block: u64) -> Result<Option<i64>, StoreError> {
        let newest: Vec<Fax> = list_from(self.faxes.client(), self.faxes.table(), account, (block + 1) * BLOCK, 1).await?;
        Ok(newest.first().map(|fax| fax.created_at.as_millisecond()))
    }
}
