//! Accepting a fax.
//!
//! The document is made fax-ready and stored first; then its place in the list and its pages are reserved; then one transaction makes the
//! fax, writes the event that gets it transmitted and keeps the answer for a repeated request. So a crash at any point leaves a fax with
//! all of it, or an unreferenced object, which the bucket's lifecycle removes, and a reservation, which the next send undoes.

use fax_document::Header;
use futures::TryFutureExt as _;
use jiff::Timestamp;
use sfm_carriers::chosen::writes_header;
use sfm_core::account::{Account, Number};
use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::Clock;
use sfm_core::fax::{Direction, Fax};
use sfm_core::id::{AccountId, ContactId, FaxId};
use sfm_core::metadata::{Metadata, Reference};
use sfm_core::month::Month;
use sfm_core::phone::E164;
use sfm_core::principal::Principal;
use sfm_core::scope::Scope;
use sfm_core::submission::{NewFax, Resend, ResentPages};
use sfm_core::trace::TraceParent;
use sfm_service::recipients::RecipientGuard;
use sfm_service::submission::SubmitError;
use sfm_store::audit::Audit;
use sfm_store::fax_creation::{AcceptError, FaxCreation};
use sfm_store::numbers::Numbers;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::requests::{Created, IdempotentRequest};

use crate::cover::cover;
use crate::document::PageOptions;
use crate::{Deadline, DocumentPreparer};

/// A fax that was checked, but for the gates.
struct PreparedFax<'a> {
    to: E164,
    /// The number once more, where the caller is sure of it.
    confirm_to: Option<E164>,
    sender: Option<&'a Number>,
    pages: u32,
    source: DocumentSource,
    resent_from: Option<FaxId>,
    /// When the line was written that its document has above its pages.
    header_of: Option<Timestamp>,
    similar_to: Option<ContactId>,
    reference: Option<Reference>,
    metadata: Metadata,
    trace: Option<TraceParent>,
    /// The earlier faxes that its pages are of.
    origins: Vec<FaxId>,
}

enum DocumentSource {
    /// A fax-ready PDF.
    New(Vec<u8>),
    /// Where one is kept.
    Stored(String),
}

#[derive(Debug)]
pub struct SendService {
    preparer: DocumentPreparer,
    creation: FaxCreation,
    numbers: Numbers,
    recipients: RecipientGuard,
    /// Whether the carrier writes the line above each page.
    carrier_writes_header: bool,
    audit: Audit,
    clock: Clock,
}

impl SendService {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            preparer: DocumentPreparer::new(platform)?,
            creation: FaxCreation::new(platform)?,
            numbers: Numbers::new(platform)?,
            recipients: RecipientGuard::new(platform)?,
            carrier_writes_header: writes_header(platform)?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Accepts a fax, or gives the kept answer to `request`, which it has answered before.
    ///
    /// # Errors
    /// When the fax is refused, nothing is left of it. After a [`SubmitError::Store`] it is unknown whether it exists.
    pub async fn send(
        &self,
        who: &Principal,
        new: NewFax,
        request: Option<&IdempotentRequest>,
        deadline: Deadline,
    ) -> Result<Created<Box<Fax>>, SubmitError> {
        let (account, numbers, similar_to) = self.account(who.account(), Some(&new.to)).await?;
        account.check_number(&new.to)?;
        let sender = Number::sender(new.from.as_ref(), &numbers)?;
        let origins = new.content.faxes();
        let (to, from, now) = (&new.to, sender.map(|number| &number.number), self.clock.now());
        let cover = new.cover.map(|text| cover(text, to, from, (now, &account.settings.time_zone))).transpose()?;
        let options = PageOptions::new(&account.settings, new.format);
        let document = self.preparer.make_fax_ready(who, new.content, options, cover, deadline).await?;
        let fax = PreparedFax {
            to: new.to,
            confirm_to: new.confirm_to,
            sender,
            pages: document.pages,
            source: DocumentSource::New(document.pdf),
            origins,
            resent_from: None,
            header_of: None,
            similar_to,
            reference: new.reference,
            metadata: new.metadata,
            trace: new.trace,
        };
        self.accept(who, &account, fax, request, deadline).await
    }

