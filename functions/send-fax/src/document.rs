//! The inline document on its way to fax-ready pages.

use std::time::Instant;

use bytes::Bytes;
use fax_document::{FaxDocument, Options, convert};
use sfm_core::http::Problem;

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
    let converted = tokio::task::spawn_blocking(move || convert(&document.bytes, document.declared.as_deref(), &options)).await;
    let converted = converted.map_err(Problem::internal)?;
    converted.map_err(|e| Problem::invalid(e.to_string()).code(e.code()).param("document.content"))
}
