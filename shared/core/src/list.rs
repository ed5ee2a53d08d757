//! How a list of any length is paged by number at a constant cost.
//!
//! Each entry of an account's list has a dense sequence number, given in the transaction that creates it. The newest entry has
//! the highest, so page arithmetic gives the key range of a page without walking to it. What was deleted is counted per
//! [`BLOCK`] of numbers, and named in one small set per block: two further reads find the page behind any number of deletions.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Sequence numbers that share a set of deletions. A full set has about 6 KB.
pub const BLOCK: u64 = 1024;

/// The head of a list: how many entries it ever had and how many were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListHead {
    /// The newest entry's sequence number; numbers start at 1.
    pub last: u64,
    /// The newest entry's time of creation. A later entry is always given a later one, so the order by number is the order by time.
    #[serde(default)]
    pub last_at: Timestamp,
    #[serde(default)]
    pub deleted: u64,
    /// In the list of faxes the time of the newest entry in milliseconds, which `last_at` is in the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ms: Option<i64>,
}

impl ListHead {
    pub fn total(&self) -> u64 {
        self.last.saturating_sub(self.deleted)
    }

    /// The head after one more entry, created at `now` or, should that not be later, a millisecond after its predecessor.
    pub fn next(&self, now: Timestamp) -> Self {
        let after_last = self.last_at.saturating_add(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX);
        Self { last: self.last + 1, last_at: after_last.max(now), ..*self }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    pub entries: Vec<T>,
    pub page: Page,
    /// How many entries the list has; none where a filter lets some of them through, which nobody has counted.
    pub total: Option<u64>,
    pub has_more: bool,
}

impl<T> Paged<T> {
    /// A page of a list of `total` entries.
    pub fn of(entries: Vec<T>, page: Page, total: u64) -> Self {
        Self { entries, page, total: Some(total), has_more: page.has_more(total) }
    }

    /// The page of a list that is at hand as a whole.
    pub fn cut(list: Vec<T>, page: Page) -> Self {
        let total = u64::try_from(list.len()).unwrap_or(u64::MAX);
        let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        Self::of(list.into_iter().skip(skip).take(limit).collect(), page, total)
    }
}

/// Deletions per block; a block without one has no entry.
pub type Holes = BTreeMap<u64, u64>;

/// The block that a sequence number lies in.
pub fn block_of(seq: u64) -> u64 {
    seq.saturating_sub(1) / BLOCK
}

/// Finds the block that holds the entry with `offset` living entries before it (newest first).
///
/// Returns the block and how many living entries of that block come before the one sought; none past the end.
pub fn find_block(head: &ListHead, holes: &Holes, mut offset: u64) -> Option<(u64, u64)> {
    if offset >= head.total() {
        return None;
    }
    for block in (0..=block_of(head.last)).rev() {
        let size = head.last.min((block + 1) * BLOCK) - block * BLOCK;
        let living = size.saturating_sub(holes.get(&block).copied().unwrap_or(0));
        if offset < living {
            return Some((block, offset));
        }
        offset -= living;
    }
    None
}

/// The sequence number of the entry of `block` with `skip` living ones of that block above it.
pub fn find_in_block(head: &ListHead, gone: &BTreeSet<u64>, block: u64, skip: u64) -> Option<u64> {
    let top = head.last.min((block + 1) * BLOCK);
    let mut living = (block * BLOCK + 1..=top).rev().filter(|seq| !gone.contains(seq));
    living.nth(usize::try_from(skip).ok()?)
}

/// Which page of a list is asked for. `limit` 1–100, `page` from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub limit: u32,
    pub page: u64,
}

impl Page {
    pub const DEFAULT_LIMIT: u32 = 25;
    pub const MAX_LIMIT: u32 = 100;

    pub fn offset(&self) -> u64 {
        (self.page - 1).saturating_mul(self.limit.into())
    }

    pub fn has_more(&self, total: u64) -> bool {
        self.offset().saturating_add(self.limit.into()) < total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(last: u64, deleted: u64) -> ListHead {
        ListHead { last, deleted, last_at: Timestamp::UNIX_EPOCH, last_ms: None }
    }

    #[test]
    fn an_entry_is_always_later_than_its_predecessor() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap_or_default();
        let first = ListHead::default().next(at(5_000));
        assert_eq!(first, ListHead { last: 1, last_at: at(5_000), deleted: 0, last_ms: None });
        assert_eq!(first.next(at(4_000)), ListHead { last: 2, last_at: at(5_001), deleted: 0, last_ms: None });
        assert_eq!(first.next(at(5_000)), ListHead { last: 2, last_at: at(5_001), deleted: 0, last_ms: None });
        assert_eq!(first.next(at(6_000)), ListHead { last: 2, last_at: at(6_000), deleted: 0, last_ms: None });
    }

    #[test]
    fn an_empty_list_has_no_page() {
        assert_eq!(find_block(&head(0, 0), &Holes::new(), 0), None);
        assert_eq!(find_block(&head(3, 3), &Holes::from([(0, 3)]), 0), None);
        assert_eq!(find_block(&head(u64::from(u32::MAX), 0), &Holes::new(), u64::MAX), None);
    }

    proptest! {
        /// The reference is the list itself, deletions filtered out.
        #[test]
        fn each_offset_finds_the_entry_that_counting_would_find(last in 0u64..5_000, deleted in prop::collection::btree_set(1u64..5_000, 0..900), offset in 0u64..5_200) {
            let gone: BTreeSet<u64> = deleted.into_iter().filter(|seq| *seq <= last).collect();
            let mut holes = Holes::new();
            for seq in &gone {
                *holes.entry(block_of(*seq)).or_default() += 1;
            }
            let head = head(last, gone.len() as u64);
            let counted = (1..=last).rev().filter(|seq| !gone.contains(seq)).nth(offset as usize);
            let found = find_block(&head, &holes, offset).and_then(|(block, skip)| find_in_block(&head, &gone, block, skip));
            prop_assert_eq!(found, counted);
        }
    }
}
