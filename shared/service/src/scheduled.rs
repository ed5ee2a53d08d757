//! Faxes that wait for their time.

use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::Clock;
use sfm_core::id::{AccountId, RequestId, ScheduledId};
use sfm_core::list::{Page, Paged};
use sfm_core::principal::Principal;
use sfm_core::scheduled::{Scheduled, ScheduledStatus};
use sfm_store::StoreError;
use sfm_store::audit::Audit;
use sfm_store::documents::Documents;
use sfm_store::lists::{List, Lists};
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::scheduled::{CancelError, ScheduledFaxes};

#[derive(Debug, Clone)]
pub struct ScheduledReader {
    scheduled: ScheduledFaxes,
    lists: Lists,
}

impl ScheduledReader {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { scheduled: ScheduledFaxes::new(platform)?, lists: Lists::new(platform)? })
    }

    /// A page of the scheduled faxes, newest first, whatever became of them.
    pub async fn list(&self, account: AccountId, page: Page) -> Result<Paged<Scheduled>, StoreError> {
        let read = |first, limit| self.scheduled.list_from(account, first, limit);
        self.lists.page(&List::Scheduled, account, page, read).await
    }

    /// One scheduled fax; none where the account has no such fax.
    pub async fn get(&self, account: AccountId, id: ScheduledId) -> Result<Option<Scheduled>, StoreError> {
        self.scheduled.get(account, id).await
    }
}

#[derive(Debug, Clone)]
pub struct Cancellation {
    scheduled: ScheduledFaxes,
    documents: Documents,
    audit: Audit,
    clock: Clock,
}

impl Cancellation {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            scheduled: ScheduledFaxes::new(platform)?,
            documents: Documents::new(platform)?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Cancels what is still pending, for the request `by`, which may be repeated. Its document is deleted: it will never be sent.
    ///
    /// # Errors
    /// [`CancelError::Absent`] where there is none that `who` may change, [`CancelError::NotPending`] where it was sent, has failed or was canceled before.
    pub async fn cancel(&self, who: &Principal, id: ScheduledId, by: RequestId) -> Result<Scheduled, CancelError> {
        let account = who.account();
        let scheduled =
            self.scheduled.get(account, id).await?.filter(|scheduled| who.may_change(scheduled.live)).ok_or(CancelError::Absent)?;
        if who.is_audited() && scheduled.status == ScheduledStatus::Pending {
            self.audit.record(&AuditEntry::new(who, Action::ScheduledCanceled, id, self.clock.now())).await?;
        }
        let canceled = self.scheduled.cancel(account, id, by).await?;
        self.documents.discard(&canceled.document_key()).await;
        Ok(canceled)
    }
}
