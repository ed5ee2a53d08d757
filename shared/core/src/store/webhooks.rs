//! Table `webhooks`: endpoints. Key `account_id`, `id`; index `by-id` is for operators.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use super::transaction::{Backoff, transact};
use super::{StoreError, find_by_id, from_item, n, s, to_item};
use crate::id::{AccountId, EndpointId};
use crate::platform::{ConfigError, Platform};
use crate::webhook::Endpoint;

#[derive(Debug, Clone)]
pub struct Webhooks {
    client: Client,
    table: String,
}

impl Webhooks {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("WEBHOOKS_TABLE")? })
    }

    /// Reads an endpoint strongly. (1 RRU)
    pub async fn get(&self, account: AccountId, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        let read = self.client.get_item().table_name(&self.table).key("account_id", s(account)).key("id", s(id));
        let found = read.consistent_read(true).send().await.map_err(StoreError::from_sdk)?;
        found.item.map(from_item).transpose()
    }

    /// Finds an endpoint by its id alone, for operators.
    pub async fn find(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        find_by_id(&self.client, &self.table, id).await
    }

    /// The endpoints of an account, oldest first, read strongly. (1 RRU for each 4 KB)
    pub async fn of(&self, account: AccountId) -> Result<Vec<Endpoint>, StoreError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("account_id = :account")
            .expression_attribute_values(":account", s(account))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut endpoints = Vec::new();
        while let Some(item) = items.next().await {
            endpoints.push(from_item(item.map_err(StoreError::from_sdk)?)?);
        }
        Ok(endpoints)
    }

    fn put(&self, endpoint: &Endpoint) -> Result<PutBuilder, StoreError> {
        Ok(Put::builder().table_name(&self.table).set_item(Some(to_item(endpoint)?)))
    }

    /// Stores a new endpoint, with its audit entry.
    pub async fn add(&self, endpoint: &Endpoint, audit: TransactWriteItem) -> Result<(), StoreError> {
        let put = self.put(endpoint)?.condition_expression("attribute_not_exists(id)").build();
        let put = TransactWriteItem::builder().put(put.map_err(|e| StoreError::Corrupt(e.to_string()))?).build();
        let done = transact(&self.client, vec![put, audit]).await?;
        done.map_err(|cancelled| StoreError::Corrupt(format!("{cancelled:?}")))
    }

    /// Deletes an endpoint, with its audit entry. False when there is none.
    pub async fn delete(&self, account: AccountId, id: EndpointId, audit: TransactWriteItem) -> Result<bool, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("account_id", s(account))
            .key("id", s(id))
            .condition_expression("attribute_exists(id)")
            .build()
            .map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let delete = TransactWriteItem::builder().delete(delete).build();
        Ok(transact(&self.client, vec![delete, audit]).await?.is_ok())
    }

    /// Lets a person's `change` change an endpoint as it is now, and stores it with its audit entry. None when there is no such endpoint.
    pub async fn change<T>(
        &self,
        account: AccountId,
        id: EndpointId,
        audit: TransactWriteItem,
        change: impl Fn(&mut Endpoint) -> T,
    ) -> Result<Option<(Endpoint, T)>, StoreError> {
        let mut backoff = Backoff::new();
        loop {
            let Some(mut endpoint) = self.get(account, id).await? else { return Ok(None) };
            let told = change(&mut endpoint);
            endpoint.version += 1;
            let put = self.put(&endpoint)?.condition_expression("version = :seen");
            let put = put.expression_attribute_values(":seen", n(endpoint.version - 1)).build();
            let put = TransactWriteItem::builder().put(put.map_err(|e| StoreError::Corrupt(e.to_string()))?).build();
            if transact(&self.client, vec![put, audit.clone()]).await?.is_ok() {
                return Ok(Some((endpoint, told)));
            }
            backoff.wait().await?;
        }
    }

    /// Lets `change` change an endpoint as it is now, and stores it unless it says that nothing changed; asks again when somebody
    /// else wrote meanwhile. None when there is no such endpoint. (1 RRU; 1 WRU a KB and as much for the index)
    pub async fn update<T>(
        &self,
        account: AccountId,
        id: EndpointId,
        change: impl Fn(&mut Endpoint) -> (bool, T),
    ) -> Result<Option<(Endpoint, T)>, StoreError> {
        let mut backoff = Backoff::new();
        loop {
            let Some(mut endpoint) = self.get(account, id).await? else { return Ok(None) };
            let (changed, told) = change(&mut endpoint);
            if !changed {
                return Ok(Some((endpoint, told)));
            }
            endpoint.version += 1;
            let put = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(to_item(&endpoint)?))
                .condition_expression("version = :seen")
                .expression_attribute_values(":seen", n(endpoint.version - 1))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            match put.send().await {
                Ok(_) => return Ok(Some((endpoint, told))),
                Err(e) => match e.as_service_error() {
                    Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed)) => {
                        // When the client had to repeat the write because its answer was lost, the first one is our own.
                        if failed.item.clone().map(from_item::<Endpoint>).transpose()?.as_ref() == Some(&endpoint) {
                            return Ok(Some((endpoint, told)));
                        }
                        backoff.wait().await?;
                    }
                    _ => return Err(StoreError::from_sdk(e)),
                },
            }
        }
    }
}
