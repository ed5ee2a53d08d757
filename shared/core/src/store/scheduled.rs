//! Table `scheduled`: faxes to be sent later. Key `account_id`, `id`; index `by-seq` is the account's list, `due` what is pending.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use jiff::Timestamp;
use tokio::time::Instant;

use super::lists::{List, Lists};
use super::requests::{Reply, Requests};
use super::transaction::Reason;
use super::{StoreError, from_item, list_from, s, to_item};
use crate::id::{AccountId, RequestId, ScheduledId};
use crate::list::Head;
use crate::platform::{ConfigError, Platform};
use crate::scheduled::Scheduled;

#[derive(Debug, Clone)]
pub struct ScheduledFaxes {
    client: Client,
    table: String,
}

#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    #[error("there is no such scheduled fax")]
    Absent,
    /// It is sent, failed or canceled.
    #[error("it is no longer pending")]
    NotPending(Box<Scheduled>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ScheduledFaxes {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("SCHEDULED_TABLE")? })
    }

    /// Reads a scheduled fax strongly. (1 RRU)
    pub async fn get(&self, account: AccountId, id: ScheduledId) -> Result<Option<Scheduled>, StoreError> {
        let read = self.client.get_item().table_name(&self.table).key("account_id", s(account)).key("id", s(id));
        let found = read.consistent_read(true).send().await.map_err(StoreError::from_sdk)?;
        found.item.map(from_item).transpose()
    }

    /// At most `limit` scheduled faxes of an account's list from `first` downwards, newest first.
    pub async fn list_from(&self, account: AccountId, first: u64, limit: u32) -> Result<Vec<Scheduled>, StoreError> {
        list_from(&self.client, &self.table, account, first, limit).await
    }

    /// Cancels what is still pending, for the request `by`: should the client repeat the write because its answer was lost, the
    /// request knows its own. (1 WRU, and 1 for each index)
    pub async fn cancel(&self, account: AccountId, id: ScheduledId, by: RequestId) -> Result<Scheduled, CancelError> {
        let canceled = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("account_id", s(account))
            .key("id", s(id))
            .update_expression("SET #status = :canceled, canceled_by = :by REMOVE due_at, due_shard")
            .condition_expression("#status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":canceled", s("canceled"))
            .expression_attribute_values(":pending", s("pending"))
            .expression_attribute_values(":by", s(by))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match canceled {
            Ok(canceled) => Ok(from_item(canceled.attributes.unwrap_or_default())?),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let item = failed.item.clone().ok_or(CancelError::Absent)?;
                    let stored: Scheduled = from_item(item)?;
                    if stored.canceled_by == Some(by) { Ok(stored) } else { Err(CancelError::NotPending(Box::new(stored))) }
                }
                // Whether it happened is unknown; one look tells.
                _ => match self.get(account, id).await {
                    Ok(Some(stored)) if stored.canceled_by == Some(by) => Ok(stored),
                    _ => Err(StoreError::from_sdk(error).into()),
                },
            },
        }
    }
}

/// Accepts scheduled faxes: the row, its place in the list and the kept answer are one transaction.
#[derive(Debug, Clone)]
pub struct Scheduling {
    scheduled: ScheduledFaxes,
    requests: Requests,
    lists: Lists,
}

/// What became of a fax that was to be scheduled.
#[derive(Debug)]
pub enum Planned {
    New(Box<Scheduled>),
    /// A request with the same name was answered before; nothing was done.
    Replay(Reply),
}

impl Scheduling {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { scheduled: ScheduledFaxes::new(platform)?, requests: Requests::new(platform)?, lists: Lists::new(platform)? })
    }

    /// Stores what `draft` makes for its place in the list, with the answer that a repeated request will get.
    /// (2 round trips; 6 WRU and 2 for the indexes)
    ///
    /// After an error it is unknown whether the row exists.
    pub async fn plan(
        &self,
        account: AccountId,
        now: Timestamp,
        until: Instant,
        draft: impl Fn(Head) -> Scheduled,
        reply: impl Fn(&Scheduled) -> Result<Option<Reply>, serde_json::Error>,
    ) -> Result<Planned, StoreError> {
        let added = self.lists.add(List::Scheduled, account, now, until, |place| {
            let scheduled = draft(place);
            let mut writes = vec![self.put_new(&scheduled)?];
            if let Some(reply) = reply(&scheduled).map_err(|e| StoreError::Corrupt(e.to_string()))? {
                writes.push(self.requests.keep(&reply, now)?);
            }
            Ok(writes)
        });
        match added.await {
            Ok(Ok(place)) => Ok(Planned::New(Box::new(draft(place)))),
            Ok(Err(cancelled)) => match cancelled.reason(1) {
                Reason::Condition(Some(item)) => Ok(Planned::Replay(from_item(item.clone())?)),
                _ => Err(StoreError::Corrupt(format!("{cancelled:?}"))),
            },
            // Whether it happened is unknown; one look tells, and spares the caller a fax scheduled twice.
            Err(unknown) => match self.scheduled.get(account, draft(Head::default()).id).await {
                Ok(Some(scheduled)) => Ok(Planned::New(Box::new(scheduled))),
                _ => Err(unknown),
            },
        }
    }

    fn put_new(&self, scheduled: &Scheduled) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.scheduled.table)
            .set_item(Some(to_item(scheduled)?))
            .condition_expression("attribute_not_exists(id)")
            .build()
            .map_err(|e| StoreError::Corrupt(e.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
