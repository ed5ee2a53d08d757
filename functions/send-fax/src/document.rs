//! The inline document on its way to fax-ready pages.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fax_document::{DocumentError, FaxDocument, Options, convert};
use sfm_core::http::Problem;

/// How long the converter may take to notice its deadline.
const GRACE: Duration = Duration::from_secs(1);

/// The document as the caller sent it, with the type that the caller says it has.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) bytes: Bytes,
    pub(crate) declared: Option<String>,
}

/// Makes a document fax-ready on a thread of its own, until a moment after which nobody waits for it.
pub(crate) async fn make_fax_ready(document: Document, until: Instant) -> Result<FaxDocument, Problem> {
    let mut options = Options::default();
    options.limits.deadline = Some(until);
    let converting = tokio::task::spawn_blocking(move || convert(&document.bytes, document.declared.as_deref(), &options));
    // The converter looks at its deadline between pages; a page that never ends must not keep the caller waiting either.
    let converted = match tokio::time::timeout_at((until + GRACE).into(), converting).await {
        Ok(converted) => converted.map_err(Problem::internal)?,
        Err(_) => Err(DocumentError::TooComplex),
    };
    converted.map_err(|e| Problem::invalid(e.to_string()).code(e.code()).param("document.content"))
}
