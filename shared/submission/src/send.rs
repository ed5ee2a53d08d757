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
use sfm_core::list::ListHead;
use sfm_core::month::Month;
use sfm_core::phone::E164;
use sfm_store::audit::Audit;
use sfm_store::fax_creation::{AcceptError, Accepted, FaxCreation};
use sfm_store::numbers::Numbers;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::{ApiError, Request, Response};

use crate::{AdmittedRequest, Deadline, DocumentPreparer, SubmissionGuard, SubmitRequest};

/// What is to be sent, checked.
struct PreparedFax {
    to: E164,
    pages: u32,
    source: DocumentSource,
}

enum DocumentSource {
    /// A fax-ready PDF.
    New(Vec<u8>),
    /// Where one is kept.
    Stored(String),
}

#[derive(Debug)]
pub struct Sending {
    pub door: SubmissionGuard,
    preparer: DocumentPreparer,
    intake: FaxCreation,
    numbers: Numbers,
    audit: Audit,
    clock: Clock,
}

impl Sending {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            door: SubmissionGuard::new(platform)?,
            preparer: DocumentPreparer::new(platform)?,
            intake: FaxCreation::new(platform)?,
            numbers: Numbers::new(platform)?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Accepts the fax of a request that passed the door.
    pub async fn send(&self, request: &Request, admitted: &AdmittedRequest, deadline: Deadline) -> Result<Response, ApiError> {
        let wanted = SubmitRequest::parse(&request.json()?)?;
        let (account, numbers) =
            tokio::try_join!(self.intake.accounts.get(admitted.who.account()), self.numbers.active(admitted.who.account()))?;
        let account = account.ok_or_else(|| ApiError::internal("a key without its account"))?;
        account.check_number(&wanted.to)?;
        let sender = wanted.sender(&numbers)?;
        let FaxDocument { pdf, pages, .. } = self.preparer.make_fax_ready(wanted.document, deadline).await?;
        let paper = PreparedFax { to: wanted.to.clone(), pages, source: DocumentSource::New(pdf) };
        self.accept(admitted, account, sender, paper, deadline).await
    }

    /// Accepts a fax of the same document to the same number as `fax`, from the same number if the account still has it.
    pub async fn resend(&self, fax: &Fax, admitted: &AdmittedRequest, deadline: Deadline) -> Result<Response, ApiError> {
        if fax.status.direction() == Direction::Inbound {
            return Err(ApiError::conflict("A fax that came in cannot be sent again. Send its document as a new fax."));
        }
        let (account, numbers) =
            tokio::try_join!(self.intake.accounts.get(admitted.who.account()), self.numbers.active(admitted.who.account()))?;
        let account = account.ok_or_else(ApiError::not_found)?;
        account.check_number(&fax.to)?;
        let sender = numbers.iter().find(|number| Some(&number.number) == fax.from.as_ref()).or(numbers.first());
        let paper = PreparedFax { to: fax.to.clone(), pages: fax.pages, source: DocumentSource::Stored(fax.document_key()) };
        self.accept(admitted, account, sender, paper, deadline).await
    }

    async fn accept(
        &self,
        admitted: &AdmittedRequest,
        account: Account,
        sender: Option<&Number>,
        paper: PreparedFax,
        deadline: Deadline,
    ) -> Result<Response, ApiError> {
        let now = self.clock.now();
        let pages = if admitted.who.is_live() { paper.pages } else { 0 };
        let sender = match self.intake.gates(&account, pages, Month::of(now), sender).await? {
            Ok(sender) => sender,
            // A request that won the race for this name may have used up the quota: its answer is ours too.
            Err(closed) => return self.door.answer_of_winner(admitted, ApiError::send_failed(closed)).await,
        };

        let id = FaxId::generate(now);
        let key = document_key(admitted.who.account(), id);
        match paper.source {
            DocumentSource::New(pdf) => self.preparer.store(&key, pdf, deadline).await?,
            DocumentSource::Stored(kept) => self.preparer.copy(&kept, &key).await?,
        }

        let draft = |place: ListHead| Fax {
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
            Err(refused @ (AcceptError::SendNotAllowed(_) | AcceptError::NoAccount)) => {
                self.preparer.discard(&key).await;
                Err(refused.into())
            }
            // Whether the fax exists is unknown: its document must stay.
            Err(unknown @ AcceptError::Store(_)) => Err(unknown.into()),
        }
    }
}
