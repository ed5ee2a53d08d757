//! The account that a new stack comes with.

use std::collections::BTreeMap;
use std::error::Error;

use sfm_core::account::{Account, Number, NumberStatus};
use sfm_core::audit::{Action, AuditEntry};
use sfm_core::id::{AccountId, NumberId};
use sfm_core::key::Mode;
use sfm_core::list::ListHead;
use sfm_core::member::{Member, Role};
use sfm_core::plan::Plan;
use sfm_core::principal::Principal;
use sfm_core::scope::Scope;
use sfm_service::api_keys::ApiKeyService;
use sfm_store::accounts::AccountsAdmin;
use sfm_store::members::MembersAdmin;
use sfm_store::numbers::Numbers;
use sfm_store::platform::Platform;

use super::state::Demo;

/// A number that libphonenumber holds possible and nobody has.
const DEMO_NUMBER: &str = "+12025550100";

/// Who signs in to its dashboard.
pub const DEMO_OWNER: &str = "owner@example.com";

/// Makes the account with a number, an owner and a key of all scopes.
pub(super) async fn create(operator: &Platform) -> Result<Demo, Box<dyn Error + Send + Sync>> {
    let now = operator.clock().now();
    let id = AccountId::generate(now);
    let account = Account {
        id,
        name: "Demo".to_owned(),
        plan: Plan::Business,
        monthly_pages: None,
        requires_baa: false,
        allow_premium: false,
        recipients: sfm_core::recipient::RecipientPolicy::Any,
        settings: sfm_core::settings::FaxSettings::default(),
        baa_signed_at: None,
        used: BTreeMap::new(),
        faxes: ListHead::default(),
        created_at: now,
        reservations: Vec::new(),
    };
    AccountsAdmin::new(operator)?.create(&account).await?;
    let number = Number {
        account_id: id,
        id: NumberId::generate(now),
        number: DEMO_NUMBER.parse()?,
        label: None,
        status: NumberStatus::Active,
        created_at: now,
    };
    Numbers::new(operator)?.add(&number).await??;
    let who = Principal::Operator { account: id };
    let owner = Member { email: DEMO_OWNER.parse()?, account_id: id, role: Role::Owner, created_at: now };
    let entry = AuditEntry::new(&who, Action::MemberAdded, &owner.email, now).detail(Role::Owner.as_str());
    MembersAdmin::new(operator)?.put(&owner, &entry).await?;
    let (_, key) = ApiKeyService::new(operator)?.create(&who, None, Scope::ALL.to_vec(), Mode::Live).await?;
    Ok(Demo { account: id.to_string(), key: key.expose().to_owned() })
}
