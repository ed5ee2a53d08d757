//! An account: its plan, its usage, and the gates that every fax passes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::ApiTime;
use crate::id::{AccountId, NumberId};
use crate::list::ListHead;
use crate::month::Month;
use crate::phone::E164;
use crate::plan::Plan;
use crate::recipient::RecipientPolicy;
use crate::reservation::Reservation;
use crate::settings::FaxSettings;

/// An account with its usage and the head of its fax list: one item, so that one update reserves pages and place together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    #[serde(rename = "account_id")]
    pub id: AccountId,
    pub name: String,
    pub plan: Plan,
    /// Overrides the plan's pages a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_pages: Option<u32>,
    pub requires_baa: bool,
    /// Whether premium-rate, satellite and audiotext numbers may be called.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_premium: bool,
    #[serde(default)]
    pub recipients: RecipientPolicy,
    #[serde(flatten)]
    pub settings: FaxSettings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baa_signed_at: Option<Timestamp>,
    /// Pages of accepted and not refunded faxes, by the month that was charged.
    #[serde(default)]
    pub used: BTreeMap<Month, u64>,
    #[serde(default)]
    pub faxes: ListHead,
    pub created_at: Timestamp,
    /// Places and pages that are taken for faxes of which it is not known here whether they exist.
    #[serde(skip)]
    pub reservations: Vec<Reservation>,
}

/// Why a fax may not be sent now. In the order in which the gates stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendNotAllowed {
    #[error(
        "This fax has {pages} page(s), but only {left} of this month's {limit} are left. Upgrade the plan or wait for next month (UTC)."
    )]
    Quota { pages: u32, left: u64, limit: u64 },
    #[error("This account needs a signed HIPAA Business Associate Agreement before it can send. Sign it in the dashboard.")]
    Baa,
    #[error("This account has no active fax number. Add a number before sending.")]
    Number,
}

/// The number to send from is none of the account's active ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of this account's active numbers")]
pub struct SenderNotOwned;

/// Why a number may not be called for an account. The message goes on from the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is a premium-rate, satellite or audiotext number, which this account may not send to; ask the operator of this service to allow them"
)]
pub struct NumberNotAllowed;

impl SendNotAllowed {
    /// As errors and scheduled faxes name it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Quota { .. } => "quota_exceeded",
            Self::Baa => "baa_required",
            Self::Number => "no_active_number",
        }
    }
}

impl Account {
    pub fn page_limit(&self) -> u64 {
        self.monthly_pages.unwrap_or_else(|| self.plan.default_monthly_pages()).into()
    }

    pub fn used_in(&self, month: Month) -> u64 {
        self.used.get(&month).copied().unwrap_or(0)
    }

    /// Whether this number may be called: numbers whose calls cost dollars a minute only where the account allows them.
    ///
    /// # Errors
    /// [`NumberNotAllowed`] for such a number on an account that does not.
    pub fn check_number(&self, to: &E164) -> Result<(), NumberNotAllowed> {
        if to.is_costly() && !self.allow_premium { Err(NumberNotAllowed) } else { Ok(()) }
    }

    /// Checks the gates in their order: quota, BAA, number.
    ///
    /// `pages` is what the fax would be charged: none for a test key. `sender` is the number that it would be sent from.
    ///
    /// # Errors
    /// The first gate that is closed.
    pub fn gates<'n>(&self, pages: u32, month: Month, sender: Option<&'n Number>) -> Result<&'n Number, SendNotAllowed> {
        let limit = self.page_limit();
        let left = limit.saturating_sub(self.used_in(month));
        if u64::from(pages) > left {
            return Err(SendNotAllowed::Quota { pages, left, limit });
        }
        if self.requires_baa && self.baa_signed_at.is_none() {
            return Err(SendNotAllowed::Baa);
        }
        sender.ok_or(SendNotAllowed::Number)
    }
}

/// A dedicated number of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Number {
    pub account_id: AccountId,
    pub id: NumberId,
    pub number: E164,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub status: NumberStatus,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberStatus {
    Active,
    Released,
}

impl Number {
    /// The number to send from: the one asked for, else the oldest of `active`. None when the account has no number at all.
    ///
    /// # Errors
    /// [`SenderNotOwned`] when the one asked for is not among them.
    pub fn sender<'n>(asked: Option<&E164>, active: &'n [Self]) -> Result<Option<&'n Self>, SenderNotOwned> {
        let Some(asked) = asked else { return Ok(active.first()) };
        active.iter().find(|number| number.number == *asked).map(Some).ok_or(SenderNotOwned)
    }

    /// What the API shows of it.
    pub fn resource(&self) -> NumberResource {
        NumberResource {
            id: self.id,
            object: "number",
            number: self.number.clone(),
            label: self.label.clone(),
            status: self.status,
            created_at: self.created_at.into(),
        }
    }
}

/// The number resource of the API.
#[derive(Debug, Clone, Serialize)]
pub struct NumberResource {
    pub id: NumberId,
    pub object: &'static str,
    pub number: E164,
    pub label: Option<String>,
    pub status: NumberStatus,
    pub created_at: ApiTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            id: AccountId::generate(Timestamp::UNIX_EPOCH),
            name: "Clinic".into(),
            plan: Plan::Business,
            monthly_pages: Some(5),
            requires_baa: true,
            allow_premium: false,
            recipients: RecipientPolicy::Any,
            settings: FaxSettings::default(),
            baa_signed_at: None,
            used: BTreeMap::new(),
            faxes: ListHead::default(),
            created_at: Timestamp::UNIX_EPOCH,
            reservations: Vec::new(),
        }
    }

    #[test]
    fn the_gates_stand_in_the_order_quota_baa_number() {
        let month = Month::of(Timestamp::UNIX_EPOCH);
        let mut account = account();
        let number = Number {
            account_id: account.id,
            id: NumberId::generate(Timestamp::UNIX_EPOCH),
            number: "+12125551234".parse().unwrap_or_else(|_| unreachable!()),
            label: None,
            status: NumberStatus::Active,
            created_at: Timestamp::UNIX_EPOCH,
        };
        let asked = |account: &Account, pages, sender| account.gates(pages, month, sender).map(|sender| sender.id);
        assert_eq!(asked(&account, 6, None), Err(SendNotAllowed::Quota { pages: 6, left: 5, limit: 5 }));
        assert_eq!(asked(&account, 5, None), Err(SendNotAllowed::Baa));
        account.baa_signed_at = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(asked(&account, 5, None), Err(SendNotAllowed::Number));
        assert_eq!(asked(&account, 5, Some(&number)), Ok(number.id));
        account.used.insert(month, 4);
        assert_eq!(asked(&account, 2, Some(&number)), Err(SendNotAllowed::Quota { pages: 2, left: 1, limit: 5 }));
    }
}
