//! Table `contacts`: the address books, and for each number in one a claim that keeps it unique there. Key `account_id`, `item`;
//! index `by-seq` is the account's list.
//!
//! Contacts: `item` = contact id. Claims: `item` = `number#<E.164>`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use super::StoreError;
use super::lists::{List, Lists};
use super::transaction::{PATIENCE, Reason, transact};
use crate::items::{self, Item, from_item, list_from, s, scan, to_item};
use crate::platform::{ConfigError, Platform};
use crate::transaction::Write;
use sfm_core::account::NumberNotAllowed;
use sfm_core::contact::Contact;
use sfm_core::id::{AccountId, ContactId};
use sfm_core::list::ListHead;
use sfm_core::phone::E164;

#[derive(Debug, Clone)]
pub struct Contacts {
    client: Client,
    table: String,
    accounts_table: String,
    lists: Lists,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateContactError {
    #[error(transparent)]
    NotAllowed(#[from] NumberNotAllowed),
    /// The number is in the account's address book already, as this contact.
    #[error("the number is that of contact {0}")]
    NumberTaken(ContactId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose number it is.
#[derive(Deserialize)]
struct Claim {
    id: ContactId,
}

fn claim_item(number: &E164) -> String {
    format!("number#{number}")
}

impl Contacts {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            client: platform.dynamodb(),
            table: platform.var("CONTACTS_TABLE")?,
            accounts_table: platform.var("ACCOUNTS_TABLE")?,
            lists: Lists::new(platform)?,
        })
    }

    /// The contacts of all accounts, page by page, with how many items were looked at so far. For operators.
    pub async fn all(&self, each: impl FnMut(Vec<Contact>, usize)) -> Result<(), StoreError> {
        scan(&self.client, &self.table, "fax_number", each).await
    }

    /// Reads a contact strongly. (1 RRU)
    pub async fn get(&self, account: AccountId, id: ContactId) -> Result<Option<Contact>, StoreError> {
        items::get(&self.client, &self.table, items::key([("account_id", s(account)), ("item", s(id))])).await
    }

    /// At most `limit` contacts of an account's list from `first` downwards, newest first.
    pub async fn list_from(&self, account: AccountId, first: u64, limit: u32) -> Result<Vec<Contact>, StoreError> {
        list_from(&self.client, &self.table, account, first, limit).await
    }

    /// Creates the contact that `draft` makes for its place in the list, unless its number is in the address book already: the
    /// contact, the claim of its number and its place are one transaction. (2 round trips; 6 WRU and 1 for the index)
    pub async fn create(
        &self,
        account: AccountId,
        now: Timestamp,
        draft: impl Fn(ListHead) -> Contact,
        audit: Option<Write>,
    ) -> Result<Contact, CreateContactError> {
        let added = self.lists.add(&List::Contacts, account, now, Instant::now() + PATIENCE, |place| {
            let contact = draft(place);
            let mut row = to_item(&contact)?;
            row.insert("item".into(), s(contact.id));
            let claim = Item::from([
                ("account_id".into(), s(account)),
                ("item".into(), s(claim_item(&contact.fax_number))),
                ("id".into(), s(contact.id)),
            ]);
            Ok([self.put_new(claim)?, self.put_new(row)?].into_iter().chain(audit.clone().map(TransactWriteItem::from)).collect())
        });
        match added.await {
            Ok(Ok(place)) => Ok(draft(place)),
            Ok(Err(cancelled)) => match cancelled.reason(0) {
                Reason::Condition(Some(claim)) => Err(CreateContactError::NumberTaken(from_item::<Claim>(claim.clone())?.id)),
                other => Err(StoreError::Unexpected(format!("no claim, but {other:?}")).into()),
            },
            // Whether it happened is unknown; one look tells.
            Err(unknown) => match self.get(account, draft(ListHead::default()).id).await {
                Ok(Some(contact)) => Ok(contact),
                _ => Err(unknown.into()),
            },
        }
    }

    /// Deletes a contact, its claim and its place in the list in one transaction. False when there is none.
    pub async fn delete(&self, account: AccountId, id: ContactId, audit: Option<Write>) -> Result<bool, StoreError> {
        let Some(contact) = self.get(account, id).await? else { return Ok(false) };
        let delete = |item: String| {
            Delete::builder()
                .table_name(&self.table)
                .key("account_id", s(account))
                .key("item", s(item))
                .condition_expression("id = :id")
                .expression_attribute_values(":id", s(id))
                .build()
                .map(|delete| TransactWriteItem::builder().delete(delete).build())
        };
        let mut writes = vec![delete(id.to_string())?, delete(claim_item(&contact.fax_number))?];
        writes.extend(Lists::removal(&self.accounts_table, &List::Contacts, account, contact.seq)?);
        writes.extend(audit.map(TransactWriteItem::from));
        match transact(&self.client, writes).await {
            Ok(deleted) => Ok(deleted.is_ok()),
            // Whether it happened is unknown; one look tells.
            Err(unknown) => match self.get(account, id).await {
                Ok(None) => Ok(true),
                _ => Err(unknown),
            },
        }
    }

    fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(account_id)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
