//! Table `accounts`: an account and what hangs on it. Key `account_id`, `item`.
//!
//! Items: `account` (profile, usage, head of the fax list), `key#<id>` (an API key as its owner sees it).

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem, Update};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::reservations::account_of;
use super::transaction::{Backoff, transact};
use crate::items::{self, Item, collect_all, find_by_id, n, s, scan, to_item};
use crate::platform::{ConfigError, Platform};
use crate::transaction::Write;
use sfm_core::account::Account;
use sfm_core::id::{AccountId, KeyId};
use sfm_core::key::{KeyHash, KeyRecord};
use sfm_core::plan::Plan;
use sfm_core::recipient::RecipientPolicy;
use sfm_core::scope::Scope;
use sfm_core::settings::{Emptied, FaxSettingsChange};

/// What of an account an operator changes.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    pub plan: Option<Plan>,
    pub monthly_pages: Option<u32>,
    pub requires_baa: Option<bool>,
    pub allow_premium: Option<bool>,
    pub recipients: Option<RecipientPolicy>,
    pub settings: FaxSettingsChange,
    pub baa_signed_at: Option<Timestamp>,
}

/// What of an account its owners change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountSettings {
    pub recipients: Option<RecipientPolicy>,
    pub faxes: FaxSettingsChange,
}

/// A key as its account lists it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListedKey {
    pub account_id: AccountId,
    pub id: KeyId,
    pub key_hash: KeyHash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its first characters; of a key of an earlier version nobody knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    #[serde(default)]
    pub scopes: Vec<Scope>,
    #[serde(default)]
    pub live: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// An account may have this many keys, so that a change of plan fits one transaction of 100 writes.
pub const MAX_KEYS: usize = 90;

/// No key was made since the keys were read. Keys are never deleted; an account of an earlier version has no count before its next key.
const SAME_KEYS: &str = "(attribute_not_exists(key_count) OR key_count = :keys)";

#[derive(Debug, Clone)]
pub struct Accounts {
    client: Client,
    table: String,
}

/// The account as the operator commands write it, with its keys.
#[derive(Debug, Clone)]
pub struct AccountsAdmin {
    accounts: Accounts,
    keys_table: String,
}

