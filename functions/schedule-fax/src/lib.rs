//! `POST /v1/scheduled`, scope `scheduled:write`: accepts a fax to be sent later.
//!
//! The document is made fax-ready and stored now, under a prefix that is kept longer than any schedule; then one transaction makes
//! the row, gives it its place in the list and keeps the answer for a repeated request. The gates are asked when it is sent.

use http::StatusCode;
use sfm_core::clock::Clock;
use sfm_core::due;
use sfm_core::http::body::{Object, parse};
use sfm_core::http::{Endpoint, Problem, Request, Response};
use sfm_core::id::ScheduledId;
use sfm_core::list::Head;
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::queue::Queue;
use sfm_core::scheduled::{Scheduled, SendAt, Status, document_key};
use sfm_core::scope::Scope;
use sfm_core::store::numbers::Numbers;
use sfm_core::store::scheduled::{Planned, ScheduledKey, Scheduling};
use sfm_submission::{Admission, Admitted, Deadline, Door, Preparer, SubmitRequest};

#[derive(Debug)]
pub struct ScheduleFax {
    door: Door,
    preparer: Preparer,
    scheduling: Scheduling,
    numbers: Numbers,
    due: Queue,
    clock: Clock,
}

impl Endpoint for ScheduleFax {
    const ROUTE: &'static str = "POST /v1/scheduled";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            door: Door::new(platform)?,
            preparer: Preparer::new(platform)?,
            scheduling: Scheduling::new(platform)?,
            numbers: Numbers::new(platform)?,
            due: Queue::new(platform, "DUE_QUEUE_URL")?,
            clock: platform.clock(),
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let deadline = Deadline::start();
        match self.door.admit(request, Scope::ScheduledWrite, Self::ROUTE, "schedules").await? {
            Admission::Replay(response) => Ok(response),
            Admission::New(admitted) => admitted.told(self.schedule(request, &admitted, deadline).await),
        }
    }
}

impl ScheduleFax {
    async fn schedule(&self, request: &Request, admitted: &Admitted, deadline: Deadline) -> Result<Response, Problem> {
        let caller = admitted.caller;
        let body = parse(request)?;
        let body = Object::new(&body);
        let wanted = SubmitRequest::parse(&body)?;
        let send_at = SendAt::parse(body.required_text("send_at", "send_at")?, request.now)
            .map_err(|e| Problem::invalid(format!("send_at {e}.")).param("send_at"))?;
        if wanted.from.is_some() {
            wanted.sender(&self.numbers.active(caller.account).await?)?;
        }
        let document = self.preparer.make_fax_ready(wanted.document, deadline).await?;

        let now = self.clock.now();
        let id = ScheduledId::generate(now);
        let key = document_key(caller.account, id);
        self.preparer.store(&key, document.pdf, deadline).await?;

        let draft = |place: Head| Scheduled {
            account_id: caller.account,
            id,
            seq: place.last,
            status: Status::Pending,
            send_at: send_at.at(),
            to: wanted.to.clone(),
            from: wanted.from.clone(),
            pages: document.pages,
            fax_id: None,
            failure: None,
            live: caller.live,
            created_at: place.last_at,
            canceled_by: None,
            due_at: Some(send_at.at().as_millisecond()),
            due_shard: Some(due::shard(&id.to_string())),
        };
        let reply = |scheduled: &Scheduled| Ok(admitted.reply(serde_json::to_string(&scheduled.resource())?, now));
        // Ahead of the row, so that no crash between the two can leave a row that is due soon without its message. A message without
        // a row does nothing.
        let hint = ScheduledKey { account_id: caller.account, id };
        if let Err(e) = self.due.send_fair(&hint, hint.account_id, send_at.at(), now).await {
            tracing::warn!(error = %e, scheduled_id = %id, "hint not sent; the dispatcher will be late with it");
        }
        // After an error it is unknown whether the row exists: its document must stay.
        match self.scheduling.plan(caller.account, now, deadline.accepted(), draft, reply).await? {
            Planned::New(scheduled) => Response::json(StatusCode::CREATED, &scheduled.resource()),
            Planned::Replay(reply) => {
                self.preparer.discard(&key).await;
                admitted.replay(reply)
            }
        }
    }
}
