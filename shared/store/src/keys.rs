//! Table `keys`: what a request's key is looked up in. Key `key_hash`.

use aws_sdk_dynamodb::Client;

use super::{StoreError, from_item, s};
use crate::platform::{ConfigError, Platform};
use sfm_core::key::{KeyHash, KeyRecord};

#[derive(Debug, Clone)]
pub struct Keys {
    client: Client,
    table: String,
}

impl Keys {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("KEYS_TABLE")? })
    }

    /// Finds a key by its hash. Read strongly: a revoked key stops at once. (1 RRU)
    pub async fn find(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("key_hash", s(hash.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        found.item.map(from_item).transpose()
    }
}
