//! The document on its way to fax-ready pages.

use std::sync::Arc;
use std::time::Duration;

use fax_document::sandbox::{Sandbox, SandboxError};
use fax_document::{DocumentError, FaxDocument, Options};
use sfm_core::documents::Documents;
use sfm_core::guarded::Guard;
use sfm_core::http::Problem;
use sfm_core::platform::{ConfigError, Platform};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::fetch::fetch;
use crate::request::Document;

/// The HTTP API gives up after 30 s. Well before that everything has happened, or nothing will.
const READY: Duration = Duration::from_secs(17);
/// Of it the conversion has this much, which on half a processor makes some 200 pages of text.
const CONVERTED: Duration = Duration::from_secs(12);
const STORED: Duration = Duration::from_secs(21);
const ACCEPTED: Duration = Duration::from_secs(24);
/// Conversions at a time in one process; others wait, as one Lambda instance never makes them.
const WORKERS: usize = 4;

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
    pub fn accepted(&self) -> Instant {
        self.started + ACCEPTED
    }
}

/// Makes documents fax-ready, and keeps them.
#[derive(Debug)]
pub struct Preparer {
    guard: Guard,
    sandbox: Sandbox,
    workers: Arc<Semaphore>,
    documents: Documents,
}

impl Preparer {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let sandbox = match platform.var("DOCUMENT_WORKER") {
            Ok(program) => Sandbox::new(program.into()),
            Err(_) => Sandbox::of_this_program()
                .map_err(|e| ConfigError { name: "DOCUMENT_WORKER".into(), reason: format!("is not set, and {e}") })?,
        };
        let workers = Arc::new(Semaphore::new(WORKERS));
        Ok(Self { guard: Guard::new(platform)?, sandbox, workers, documents: Documents::new(platform)? })
    }

    /// Fetches the document if it came by link, and makes it fax-ready in a process of its own.
    ///
    /// `DOCUMENT_WORKER` names the program that is started for it; without it that is this one.
    pub async fn make_fax_ready(&self, document: Document, deadline: Deadline) -> Result<FaxDocument, Problem> {
        let param = document.param();
        let until = deadline.started + READY;
        let (bytes, declared) = match document {
            Document::Inline { bytes, declared } => (bytes, Some(declared)),
            // What the far end says the type is, it often says wrongly.
            Document::Link(url) => (fetch(&self.guard, &url, until).await?, None),
        };
        let waited = timeout_at(until, self.workers.clone().acquire_owned()).await;
        let turn = waited.map_err(|_| Problem::unavailable("no worker was free in time"))?.map_err(Problem::internal)?;
        let threads = std::thread::available_parallelism().map_or(1, |processors| processors.get());
        let mut options = Options { threads, ..Options::default() };
        let now = Instant::now();
        options.limits.deadline = Some(until.min(now + CONVERTED).into_std());
        // Fetching it, or waiting for a worker, took some of the time that any document has.
        let is_cut_short = until < now + CONVERTED;
        let sandbox = self.sandbox.clone();
        let converting = tokio::task::spawn_blocking(move || {
            let converted = sandbox.convert(&bytes, declared.as_deref(), &options);
            drop(turn);
            converted
        });
        converting.await.map_err(Problem::internal)?.map_err(|e| match e {
            SandboxError::Document(DocumentError::TooComplex) if is_cut_short => {
                Problem::unavailable("too little time was left to draw it")
            }
            SandboxError::Document(e) => Problem::invalid(e.to_string()).code(e.code()).param(param),
            SandboxError::Worker(e) => Problem::unavailable(e),
        })
    }

    /// Stores a fax-ready document.
    pub async fn store(&self, key: &str, pdf: Vec<u8>, deadline: Deadline) -> Result<(), Problem> {
        let stored = timeout_at(deadline.started + STORED, self.documents.put(key, pdf)).await;
        Ok(stored.map_err(|_| Problem::unavailable("the document was not stored in time"))??)
    }

    /// Keeps another copy of a document that is kept; 404 when it is no longer.
    pub async fn copy(&self, from: &str, to: &str) -> Result<(), Problem> {
        if self.documents.copy(from, to).await? { Ok(()) } else { Err(Problem::document_expired()) }
    }

    /// Removes the document of a fax that was not made.
    pub async fn discard(&self, key: &str) {
        self.documents.discard(key).await;
    }
}
