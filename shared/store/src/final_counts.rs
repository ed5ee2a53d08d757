//! How many faxes of each block of an account's list are final, by status. In table `accounts`, in the items `faxes#final#<block>#<shard>`.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use serde_json::{Map, Value};

use crate::StoreError;
use crate::items::{collect_all, s};
use sfm_core::fax::FaxStatus;
use sfm_core::id::AccountId;
use sfm_core::list::{BLOCK, Holes, block_of};

/// Items that the counts of a block are spread over, so that faxes that end at the same moment seldom meet at one.
const SHARDS: u64 = 4;
const COUNTS: &str = "faxes#final#";

/// Faxes of a block of places by their final status. Those that ended before anybody counted were not added, but taken off when deleted.
pub(crate) type FinalCounts = BTreeMap<FaxStatus, i64>;

/// The counts of the blocks below `top`, newest first; read strongly, as the gaps are that they are held against. (1 RRU for each 16 blocks)
pub(crate) async fn below(client: &Client, table: &str, account: AccountId, top: u64) -> Result<Vec<(u64, FinalCounts)>, StoreError> {
    let query = client
        .query()
        .table_name(table)
        .key_condition_expression("account_id = :account AND #item BETWEEN :first AND :last")
        .expression_attribute_names("#item", "item")
        .expression_attribute_values(":account", s(account))
        .expression_attribute_values(":first", s(COUNTS))
        // Ends before the block `top`, in which faxes are still made.
        .expression_attribute_values(":last", s(format!("{COUNTS}{top:010}")))
        .scan_index_forward(false)
        .consistent_read(true);
    let rows: Vec<Map<String, Value>> = collect_all!(query.into_paginator())?;
    let mut blocks: Vec<(u64, FinalCounts)> = Vec::new();
    for row in rows {
        let Some(block) = row.get("item").and_then(|item| block_of_counts(item.as_str()?)) else { continue };
        if blocks.last().is_none_or(|(last, _)| *last != block) {
            blocks.push((block, FinalCounts::new()));
        }
        let Some((_, counts)) = blocks.last_mut() else { continue };
        for status in FaxStatus::ALL {
            *counts.entry(status).or_default() += row.get(status.as_str()).and_then(Value::as_i64).unwrap_or(0);
        }
    }
    Ok(blocks)
}

/// Whether every place of a block is counted: its fax is final, or it is a gap. So nothing changes in it but by a deletion, which the counts
/// know, and they say how many entries of a status it has.
pub(crate) fn is_settled(block: u64, counts: &FinalCounts, holes: &Holes) -> bool {
    let faxes = BLOCK.checked_sub(holes.get(&block).copied().unwrap_or(0));
    faxes.is_some_and(|faxes| i64::try_from(faxes) == Ok(counts.values().sum()))
}

fn counts_item(block: u64, shard: u64) -> String {
    format!("{COUNTS}{block:010}#{shard}")
}

fn block_of_counts(item: &str) -> Option<u64> {
    item.strip_prefix(COUNTS)?.split_once('#')?.0.parse().ok()
}

/// The write that counts a fax as final in its block, or with `by` −1 no longer: for the transaction in which it ends, or is deleted. (2 WRU)
pub(crate) fn count(table: &str, account: AccountId, seq: u64, status: FaxStatus, by: i8) -> Result<TransactWriteItem, StoreError> {
    let update = Update::builder()
        .table_name(table)
        .key("account_id", s(account))
        .key("item", s(counts_item(block_of(seq), seq % SHARDS)))
        .update_expression("ADD #status :by")
        .expression_attribute_names("#status", status.as_str())
        .expression_attribute_values(":by", AttributeValue::N(by.to_string()))
        .build()?;
    Ok(TransactWriteItem::builder().update(update).build())
}
