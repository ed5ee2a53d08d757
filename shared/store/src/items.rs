//! Reading and writing items, whatever table they are in.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sfm_core::id::AccountId;

use crate::transaction::{Backoff, past_conflicts};
use crate::{ReplaceError, StoreError};

pub type Item = HashMap<String, AttributeValue>;

/// What one BatchGetItem takes (Amazon DynamoDB API reference, BatchGetItem).
const MOST_READ: usize = 100;

/// The key of an item: its names and values.
pub(crate) fn key<const N: usize>(parts: [(&str, AttributeValue); N]) -> Item {
    parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The key of what an account has many of: `account_id` and `id`.
pub(crate) fn key_of(account: AccountId, id: impl ToString) -> Item {
    key([("account_id", s(account)), ("id", s(id))])
}

/// Reads an item strongly. (1 RRU for each 4 KB)
pub(crate) async fn get<T: DeserializeOwned>(client: &Client, table: &str, key: Item) -> Result<Option<T>, StoreError> {
    get_item(client, table, key).await?.map(from_item).transpose()
}

pub(crate) async fn get_item(client: &Client, table: &str, key: Item) -> Result<Option<Item>, StoreError> {
    let read = client.get_item().table_name(table).set_key(Some(key)).consistent_read(true);
    Ok(read.send().await.map_err(StoreError::from_sdk)?.item)
}

/// Reads items strongly, in any order; those that are not there are left out. (1 RRU for each 4 KB of each, one call for each 100)
pub(crate) async fn get_all(client: &Client, table: &str, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
    let mut found = get_of_tables(client, keys.into_iter().map(|key| (table, key)).collect()).await?;
    Ok(found.remove(table).unwrap_or_default())
}

/// The same for keys of several tables.
pub(crate) async fn get_of_tables(client: &Client, mut keys: Vec<(&str, Item)>) -> Result<HashMap<String, Vec<Item>>, StoreError> {
    let (mut found, mut backoff) = (HashMap::<String, Vec<Item>>::new(), Backoff::default());
    let mut left: HashMap<String, KeysAndAttributes> = HashMap::new();
    while !keys.is_empty() || !left.is_empty() {
        if left.is_empty() {
            let mut wanted: HashMap<&str, Vec<Item>> = HashMap::new();
            for (table, key) in keys.drain(..keys.len().min(MOST_READ)) {
                wanted.entry(table).or_default().push(key);
            }
            for (table, keys) in wanted {
                left.insert(table.to_owned(), KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?);
            }
        } else {
            backoff.wait().await?;
        }
        let read = client.batch_get_item().set_request_items(Some(left)).send().await.map_err(StoreError::from_sdk)?;
        for (table, items) in read.responses.unwrap_or_default() {
            found.entry(table).or_default().extend(items);
        }
        left = read.unprocessed_keys.unwrap_or_default();
    }
    Ok(found)
}

/// All items of a paginator.
macro_rules! collect_all {
    ($paginator:expr) => {{
        let mut items = $paginator.items().send();
        let mut all = Vec::new();
        while let Some(item) = items.next().await {
            all.push($crate::items::from_item(item.map_err($crate::StoreError::from_sdk)?)?);
        }
        Ok::<_, $crate::StoreError>(all)
    }};
}
pub(crate) use collect_all;

/// Writes `new` over the version `seen` of its item; an item that is not there is at version 0.
///
/// # Errors
/// [`ReplaceError::Conflict`] when another version is there. Where the client had to repeat the write because its answer was lost, the first
/// one is recognised as our own.
pub(crate) async fn replace<T: DeserializeOwned + PartialEq>(
    client: &Client,
    table: &str,
    item: Item,
    new: &T,
    seen: u64,
) -> Result<(), ReplaceError> {
    let condition = if seen == 0 { "attribute_not_exists(version) OR version = :seen" } else { "version = :seen" };
    let put = client
        .put_item()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression(condition)
        .expression_attribute_values(":seen", n(seen))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let Err(error) = past_conflicts(|| put.clone().send()).await else { return Ok(()) };
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => {
            let stored: Option<T> = failed.item.clone().map(from_item).transpose()?;
            if stored.as_ref() == Some(new) { Ok(()) } else { Err(ReplaceError::Conflict) }
        }
        _ => Err(StoreError::from_sdk(error).into()),
    }
}

