//! Table `contacts`: the address books, and for each number in one a claim that keeps it unique there. Key `account_id`, `item`;
//! index `by-seq` is the account's list.
//!
//! Contacts: `item` = contact id. Claims: `item` = `number#<E.164>`, and each once more by its digits from the last to the first, as
//! `reversed#<digits>`, so that numbers are found by their ends.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use super::StoreError;
use super::lists::{List, Lists};
use super::transaction::{PATIENCE, Reason, transact};
use crate::items::{self, Item, from_item, list_from, s, scan, to_item, to_value};
use crate::platform::{ConfigError, Platform};
use crate::transaction::{Backoff, Write};
use sfm_core::account::NumberNotAllowed;
use sfm_core::contact::{Contact, ContactChange};
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

#[derive(Debug, thiserror::Error)]
pub enum UpdateContactError {
    #[error("there is no such contact")]
    NotFound,
    #[error(transparent)]
    Number(#[from] CreateContactError),
}

impl From<StoreError> for UpdateContactError {
    fn from(error: StoreError) -> Self {
        Self::Number(error.into())
    }
}

/// Whose number it is.
#[derive(Deserialize)]
struct Claim {
    id: ContactId,
}

/// The same with the number.
#[derive(Deserialize)]
struct ListedClaim {
    item: String,
    id: ContactId,
}

fn claim_item(number: &E164) -> String {
    format!("number#{number}")
}

fn reversed_item(number: &E164) -> String {
    format!("reversed#{}", number.as_str().chars().rev().collect::<String>())
}

/// Numbers that are looked at for one that begins or ends alike; most books have a few.
const MOST_ALIKE: i32 = 200;

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

    /// Whether a number is that of a contact. (1 RRU)
    pub async fn has_number(&self, account: AccountId, number: &E164) -> Result<bool, StoreError> {
        let claim = items::key([("account_id", s(account)), ("item", s(claim_item(number)))]);
        Ok(items::get_item(&self.client, &self.table, claim).await?.is_some())
    }

    /// The contact whose number differs from this one in one digit; none where this one is a contact's itself. (2 calls side by side, 0.5 RRU each
    /// for 40 numbers that begin or end alike)
    pub async fn similar(&self, account: AccountId, number: &E164) -> Result<Option<ContactId>, StoreError> {
        // One digit is in one half: the other half is the same.
        let half = |item: String| item.chars().take(item.len() - number.as_str().len() / 2).collect::<String>();
        let (front, back) =
            tokio::try_join!(self.claims(account, half(claim_item(number))), self.claims(account, half(reversed_item(number))))?;
        let front = front.into_iter().filter_map(|claim| Some((claim.item.strip_prefix("number#")?.parse::<E164>().ok()?, claim.id)));
        let back = back.into_iter().filter_map(|claim| {
            let reversed: String = claim.item.strip_prefix("reversed#")?.chars().rev().collect();
            Some((reversed.parse::<E164>().ok()?, claim.id))
        });
        let alike: Vec<_> = front.chain(back).collect();
        if alike.iter().any(|(known, _)| known == number) {
            return Ok(None);
        }
        Ok(alike.into_iter().find(|(known, _)| known.is_one_digit_off(number)).map(|(_, id)| id))
    }

    async fn claims(&self, account: AccountId, prefix: String) -> Result<Vec<ListedClaim>, StoreError> {
        let read = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("account_id = :account AND begins_with(#item, :prefix)")
            .expression_attribute_names("#item", "item")
            .expression_attribute_values(":account", s(account))
            .expression_attribute_values(":prefix", s(prefix))
            .limit(MOST_ALIKE);
        read.send().await.map_err(StoreError::from_sdk)?.items.unwrap_or_default().into_iter().map(from_item).collect()
    }

    /// At most `limit` contacts of an account's list from `first` downwards, newest first.
    pub async fn list_from(&self, account: AccountId, first: u64, limit: u32) -> Result<Vec<Contact>, StoreError> {
        list_from(&self.client, &self.table, account, first, limit).await
    }

