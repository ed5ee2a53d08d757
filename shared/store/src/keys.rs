//! Table `keys`: what a request's key is looked up in. Key `key_hash`.

use aws_sdk_dynamodb::Client;

use super::StoreError;
use crate::items::{self, s};
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
        items::get(&self.client, &self.table, items::key([("key_hash", s(hash.as_str()))])).await
    }
}
