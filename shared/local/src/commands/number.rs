//! `sfm number …`

use serde::Serialize;
use sfm_core::account::{Number, NumberResource, NumberStatus};
use sfm_core::id::{AccountId, NumberId};
use sfm_core::phone::E164;
use sfm_core::platform::Platform;
use sfm_core::store::accounts::Accounts;
use sfm_core::store::numbers::Numbers;

use super::CommandError;

#[derive(Debug, Serialize)]
pub struct NumberView {
    #[serde(flatten)]
    number: NumberResource,
    account_id: AccountId,
}

impl From<Number> for NumberView {
    fn from(number: Number) -> Self {
        Self { number: number.resource(), account_id: number.account_id }
    }
}

pub async fn add(platform: &Platform, account: AccountId, number: E164, label: Option<String>) -> Result<NumberView, CommandError> {
    Accounts::new(platform)?.get(account).await?.ok_or_else(|| CommandError::not_found("account"))?;
    let now = platform.clock().now();
    let id = NumberId::generate(now);
    let number = Number { account_id: account, id, number, label, status: NumberStatus::Active, created_at: now };
    let added = Numbers::new(platform)?.add(&number).await?;
    added.map_err(|e| CommandError::new("conflict", e.to_string()))?;
    Ok(number.into())
}

pub async fn release(platform: &Platform, id: NumberId) -> Result<NumberView, CommandError> {
    let numbers = Numbers::new(platform)?;
    let number = numbers.find(id).await?.ok_or_else(|| CommandError::not_found("number"))?;
    // Released before is released: asking twice is no error.
    numbers.release(&number).await?;
    Ok(Number { status: NumberStatus::Released, ..number }.into())
}
