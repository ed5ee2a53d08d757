//! What came out of the machine at the far end, as a PDF and a TIFF, and the story of the call as a text.

use std::io;

use fax_document::{Coding, FaxPage, ReadError, read_fax_pdf, write_fax_pdf, write_tiff};

use super::file_store::{self, FileStore};
use super::id::Id;
use super::timeline::{Printed, Timeline};

#[derive(Debug, thiserror::Error)]
pub(crate) enum PrintError {
    #[error("{0}")]
    File(#[from] io::Error),
    #[error("{0}")]
    Document(#[from] ReadError),
}

/// Keeps what is there when the call is over. A second time it writes the same again. Blocks.
pub(crate) fn print(files: &FileStore, id: &Id, call: &Timeline) -> Result<(), PrintError> {
    file_store::write(&files.received(id, "txt"), call.story().as_bytes())?;
    let printed = call.printed();
    if printed == (Printed { pages: 0, bytes: 0 }) {
        return Ok(());
    }
    let pages = came_out(&read_fax_pdf(&std::fs::read(files.fetched(id))?)?, printed)?;
    file_store::write(&files.received(id, "tif"), &write_tiff(&pages, Coding::Group4)?)?;
    file_store::write(&files.received(id, "pdf"), &write_fax_pdf(&pages)?)?;
    Ok(())
}

/// The pages that arrived whole, and of one that broke off the rows that did: the sheet below them stays white, as a machine leaves it.
fn came_out(sent: &[FaxPage], printed: Printed) -> Result<Vec<FaxPage>, ReadError> {
    let mut pages: Vec<FaxPage> = sent.iter().take(printed.pages).cloned().collect();
    if let Some(next) = sent.get(printed.pages).filter(|_| printed.bytes > 0) {
        pages.push(next.upper_part(printed.bytes)?);
    }
    Ok(pages)
}