    /// Accepts a fax of the document of `fax`, or of its pages that were never sent; where `again` names no number to the same one, and from
    /// the same one if the account still has it.
    ///
    /// # Errors
    /// As [`SendService::send`], and when `fax` came in, has no such pages, or its document is no longer kept.
    pub async fn resend(
        &self,
        who: &Principal,
        fax: &Fax,
        again: Resend,
        request: Option<&IdempotentRequest>,
        deadline: Deadline,
    ) -> Result<Created<Box<Fax>>, SubmitError> {
        if fax.status.direction() == Direction::Inbound {
            return Err(SubmitError::CameIn);
        }
        let sent = match again.pages {
            ResentPages::Unsent if !fax.status.is_final() => return Err(SubmitError::UnderWay),
            ResentPages::Unsent if fax.pages_sent >= fax.pages => return Err(SubmitError::NothingUnsent),
            ResentPages::Unsent => fax.pages_sent,
            ResentPages::All => 0,
        };
        let other = again.to.as_ref().filter(|to| **to != fax.to);
        let (account, numbers, similar) = self.account(who.account(), other).await?;
        let to = again.to.unwrap_or_else(|| fax.to.clone());
        // Whoever may only send could otherwise read each fax by sending it to itself.
        if to != fax.to && !who.has_scope(Scope::FaxesRead) {
            return Err(SubmitError::Forbidden(Scope::FaxesRead));
        }
        account.check_number(&to)?;
        let sender = match &again.from {
            Some(from) => Number::sender(Some(from), &numbers)?,
            None => Number::sender(fax.from.as_ref(), &numbers).unwrap_or(numbers.first()),
        };
        let header = account.settings.header;
        let source = match sent {
            0 if header == fax.header.is_some() => DocumentSource::Stored(fax.document_key()),
            sent => DocumentSource::New(self.preparer.rest(&fax.document_key(), sent, header, deadline).await?),
        };
        let similar_to = if to == fax.to { fax.similar_to } else { similar };
        // Whoever sent the first was sure of its number.
        let confirm_to = if to == fax.to { Some(to.clone()) } else { again.confirm_to };
        let again = PreparedFax {
            to,
            confirm_to,
            sender,
            pages: fax.pages - sent,
            source,
            origins: vec![fax.id],
            resent_from: Some(fax.id),
            // Its line may be of any time, and of another sender: it is surely written anew.
            header_of: Some(Timestamp::UNIX_EPOCH),
            similar_to,
            reference: fax.reference.clone(),
            metadata: fax.metadata.clone(),
            trace: again.trace,
        };
        self.accept(who, &account, again, request, deadline).await
    }

    /// The account, its active numbers, and the contact whose number `to` may have been meant for.
    async fn account(&self, id: AccountId, to: Option<&E164>) -> Result<(Account, Vec<Number>, Option<ContactId>), AcceptError> {
        let similar = async {
            match to {
                Some(to) => self.recipients.similar(id, to).await.map_err(AcceptError::from),
                None => Ok(None),
            }
        };
        tokio::try_join!(self.creation.account(id), self.numbers.active(id).map_err(AcceptError::from), similar)
    }

    async fn accept(
        &self,
        who: &Principal,
        account: &Account,
        prepared: PreparedFax<'_>,
        request: Option<&IdempotentRequest>,
        deadline: Deadline,
    ) -> Result<Created<Box<Fax>>, SubmitError> {
        let now = self.clock.now();
        let PreparedFax { to, confirm_to, sender, pages, source, origins, resent_from, header_of, similar_to, reference, metadata, trace } =
            prepared;
        let charged = if who.is_live() { pages } else { 0 };
        let sender = match self.creation.gates(account, charged, Month::of(now), sender).await? {
            Ok(sender) => sender.number.clone(),
            Err(refusal) => return Ok(self.creation.refuse(refusal, request, now).await?),
        };
        self.recipients.check(account, &to, confirm_to.as_ref(), who.is_live()).await??;
        let fax = Fax::queued(account.id, FaxId::generate(now), to, sender, pages, now);
        let mut fax = Fax { live: who.is_live(), resent_from, similar_to, reference, metadata, trace, ..fax }.of_account(account);
        let key = fax.document_key();
        match source {
            DocumentSource::New(pdf) => {
                let pdf = self.with_header(pdf, &mut fax, now).await?;
                self.preparer.store(&key, pdf, deadline).await?;
            }
            DocumentSource::Stored(kept) => {
                if let Some(header) = &mut fax.header {
                    header.written_at = header_of;
                }
                self.preparer.copy(&kept, &key, deadline).await?;
            }
        }
        let audit = self.audit.entry_of(who, AuditEntry::new(who, Action::FaxSent, fax.id, now).of_faxes(&origins))?;
        let accepted = self.creation.create(account, fax, request, audit, now, deadline.of_transaction()).await;
        if let Ok(Created::New(fax)) = &accepted {
            tracing::info!(fax_id = %fax.id, pages = fax.pages, "fax accepted");
        }
        // Where it is unknown whether the fax exists, its document must stay.
        if !matches!(accepted, Ok(Created::New(_)) | Err(AcceptError::Store(_))) {
            self.preparer.discard(&key).await;
        }
        Ok(accepted?)
    }

    /// The document with the line above its pages: most faxes are handed over in the minute in which they are accepted.
    async fn with_header(&self, pdf: Vec<u8>, fax: &mut Fax, now: Timestamp) -> Result<Vec<u8>, SubmitError> {
        let Some(header) = fax.header.as_mut().filter(|_| !self.carrier_writes_header) else { return Ok(pdf) };
        header.written_at = Some(now);
        DocumentPreparer::with_header(pdf, Header::new(&fax.time_zone.minute(now), &header.sender)).await
    }
}
