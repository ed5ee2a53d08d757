//! The address book of an account.

use sfm_core::audit::Action;
use sfm_core::clock::Clock;
use sfm_core::contact::{Contact, ContactChange, ContactQuery, NewContact};
use sfm_core::id::{AccountId, ContactId};
use sfm_core::list::{ListHead, Page, Paged};
use sfm_core::phone::E164;
use sfm_core::principal::Principal;
use sfm_store::StoreError;
use sfm_store::accounts::Accounts;
use sfm_store::audit::Audit;
use sfm_store::contacts::{Contacts, CreateContactError, UpdateContactError};
use sfm_store::lists::{List, Lists};
use sfm_store::platform::{ConfigError, Platform};

#[derive(Debug, Clone)]
pub struct ContactService {
    contacts: Contacts,
    accounts: Accounts,
    lists: Lists,
    audit: Audit,
    clock: Clock,
}

impl ContactService {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            contacts: Contacts::new(platform)?,
            accounts: Accounts::new(platform)?,
            lists: Lists::new(platform)?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// A page of the address book, newest first. (2 round trips, 3 where the page's block has deletions)
    pub async fn list(&self, account: AccountId, page: Page) -> Result<Paged<Contact>, StoreError> {
        let read = |first, limit| self.contacts.list_from(account, first, limit);
        self.lists.page(&List::Contacts, account, page, read).await
    }

    /// A page of the contacts that `query` finds, newest first: the whole book is looked through. (half an RRU for each 4 KB of it, or 20 contacts)
    pub async fn search(&self, account: AccountId, query: &ContactQuery, page: Page) -> Result<Paged<Contact>, StoreError> {
        let mut found = self.contacts.list_from(account, u64::MAX >> 1, u32::MAX).await?;
        found.retain(|contact| query.finds(contact));
        let total = found.len() as u64;
        let skipped = usize::try_from((page.page - 1).saturating_mul(page.limit.into())).unwrap_or(usize::MAX);
        let entries = found.into_iter().skip(skipped).take(page.limit as usize).collect();
        Ok(Paged::of(entries, page, total))
    }

    /// One contact; none where the account has no such contact. (1 RRU)
    pub async fn get(&self, account: AccountId, id: ContactId) -> Result<Option<Contact>, StoreError> {
        self.contacts.get(account, id).await
    }

    /// Adds a contact.
    ///
    /// # Errors
    /// [`CreateContactError::NumberTaken`] where the number is in the address book already; [`CreateContactError::NotAllowed`] where the account
    /// may not send to it.
    pub async fn create(&self, who: &Principal, new: NewContact) -> Result<Contact, CreateContactError> {
        let now = self.clock.now();
        let (account, id) = (who.account(), ContactId::generate(now));
        let NewContact { name, fax_number, company } = new;
        self.check_number(account, &fax_number).await?;
        let draft = |place: ListHead| Contact {
            account_id: account,
            id,
            seq: place.last,
            name: name.clone(),
            fax_number: fax_number.clone(),
            company: company.clone(),
            created_at: place.last_at,
        };
        let audit = self.audit.of(who, Action::ContactCreated, id, now)?;
        self.contacts.create(account, now, draft, audit).await
    }

    /// Changes a contact, and gives it as it is then.
    ///
    /// # Errors
    /// [`UpdateContactError::NotFound`] where the account has no such contact; of its number those of [`ContactService::create`].
    pub async fn update(&self, who: &Principal, id: ContactId, change: ContactChange) -> Result<Contact, UpdateContactError> {
        if let Some(number) = &change.fax_number {
            self.check_number(who.account(), number).await?;
        }
        let audit = self.audit.of(who, Action::ContactUpdated, id, self.clock.now())?;
        self.contacts.update(who.account(), id, &change, audit).await
    }

    async fn check_number(&self, account: AccountId, number: &E164) -> Result<(), CreateContactError> {
        if number.is_costly() {
            let read = self.accounts.get(account).await?;
            read.ok_or_else(|| StoreError::Unexpected("a contact's account is not there".into()))?.check_number(number)?;
        }
        Ok(())
    }

    /// Deletes a contact. False where the account has no such contact.
    pub async fn delete(&self, who: &Principal, id: ContactId) -> Result<bool, StoreError> {
        let audit = self.audit.of(who, Action::ContactDeleted, id, self.clock.now())?;
        self.contacts.delete(who.account(), id, audit).await
    }
}
