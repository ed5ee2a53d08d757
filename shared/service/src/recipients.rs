//! The recipient guard: holds a number against the policy of its account.

use sfm_core::account::Account;
use sfm_core::id::{AccountId, ContactId};
use sfm_core::phone::E164;
use sfm_core::recipient::{RecipientPolicy, RecipientRefused};
use sfm_store::StoreError;
use sfm_store::contacts::Contacts;
use sfm_store::fax_filters::FilteredFaxes;
use sfm_store::platform::{ConfigError, Platform};

#[derive(Debug, Clone)]
pub struct RecipientGuard {
    contacts: Contacts,
    faxes: FilteredFaxes,
}

impl RecipientGuard {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { contacts: Contacts::new(platform)?, faxes: FilteredFaxes::new(platform)? })
    }

    /// Asks whether a fax may go to a number, which the request confirmed by naming `confirmed` too. What a test key's fax was delivered to is not
    /// known to live ones. (None for the policy `any`; else 1 RRU, and for a number that is no contact's and not confirmed 2 and 1 for each fax
    /// that was sent to it since the last one that was delivered)
    pub async fn check(
        &self,
        account: &Account,
        to: &E164,
        confirmed: Option<&E164>,
        live: bool,
    ) -> Result<Result<(), RecipientRefused>, StoreError> {
        if account.recipients == RecipientPolicy::Any || self.contacts.has_number(account.id, to).await? {
            return Ok(Ok(()));
        }
        if account.recipients == RecipientPolicy::Contacts {
            return Ok(Err(RecipientRefused::NotContact));
        }
        let known = confirmed == Some(to) || self.faxes.was_delivered(account.id, to, live).await?;
        Ok(if known { Ok(()) } else { Err(RecipientRefused::Unconfirmed) })
    }

    /// The contact whose number differs from this one in one digit, where this one is no contact's.
    pub async fn similar(&self, account: AccountId, to: &E164) -> Result<Option<ContactId>, StoreError> {
        self.contacts.similar(account, to).await
    }

    /// Asks again, for a fax that was confirmed when it was scheduled, whether its number may be faxed: a contact may be gone since.
    pub async fn check_scheduled(&self, account: &Account, to: &E164) -> Result<Result<(), RecipientRefused>, StoreError> {
        self.check(account, to, Some(to), true).await
    }
}
