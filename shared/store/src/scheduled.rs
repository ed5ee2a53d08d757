//! Table `scheduled`: faxes to be sent later. Key `account_id`, `id`; index `by-seq` is the account's list, `due` what is pending.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::StoreError;
use super::events::Events;
use super::fax_creation::{AcceptError, Entered, FaxCreation};
use super::lists::{List, Lists};
use super::requests::{Created, IdempotencyStore, IdempotentRequest};
use super::transaction::{Reason, past_conflicts, transact};
use crate::items::{self, from_item, key_of, list_from, s, to_item};
use crate::platform::{ConfigError, Platform};
use crate::transaction::Write;
use sfm_core::account::{Account, Number};
use sfm_core::event::Event;
use sfm_core::fax::Fax;
use sfm_core::id::{AccountId, RequestId, ScheduledId};
use sfm_core::list::ListHead;
use sfm_core::scheduled::{Failure, Scheduled, ScheduledStatus};

#[derive(Debug, Clone)]
pub struct ScheduledFaxes {
    client: Client,
    table: String,
}

/// The key of a scheduled fax, as messages carry it and index `due` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledKey {
    pub account_id: AccountId,
    pub id: ScheduledId,
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
        items::get(&self.client, &self.table, key_of(account, id)).await
    }

    /// At most `limit` scheduled faxes of an account's list from `first` downwards, newest first.
    pub async fn list_from(&self, account: AccountId, first: u64, limit: u32) -> Result<Vec<Scheduled>, StoreError> {
        list_from(&self.client, &self.table, account, first, limit).await
    }

    /// Cancels what is still pending, for the request `by`: should the client repeat the write because its answer was lost, the
    /// request knows its own. (1 WRU, and 1 for each index)
    pub async fn cancel(&self, account: AccountId, id: ScheduledId, by: RequestId) -> Result<Scheduled, CancelError> {
        let cancel = self
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
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match past_conflicts(|| cancel.clone().send()).await {
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
pub struct ScheduleCreation {
    scheduled: ScheduledFaxes,
    requests: IdempotencyStore,
    lists: Lists,
}

impl ScheduleCreation {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { scheduled: ScheduledFaxes::new(platform)?, requests: IdempotencyStore::new(platform)?, lists: Lists::new(platform)? })
    }

    /// Stores a scheduled fax at its place in the list, with what answers `request` and the entry of the audit log. It gives up at `until`.
    /// (2 round trips; 6 WRU and 2 for the indexes)
    ///
    /// # Errors
    /// After one it is unknown whether the row exists.
    pub async fn create(
        &self,
        scheduled: &Scheduled,
        request: Option<&IdempotentRequest>,
        audit: Option<Write>,
        now: Timestamp,
        until: Instant,
    ) -> Result<Created<Box<Scheduled>>, StoreError> {
        let at = |place: ListHead| Scheduled { seq: place.last, created_at: place.last_at, ..scheduled.clone() };
        let added = self.lists.add(&List::Scheduled, scheduled.account_id, now, until, |place| {
            let scheduled = at(place);
            let mut writes = vec![items::put(&self.scheduled.table, to_item(&scheduled)?, Some("attribute_not_exists(id)"))?];
            if let Some(request) = request {
                writes.push(self.requests.keep(&request.answered(&scheduled.resource(), now)?, now)?);
            }
            writes.extend(audit.clone().map(TransactWriteItem::from));
            Ok(writes)
        });
        match added.await {
            Ok(Ok(place)) => Ok(Created::New(Box::new(at(place)))),
            Ok(Err(cancelled)) => match cancelled.reason(1) {
                Reason::Condition(Some(item)) => Ok(Created::Replay(from_item(item.clone())?)),
                _ => Err(cancelled.into()),
            },
            // Whether it happened is unknown; one look tells, and spares the caller a fax scheduled twice.
            Err(unknown) => match self.scheduled.get(scheduled.account_id, scheduled.id).await {
                Ok(Some(scheduled)) => Ok(Created::New(Box::new(scheduled))),
                _ => Err(unknown),
            },
        }
    }
}

/// Ends scheduled faxes when their time has come: what is pending becomes a fax, or has failed, in one transaction with it.
#[derive(Debug, Clone)]
pub struct ScheduleRelease {
    scheduled: ScheduledFaxes,
    events: Events,
    creation: FaxCreation,
}

/// What became of a scheduled fax that was to be sent.
#[derive(Debug)]
pub enum Sent {
    Fax(Box<Fax>),
    /// It is no longer pending: canceled, or dealt with by another worker.
    NotPending(Box<Scheduled>),
}

impl ScheduleRelease {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { scheduled: ScheduledFaxes::new(platform)?, events: Events::new(platform)?, creation: FaxCreation::new(platform)? })
    }

    pub async fn get(&self, key: ScheduledKey) -> Result<Option<Scheduled>, StoreError> {
        self.scheduled.get(key.account_id, key.id).await
    }

    /// Claims a pending one and makes its fax, which is always the same one. The gates are asked for the account as it is then.
    /// (One round trip; 14 WRU, indexes included)
    pub async fn send(
        &self,
        scheduled: &Scheduled,
        account: Account,
        sender: &Number,
        now: Timestamp,
        until: Instant,
    ) -> Result<Sent, AcceptError> {
        let fax = scheduled.fax(sender.number.clone(), now).of_account(&account);
        let sent = Scheduled { status: ScheduledStatus::Sent, fax_id: Some(fax.id), ..scheduled.clone() };
        let entered = self.creation.enter(&account, fax, now, until, |fax| Ok((Event::queued(fax), vec![self.settle(&sent)?])));
        match entered.await? {
            Entered::In(fax) => Ok(Sent::Fax(fax)),
            Entered::Beside(reasons) => match reasons.into_iter().next() {
                Some(Reason::Condition(Some(item))) => Ok(Sent::NotPending(Box::new(from_item(item)?))),
                other => Err(StoreError::Unexpected(format!("{other:?}")).into()),
            },
        }
    }

    /// A pending one has failed, and its account is told. False when it was no longer pending. (7 WRU, indexes included)
    pub async fn fail(&self, scheduled: &Scheduled, failure: Failure, now: Timestamp) -> Result<bool, StoreError> {
        let failed = Scheduled { status: ScheduledStatus::Failed, failure: Some(failure), ..scheduled.clone() };
        let event = Event::not_sent(&failed, now)?;
        let writes = vec![self.settle(&failed)?, self.events.add(&event)?.into()];
        Ok(transact(&self.scheduled.client, writes).await?.is_ok())
    }

    /// The write that gives a pending one its last status.
    fn settle(&self, settled: &Scheduled) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.scheduled.table)
            .key("account_id", s(settled.account_id))
            .key("id", s(settled.id))
            .condition_expression("#status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", s("pending"))
            .expression_attribute_values(":status", s(settled.status.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut sets = vec!["#status = :status"];
        if let Some(fax) = settled.fax_id {
            sets.push("fax_id = :fax");
            update = update.expression_attribute_values(":fax", s(fax));
        }
        if let Some(failure) = settled.failure {
            sets.push("failure = :failure");
            update = update.expression_attribute_values(":failure", s(failure.as_str()));
        }
        let update = update.update_expression(format!("SET {} REMOVE due_at, due_shard", sets.join(", "))).build();
        Ok(TransactWriteItem::builder().update(update?).build())
    }
}
