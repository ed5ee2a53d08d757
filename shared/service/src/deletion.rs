//! Deleting faxes, with their documents.

use jiff::Timestamp;

use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::Clock;
use sfm_core::fax::Fax;
use sfm_core::fax::progress::NextAction;
use sfm_core::id::FaxId;
use sfm_core::principal::Principal;
use sfm_store::accounts::Accounts;
use sfm_store::audit::Audit;
use sfm_store::documents::{DocumentStoreError, Documents};
use sfm_store::faxes::{FaxKey, Faxes};
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::{Backoff, ReplaceError, StoreError};

/// Deletes faxes: they are hidden at once; sending, usage and webhooks go on.
#[derive(Debug, Clone)]
pub struct FaxRemoval {
    faxes: Faxes,
    accounts: Accounts,
    audit: Audit,
    documents: DocumentRemoval,
}

/// Removes the documents of faxes that were deleted.
#[derive(Debug, Clone)]
pub struct DocumentRemoval {
    faxes: Faxes,
    documents: Documents,
    clock: Clock,
}

/// Why a document is still there. The fax is still due, and the dispatcher has it tried again.
#[derive(Debug, thiserror::Error)]
pub enum DocumentRemovalError {
    #[error(transparent)]
    Documents(#[from] DocumentStoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FaxRemoval {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            faxes: Faxes::new(platform)?,
            accounts: Accounts::new(platform)?,
            audit: Audit::new(platform)?,
            documents: DocumentRemoval::new(platform)?,
        })
    }

    /// Finds a fax by its id alone, for operators.
    pub async fn find(&self, id: FaxId) -> Result<Option<FaxKey>, StoreError> {
        self.faxes.find(id).await
    }

    /// Hides a fax, and removes its document: now where the fax is final, else when it is. False when there is none that `who` may change, or
    /// it was deleted before. What is left of the work when the process dies, or the document store does not answer, is due.
    pub async fn delete(&self, who: &Principal, id: FaxId, now: Timestamp) -> Result<bool, StoreError> {
        let Some(fax) = self.hide(who, id, now).await? else { return Ok(false) };
        if fax.next_action(now) == NextAction::RemoveDocument
            && let Err(e) = self.documents.remove(fax).await
        {
            tracing::warn!(error = %e, fax_id = %id, "the document of a deleted fax is not removed yet");
        }
        Ok(true)
    }

    async fn hide(&self, who: &Principal, id: FaxId, now: Timestamp) -> Result<Option<Fax>, StoreError> {
        let audit = self.audit.write(&AuditEntry::new(who, Action::FaxDeleted, id, now))?;
        let mut backoff = Backoff::default();
        loop {
            let Some(mut fax) = self.faxes.visible(who.account(), id).await?.filter(|fax| who.may_change(fax.live)) else {
                return Ok(None);
            };
            let Some(place) = fax.delete(now) else { return Ok(None) };
            match self.faxes.remove(&mut fax, place, &self.accounts, audit.clone()).await {
                Ok(true) => return Ok(Some(fax)),
                Ok(false) => backoff.wait().await?,
                // Whether it happened is unknown; one look tells. Another's deletion at the same moment has the same end.
                Err(unknown) => match self.faxes.get(who.account(), id).await {
                    Ok(Some(fax)) if fax.deleted_at == Some(now) => return Ok(Some(fax)),
                    _ => return Err(unknown),
                },
            }
        }
    }
}

impl DocumentRemoval {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { faxes: Faxes::new(platform)?, documents: Documents::new(platform)?, clock: platform.clock() })
    }

    /// Removes the document of a fax that is deleted and final, and notes that it is gone. May be repeated.
    pub async fn remove(&self, mut fax: Fax) -> Result<(), DocumentRemovalError> {
        self.documents.remove(&fax.document_key()).await?;
        fax.document_removed(self.clock.now());
        match self.faxes.replace(&mut fax).await {
            // Somebody else wrote it meanwhile: it is still due, or they removed the document too.
            Ok(()) | Err(ReplaceError::Conflict) => Ok(()),
            Err(ReplaceError::Store(e)) => Err(e.into()),
        }
    }
}