impl Accounts {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("ACCOUNTS_TABLE")? })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// An update of the account's item.
    pub(super) fn update(&self, id: AccountId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("account_id", s(id)).key("item", s("account"))
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// Reads an account strongly. (1 RRU)
    pub async fn get(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let key = items::key([("account_id", s(id)), ("item", s("account"))]);
        items::get_item(&self.client, &self.table, key).await?.map(account_of).transpose()
    }

    /// Changes settings of an account, with the audit entry that tells of it. False where there is no such account. (2 WRU, and 2 for the entry)
    pub async fn change(&self, id: AccountId, settings: &AccountSettings, audit: Option<Write>) -> Result<bool, StoreError> {
        let AccountSettings { recipients, faxes } = settings.clone();
        let change = AccountChange { recipients, settings: faxes, ..AccountChange::default() };
        let Some(update) = self.update_account(id, &change, 0)? else { return Ok(self.get(id).await?.is_some()) };
        let writes = std::iter::once(TransactWriteItem::builder().update(update).build()).chain(audit.map(TransactWriteItem::from));
        Ok(transact(&self.client, writes.collect()).await?.is_ok())
    }

    /// What to write to the account's item; nothing if nothing changes. A change of plan is for an account that has `keys` keys.
    fn update_account(&self, id: AccountId, change: &AccountChange, keys: usize) -> Result<Option<Update>, StoreError> {
        let AccountChange { plan, monthly_pages, requires_baa, allow_premium, recipients, settings, baa_signed_at } = change;
        let FaxSettingsChange { header, header_name, station_id, time_zone, paper } = settings;
        let values = [
            ("plan", plan.map(s)),
            ("monthly_pages", monthly_pages.map(n)),
            ("requires_baa", requires_baa.map(AttributeValue::Bool)),
            ("allow_premium", allow_premium.map(AttributeValue::Bool)),
            ("recipients", recipients.map(s)),
            ("header", header.map(AttributeValue::Bool)),
            ("header_name", header_name.as_ref().and_then(|Emptied(name)| name.as_ref().map(s))),
            ("station_id", station_id.as_ref().and_then(|Emptied(id)| id.as_ref().map(s))),
            ("time_zone", time_zone.as_ref().map(s)),
            ("paper", paper.map(s)),
        ];
        let is_emptied = [("header_name", *header_name == Some(Emptied(None))), ("station_id", *station_id == Some(Emptied(None)))];
        let removes: Vec<_> = is_emptied.into_iter().filter(|(_, is_emptied)| *is_emptied).map(|(name, _)| format!("#{name}")).collect();
        let mut update = Update::builder().table_name(&self.table).key("account_id", s(id)).key("item", s("account"));
        for name in &removes {
            update = update.expression_attribute_names(name, name.trim_start_matches('#'));
        }
        let mut sets = Vec::new();
        for (name, value) in values.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            sets.push(format!("#{name} = :{name}"));
            update = update.expression_attribute_names(format!("#{name}"), name).expression_attribute_values(format!(":{name}"), value);
        }
        if let Some(at) = baa_signed_at {
            sets.push("baa_signed_at = if_not_exists(baa_signed_at, :signed)".into());
            update = update.expression_attribute_values(":signed", s(at));
        }
        let clause = |word: &str, all: &[String]| if all.is_empty() { String::new() } else { format!("{word} {} ", all.join(", ")) };
        let expression = clause("SET", &sets) + &clause("REMOVE", &removes);
        if expression.is_empty() {
            return Ok(None);
        }
        let mut condition = "attribute_exists(account_id)".to_owned();
        if plan.is_some() {
            condition.push_str(" AND ");
            condition.push_str(SAME_KEYS);
            update = update.expression_attribute_values(":keys", n(keys));
        }
        Ok(Some(update.update_expression(expression.trim_end()).condition_expression(condition).build()?))
    }
}

