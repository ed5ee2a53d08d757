//! The document on its way to fax-ready pages.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use fax_document::sandbox::{BRIEF, Sandbox, SandboxError};
use fax_document::{
    Cover, DocumentError, FaxDocument, Header, Options, Part, PartError, ReadError, has_header_room, page_format, pages_after, stamp,
};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sfm_core::principal::Principal;
use sfm_core::scope::Scope;
use sfm_core::settings::FaxSettings;
use sfm_core::submission::{Content, PageFormat, Paper, Resolution};
use sfm_service::submission::{DocumentRefused, SubmitError};
use sfm_store::documents::Documents;
use sfm_store::platform::{ConfigError, Platform};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::parts::{LoadedPart, PartLoader};

/// The HTTP API gives up after 30 s. Well before that everything has happened, or nothing will: whatever a document does, it is answered within
/// 15 s, of which the last is for the end of its worker; later only where it waited for a place.
const READY: Duration = Duration::from_secs(14);
/// Of it the conversion has this much, which on half a processor makes some 200 pages of text.
const CONVERTED: Duration = Duration::from_secs(12);
/// How long a document waits for a place at most: where very many come at once, what takes little time is worth more than an error.
const PLACE: Duration = Duration::from_secs(18);
/// A conversion that began late has this much all the same; most take far less.
const LATE: Duration = Duration::from_secs(2);
const STORED: Duration = Duration::from_secs(21);
const ACCEPTED: Duration = Duration::from_secs(24);
/// Conversions at a time in one process that take long; those that do not have places of their own, as many as there are processors, so that
/// small documents do not wait for large ones. Others wait, as one Lambda instance never makes them.
const LONG: usize = 4;
const FEWEST_BRIEF: usize = 2;
/// Parts that are loaded at a time.
const LOADING: usize = 4;
/// What all parts together may have, as they come.
const LARGEST: usize = 100_000_000;

/// The time that a request has: 25 s in all.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    started: Instant,
}

impl Deadline {
    /// Of a request that has just come in.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Until when its transaction is tried.
    pub fn of_transaction(&self) -> Instant {
        self.started + ACCEPTED
    }
}

/// Makes documents fax-ready, and keeps them.
#[derive(Debug)]
pub struct DocumentPreparer {
    loader: PartLoader,
    sandbox: Sandbox,
    places: Places,
    documents: Documents,
}

