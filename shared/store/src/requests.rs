//! Table `requests`: the answers of idempotent requests. Key `request`; TTL `expires_at`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::StoreError;
use crate::items::{self, n, s, to_item};
use crate::platform::{ConfigError, Platform};
use sfm_core::hex;
use sfm_core::id::AccountId;

/// The HTTP status of every answer that is kept: they are all of a creation.
const CREATED: u16 = 201;
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

    /// The name that release 0.1.0 gave the request, without its mode, and whether the mode is live.
    fn without_mode(&self) -> Option<(String, bool)> {
        let (account, rest) = self.0.split_once('#')?;
        let (mode, rest) = rest.split_once('#')?;
        Some((format!("{account}#{rest}"), mode == "live"))
    }
}

/// A request that may be repeated, and what tells it from another one with the same key: the SHA-256 of what it asks for, in hex.
#[derive(Debug, Clone)]
pub struct IdempotentRequest {
    pub key: IdempotencyKey,
    pub fingerprint: String,
}

impl IdempotentRequest {
    /// What is kept of it: that it was answered with this resource.
    pub(super) fn answered(&self, resource: &impl Serialize, now: Timestamp) -> Result<IdempotencyRecord, StoreError> {
        Ok(IdempotencyRecord {
            request: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            status: CREATED,
            body: serde_json::to_string(resource)?,
            expires_at: (now + KEPT).as_second(),
        })
    }
}

/// What became of a request to create something.
#[derive(Debug)]
pub enum Created<T> {
    New(T),
    /// A request with the same key was answered before; nothing was done.
    Replay(IdempotencyRecord),
}

impl<T> Created<T> {
    /// Turns what was made into something else.
    ///
    /// # Errors
    /// Those of `turn`.
    pub fn try_map<U, E>(self, turn: impl FnOnce(T) -> Result<U, E>) -> Result<Created<U>, E> {
        Ok(match self {
            Self::New(new) => Created::New(turn(new)?),
            Self::Replay(record) => Created::Replay(record),
        })
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
    /// Whether what it tells of is live, where it says so.
    fn live(&self) -> Option<bool> {
        serde_json::from_str::<serde_json::Value>(&self.body).ok()?["live"].as_bool()
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

    /// The answer that was given to this request, if it was given within 30 days. (1 RRU; 2 calls and 2 RRU where there is none)
    pub async fn find(&self, key: &IdempotencyKey, now: Timestamp) -> Result<Option<IdempotencyRecord>, StoreError> {
        if let Some(reply) = self.get(&key.0, now).await? {
            return Ok(Some(reply));
        }
        // What release 0.1.0 kept is good for 30 days after an upgrade from it. The release after the next one reads it no more.
        let Some((name, live)) = key.without_mode() else { return Ok(None) };
        Ok(self.get(&name, now).await?.filter(|reply| reply.live().is_none_or(|was_live| was_live == live)))
    }

    async fn get(&self, name: &str, now: Timestamp) -> Result<Option<IdempotencyRecord>, StoreError> {
        let reply: Option<IdempotencyRecord> = items::get(&self.client, &self.table, items::key([("request", s(name))])).await?;
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
