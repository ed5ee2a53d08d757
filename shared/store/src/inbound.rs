//! Table `inbound`: what the carrier told of faxes that came in. Key `id`: the carrier and its id of the fax, so that no fax comes in
//! twice, whoever owns the number by then; index `due` over what is to be fetched; TTL `expires_at`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::StoreError;
use super::fax_creation::{AcceptError, Entered, FaxCreation};
use super::transaction::{Reason, past_conflicts};
use crate::items::{self, n, s, to_item};
use crate::platform::{ConfigError, Platform};
use sfm_core::account::Account;
use sfm_core::event::Event;
use sfm_core::fax::Fax;
use sfm_core::inbound::Inbound;

/// The key of a row, as messages carry it and index `due` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundKey {
    pub id: String,
}

#[derive(Debug, Clone)]
pub struct InboundFaxes {
    client: Client,
    table: String,
    creation: FaxCreation,
}

impl InboundFaxes {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("INBOUND_TABLE")?, creation: FaxCreation::new(platform)? })
    }

    /// Reads a row strongly. (1 RRU)
    pub async fn get(&self, id: &str) -> Result<Option<Inbound>, StoreError> {
        items::get(&self.client, &self.table, items::key([("id", s(id))])).await
    }

    /// Writes down a fax that the carrier told of. False when it was known. (2 WRU, index included)
    pub async fn announce(&self, inbound: &Inbound) -> Result<bool, StoreError> {
        items::put_if_absent(&self.client, &self.table, to_item(inbound)?).await
    }

    /// Writes down that the carrier has only a part of it, if nobody wrote since it was read. False when somebody did. (1 WRU)
    pub async fn incomplete(&self, inbound: &Inbound) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(inbound)?))
            .condition_expression("#status = :announced AND tries = :tries")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":announced", s("announced"))
            .expression_attribute_values(":tries", n(inbound.tries));
        match past_conflicts(|| put.clone().send()).await {
            Ok(_) => Ok(true),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(false),
            Err(e) => Err(StoreError::from_sdk(e)),
        }
    }

    /// Writes down a try that failed, unless another worker was faster. (1 WRU, and 2 for the index)
    pub async fn tried(&self, inbound: &Inbound) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(inbound)?))
            .condition_expression(format!("#status = :announced AND tries < :tries AND {}", as_read(inbound)))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#partial", "partial")
            .expression_attribute_values(":announced", s("announced"))
            .expression_attribute_values(":tries", n(inbound.tries));
        match past_conflicts(|| put.clone().send()).await {
            Ok(_) => Ok(()),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(e) => Err(StoreError::from_sdk(e)),
        }
    }

    /// Makes the inbound fax, its place in the list and its event, and settles the row, in one transaction. None when another worker
    /// was faster. (One round trip; 17 WRU, indexes included)
    pub async fn take(
        &self,
        inbound: &Inbound,
        pages: u32,
        account: Account,
        now: Timestamp,
        until: Instant,
    ) -> Result<Option<Box<Fax>>, AcceptError> {
        let received = &inbound.received;
        let mut fax = Fax::received(inbound.account_id, inbound.fax_id, received.to.clone(), received.from.clone(), pages, now);
        fax.partial = received.partial;
        let mut taken = inbound.clone();
        taken.taken(now);
        let entered = self.creation.enter(&account, fax, now, until, |fax| Ok((Event::completed(fax, now)?, vec![self.settle(&taken)?])));
        match entered.await? {
            Entered::In(fax) => Ok(Some(fax)),
            Entered::Beside(reasons) => match reasons.first() {
                Some(Reason::Condition(_)) => Ok(None),
                other => Err(StoreError::Unexpected(format!("{other:?}")).into()),
            },
        }
    }

    fn settle(&self, taken: &Inbound) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(taken)?))
            .condition_expression(format!("#status = :announced AND {}", as_read(taken)))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#partial", "partial")
            .expression_attribute_values(":announced", s("announced"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// Holds while nobody has learnt since that the fax is incomplete.
fn as_read(inbound: &Inbound) -> &'static str {
    if inbound.received.partial { "attribute_exists(received.#partial)" } else { "attribute_not_exists(received.#partial)" }
}