/// Writes an item whose key no item has yet. False when one has.
pub(crate) async fn put_if_absent(client: &Client, table: &str, item: Item) -> Result<bool, StoreError> {
    let put = client.put_item().table_name(table).set_item(Some(item)).condition_expression("attribute_not_exists(id)");
    match put.send().await {
        Ok(_) => Ok(true),
        Err(e) if e.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => Ok(false),
        Err(e) => Err(StoreError::from_sdk(e)),
    }
}

/// The write of an item for a transaction, on a condition if there is one.
pub(crate) fn put(table: &str, item: Item, condition: Option<&str>) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder().table_name(table).set_item(Some(item)).set_condition_expression(condition.map(str::to_owned)).build()?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// At most `limit` entries of an account's list from `first` downwards, newest first: a page of index `by-seq`. (One round trip for each 1 MB)
pub(crate) async fn list_from<T: DeserializeOwned>(
    client: &Client,
    table: &str,
    account: AccountId,
    first: u64,
    limit: u32,
) -> Result<Vec<T>, StoreError> {
    let (mut found, mut rest) = (Vec::new(), None);
    loop {
        let left = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(found.len());
        let read = client
            .query()
            .table_name(table)
            .index_name("by-seq")
            .key_condition_expression("account_id = :account AND seq <= :first")
            .expression_attribute_values(":account", s(account))
            .expression_attribute_values(":first", n(first))
            .scan_index_forward(false)
            .limit(i32::try_from(left).unwrap_or(i32::MAX))
            .set_exclusive_start_key(rest)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        for item in read.items.unwrap_or_default() {
            found.push(from_item(item)?);
        }
        rest = read.last_evaluated_key;
        if rest.is_none() || found.len() >= limit as usize {
            return Ok(found);
        }
    }
}

/// The entry of index `by-id`, for operators, who know no account.
pub(crate) async fn find_by_id<T: DeserializeOwned>(client: &Client, table: &str, id: impl ToString) -> Result<Option<T>, StoreError> {
    let found = client
        .query()
        .table_name(table)
        .index_name("by-id")
        .key_condition_expression("id = :id")
        .expression_attribute_values(":id", s(id))
        .send()
        .await
        .map_err(StoreError::from_sdk)?;
    found.items.unwrap_or_default().into_iter().next().map(from_item).transpose()
}

/// Every item of a table that has `attribute`, page by page, for operators: `each` gets a page, and how many items were looked at so far.
/// (1 RRU for each 8 KB of the table)
pub(crate) async fn scan<T: DeserializeOwned>(
    client: &Client,
    table: &str,
    attribute: &str,
    mut each: impl FnMut(Vec<T>, usize),
) -> Result<(), StoreError> {
    let mut pages = client
        .scan()
        .table_name(table)
        .filter_expression("attribute_exists(#wanted)")
        .expression_attribute_names("#wanted", attribute)
        .into_paginator()
        .send();
    let mut looked_at = 0;
    while let Some(page) = pages.next().await {
        let page = page.map_err(StoreError::from_sdk)?;
        looked_at += usize::try_from(page.scanned_count).unwrap_or_default();
        each(page.items.unwrap_or_default().into_iter().map(from_item).collect::<Result<_, _>>()?, looked_at);
    }
    Ok(())
}

pub(crate) fn to_item(value: &impl Serialize) -> Result<Item, StoreError> {
    serde_dynamo::to_item(value).map_err(|e| StoreError::Invalid(e.to_string()))
}

/// A value as an item has it.
pub(crate) fn to_value(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|e| StoreError::Invalid(e.to_string()))
}

pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|e| StoreError::Unreadable(e.to_string()))
}

pub(crate) fn s(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

pub(crate) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
