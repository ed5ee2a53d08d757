//! Table `requests`: the answers of idempotent requests. Key `request`; TTL `expires_at`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{StoreError, from_item, n, s, to_item};
use crate::platform::{ConfigError, Platform};
use sfm_core::hex;
use sfm_core::id::AccountId;

/// How long an answer is repeated.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Names a request that may be repeated: account, mode (live or test), route and the caller's `Idempotency-Key`, hashed to a key of
/// fixed length. The mode keeps the answer to a test key from a live key, whose fax would never be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    pub fn new(account: AccountId, live: bool, route: &str, idempotency_key: &str) -> Self {
        let mode = if live { "live" } else { "test" };
        Self(format!("{account}#{mode}#{route}#{}", hex(&Sha256::digest(idempotency_key.as_bytes()))))
    }
}

/// The first answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    pub request: IdempotencyKey,
    /// SHA-256 of the parsed request, in hex.
    pub fingerprint: String,
    pub status: u16,
    pub body: String,
    /// Seconds since the epoch. TTL removes the item some time after, so every read compares it.
    pub expires_at: i64,
}

impl IdempotencyRecord {
    pub fn new(request: IdempotencyKey, fingerprint: String, status: u16, body: String, now: Timestamp) -> Self {
        Self { request, fingerprint, status, body, expires_at: (now + KEPT).as_second() }
    }
}

#[derive(Debug, Clone)]
pub struct IdempotencyStore {
    client: Client,
    table: String,
}

impl IdempotencyStore {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("REQUESTS_TABLE")? })
    }

    /// The answer that was given to this request, if it was given within 30 days. (1 RRU)
    pub async fn find(&self, name: &IdempotencyKey, now: Timestamp) -> Result<Option<IdempotencyRecord>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("request", s(&name.0))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        let reply: Option<IdempotencyRecord> = found.item.map(from_item).transpose()?;
        Ok(reply.filter(|reply| reply.expires_at > now.as_second()))
    }

    /// The write that keeps an answer, for the transaction whose answer it is. It fails when there is one already.
    pub(super) fn keep(&self, reply: &IdempotencyRecord, now: Timestamp) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(reply)?))
            .condition_expression("attribute_not_exists(#request) OR expires_at <= :now")
            .expression_attribute_names("#request", "request")
            .expression_attribute_values(":now", n(now.as_second()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
