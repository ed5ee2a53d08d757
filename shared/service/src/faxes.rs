//! The faxes of an account, sent and received.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::Clock;
use sfm_core::fax::cancel::Cancel;
use sfm_core::fax::progress::Effect;
use sfm_core::fax::{Fax, FaxStatus};
use sfm_core::id::{AccountId, FaxId};
use sfm_core::list::{Page, Paged};
use sfm_core::principal::Principal;
use sfm_core::secret::Secret;
use sfm_store::StoreError;
use sfm_store::audit::Audit;
use sfm_store::documents::{DocumentLinkError, Documents};
use sfm_store::fax_filters::{FaxFilter, FilteredFaxes};
use sfm_store::faxes::{FaxKey, Faxes};
use sfm_store::lists::{List, Lists};
use sfm_store::platform::{ConfigError, Platform};

use crate::transmission::{Progress, Transmissions};

/// Long enough to open a document over a slow line, too short to be worth passing on.
const LINK_LIFE: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
pub struct FaxReader {
    faxes: Faxes,
    filtered: FilteredFaxes,
    lists: Lists,
}

/// Gives out the documents of faxes.
#[derive(Debug, Clone)]
pub struct FaxDocuments {
    faxes: Faxes,
    documents: Documents,
    audit: Audit,
    clock: Clock,
}

/// A link to the fax-ready PDF of a fax.
#[derive(Debug)]
pub struct DocumentLink {
    pub url: Secret,
    pub expires_at: Timestamp,
}

impl FaxReader {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { faxes: Faxes::new(platform)?, filtered: FilteredFaxes::new(platform)?, lists: Lists::new(platform)? })
    }

    /// A page of the faxes, newest first; of those that `filter` lets through, where there is one.
    pub async fn list(&self, account: AccountId, filter: Option<&FaxFilter>, page: Page) -> Result<Paged<Fax>, StoreError> {
        match filter {
            None => self.lists.page(&List::Faxes, account, page, |first, limit| self.faxes.list_from(account, first, limit)).await,
            Some(filter) => {
                let (entries, has_more) = self.filtered.list(account, filter, page).await?;
                Ok(Paged { entries, page, total: None, has_more })
            }
        }
    }

    /// One fax; none where the account has no such fax, or deleted it. (1 RRU)
    pub async fn get(&self, account: AccountId, id: FaxId) -> Result<Option<Fax>, StoreError> {
        self.faxes.visible(account, id).await
    }
}

impl FaxDocuments {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            faxes: Faxes::new(platform)?,
            documents: Documents::new(platform)?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// A link to the document, good for five minutes. The audit log tells of the look before it is granted, a key's too.
    ///
    /// # Errors
    /// [`DocumentLinkError::NotFound`] where there is no such fax, [`DocumentLinkError::Expired`] where its document is no longer kept.
    pub async fn link(&self, who: &Principal, id: FaxId) -> Result<DocumentLink, DocumentLinkError> {
        let fax = self.faxes.visible(who.account(), id).await?.ok_or(DocumentLinkError::NotFound)?;
        let key = fax.document_key();
        if !self.documents.exists(&key).await? {
            return Err(DocumentLinkError::Expired);
        }
        let now = self.clock.now();
        self.audit.record(&AuditEntry::new(who, Action::FaxViewed, id, now)).await?;
        let life = SignedDuration::try_from(LINK_LIFE).unwrap_or_default();
        Ok(DocumentLink { url: self.documents.link(&key, LINK_LIFE).await?, expires_at: now + life })
    }
}

/// Cancels faxes that were accepted.
#[derive(Debug, Clone)]
pub struct FaxCancellation {
    transmissions: Transmissions,
    can_stop: bool,
}

/// Why a fax is not canceled.
#[derive(Debug, thiserror::Error)]
pub enum CancelFaxError {
    #[error("there is no such fax")]
    NotFound,
    #[error("the carrier has it, and stops no call")]
    AlreadySending,
    #[error("it is {} already", .0.as_str())]
    AlreadyFinal(FaxStatus),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FaxCancellation {
    /// `can_stop`: the carrier can stop a call that is under way.
    pub fn new(platform: &Platform, can_stop: bool) -> Result<Self, ConfigError> {
        Ok(Self { transmissions: Transmissions::new(platform)?, can_stop })
    }

    /// Cancels a fax, or has its carrier asked to stop it: the fax that is given back tells which. A wish that is repeated changes nothing.
    /// (1 RRU; canceled: one transaction of fax, event and refund)
    ///
    /// # Errors
    /// [`CancelFaxError::NotFound`] also for a live fax where `who` is a test key, and the other way round: a test stops nothing real.
    pub async fn cancel(&self, who: &Principal, id: FaxId) -> Result<Fax, CancelFaxError> {
        let account = who.account();
        let (mut came_to, mut at) = (None, None);
        let recorded = self.transmissions.record(account, id, |fax, now| {
            came_to = (fax.deleted_at.is_none() && who.may_change(fax.live)).then(|| fax.cancel(self.can_stop, now));
            at = Some(now);
            match came_to {
                Some(Cancel::Canceled) => Progress::Ended(Effect::Final),
                Some(Cancel::Requested) => Progress::Changed,
                Some(Cancel::RequestedBefore | Cancel::AlreadySending | Cancel::AlreadyFinal) | None => Progress::Nothing,
            }
        });
        let fax = match recorded.await {
            Ok(recorded) => recorded.map(|(fax, _)| fax),
            // Whether it happened is unknown; one look tells.
            Err(unknown) => match self.transmissions.get(FaxKey { account_id: account, fax_id: id }).await {
                Ok(Some(fax)) if at.is_some() && [fax.canceled_at(), fax.cancel_requested_at].contains(&at) => return Ok(fax),
                _ => return Err(unknown.into()),
            },
        };
        match (fax, came_to) {
            (Some(fax), Some(Cancel::Canceled | Cancel::Requested | Cancel::RequestedBefore)) => Ok(fax),
            (Some(_), Some(Cancel::AlreadySending)) => Err(CancelFaxError::AlreadySending),
            (Some(fax), Some(Cancel::AlreadyFinal)) => Err(CancelFaxError::AlreadyFinal(fax.status)),
            (None, _) | (_, None) => Err(CancelFaxError::NotFound),
        }
    }
}
