//! Where the pages of an account's lists begin: the head of each list, what was deleted from it, and the arithmetic of [`crate::list`].
//!
//! All of it lies in table `accounts`. The head of the fax list is part of the account's item, because a send writes that item
//! anyway; `<list>#holes` counts deletions per block in attributes `b<block>`; `<list>#gone#<block>` names them in the set `seqs`.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, TransactWriteItem, Update};

use super::{Item, StoreError, from_item, n, s};
use crate::account::Account;
use crate::id::AccountId;
use crate::list::{Head, Holes, Page, block_of, find_block, find_in_block};
use crate::platform::{ConfigError, Platform};

#[derive(Debug, Clone)]
pub struct Lists {
    client: Client,
    table: String,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    pub total: u64,
    /// Sequence number of the page's first entry; none when the page lies past the end.
    pub first: Option<u64>,
}

impl Lists {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("ACCOUNTS_TABLE")? })
    }

    /// Finds where a page of the fax list begins. (One round trip; two when something was deleted from the page's block.)
    pub async fn find_faxes(&self, account: AccountId, page: Page) -> Result<Start, StoreError> {
        let (head, holes) = self.head(account).await?;
        let total = head.total();
        let Some((block, skip)) = find_block(&head, &holes, page.offset()) else { return Ok(Start { total, first: None }) };
        let gone = if holes.contains_key(&block) { self.gone(account, block).await? } else { BTreeSet::new() };
        Ok(Start { total, first: find_in_block(&head, &gone, block, skip) })
    }

    async fn head(&self, account: AccountId) -> Result<(Head, Holes), StoreError> {
        let key = |item: &str| Item::from([("account_id".into(), s(account)), ("item".into(), s(item))]);
        let wanted = KeysAndAttributes::builder()
            .keys(key("account"))
            .keys(key("faxes#holes"))
            .consistent_read(true)
            .build()
            .map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let read = self.client.batch_get_item().request_items(&self.table, wanted).send().await.map_err(StoreError::from_sdk)?;
        if read.unprocessed_keys.is_some_and(|left| !left.is_empty()) {
            return Err(StoreError::Unavailable("BatchGetItem left keys unprocessed".into()));
        }
        let (mut head, mut holes) = (Head::default(), Holes::new());
        for item in read.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default() {
            if item.get("item") == Some(&s("account")) {
                head = from_item::<Account>(item)?.faxes;
            } else {
                let counts = item.iter().filter_map(|(name, value)| Some((name.strip_prefix('b')?, value)));
                holes = counts.filter_map(|(block, count)| Some((block.parse().ok()?, count.as_n().ok()?.parse().ok()?))).collect();
            }
        }
        Ok((head, holes))
    }

    async fn gone(&self, account: AccountId, block: u64) -> Result<BTreeSet<u64>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("account_id", s(account))
            .key("item", s(format!("faxes#gone#{block}")))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        let seqs = found.item.and_then(|mut item| item.remove("seqs"));
        Ok(match seqs {
            Some(AttributeValue::Ns(seqs)) => seqs.iter().filter_map(|seq| seq.parse().ok()).collect(),
            _ => BTreeSet::new(),
        })
    }

    /// The writes that take entry `seq` out of the fax list, for the transaction that deletes the fax.
    pub(super) fn removal(table: &str, account: AccountId, seq: u64) -> Result<Vec<TransactWriteItem>, StoreError> {
        let block = block_of(seq);
        let at = |item: String| Update::builder().table_name(table).key("account_id", s(account)).key("item", s(item));
        let writes = [
            at("account".into())
                .update_expression("SET faxes.deleted = faxes.deleted + :one")
                .condition_expression("attribute_exists(account_id)")
                .expression_attribute_values(":one", n(1)),
            at("faxes#holes".into())
                .update_expression("ADD #block :one")
                .expression_attribute_names("#block", format!("b{block}"))
                .expression_attribute_values(":one", n(1)),
            at(format!("faxes#gone#{block}"))
                .update_expression("ADD seqs :seq")
                .expression_attribute_values(":seq", AttributeValue::Ns(vec![seq.to_string()])),
        ];
        writes
            .into_iter()
            .map(|update| Ok(TransactWriteItem::builder().update(update.build().map_err(|e| StoreError::Corrupt(e.to_string()))?).build()))
            .collect()
    }
}