impl AccountsAdmin {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { accounts: Accounts::new(platform)?, keys_table: platform.var("KEYS_TABLE")? })
    }

    pub async fn get(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.accounts.get(id).await
    }

    /// All accounts, page by page, with how many items were looked at so far.
    pub async fn all(&self, each: impl FnMut(Vec<Account>, usize)) -> Result<(), StoreError> {
        scan(&self.accounts.client, &self.accounts.table, "plan", each).await
    }

    pub async fn create(&self, account: &Account) -> Result<(), StoreError> {
        let mut item = to_item(account)?;
        item.insert("item".into(), s("account"));
        self.accounts
            .client
            .put_item()
            .table_name(&self.accounts.table)
            .set_item(Some(item))
            .return_values(ReturnValue::None)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        Ok(())
    }

    /// Changes an account, and the plan on all its keys with it. None when there is no such account.
    pub async fn update(&self, id: AccountId, change: &AccountChange) -> Result<Option<Account>, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let keys = if change.plan.is_some() { self.keys(id).await? } else { Vec::new() };
            let Some(update) = self.accounts.update_account(id, change, keys.len())? else { return self.get(id).await };
            let mut writes = vec![TransactWriteItem::builder().update(update).build()];
            if let Some(plan) = change.plan {
                for key in &keys {
                    writes.push(self.update_key(&key.key_hash, "SET #plan = :plan", |u| {
                        u.expression_attribute_names("#plan", "plan").expression_attribute_values(":plan", s(plan))
                    })?);
                }
            }
            let cancelled = match transact(&self.accounts.client, writes).await? {
                Ok(()) => return self.get(id).await,
                Err(cancelled) => cancelled,
            };
            if !cancelled.failed(0) {
                return Err(StoreError::Unexpected(format!("a key of {id} without its record: {cancelled}")));
            }
            if self.get(id).await?.is_none() {
                return Ok(None);
            }
            // A key was made since the keys were read: it must get the plan as well.
            backoff.wait().await?;
        }
    }

    /// The keys of an account, revoked ones too.
    pub async fn keys(&self, id: AccountId) -> Result<Vec<ListedKey>, StoreError> {
        let query = self
            .accounts
            .client
            .query()
            .table_name(&self.accounts.table)
            .key_condition_expression("account_id = :account AND begins_with(#item, :key)")
            .expression_attribute_names("#item", "item")
            .expression_attribute_values(":account", s(id))
            .expression_attribute_values(":key", s("key#"))
            .consistent_read(true);
        collect_all!(query.into_paginator())
    }

    /// Stores a new key of an account that has `keys` of them, with its audit entry. False when the account is gone, or its plan or its
    /// keys have just changed: read it and try again.
    pub async fn create_key(&self, key: &KeyRecord, listed: &ListedKey, keys: usize, audit: Write) -> Result<bool, StoreError> {
        let mut listed = to_item(listed)?;
        listed.insert("item".into(), s(format!("key#{}", key.id)));
        let counted = Update::builder()
            .table_name(&self.accounts.table)
            .key("account_id", s(key.account_id))
            .key("item", s("account"))
            .update_expression("SET key_count = :next")
            .condition_expression(format!("#plan = :plan AND {SAME_KEYS}"))
            .expression_attribute_names("#plan", "plan")
            .expression_attribute_values(":plan", s(key.plan))
            .expression_attribute_values(":keys", n(keys))
            .expression_attribute_values(":next", n(keys + 1))
            .build()?;
        let put = |table: &str, item: Item| Put::builder().table_name(table).set_item(Some(item)).build();
        let writes = vec![
            TransactWriteItem::builder().update(counted).build(),
            TransactWriteItem::builder().put(put(&self.keys_table, to_item(key)?)?).build(),
            TransactWriteItem::builder().put(put(&self.accounts.table, listed)?).build(),
            audit.into(),
        ];
        Ok(transact(&self.accounts.client, writes).await?.is_ok())
    }

    /// One of an account's keys.
    pub async fn key(&self, account: AccountId, id: KeyId) -> Result<Option<ListedKey>, StoreError> {
        let key = items::key([("account_id", s(account)), ("item", s(format!("key#{id}")))]);
        items::get(&self.accounts.client, &self.accounts.table, key).await
    }

    pub async fn find_key(&self, id: KeyId) -> Result<Option<ListedKey>, StoreError> {
        find_by_id(&self.accounts.client, &self.accounts.table, id).await
    }

    /// Revokes a key, with its audit entry. One that was revoked before keeps its time.
    pub async fn revoke_key(&self, key: &ListedKey, at: Timestamp, audit: Write) -> Result<(), StoreError> {
        let listed = Update::builder()
            .table_name(&self.accounts.table)
            .key("account_id", s(key.account_id))
            .key("item", s(format!("key#{}", key.id)))
            .update_expression("SET revoked_at = if_not_exists(revoked_at, :at)")
            .expression_attribute_values(":at", s(at))
            .build()?;
        let writes = vec![
            self.update_key(&key.key_hash, "SET revoked_at = if_not_exists(revoked_at, :at)", |u| {
                u.expression_attribute_values(":at", s(at))
            })?,
            TransactWriteItem::builder().update(listed).build(),
            audit.into(),
        ];
        let done = transact(&self.accounts.client, writes).await?;
        done.map_err(|cancelled| StoreError::Unexpected(format!("a key without its record: {cancelled}")))
    }

    fn update_key(
        &self,
        hash: &KeyHash,
        expression: &str,
        values: impl FnOnce(aws_sdk_dynamodb::types::builders::UpdateBuilder) -> aws_sdk_dynamodb::types::builders::UpdateBuilder,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = values(Update::builder().table_name(&self.keys_table).key("key_hash", s(hash.as_str())))
            .update_expression(expression)
            .condition_expression("attribute_exists(key_hash)")
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
