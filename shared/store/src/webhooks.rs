//! Table `webhooks`: endpoints. Key `account_id`, `id`; index `by-id` is for operators.
//!
//! An account that ever had an endpoint has the item `additions#<account>` too, whose `version` counts the endpoints
//! that were added: each addition is conditional on the one before it, so that two at once cannot both find room for
//! the last.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::transaction::{Backoff, transact};
use crate::items::{self, collect_all, find_by_id, key_of, n, s, to_item};
use crate::platform::{ConfigError, Platform};
use crate::transaction::Write;
use crate::{ReplaceError, StoreError};
use sfm_core::event::EventType;
use sfm_core::id::{AccountId, EndpointId};
use sfm_core::webhook::{Endpoint, EndpointStatus, Failing, Reason, Recovery, Resting, SigningSecret};

/// How long an addition competes with others of its account: less than a request may take, which is 30 s.
const ADDED_WITHIN: Duration = Duration::from_secs(20);

/// The item of an endpoint: the one form in which its secrets are written.
#[derive(Serialize)]
struct Stored<'a> {
    account_id: AccountId,
    id: EndpointId,
    url: &'a str,
    events: &'a BTreeSet<EventType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    status: EndpointStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
    secrets: Vec<StoredSecret<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<Failing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resting: Option<Resting>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    quick: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery: Option<Recovery>,
    created_at: Timestamp,
    version: u64,
}

#[derive(Serialize)]
struct StoredSecret<'a> {
    secret: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

fn stored(endpoint: &Endpoint) -> Stored<'_> {
    let secrets = endpoint.secrets.iter().map(|SigningSecret { secret, until }| StoredSecret { secret: secret.expose(), until: *until });
    Stored {
        account_id: endpoint.account_id,
        id: endpoint.id,
        url: &endpoint.url,
        events: &endpoint.events,
        description: endpoint.description.as_deref(),
        status: endpoint.status,
        disabled_reason: endpoint.disabled_reason,
        disabled_at: endpoint.disabled_at,
        secrets: secrets.collect(),
        failing: endpoint.failing,
        resting: endpoint.resting,
        quick: endpoint.quick,
        recovery: endpoint.recovery,
        created_at: endpoint.created_at,
        version: endpoint.version,
    }
}

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
        items::get(&self.client, &self.table, key_of(account, id)).await
    }

    /// Finds an endpoint by its id alone, for operators.
    pub async fn find(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        find_by_id(&self.client, &self.table, id).await
    }

    /// The endpoints of an account, oldest first, read strongly. (1 RRU for each 4 KB)
    pub async fn of(&self, account: AccountId) -> Result<Vec<Endpoint>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("account_id = :account AND begins_with(id, :endpoint)")
            .expression_attribute_values(":account", s(account))
            .expression_attribute_values(":endpoint", s("wh_"))
            .consistent_read(true);
        collect_all!(query.into_paginator())
    }

    fn put(&self, endpoint: &Endpoint) -> Result<PutBuilder, StoreError> {
        Ok(Put::builder().table_name(&self.table).set_item(Some(to_item(&stored(endpoint))?)))
    }

    /// Stores a new endpoint, with its audit entry. False when its account has `most` already.
    pub async fn add(&self, endpoint: &Endpoint, most: usize, audit: Write) -> Result<bool, StoreError> {
        let put = items::put(&self.table, to_item(&stored(endpoint))?, Some("attribute_not_exists(id)"))?;
        let (account, key) = (endpoint.account_id, s(format!("additions#{}", endpoint.account_id)));
        // Of many at once all but one begin anew, each time.
        let mut backoff = Backoff::until(Instant::now() + ADDED_WITHIN);
        loop {
            let read = items::get_item(&self.client, &self.table, items::key([("account_id", s(account)), ("id", key.clone())])).await?;
            let seen = read.as_ref().and_then(|item| item.get("version")?.as_n().ok()?.parse().ok()).unwrap_or(0u64);
            if self.of(account).await?.len() >= most {
                return Ok(false);
            }
            let next = Put::builder()
                .table_name(&self.table)
                .item("account_id", s(account))
                .item("id", key.clone())
                .item("version", n(seen + 1))
                .condition_expression("attribute_not_exists(id) OR version = :seen")
                .expression_attribute_values(":seen", n(seen))
                .build()?;
            let next = TransactWriteItem::builder().put(next).build();
            match transact(&self.client, vec![put.clone(), next, audit.clone().into()]).await? {
                Ok(()) => return Ok(true),
                Err(cancelled) if cancelled.failed(1) && !cancelled.failed(0) => backoff.wait().await?,
                Err(cancelled) => return Err(cancelled.into()),
            }
        }
    }

    /// Deletes an endpoint, with its audit entry. False when there is none.
    pub async fn delete(&self, account: AccountId, id: EndpointId, audit: Write) -> Result<bool, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("account_id", s(account))
            .key("id", s(id))
            .condition_expression("attribute_exists(id)")
            .build()?;
        let delete = TransactWriteItem::builder().delete(delete).build();
        Ok(transact(&self.client, vec![delete, audit.into()]).await?.is_ok())
    }

    /// Lets a person's `change` change an endpoint as it is now, and stores it with its audit entries and what else is
    /// of it. None when there is no such endpoint.
    pub async fn change<T>(
        &self,
        account: AccountId,
        id: EndpointId,
        others: Vec<Write>,
        change: impl Fn(&mut Endpoint) -> T,
    ) -> Result<Option<(Endpoint, T)>, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let Some(mut endpoint) = self.get(account, id).await? else { return Ok(None) };
            let told = change(&mut endpoint);
            endpoint.version += 1;
            let put = self.put(&endpoint)?.condition_expression("version = :seen");
            let put = put.expression_attribute_values(":seen", n(endpoint.version - 1)).build();
            let put = TransactWriteItem::builder().put(put?).build();
            if transact(&self.client, [put].into_iter().chain(others.iter().cloned().map(Into::into)).collect()).await?.is_ok() {
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
        let mut backoff = Backoff::default();
        loop {
            let Some(mut endpoint) = self.get(account, id).await? else { return Ok(None) };
            let (changed, told) = change(&mut endpoint);
            if !changed {
                return Ok(Some((endpoint, told)));
            }
            endpoint.version += 1;
            let written = items::replace(&self.client, &self.table, to_item(&stored(&endpoint))?, &endpoint, endpoint.version - 1);
            match written.await {
                Ok(()) => return Ok(Some((endpoint, told))),
                Err(ReplaceError::Conflict) => backoff.wait().await?,
                Err(ReplaceError::Store(e)) => return Err(e),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items of the first release are read, and what is written is read again.
    #[test]
    fn an_endpoint_is_stored_with_its_secrets_and_shown_without() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default();
        let (account, url) = (AccountId::generate(at(0)), "https://example.com/hook".into());
        let mut endpoint = Endpoint::new(account, url, BTreeSet::new(), None, at(0));
        endpoint.rotate(false, at(0));
        endpoint.failed(at(0), at(1));
        let stored = serde_json::to_string(&stored(&endpoint)).unwrap_or_default();
        assert_eq!(serde_json::from_str::<Endpoint>(&stored).ok().as_ref(), Some(&endpoint));
        let shown = serde_json::to_string(&endpoint.resource()).unwrap_or_default();
        for SigningSecret { secret, .. } in &endpoint.secrets {
            assert!(stored.contains(secret.expose()) && !shown.contains(secret.expose()));
        }
    }
}
