//! Table `webhooks`: endpoints. Key `account_id`, `id`; index `by-id` is for operators.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;

use super::transaction::Backoff;
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

    pub async fn add(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(to_item(endpoint)?));
        put.condition_expression("attribute_not_exists(id)").send().await.map(drop).map_err(StoreError::from_sdk)
    }

    pub async fn delete(&self, account: AccountId, id: EndpointId) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).key("account_id", s(account)).key("id", s(id));
        delete.send().await.map(drop).map_err(StoreError::from_sdk)
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
