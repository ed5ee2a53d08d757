//! Accepting a fax to be sent later.
//!
//! The document is made fax-ready and stored now, under a prefix that is kept longer than any schedule; then one transaction makes
//! the row, gives it its place in the list and keeps the answer for a repeated request. The gates are asked when it is sent.

use sfm_core::account::Number;
use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::Clock;
use sfm_core::due;
use sfm_core::id::ScheduledId;
use sfm_core::principal::Principal;
use sfm_core::scheduled::{Scheduled, ScheduledStatus, SendAt};
use sfm_core::submission::NewFax;
use sfm_service::recipients::RecipientGuard;
use sfm_service::submission::SubmitError;
use sfm_store::accounts::Accounts;
use sfm_store::audit::Audit;
use sfm_store::numbers::Numbers;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::queue::Queue;
use sfm_store::requests::{Created, IdempotentRequest};
use sfm_store::scheduled::{ScheduleCreation, ScheduledKey};

use crate::cover::cover;
use crate::document::PageOptions;
use crate::{Deadline, DocumentPreparer};

#[derive(Debug)]
pub struct ScheduleService {
    preparer: DocumentPreparer,
    creation: ScheduleCreation,
    accounts: Accounts,
    numbers: Numbers,
    recipients: RecipientGuard,
    due: Queue,
    audit: Audit,
    clock: Clock,
}

impl ScheduleService {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            preparer: DocumentPreparer::new(platform)?,
            creation: ScheduleCreation::new(platform)?,
            accounts: Accounts::new(platform)?,
            numbers: Numbers::new(platform)?,
            recipients: RecipientGuard::new(platform)?,
            due: Queue::new(platform, "DUE_QUEUE_URL")?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Accepts a fax to be sent at `send_at`, or gives the kept answer to `request`, which it has answered before.
    ///
    /// # Errors
    /// When the fax is refused, nothing is left of it. After a [`SubmitError::Store`] it is unknown whether it is scheduled.
    pub async fn schedule(
        &self,
        who: &Principal,
        new: NewFax,
        send_at: SendAt,
        request: Option<&IdempotentRequest>,
        deadline: Deadline,
    ) -> Result<Created<Box<Scheduled>>, SubmitError> {
        let account = who.account();
        let (owner, similar_to) = tokio::try_join!(self.accounts.get(account), self.recipients.similar(account, &new.to))?;
        let owner = owner.ok_or(SubmitError::NoAccount)?;
        owner.check_number(&new.to)?;
        self.recipients.check(&owner, &new.to, new.confirm_to.as_ref(), who.is_live()).await??;
        // A cover tells the number that would send now, if none is asked for: then it is the one that will.
        let numbers = if new.from.is_some() || new.cover.is_some() { self.numbers.active(account).await? } else { Vec::new() };
        let sender = if new.from.is_some() { Number::sender(new.from.as_ref(), &numbers)? } else { numbers.first() };
        let (to, from) = (&new.to, sender.map(|number| &number.number));
        let named = if new.cover.is_some() { from.cloned() } else { None };
        let cover = new.cover.map(|text| cover(text, to, from, (send_at.at(), &owner.settings.time_zone))).transpose()?;
        let origins = new.content.faxes();
        let options = PageOptions::new(&owner.settings, new.format);
        let document = self.preparer.make_fax_ready(who, new.content, options, cover, deadline).await?;

        let now = self.clock.now();
        let id = ScheduledId::generate(now);
        let scheduled = Scheduled {
            account_id: account,
            id,
            seq: 0,
            status: ScheduledStatus::Pending,
            send_at: send_at.at(),
            to: new.to,
            from: new.from.or(named),
            pages: document.pages,
            fax_id: None,
            failure: None,
            reference: new.reference,
            metadata: new.metadata,
            trace: new.trace,
            similar_to,
            live: who.is_live(),
            created_at: now,
            canceled_by: None,
            due_at: Some(send_at.at().as_millisecond()),
            due_shard: Some(due::shard(&id.to_string())),
        };
        self.preparer.store(&scheduled.document_key(), document.pdf, deadline).await?;
        let audit = self.audit.entry_of(who, AuditEntry::new(who, Action::FaxScheduled, id, now).of_faxes(&origins))?;
        // Ahead of the row, so that no crash between the two can leave a row that is due soon without its message. A message without
        // a row does nothing.
        let hint = ScheduledKey { account_id: account, id };
        if let Err(e) = self.due.send_fair(&hint, account, send_at.at(), now).await {
            tracing::warn!(error = %e, scheduled_id = %id, "hint not sent; the dispatcher will be late with it");
        }
        // After an error it is unknown whether the row exists: its document must stay.
        let created = self.creation.create(&scheduled, request, audit, now, deadline.of_transaction()).await?;
        if let Created::Replay(_) = created {
            self.preparer.discard(&scheduled.document_key()).await;
        }
        Ok(created)
    }
}
