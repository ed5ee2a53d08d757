//! `POST /v1/faxes`, scope `faxes:send`: accepts a fax.
//!
//! The document is made fax-ready and stored first; then one transaction makes the fax, charges its pages, gives it its place in the
//! list, writes the event that gets it transmitted and keeps the answer for a repeated request. So a crash at any point leaves a fax
//! with all of it, or nothing but an unreferenced object, which the bucket's lifecycle removes.

mod document;
mod request;

use std::time::{Duration, Instant};

use http::StatusCode;
use sfm_core::clock::Clock;
use sfm_core::documents::Documents;
use sfm_core::due;
use sfm_core::fax::{Direction, Fax, Status, document_key};
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, Problem, Request, Response, idempotency};
use sfm_core::id::FaxId;
use sfm_core::list::Head;
use sfm_core::month::Month;
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::faxes::{AcceptError, Accepted, Intake};
use sfm_core::store::numbers::Numbers;
use sfm_core::store::requests::Reply;

use crate::request::SendRequest;

/// The HTTP API gives up after 30 s: by then everything has happened or nothing will.
const DEADLINE: Duration = Duration::from_secs(25);
/// What storing and the transaction may need of it.
const RESERVE: Duration = Duration::from_secs(8);
const FINGERPRINT_FIELDS: [&str; 4] = ["to", "from", "document", "document_url"];

#[derive(Debug)]
pub struct SendFax {
    auth: Authenticator,
    intake: Intake,
    numbers: Numbers,
    documents: Documents,
    clock: Clock,
}

impl Endpoint for SendFax {
    const ROUTE: &'static str = "POST /v1/faxes";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            auth: Authenticator::new(platform)?,
            intake: Intake::new(platform)?,
            numbers: Numbers::new(platform)?,
            documents: Documents::new(platform)?,
            clock: platform.clock(),
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let until = Instant::now() + DEADLINE - RESERVE;
        let caller = self.auth.authorize(request, Scope::FaxesSend).await?;

        let name = idempotency::name(request, caller.account, Self::ROUTE)?;
        let fingerprint = idempotency::fingerprint(request, &FINGERPRINT_FIELDS);
        if let Some(name) = &name
            && let Some(reply) = self.intake.requests.find(name, request.now).await?
        {
            return idempotency::replay(reply, &fingerprint);
        }

        let wanted = SendRequest::parse(request)?;
        let (account, numbers) = tokio::try_join!(self.intake.accounts.get(caller.account), self.numbers.active(caller.account))?;
        let account = account.ok_or_else(|| Problem::internal("a key without its account"))?;
        let sender = wanted.sender(&numbers)?;
        let document = document::make_fax_ready(wanted.document, until).await?;

        let now = self.clock.now();
        let pages = if caller.live { document.pages } else { 0 };
        let month = Month::of(account.faxes.next(now).last_at);
        let sender = match (account.gates(pages, month, sender), &name) {
            (Ok(sender), _) => sender,
            (Err(closed), None) => return Err(Problem::send_failed(closed)),
            // A request that won the race for this name may have used up the quota: its answer is ours too.
            (Err(closed), Some(name)) => {
                let reply = self.intake.requests.find(name, now).await?;
                return idempotency::replay(reply.ok_or_else(|| Problem::send_failed(closed))?, &fingerprint);
            }
        };

        let id = FaxId::generate(now);
        let key = document_key(caller.account, id);
        self.documents.put(&key, document.pdf).await?;

        let draft = |place: Head| Fax {
            account_id: caller.account,
            id,
            seq: Some(place.last),
            direction: Direction::Outbound,
            status: Status::Queued,
            to: wanted.to.clone(),
            from: sender.number.clone(),
            pages: document.pages,
            pages_sent: 0,
            failure: None,
            attempts: Vec::new(),
            scheduled_id: None,
            live: caller.live,
            month: Month::of(place.last_at),
            created_at: place.last_at,
            completed_at: None,
            deleted_at: None,
            version: 1,
            due_at: Some(place.last_at.as_millisecond()),
            due_shard: Some(due::shard(&id.to_string())),
        };
        let reply = |fax: &Fax, name| {
            Ok(Reply::new(name, fingerprint.clone(), StatusCode::CREATED.as_u16(), serde_json::to_string(&fax.resource())?, now))
        };
        match self.intake.accept(account, sender, name.as_ref(), now, draft, reply).await {
            Ok(Accepted::New(fax)) => Response::json(StatusCode::CREATED, &fax.resource()),
            Ok(Accepted::Replay(reply)) => {
                self.discard(&key).await;
                idempotency::replay(reply, &fingerprint)
            }
            Err(refused @ (AcceptError::Closed(_) | AcceptError::NoAccount)) => {
                self.discard(&key).await;
                Err(refused.into())
            }
            // Whether the fax exists is unknown: its document must stay.
            Err(unknown @ AcceptError::Store(_)) => Err(unknown.into()),
        }
    }
}

impl SendFax {
    /// Removes the document of a fax that was not made. What this misses the bucket's lifecycle removes.
    async fn discard(&self, key: &str) {
        if let Err(e) = self.documents.delete(key).await {
            tracing::warn!(error = %e, "the document of a refused fax stays until it expires");
        }
    }
}
