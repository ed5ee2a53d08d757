//! Accepting a fax to be sent later, for a key or for a member in the dashboard.
//!
//! The document is made fax-ready and stored now, under a prefix that is kept longer than any schedule; then one transaction makes
//! the row, gives it its place in the list and keeps the answer for a repeated request. The gates are asked when it is sent.

use http::StatusCode;
use sfm_core::audit::Action;
use sfm_core::clock::Clock;
use sfm_core::due;
use sfm_core::id::ScheduledId;
use sfm_core::list::ListHead;
use sfm_core::scheduled::{Scheduled, ScheduledStatus, SendAt, document_key};
use sfm_store::accounts::Accounts;
use sfm_store::audit::Audit;
use sfm_store::numbers::Numbers;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::queue::Queue;
use sfm_store::scheduled::{ScheduleCreated, ScheduleCreation, ScheduledKey};
use sfm_web::{ApiError, Request, Response};

use crate::{AdmittedRequest, Deadline, DocumentPreparer, SubmissionGuard, SubmitRequest};

#[derive(Debug)]
pub struct ScheduleService {
    pub door: SubmissionGuard,
    preparer: DocumentPreparer,
    scheduling: ScheduleCreation,
    accounts: Accounts,
    numbers: Numbers,
    due: Queue,
    audit: Audit,
    clock: Clock,
}

impl ScheduleService {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            door: SubmissionGuard::new(platform)?,
            preparer: DocumentPreparer::new(platform)?,
            scheduling: ScheduleCreation::new(platform)?,
            accounts: Accounts::new(platform)?,
            numbers: Numbers::new(platform)?,
            due: Queue::new(platform, "DUE_QUEUE_URL")?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Accepts the fax of a request that passed the door.
    pub async fn schedule(&self, request: &Request, admitted: &AdmittedRequest, deadline: Deadline) -> Result<Response, ApiError> {
        let body = request.json()?;
        let wanted = SubmitRequest::parse(&body)?;
        let send_at = SendAt::parse(body.required_text("send_at", "send_at")?, request.now)
            .map_err(|e| ApiError::invalid(format!("send_at {e}.")).param("send_at"))?;
        if wanted.to.is_costly() {
            let account = self.accounts.get(admitted.who.account()).await?;
            account.ok_or_else(|| ApiError::internal("a key without its account"))?.check_number(&wanted.to)?;
        }
        if wanted.from.is_some() {
            wanted.sender(&self.numbers.active(admitted.who.account()).await?)?;
        }
        let document = self.preparer.make_fax_ready(wanted.document, deadline).await?;

        let now = self.clock.now();
        let id = ScheduledId::generate(now);
        let key = document_key(admitted.who.account(), id);
        self.preparer.store(&key, document.pdf, deadline).await?;

        let draft = |place: ListHead| Scheduled {
            account_id: admitted.who.account(),
            id,
            seq: place.last,
            status: ScheduledStatus::Pending,
            send_at: send_at.at(),
            to: wanted.to.clone(),
            from: wanted.from.clone(),
            pages: document.pages,
            fax_id: None,
            failure: None,
            live: admitted.who.is_live(),
            created_at: place.last_at,
            canceled_by: None,
            due_at: Some(send_at.at().as_millisecond()),
            due_shard: Some(due::shard(&id.to_string())),
        };
        let audit = self.audit.of(&admitted.who, Action::FaxScheduled, id, now)?;
        let reply = |scheduled: &Scheduled| Ok(admitted.reply(serde_json::to_string(&scheduled.resource())?, now));
        // Ahead of the row, so that no crash between the two can leave a row that is due soon without its message. A message without
        // a row does nothing.
        let hint = ScheduledKey { account_id: admitted.who.account(), id };
        if let Err(e) = self.due.send_fair(&hint, hint.account_id, send_at.at(), now).await {
            tracing::warn!(error = %e, scheduled_id = %id, "hint not sent; the dispatcher will be late with it");
        }
        // After an error it is unknown whether the row exists: its document must stay.
        match self.scheduling.plan(admitted.who.account(), now, deadline.accepted(), draft, reply, audit).await? {
            ScheduleCreated::New(scheduled) => Response::json(StatusCode::CREATED, &scheduled.resource()),
            ScheduleCreated::Replay(reply) => {
                self.preparer.discard(&key).await;
                admitted.replay(reply)
            }
        }
    }
}
