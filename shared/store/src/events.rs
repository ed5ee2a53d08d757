//! Table `events`: the outbox. Key `account_id`, `id`; index `due` over what is not fanned out; TTL `expires_at`; its
//! stream feeds `relay-events`.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::StoreError;
use crate::items::{self, Item, from_item, key_of, s, to_item};
use crate::platform::{ConfigError, Platform};
use crate::transaction::Write;
use sfm_core::event::Event;
use sfm_core::id::{AccountId, EventId};

#[derive(Debug, Clone)]
pub struct Events {
    client: Client,
    table: String,
}

impl Events {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("EVENTS_TABLE")? })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// The write that adds an event, for the transaction of the change that it tells of.
    pub fn add(&self, event: &Event) -> Result<Write, StoreError> {
        Ok(items::put(&self.table, to_item(event)?, None)?.into())
    }

    /// Reads an event. (1 RRU for each 4 KB)
    pub async fn get(&self, account: AccountId, id: EventId) -> Result<Option<Event>, StoreError> {
        items::get(&self.client, &self.table, key_of(account, id)).await
    }

    /// Writes an event by itself. (2 WRU)
    pub async fn put(&self, event: &Event) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(to_item(event)?));
        put.send().await.map(drop).map_err(StoreError::from_sdk)
    }

    /// The events that an account is told of, newest first, at most `limit` older than `before`. (0.5 RRU for each 4 KB read)
    pub async fn told(&self, account: AccountId, before: Option<EventId>, limit: usize) -> Result<Vec<Event>, StoreError> {
        let last = before.map_or_else(|| "evt_~".to_owned(), |event| event.to_string());
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("account_id = :account AND id < :before")
            .filter_expression("attribute_exists(#data)")
            .expression_attribute_names("#data", "data")
            .expression_attribute_values(":account", s(account))
            .expression_attribute_values(":before", s(last))
            .scan_index_forward(false)
            .into_paginator()
            .items()
            .send();
        let mut events = Vec::new();
        while events.len() < limit
            && let Some(item) = items.next().await
        {
            events.push(from_item(item.map_err(StoreError::from_sdk)?)?);
        }
        Ok(events)
    }

    /// A page of an account's events since a time, oldest first, behind `after`; and whether there are more.
    pub async fn since(
        &self,
        account: AccountId,
        since: Timestamp,
        after: Option<EventId>,
        limit: i32,
    ) -> Result<(Vec<Event>, bool), StoreError> {
        let after = after.map(|event| Item::from([("account_id".into(), s(account)), ("id".into(), s(event))]));
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("account_id = :account AND id >= :first")
            .expression_attribute_values(":account", s(account))
            .expression_attribute_values(":first", s(EventId::earliest(since)))
            .set_exclusive_start_key(after)
            .limit(limit)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        let events = found.items.unwrap_or_default().into_iter().map(from_item).collect::<Result<_, _>>()?;
        Ok((events, found.last_evaluated_key.is_some()))
    }

    /// The event has been fanned out: nobody needs to look after it any more. (1 WRU and 1 for the index)
    pub async fn fanned_out(&self, account: AccountId, id: EventId) -> Result<(), StoreError> {
        let settled = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("account_id", s(account))
            .key("id", s(id))
            .update_expression("REMOVE due_at, due_shard")
            .condition_expression("attribute_exists(id)")
            .send()
            .await;
        match settled {
            Ok(_) => Ok(()),
            // The row's TTL was faster.
            Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(e) => Err(StoreError::from_sdk(e)),
        }
    }
}
