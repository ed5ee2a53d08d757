//! Table `rates`: one item per key and limited route, with its 60 slots (`s0`…`s59`). Key `window`; TTL `expires_at`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use rand::RngExt as _;

use super::StoreError;
use crate::items::{Item, n, s};
use crate::platform::{ConfigError, Platform};
use sfm_core::rate::{RateLimitStatus, SLOTS, SPAN_SECONDS, Window};

/// Each wrong guess was a slot that another request took; all others together take each slot once in 60 s.
const MOST_TRIES: usize = SLOTS + 1;

#[derive(Debug, Clone)]
pub struct Rates {
    client: Client,
    table: String,
}

#[derive(Debug, thiserror::Error)]
pub enum RateError {
    /// All slots are taken.
    #[error("too many requests")]
    Limited(RateLimitStatus),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn window_of(item: &Item) -> Window {
    Window::new(|slot| item.get(&format!("s{slot}"))?.as_n().ok()?.parse().ok())
}

impl Rates {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("RATES_TABLE")? })
    }

    /// Takes a slot of somebody's window for `route`, and tells what is left of it.
    ///
    /// The first try is a guess; a wrong one brings the window with it, and the next slot is one that was free in it. So a
    /// request costs 1 WRU, and another for each guess that was wrong; a refused one costs one.
    pub async fn take(&self, who: &str, route: &str, now: Timestamp) -> Result<RateLimitStatus, RateError> {
        let mut slot = rand::rng().random_range(0..SLOTS);
        for _ in 0..MOST_TRIES {
            let taken = self
                .client
                .update_item()
                .table_name(&self.table)
                .key("window", s(format!("{who}#{route}")))
                .update_expression("SET #slot = :now, expires_at = :expires")
                .condition_expression("attribute_not_exists(#slot) OR #slot < :free")
                .expression_attribute_names("#slot", format!("s{slot}"))
                .expression_attribute_values(":now", n(now.as_millisecond()))
                .expression_attribute_values(":free", n(Window::free_before(now)))
                .expression_attribute_values(":expires", n(now.as_second() + 2 * SPAN_SECONDS))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let error = match taken {
                Ok(taken) => return Ok(window_of(&taken.attributes.unwrap_or_default()).quota(now)),
                Err(error) => error,
            };
            let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
                return Err(StoreError::from_sdk(error).into());
            };
            let window = window_of(failed.item.as_ref().unwrap_or(&Item::new()));
            let free = window.free(now);
            if free.is_empty() {
                return Err(RateError::Limited(window.quota(now)));
            }
            slot = free[rand::rng().random_range(0..free.len())];
        }
        Err(StoreError::Contention.into())
    }
}
