//! Accepting a fax, for a key or for a member in the dashboard.
//!
//! The document is made fax-ready and stored first; then its place in the list and its pages are reserved; then one transaction makes the
//! fax, writes the event that gets it transmitted and keeps the answer for a repeated request. So a crash at any point leaves a fax with
//! all of it, or an unreferenced object, which the bucket's lifecycle removes, and a reservation, which the next send undoes.

use fax_document::FaxDocument;
use http::StatusCode;
use sfm_core::account::{Account, Number};
use sfm_core::audit::Action;
use sfm_core::clock::Clock;
use sfm_core::fax::{Direction, Fax, document_key};
use sfm_core::id::FaxId;
use sfm_core::list::Head;
use sfm_core::month::Month;
use sfm_core::phone::E164;
use sfm_store::audit::Audit;
use sfm_store::fax_creation::{AcceptError, Accepted, Intake};
use sfm_store::numbers::Numbers;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::{Problem, Request, Response};

use crate::{Admitted, Deadline, Door, Preparer, SubmitRequest};

/// What is to be sent, checked.
struct Paper {
    to: E164,
    pages: u32,
    source: Source,
}

enum Source {
    /// A fax-ready PDF.
    New(Vec<u8>),
    /// Where one is kept.
    Kept(String),
}

#[derive(Debug)]
pub struct Sending {
    pub door: Door,
    preparer: Preparer,
    intake: Intake,
    numbers: Numbers,
    audit: Audit,
    clock: Clock,
}

impl Sending {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            door: Door::new(platform)?,
            preparer: Preparer::new(platform)?,
            intake: Intake::new(platform)?,
            numbers: Numbers::new(platform)?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Accepts the fax of a request that passed the door.
    pub async fn send(&self, request: &Request, admitted: &Admitted, deadline: Deadline) -> Result<Response, Problem> {
        let wanted = SubmitRequest::parse(&request.json()?)?;
        let (account, numbers) =
            tokio::try_join!(self.intake.accounts.get(admitted.who.account()), self.numbers.active(admitted.who.account()))?;
        let account = account.ok_or_else(|| Problem::internal("a key without its account"))?;
        account.check_number(&wanted.to)?;
        let sender = wanted.sender(&numbers)?;
        let FaxDocument { pdf, pages, .. } = self.preparer.make_fax_ready(wanted.document, deadline).await?;
        let paper = Paper { to: wanted.to.clone(), pages, source: Source::New(pdf) };
        self.accept(admitted, account, sender, paper, deadline).await
    }

    /// Accepts a fax of the same document to the same number as `fax`, from the same number if the account still has it.
    pub async fn resend(&self, fax: &Fax, admitted: &Admitted, deadline: Deadline) -> Result<Response, Problem> {
        if fax.status.direction() == Direction::Inbound {
            return Err(Problem::conflict("A fax that came in cannot be sent again. Send its document as a new fax."));
        }
        let (account, numbers) =
            tokio::try_join!(self.intake.accounts.get(admitted.who.account()), self.numbers.active(admitted.who.account()))?;
        let account = account.ok_or_else(Problem::not_found)?;
        account.check_number(&fax.to)?;
        let sender = numbers.iter().find(|number| Some(&number.number) == fax.from.as_ref()).or(numbers.first());
        let paper = Paper { to: fax.to.clone(), pages: fax.pages, source: Source::Kept(fax.document_key()) };
        self.accept(admitted, account, sender, paper, deadline).await
    }

    async fn accept(
        &self,
        admitted: &Admitted,
        account: Account,
        sender: Option<&Number>,
        paper: Paper,
        deadline: Deadline,
    ) -> Result<Response, Problem> {
        let now = self.clock.now();
        let pages = if admitted.who.is_live() { paper.pages } else { 0 };
        let sender = match self.intake.gates(&account, pages, Month::of(now), sender).await? {
            Ok(sender) => sender,
            // A request that won the race for this name may have used up the quota: its answer is ours too.
            Err(closed) => return self.door.answer_of_winner(admitted, Problem::send_failed(closed)).await,
        };

        let id = FaxId::generate(now);
        let key = document_key(admitted.who.account(), id);
        match paper.source {
            Source::New(pdf) => self.preparer.store(&key, pdf, deadline).await?,
            Source::Kept(kept) => self.preparer.copy(&kept, &key).await?,
        }

        let draft = |place: Head| Fax {
            live: admitted.who.is_live(),
            ..Fax::queued(admitted.who.account(), id, paper.to.clone(), sender.number.clone(), paper.pages, place)
        };
        let audit = self.audit.of(&admitted.who, Action::FaxSent, id, now)?;
        let reply = |fax: &Fax| Ok(admitted.reply(serde_json::to_string(&fax.resource())?, now));
        match self.intake.accept(account, (id, pages), now, deadline.accepted(), draft, reply, audit).await {
            Ok(Accepted::New(fax)) => Response::json(StatusCode::CREATED, &fax.resource()),
            Ok(Accepted::Replay(reply)) => {
                self.preparer.discard(&key).await;
                admitted.replay(reply)
            }
            Err(refused @ (AcceptError::Closed(_) | AcceptError::NoAccount)) => {
                self.preparer.discard(&key).await;
                Err(refused.into())
            }
            // Whether the fax exists is unknown: its document must stay.
            Err(unknown @ AcceptError::Store(_)) => Err(unknown.into()),
        }
    }
}
