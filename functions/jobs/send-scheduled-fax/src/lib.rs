//! Queue `due` → a fax. A message says that the time of a scheduled fax has come; what to do follows from its row.
//!
//! The gates are asked now, the document is copied to where faxes have theirs, and one transaction ends the pending row and makes
//! the fax, whose id follows from the schedule's: whatever is repeated, it is one fax. A cancellation that comes first wins.

use std::collections::HashMap;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::TryFutureExt as _;
use futures::future::join_all;
use sfm_core::clock::Clock;
use sfm_core::id::AccountId;
use sfm_core::month::Month;
use sfm_core::scheduled::{Failure, Scheduled, ScheduledStatus};
use sfm_service::recipients::RecipientGuard;
use sfm_store::documents::Documents;
use sfm_store::fax_creation::{AcceptError, FaxCreation};
use sfm_store::numbers::Numbers;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::queue::Queue;
use sfm_store::scheduled::{ScheduleRelease, ScheduledKey, Sent};
use sfm_web::batch::{batch_response, catch_panic};
use sfm_web::runtime::{Error, Worker};
use tokio::time::Instant;

/// Faxes of one account meet in its item: how long those of a batch wait for others before their messages are left to come again. Less
/// than the function's timeout.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct SendScheduledFax {
    release: ScheduleRelease,
    creation: FaxCreation,
    numbers: Numbers,
    recipients: RecipientGuard,
    documents: Documents,
    due: Queue,
    clock: Clock,
}

impl Worker for SendScheduledFax {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            release: ScheduleRelease::new(platform)?,
            creation: FaxCreation::new(platform)?,
            numbers: Numbers::new(platform)?,
            recipients: RecipientGuard::new(platform)?,
            documents: Documents::new(platform)?,
            due: Queue::new(platform, "DUE_QUEUE_URL")?,
            clock: platform.clock(),
        })
    }

    async fn handle(&self, batch: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let until = Instant::now() + PATIENCE;
        // Faxes of one account meet in its item: they take turns here rather than stand in each other's way there.
        let mut accounts: HashMap<Option<AccountId>, Vec<usize>> = HashMap::new();
        let keys: Vec<_> = batch.records.iter().map(|message| parse(message.body.as_deref())).collect();
        for (place, key) in keys.iter().enumerate() {
            accounts.entry(key.as_ref().ok().map(|key| key.account_id)).or_default().push(place);
        }
        let turns = accounts.into_values().map(|places| async {
            let mut followed = Vec::new();
            for (place, key) in places.into_iter().filter_map(|place| Some((place, keys.get(place)?))) {
                let result = match key {
                    _ if Instant::now() >= until => Err("no time is left in this batch".into()),
                    Ok(key) => catch_panic(self.follow(*key, until)).await,
                    Err(e) => Err(e.to_string().into()),
                };
                followed.push((place, result));
            }
            followed
        });
        let mut followed: Vec<_> = join_all(turns).await.into_iter().flatten().collect();
        followed.sort_by_key(|(place, _)| *place);
        let followed = followed.into_iter().map(|(_, result)| result).collect();
        Ok(batch_response(&batch.records, followed, "scheduled fax not sent"))
    }
}

fn parse(message: Option<&str>) -> Result<ScheduledKey, serde_json::Error> {
    serde_json::from_str(message.unwrap_or_default())
}

impl SendScheduledFax {
    async fn follow(&self, key: ScheduledKey, until: Instant) -> Result<(), Error> {
        let Some(scheduled) = self.release.get(key).await?.filter(|scheduled| scheduled.status == ScheduledStatus::Pending) else {
            return Ok(());
        };
        let now = self.clock.now();
        if now < scheduled.send_at {
            // A message's longest delay may end before the time has come.
            return Ok(self.due.send_fair(&key, key.account_id, scheduled.send_at, now).await?);
        }
        self.send(&scheduled, until).await
    }

    async fn send(&self, scheduled: &Scheduled, until: Instant) -> Result<(), Error> {
        let account = self.creation.account(scheduled.account_id);
        let numbers = self.numbers.active(scheduled.account_id);
        let (account, numbers) = tokio::try_join!(account, numbers.map_err(AcceptError::from))?;
        if let Err(not_allowed) = account.check_number(&scheduled.to) {
            return self.fail(scheduled, not_allowed.into()).await.map(drop);
        }
        if let Err(refused) = self.recipients.check_scheduled(&account, &scheduled.to).await? {
            return self.fail(scheduled, refused.into()).await.map(drop);
        }
        let now = self.clock.now();
        let sender = scheduled.sender(&numbers);
        let sender = match self.creation.gates(&account, scheduled.charged_pages(), Month::of(now), sender).await? {
            Ok(sender) => sender,
            Err(closed) => return self.fail(scheduled, closed.into()).await.map(drop),
        };
        let document = sfm_core::fax::document_key(scheduled.account_id, scheduled.future_fax());
        if !self.documents.copy(&scheduled.document_key(), &document).await? {
            return self.without_document(scheduled).await;
        }
        match self.release.send(scheduled, account, sender, now, until).await {
            Ok(Sent::Fax(fax)) => {
                tracing::info!(scheduled_id = %scheduled.id, fax_id = %fax.id, "scheduled fax sent");
                self.documents.discard(&scheduled.document_key()).await;
                Ok(())
            }
            Ok(Sent::NotPending(now)) => {
                // Where another worker sent it, the copy is its fax's.
                if now.status != ScheduledStatus::Sent {
                    self.documents.discard(&document).await;
                }
                Ok(())
            }
            Err(AcceptError::SendNotAllowed(closed)) => {
                // Another worker may have made the fax meanwhile, and filled the quota with it: then the copy is its document.
                if self.fail(scheduled, closed.into()).await? {
                    self.documents.discard(&document).await;
                }
                Ok(())
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Whoever ends a schedule removes its document: only if it is still pending now the document was lost.
    async fn without_document(&self, scheduled: &Scheduled) -> Result<(), Error> {
        let key = ScheduledKey { account_id: scheduled.account_id, id: scheduled.id };
        match self.release.get(key).await? {
            Some(pending) if pending.status == ScheduledStatus::Pending => {
                self.fail(scheduled, Failure::DocumentUnreadable).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// False when it was no longer pending.
    async fn fail(&self, scheduled: &Scheduled, failure: Failure) -> Result<bool, Error> {
        let failed = self.release.fail(scheduled, failure, self.clock.now()).await?;
        if failed {
            tracing::warn!(scheduled_id = %scheduled.id, failure = failure.as_str(), "scheduled fax not sent");
            self.documents.discard(&scheduled.document_key()).await;
        }
        Ok(failed)
    }
}
