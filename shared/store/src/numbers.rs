//! Table `numbers`: an account's dedicated numbers, and for each number in use a claim that names its owner.
//!
//! Numbers: `owner` = account id, `item` = number id. Claims: `owner` = the number in E.164, `item` = `claim`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use jiff::Timestamp;
use serde::Deserialize;

use super::StoreError;
use super::transaction::transact;
use crate::items::{self, Item, collect_all, find_by_id, s, scan, to_item};
use crate::platform::{ConfigError, Platform};
use sfm_core::account::Number;
use sfm_core::id::{AccountId, NumberId};
use sfm_core::phone::E164;

#[derive(Debug, Clone)]
pub struct Numbers {
    client: Client,
    table: String,
}

#[derive(Deserialize)]
struct Claim {
    account_id: AccountId,
    /// When it became theirs; a claim of an earlier version has always been.
    #[serde(default)]
    since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddNumberError {
    #[error("this number already belongs to an account")]
    Taken,
}

impl Numbers {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("NUMBERS_TABLE")? })
    }

    /// The active numbers of an account, oldest first. Read strongly: a released number is refused at once.
    pub async fn active(&self, account: AccountId) -> Result<Vec<Number>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#owner = :account")
            .filter_expression("#status = :active")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":account", s(account))
            .expression_attribute_values(":active", s("active"))
            .consistent_read(true);
        let mut numbers: Vec<Number> = collect_all!(query.into_paginator())?;
        numbers.sort_by_key(|number| (number.created_at, number.id));
        Ok(numbers)
    }

    /// Whose a number was at `at`, a moment not long ago: its owner's of now, if it was that already. None for one that was released
    /// or is nobody's. (1 RRU)
    pub async fn owner(&self, number: &E164, at: Timestamp) -> Result<Option<AccountId>, StoreError> {
        let key = items::key([("owner", s(number.as_str())), ("item", s("claim"))]);
        let claim: Option<Claim> = items::get(&self.client, &self.table, key).await?;
        Ok(claim.filter(|claim| claim.since <= at).map(|claim| claim.account_id))
    }

    /// Gives a number to an account, if nobody has it.
    pub async fn add(&self, number: &Number) -> Result<Result<(), AddNumberError>, StoreError> {
        let mut row = to_item(number)?;
        row.insert("owner".into(), s(number.account_id));
        row.insert("item".into(), s(number.id));
        let claim = Item::from([
            ("owner".into(), s(&number.number)),
            ("item".into(), s("claim")),
            ("account_id".into(), s(number.account_id)),
            ("number_id".into(), s(number.id)),
            ("since".into(), s(number.created_at)),
        ]);
        let writes = vec![self.put_new(claim)?, self.put_new(row)?];
        Ok(transact(&self.client, writes).await?.map_err(|_| AddNumberError::Taken))
    }

    /// The numbers of all accounts, released ones too, page by page, with how many items were looked at so far. For operators.
    pub async fn all(&self, each: impl FnMut(Vec<Number>, usize)) -> Result<(), StoreError> {
        scan(&self.client, &self.table, "created_at", each).await
    }

    /// Finds a number by its id alone, for operators.
    pub async fn find(&self, id: NumberId) -> Result<Option<Number>, StoreError> {
        find_by_id(&self.client, &self.table, id).await
    }

    /// Takes a number from its account; another may have it from now on. False when it was released before.
    pub async fn release(&self, number: &Number) -> Result<bool, StoreError> {
        let released = Update::builder()
            .table_name(&self.table)
            .key("owner", s(number.account_id))
            .key("item", s(number.id))
            .update_expression("SET #status = :released")
            .condition_expression("#status = :active")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":released", s("released"))
            .expression_attribute_values(":active", s("active"))
            .build()?;
        let unclaimed = aws_sdk_dynamodb::types::Delete::builder()
            .table_name(&self.table)
            .key("owner", s(&number.number))
            .key("item", s("claim"))
            .condition_expression("number_id = :id")
            .expression_attribute_values(":id", s(number.id))
            .build()?;
        let writes = vec![TransactWriteItem::builder().update(released).build(), TransactWriteItem::builder().delete(unclaimed).build()];
        Ok(transact(&self.client, writes).await?.is_ok())
    }

    fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#owner)")
            .expression_attribute_names("#owner", "owner")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
