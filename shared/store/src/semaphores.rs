//! Slots of which so many may be taken at a time, each a lease that ends by itself: table `rates`, key `window` = `semaphores#<name>`,
//! `s0`, `s1`, … until when each is taken, in ms.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;

use super::StoreError;
use crate::items::{Item, n, s};
use crate::platform::{ConfigError, Platform};

/// Each wrong guess was a slot that another worker took just before.
const MOST_TRIES: usize = 20;

#[derive(Debug, Clone)]
pub struct Semaphores {
    client: Client,
    table: String,
    count: usize,
    lease: SignedDuration,
}

/// Why there is no slot.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoPermit {
    #[error("all slots are taken, half of them for {half_since:#} or longer")]
    Full { half_since: SignedDuration },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A slot that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    window: String,
    number: usize,
    until: i64,
}

impl Semaphores {
    pub fn new(platform: &Platform, count: usize, lease: SignedDuration) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.dynamodb(), table: platform.var("RATES_TABLE")?, count, lease })
    }

    /// Takes a slot of `name`, if one is free. (1 WRU for each try; the first try is a guess, a wrong one brings the others with it)
    pub async fn take(&self, name: impl std::fmt::Display, now: Timestamp) -> Result<Permit, NoPermit> {
        let window = format!("slots#{name}");
        let mut number = rand::rng().random_range(0..self.count);
        let until = (now + self.lease).as_millisecond();
        for _ in 0..MOST_TRIES {
            let taken = self
                .client
                .update_item()
                .table_name(&self.table)
                .key("window", s(&window))
                .update_expression("SET #slot = :until, expires_at = :expires")
                .condition_expression("attribute_not_exists(#slot) OR #slot <= :now")
                .expression_attribute_names("#slot", format!("s{number}"))
                .expression_attribute_values(":until", n(until))
                .expression_attribute_values(":now", n(now.as_millisecond()))
                .expression_attribute_values(":expires", n(until / 1000 + 3600))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let Err(error) = taken else { return Ok(Permit { window, number, until }) };
            let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
                return Err(StoreError::from_sdk(error).into());
            };
            let ends = self.ends(failed.item.as_ref().unwrap_or(&Item::new()));
            let free: Vec<_> = (0..self.count).filter(|slot| ends[*slot] <= now.as_millisecond()).collect();
            if free.is_empty() {
                return Err(NoPermit::Full { half_since: self.half_since(ends, now) });
            }
            number = free[rand::rng().random_range(0..free.len())];
        }
        Err(StoreError::Contention.into())
    }

    /// When each slot's lease ends, in ms; 0 for one that is free.
    fn ends(&self, item: &Item) -> Vec<i64> {
        let end = |slot| item.get(&format!("s{slot}"))?.as_n().ok()?.parse().ok();
        (0..self.count).map(|slot| end(slot).unwrap_or_default()).collect()
    }

    /// The median, because one whose holder died says nothing about the others.
    fn half_since(&self, mut ends: Vec<i64>, now: Timestamp) -> SignedDuration {
        ends.sort_unstable();
        let median = ends.get(ends.len() / 2).copied().unwrap_or_default();
        self.lease - SignedDuration::from_millis(median - now.as_millisecond())
    }

    /// Gives a slot back. Should this fail, its lease ends. (1 WRU)
    pub async fn give_back(&self, slot: &Permit) {
        let given = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("window", s(&slot.window))
            .update_expression("REMOVE #slot")
            .condition_expression("#slot = :until")
            .expression_attribute_names("#slot", format!("s{}", slot.number))
            .expression_attribute_values(":until", n(slot.until));
        if let Err(e) = given.send().await
            && !e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
        {
            tracing::warn!(error = %StoreError::from_sdk(e), "a slot stays taken until its lease ends");
        }
    }
}