impl DocumentPreparer {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let sandbox = match platform.var("DOCUMENT_WORKER") {
            Ok(program) => Sandbox::new(program.into()),
            Err(_) => Sandbox::of_this_program()
                .map_err(|e| ConfigError { name: "DOCUMENT_WORKER".into(), reason: format!("is not set, and {e}") })?,
        };
        let places = Places::new(processors().max(FEWEST_BRIEF), LONG);
        Ok(Self { loader: PartLoader::new(platform)?, sandbox, places, documents: Documents::new(platform)? })
    }

    /// Loads what a fax is made of, wherever it is, and makes one fax-ready document of it, behind its cover, in a process of its own.
    ///
    /// `DOCUMENT_WORKER` names the program that is started for it; without it that is this one.
    ///
    /// # Errors
    /// [`SubmitError::Document`] for a part that cannot be faxed, [`SubmitError::Forbidden`] for pages of earlier faxes where `who` may not read
    /// these, [`SubmitError::OutOfTime`] where another try may do.
    pub(crate) async fn make_fax_ready(
        &self,
        who: &Principal,
        content: Content,
        options: PageOptions,
        cover: Option<Cover>,
        deadline: Deadline,
    ) -> Result<FaxDocument, SubmitError> {
        if !content.faxes().is_empty() && !who.has_scope(Scope::FaxesRead) {
            return Err(SubmitError::Forbidden(Scope::FaxesRead));
        }
        let until = deadline.started + READY;
        let (mut fields, parts) = self.load(who, content, until).await?;
        if cover.is_some() {
            fields.insert(0, Cow::Borrowed("cover"));
        }
        self.draw(parts, cover, options, deadline).await.map_err(|e| match e {
            NotDrawn::Refused(e) => refused(e, fields).into(),
            NotDrawn::Failed(e) => e,
        })
    }

    /// Draws parts in a process of its own.
    async fn draw(
        &self,
        parts: Vec<LoadedPart>,
        cover: Option<Cover>,
        options: PageOptions,
        deadline: Deadline,
    ) -> Result<FaxDocument, NotDrawn> {
        let until = deadline.started + READY;
        let waited = timeout_at(deadline.started + PLACE, self.places.brief.clone().acquire_owned()).await;
        let waited = waited.map_err(|_| SubmitError::OutOfTime("no worker was free in time".into()));
        let place = waited.and_then(|place| place.map_err(broken)).map_err(NotDrawn::Failed)?;
        let mut options = Options { threads: processors(), ..options.into() };
        let now = Instant::now();
        let until = until.max(now + LATE);
        options.limits.deadline = Some(until.min(now + CONVERTED).into_std());
        // Loading it, or waiting for a worker, took some of the time that any document has.
        let is_cut_short = until < now + CONVERTED;
        let sandbox = self.sandbox.clone();
        let converting = tokio::task::spawn_blocking(move || {
            let documents = parts.iter().map(LoadedPart::as_part);
            let parts: Vec<_> = cover.as_ref().map(Part::Cover).into_iter().chain(documents).collect();
            sandbox.convert_parts(&parts, &options)
        });
        let converting = tokio::spawn(self.places.clone().hold(place, converting));
        let converted = converting.await.map_err(broken).and_then(|converted| converted.map_err(broken)).map_err(NotDrawn::Failed)?;
        converted.map_err(|e| match e {
            SandboxError::Document(PartError { error: DocumentError::TooComplex, .. }) if is_cut_short => {
                NotDrawn::Failed(SubmitError::OutOfTime("too little time was left to draw it".into()))
            }
            SandboxError::Document(e) => NotDrawn::Refused(e),
            SandboxError::Worker(e) => NotDrawn::Failed(SubmitError::OutOfTime(e.to_string())),
        })
    }

    /// The parts, and the field of each.
    async fn load(
        &self,
        who: &Principal,
        content: Content,
        until: Instant,
    ) -> Result<(Vec<Cow<'static, str>>, Vec<LoadedPart>), SubmitError> {
        let parts = content.into_parts();
        let fields: Vec<_> = parts.iter().map(|part| part.field.clone()).collect();
        let loading: Vec<_> = parts.into_iter().map(|part| self.loader.load(who.account(), part, until)).collect();
        let mut loading = stream::iter(loading).buffered(LOADING);
        let (mut loaded, mut size) = (Vec::new(), 0);
        while let Some(part) = loading.try_next().await? {
            size += part.size();
            if size > LARGEST {
                let message = format!(
                    "With this one the documents are larger than {} MB together. Send fewer, or smaller ones.",
                    LARGEST / 1_000_000
                );
                let field = fields.get(loaded.len()).cloned().unwrap_or_default();
                return Err(DocumentRefused { code: "document_too_large", message, field }.into());
            }
            loaded.push(part);
        }
        Ok((fields, loaded))
    }

    /// Stores a fax-ready document.
    ///
    /// # Errors
    /// [`SubmitError::OutOfTime`] when it was not stored in time; it may be stored all the same.
    pub async fn store(&self, key: &str, pdf: Vec<u8>, deadline: Deadline) -> Result<(), SubmitError> {
        let stored = timeout_at(deadline.started + STORED, self.documents.put(key, pdf)).await;
        Ok(stored.map_err(|_| SubmitError::OutOfTime("the document was not stored in time".into()))??)
    }

    /// Keeps another copy of a document that is kept.
    ///
    /// # Errors
    /// [`SubmitError::DocumentExpired`] when it is no longer, [`SubmitError::OutOfTime`] when it was not copied in time; it may be all the same.
    pub async fn copy(&self, from: &str, to: &str, deadline: Deadline) -> Result<(), SubmitError> {
        let copied = timeout_at(deadline.started + STORED, self.documents.copy(from, to)).await;
        if copied.map_err(|_| SubmitError::OutOfTime("the document was not copied in time".into()))?? {
            Ok(())
        } else {
            Err(SubmitError::DocumentExpired)
        }
    }

    /// The pages of a document that is kept behind the first `sent`, as they are, but for a line above them: with room for one where `header` is
    /// wanted, else without one.
    ///
    /// # Errors
    /// [`SubmitError::DocumentExpired`] when it is no longer kept, [`SubmitError::OutOfTime`] when it was not read in time.
    pub async fn rest(&self, key: &str, sent: u32, header: bool, deadline: Deadline) -> Result<Vec<u8>, SubmitError> {
        let read = timeout_at(deadline.started + READY, self.documents.get(key)).await;
        let read = read.map_err(|_| SubmitError::OutOfTime("the document was not read in time".into()))??;
        let pdf = read.ok_or(SubmitError::DocumentExpired)?;
        let take = move || {
            let rest = stamp(&pages_after(&pdf, sent as usize)?.0, None)?;
            let has_room = has_header_room(&rest)?;
            Ok::<_, ReadError>((rest, has_room))
        };
        let (pdf, has_room) = tokio::task::spawn_blocking(take).await.map_err(broken)?.map_err(broken)?;
        if has_room || !header {
            return Ok(pdf);
        }
        // Pages that were made without room for a line may have to be drawn anew, on the paper that they are on.
        let (paper, resolution) = page_format(&pdf).map_err(broken)?;
        let options = PageOptions { paper, resolution, header };
        self.draw(vec![LoadedPart::Fax(pdf.into())], None, options, deadline).await.map(|fax| fax.pdf).map_err(|e| match e {
            NotDrawn::Refused(e) => broken(e),
            NotDrawn::Failed(e) => e,
        })
    }

    /// The document with a line above each of its pages that has room for it.
    ///
    /// # Errors
    /// When it is no document of ours.
    pub async fn with_header(pdf: Vec<u8>, header: Header) -> Result<Vec<u8>, SubmitError> {
        let stamped = tokio::task::spawn_blocking(move || stamp(&pdf, Some(&header))).await;
        stamped.map_err(broken)?.map_err(broken)
    }

    /// Removes the document of a fax that was not made.
    pub async fn discard(&self, key: &str) {
        self.documents.discard(key).await;
    }
}

