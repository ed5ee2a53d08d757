//! The document on its way to fax-ready pages.

use std::time::Duration;

use fax_document::{DocumentError, FaxDocument, Options, convert};
use sfm_core::documents::Documents;
use sfm_core::guarded::Guard;
use sfm_core::http::Problem;
use sfm_core::platform::{ConfigError, Platform};
use tokio::time::Instant;

use crate::fetch::fetch;
use crate::request::Document;

/// The HTTP API gives up after 30 s. Well before that everything has happened, or nothing will.
const READY: Duration = Duration::from_secs(17);
const STORED: Duration = Duration::from_secs(21);
const ACCEPTED: Duration = Duration::from_secs(24);
/// How long the converter may take to notice its deadline.
const GRACE: Duration = Duration::from_secs(1);

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
    documents: Documents,
}

impl Preparer {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { guard: Guard::new(platform)?, documents: Documents::new(platform)? })
    }

    /// Fetches the document if it came by link, and makes it fax-ready on a thread of its own.
    pub async fn make_fax_ready(&self, document: Document, deadline: Deadline) -> Result<FaxDocument, Problem> {
        let param = document.param();
        let until = deadline.started + READY;
        let (bytes, declared) = match document {
            Document::Inline { bytes, declared } => (bytes, Some(declared)),
            // What the far end says the type is, it often says wrongly.
            Document::Link(url) => (fetch(&self.guard, &url, until).await?, None),
        };
        let mut options = Options::default();
        options.limits.deadline = Some(until.into_std());
        let converting = tokio::task::spawn_blocking(move || convert(&bytes, declared.as_deref(), &options));
        // The converter looks at its deadline between pages; a page that never ends must not keep the caller waiting either.
        let converted = match tokio::time::timeout_at(until + GRACE, converting).await {
            Ok(converted) => converted.map_err(Problem::internal)?,
            Err(_) => Err(DocumentError::TooComplex),
        };
        converted.map_err(|e| Problem::invalid(e.to_string()).code(e.code()).param(param))
    }

    /// Stores a fax-ready document.
    pub async fn store(&self, key: &str, pdf: Vec<u8>, deadline: Deadline) -> Result<(), Problem> {
        let stored = tokio::time::timeout_at(deadline.started + STORED, self.documents.put(key, pdf)).await;
        Ok(stored.map_err(|_| Problem::unavailable("the document was not stored in time"))??)
    }

    /// Removes the document of a fax that was not made.
    pub async fn discard(&self, key: &str) {
        self.documents.discard(key).await;
    }
}
