//! Table `deliveries`: one row for each event and endpoint. Key `account_id`, `id`; index `by-endpoint` is the log of an endpoint,
//! `due` what needs a look, `by-id` is for operators, each with the keys alone; TTL `expires_at`.

use aws_sdk_dynamodb::Client;
use serde::{Deserialize, Serialize};

use super::transaction::Backoff;
use super::{ReplaceError, StoreError};
use crate::items::{self, find_by_id, from_item, key_of, s, to_item};
use crate::platform::{ConfigError, Platform};
use sfm_core::id::{AccountId, DeliveryId, EndpointId};
use sfm_core::webhook::delivery::Delivery;

/// The key of a delivery, as messages carry it and indexes have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeliveryKey {
    pub account_id: AccountId,
    pub id: DeliveryId,
}

impl From<&Delivery> for DeliveryKey {
    fn from(delivery: &Delivery) -> Self {
        Self { account_id: delivery.account_id, id: delivery.id }
    }
}

#[derive(Debug, Clone)]
pub struct Deliveries {
    client: Client,
    table: String,
}

impl Deliveries {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("DELIVERIES_TABLE")? })
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// Reads a delivery strongly. (1 RRU for each 4 KB)
    pub async fn get(&self, key: DeliveryKey) -> Result<Option<Delivery>, StoreError> {
        items::get(&self.client, &self.table, key_of(key.account_id, key.id)).await
    }

    /// Finds a delivery's key by its id alone, for operators.
    pub async fn find(&self, id: DeliveryId) -> Result<Option<DeliveryKey>, StoreError> {
        find_by_id(&self.client, &self.table, id).await
    }

    /// Writes a new one. False when it was there. (1 WRU, and 1 for each of the three indexes)
    pub async fn add(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        items::put_if_absent(&self.client, &self.table, to_item(delivery)?).await
    }

    /// Writes a delivery over the version it was read in. (1 WRU a KB, and 2 where index `due` changes)
    pub async fn replace(&self, delivery: &mut Delivery) -> Result<(), ReplaceError> {
        delivery.version += 1;
        items::replace(&self.client, &self.table, to_item(delivery)?, delivery, delivery.version - 1).await
    }

    /// Lets `change` change a delivery as it is now, and stores it if it says so; asks again when somebody else wrote meanwhile.
    /// None when there is no such delivery.
    pub async fn update(&self, key: DeliveryKey, change: impl Fn(&mut Delivery) -> bool) -> Result<Option<Delivery>, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let Some(mut delivery) = self.get(key).await? else { return Ok(None) };
            if !change(&mut delivery) {
                return Ok(Some(delivery));
            }
            match self.replace(&mut delivery).await {
                Ok(()) => return Ok(Some(delivery)),
                Err(ReplaceError::Conflict) => backoff.wait().await?,
                Err(ReplaceError::Store(e)) => return Err(e),
            }
        }
    }

    /// The newest deliveries of an endpoint before `before`, at most 100, newest first; and whether there are more.
    pub async fn of_endpoint(
        &self,
        account: AccountId,
        endpoint: EndpointId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<(Vec<Delivery>, bool), StoreError> {
        let limit = limit.clamp(1, 100);
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by-endpoint")
            .key_condition_expression("endpoint_id = :endpoint AND id < :before")
            .expression_attribute_values(":endpoint", s(endpoint))
            .expression_attribute_values(":before", before.map_or_else(|| s("dlv_~"), s))
            .scan_index_forward(false)
            .limit(i32::try_from(limit + 1).unwrap_or(100))
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        let mut keys: Vec<DeliveryKey> = found.items.unwrap_or_default().into_iter().map(from_item).collect::<Result<_, _>>()?;
        // One more than is shown tells whether there are more.
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = keys.len() > shown;
        keys.truncate(shown);
        // An index of keys alone does not know whose a row is better than its key does.
        let ids: Vec<DeliveryId> = keys.into_iter().filter(|key| key.account_id == account).map(|key| key.id).collect();
        Ok((self.get_all(account, &ids).await?, has_more))
    }

    /// Reads at most 100 deliveries, newest first; those that are not there are left out.
    pub async fn get_all(&self, account: AccountId, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError> {
        let keys = ids.iter().map(|id| key_of(account, id)).collect();
        let items = items::get_all(&self.client, &self.table, keys).await?;
        let mut deliveries: Vec<Delivery> = items.into_iter().map(from_item).collect::<Result<_, _>>()?;
        deliveries.sort_by_key(|delivery| std::cmp::Reverse(delivery.id));
        Ok(deliveries)
    }
}