fn refused(PartError { part, error }: PartError, mut fields: Vec<Cow<'static, str>>) -> DocumentRefused {
    let has_cover = fields.first().is_some_and(|field| field == "cover");
    let message = match &error {
        DocumentError::TooManyPages { limit, .. } if part > usize::from(has_cover) => {
            format!("With this one the documents have more than the {limit} pages that a fax may have. Send them as several faxes.")
        }
        DocumentError::TooManyPages { limit, .. } if has_cover => {
            format!("With its cover it has more than the {limit} pages that a fax may have. Leave out the cover, or split it.")
        }
        error => error.to_string(),
    };
    let field = if part < fields.len() { fields.swap_remove(part) } else { Cow::Borrowed("documents") };
    DocumentRefused { code: error.code(), message, field }
}

/// How pages are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageOptions {
    paper: fax_document::Paper,
    resolution: fax_document::Resolution,
    /// Whether there is room for a line above the content.
    header: bool,
}

impl PageOptions {
    /// What a caller asks for, and else what the account has set.
    pub(crate) fn new(settings: &FaxSettings, PageFormat { resolution, paper }: PageFormat) -> Self {
        let resolution = match resolution {
            Resolution::Fine => fax_document::Resolution::Fine,
            Resolution::Standard => fax_document::Resolution::Standard,
        };
        let paper = match paper.unwrap_or(settings.paper) {
            Paper::Letter => fax_document::Paper::Letter,
            Paper::A4 => fax_document::Paper::A4,
            Paper::Legal => fax_document::Paper::Legal,
        };
        Self { paper, resolution, header: settings.header }
    }
}

impl From<PageOptions> for Options {
    fn from(PageOptions { paper, resolution, header }: PageOptions) -> Self {
        Self { paper, resolution, header, ..Self::default() }
    }
}

/// Why nothing was drawn.
enum NotDrawn {
    Refused(PartError),
    Failed(SubmitError),
}

fn broken(error: impl Display) -> SubmitError {
    SubmitError::Internal(error.to_string())
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get())
}

/// Places for workers, which use up memory and the processor. Every worker begins in a brief one, and moves on if it takes long.
#[derive(Debug, Clone)]
struct Places {
    brief: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

impl Places {
    fn new(brief: usize, long: usize) -> Self {
        Self { brief: Arc::new(Semaphore::new(brief)), long: Arc::new(Semaphore::new(long)) }
    }

    /// Keeps a place for `work` until that is done, whether or not somebody still waits for it: the brief one that it has, or from the moment
    /// when it is no longer brief a long one, if one is free by then or later.
    async fn hold<T>(self, brief: OwnedSemaphorePermit, mut work: JoinHandle<T>) -> Result<T, tokio::task::JoinError> {
        if let Ok(done) = timeout(BRIEF, &mut work).await {
            return done;
        }
        tokio::select! {
            done = &mut work => done,
            long = self.long.acquire_owned() => {
                drop(brief);
                let done = work.await;
                drop(long);
                done
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::sync::oneshot;

    use super::*;

    /// Work that ends when told, and the place held for it.
    async fn started(places: &Places) -> (oneshot::Sender<()>, JoinHandle<Result<(), tokio::task::JoinError>>) {
        let (end, ended) = oneshot::channel();
        let place = places.brief.clone().acquire_owned().await.unwrap();
        let work = tokio::spawn(async move { ended.await.unwrap() });
        (end, tokio::spawn(places.clone().hold(place, work)))
    }

    #[tokio::test]
    async fn work_that_takes_long_makes_room_for_brief_work_while_there_are_long_places() {
        let places = Places::new(1, 1);
        let (end_first, first) = started(&places).await;
        // The only brief place is free again when the first has moved on, which is when the second gets it.
        let (end_second, second) = started(&places).await;
        assert_eq!(places.long.available_permits(), 0);
        assert_eq!(places.brief.available_permits(), 0, "the second has it");
        end_first.send(()).unwrap();
        first.await.unwrap().unwrap();
        let third = started(&places).await;
        end_second.send(()).unwrap();
        second.await.unwrap().unwrap();
        third.0.send(()).unwrap();
        third.1.await.unwrap().unwrap();
        assert_eq!((places.brief.available_permits(), places.long.available_permits()), (1, 1), "all places are given back");
    }
}
