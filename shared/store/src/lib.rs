//! What is kept, and where: the only crate of the service that names an AWS SDK.
//!
//! The tables of DynamoDB, one file each, one method per access pattern (`docs/data-model.md` describes items and costs); [`documents`] in S3, [`queue`]s of
//! SQS, the [`bus`] of EventBridge, the carrier's [`credentials`] in Secrets Manager; and the [`platform`], from which all of them are made.

pub mod accounts;
pub mod audit;
pub mod bus;
pub mod contacts;
pub mod credentials;
pub mod deliveries;
pub mod documents;
pub mod due;
pub mod events;
pub mod fax_creation;
pub mod faxes;
pub mod inbound;
pub mod key_uses;
pub mod keys;
pub mod lists;
pub mod members;
pub mod numbers;
pub mod platform;
pub mod queue;
pub mod rates;
pub mod requests;
mod reservations;
pub mod scheduled;
mod sdk_error;
pub mod semaphores;
mod transaction;
pub mod webhooks;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use sfm_core::id::AccountId;
pub use transaction::{Backoff, Cancelled, Reason, Write};

pub type Item = HashMap<String, AttributeValue>;

/// Why a table could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The call failed after the client's own retries. A write may have happened all the same.
    #[error("the database did not answer: {0}")]
    Unavailable(String),
    /// Other writers kept getting in first until the deadline.
    #[error("too much contention")]
    Contention,
    /// An item is not of the shape that this version reads.
    #[error("an item could not be read: {0}")]
    Unreadable(String),
    /// A request of this program's that could not be made, or that DynamoDB calls invalid. To repeat it is no use.
    #[error("a request to the database is wrong: {0}")]
    Invalid(String),
    /// The tables are in a state that no rule of this program leads to.
    #[error("the database is in an unexpected state: {0}")]
    Unexpected(String),
}

impl From<BuildError> for StoreError {
    fn from(error: BuildError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// From an answer or event that could not be written as JSON.
impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// From a transaction that stopped at a condition which holds by the rules.
impl From<Cancelled> for StoreError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Unexpected(cancelled.to_string())
    }
}

impl StoreError {
    fn from_sdk<E: ProvideErrorMetadata + std::error::Error + 'static, R>(error: SdkError<E, R>) -> Self {
        let summary = sdk_error::summary(&error);
        let invalid = error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ValidationException");
        if invalid { Self::Invalid(summary) } else { Self::Unavailable(summary) }
    }
}

/// Lost the race for an item: somebody wrote it since it was read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplaceError {
    #[error("the item was written by another since it was read")]
    Conflict,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// At most `limit` entries of an account's list from `first` downwards, newest first: a page of index `by-seq`.
async fn list_from<T: DeserializeOwned>(
    client: &Client,
    table: &str,
    account: AccountId,
    first: u64,
    limit: u32,
) -> Result<Vec<T>, StoreError> {
    let found = client
        .query()
        .table_name(table)
        .index_name("by-seq")
        .key_condition_expression("account_id = :account AND seq <= :first")
        .expression_attribute_values(":account", s(account))
        .expression_attribute_values(":first", n(first))
        .scan_index_forward(false)
        .limit(i32::try_from(limit).unwrap_or(i32::MAX))
        .send()
        .await
        .map_err(StoreError::from_sdk)?;
    found.items.unwrap_or_default().into_iter().map(from_item).collect()
}

/// The entry of index `by-id`, for operators, who know no account.
async fn find_by_id<T: DeserializeOwned>(client: &Client, table: &str, id: impl ToString) -> Result<Option<T>, StoreError> {
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
async fn scan<T: DeserializeOwned>(
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

fn to_item(value: &impl Serialize) -> Result<Item, StoreError> {
    serde_dynamo::to_item(value).map_err(|e| StoreError::Invalid(e.to_string()))
}

fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|e| StoreError::Unreadable(e.to_string()))
}

fn s(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
