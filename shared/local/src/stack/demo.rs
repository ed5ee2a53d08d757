//! The account that a new stack comes with.

use sfm_core::member::Role;
use sfm_core::phone::E164;
use sfm_core::plan::Plan;
use sfm_core::scope::Scope;
use sfm_store::platform::Platform;

use super::Demo;
use crate::commands::{CommandError, account, key, member, number};

/// A number that libphonenumber holds possible and nobody has.
const DEMO_NUMBER: &str = "+12025550100";

/// Who signs in to its dashboard.
pub const DEMO_OWNER: &str = "owner@example.com";

pub async fn create(operator: &Platform) -> Result<Demo, CommandError> {
    let number: E164 = DEMO_NUMBER.parse().map_err(|e| CommandError::invalid(format!("{e}")))?;
    let new = account::New { name: "Demo".into(), plan: Plan::Business, monthly_pages: None, requires_baa: false, allow_premium: false };
    let account = account::create(operator, new).await?;
    number::add(operator, account.id, number, None).await?;
    member::add(operator, account.id, DEMO_OWNER, Role::Owner).await?;
    let key = key::create(operator, account.id, Scope::ALL.to_vec(), false).await?;
    Ok(Demo { account: account.id.to_string(), key: key.key })
}