    /// Creates the contact that `draft` makes for its place in the list, unless its number is in the address book already: the
    /// contact, the claim of its number and its place are one transaction. (2 round trips; 8 WRU and 1 for the index)
    pub async fn create(
        &self,
        account: AccountId,
        now: Timestamp,
        draft: impl Fn(ListHead) -> Contact,
        audit: Option<Write>,
    ) -> Result<Contact, CreateContactError> {
        let claim = |contact: &Contact| self.claim(contact);
        let added = self.lists.add(&List::Contacts, account, now, Instant::now() + PATIENCE, |place| {
            let contact = draft(place);
            let mut row = to_item(&contact)?;
            row.insert("item".into(), s(contact.id));
            Ok([claim(&contact)?, self.put_new(row)?, self.reversed(&contact)?]
                .into_iter()
                .chain(audit.clone().map(TransactWriteItem::from))
                .collect())
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

    /// Changes a contact; another number is claimed, and the old one's claim given up, in the same transaction. (2 round trips; 2 WRU and 1 for the
    /// index, 8 more for another number)
    pub async fn update(
        &self,
        account: AccountId,
        id: ContactId,
        change: &ContactChange,
        audit: Option<Write>,
    ) -> Result<Contact, UpdateContactError> {
        let mut backoff = Backoff::default();
        loop {
            let old = self.get(account, id).await?.ok_or(UpdateContactError::NotFound)?;
            let new = old.changed(change);
            // The claim comes first: what stands against it is told by the reason of this place.
            let mut writes = Vec::new();
            if new.fax_number != old.fax_number {
                writes.extend([self.claim(&new)?, self.delete_of(&old, claim_item(&old.fax_number))?]);
                writes.extend([self.reversed(&new)?, self.delete_reversed(&old)?]);
            }
            let claims = writes.len();
            let mut item = to_item(&new)?;
            item.insert("item".into(), s(id));
            writes.push(self.put_over(&old, item)?);
            writes.extend(audit.clone().map(TransactWriteItem::from));
            match transact(&self.client, writes).await {
                Ok(Ok(())) => return Ok(new),
                Ok(Err(cancelled)) => match cancelled.reason(0) {
                    Reason::Condition(Some(claim)) if claims > 0 => {
                        return Err(CreateContactError::NumberTaken(from_item::<Claim>(claim.clone())?.id).into());
                    }
                    // Somebody else has changed or deleted it meanwhile.
                    _ => backoff.wait().await?,
                },
                // Whether it happened is unknown; one look tells.
                Err(unknown) => match self.get(account, id).await {
                    Ok(Some(contact)) if contact.changed(change) == contact => return Ok(contact),
                    _ => return Err(unknown.into()),
                },
            }
        }
    }

    /// Deletes a contact, its claim and its place in the list in one transaction. False when there is none.
    pub async fn delete(&self, account: AccountId, id: ContactId, audit: Option<Write>) -> Result<bool, StoreError> {
        let Some(contact) = self.get(account, id).await? else { return Ok(false) };
        let mut writes = vec![
            self.delete_of(&contact, id.to_string())?,
            self.delete_of(&contact, claim_item(&contact.fax_number))?,
            self.delete_reversed(&contact)?,
        ];
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

    /// The write of the claim of a contact's number, which must be nobody's. Its reason names whose it is.
    fn claim(&self, contact: &Contact) -> Result<TransactWriteItem, StoreError> {
        self.put_new(Item::from([
            ("account_id".into(), s(contact.account_id)),
            ("item".into(), s(claim_item(&contact.fax_number))),
            ("id".into(), s(contact.id)),
        ]))
    }

    /// The write of the claim's other row. Whoever has the claim has this one, too.
    fn reversed(&self, contact: &Contact) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .item("account_id", s(contact.account_id))
            .item("item", s(reversed_item(&contact.fax_number)))
            .item("id", s(contact.id));
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }

    /// The write that removes it; a contact of an earlier release has none.
    fn delete_reversed(&self, contact: &Contact) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("account_id", s(contact.account_id))
            .key("item", s(reversed_item(&contact.fax_number)));
        Ok(TransactWriteItem::builder().delete(delete.build()?).build())
    }

    /// The write that removes an item of a contact.
    fn delete_of(&self, contact: &Contact, item: String) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("account_id", s(contact.account_id))
            .key("item", s(item))
            .condition_expression("id = :id")
            .expression_attribute_values(":id", s(contact.id))
            .build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// The write of a contact over what was read of it.
    fn put_over(&self, seen: &Contact, item: Item) -> Result<TransactWriteItem, StoreError> {
        let company = if seen.company.is_some() { "company = :company" } else { "attribute_not_exists(company)" };
        let mut put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(format!("fax_number = :number AND #name = :name AND {company}"))
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":number", s(&seen.fax_number))
            .expression_attribute_values(":name", to_value(&seen.name)?);
        if let Some(company) = &seen.company {
            put = put.expression_attribute_values(":company", to_value(company)?);
        }
        Ok(TransactWriteItem::builder().put(put.build()?).build())
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
