//! The PDF of a fax: every page one Group 4 picture that covers it.

mod read;
mod write;

pub(crate) use read::read;
pub use read::{FaxPage, read_fax_pdf};
pub(crate) use write::FaxPdf;
pub use write::write_fax_pdf;

use pdf_writer::{Content, Name};

use crate::sheet::Sheet;

/// Marks our own PDFs. Only a hint that it is worth looking closer: a page is believed for what it is, not for who says so.
const PRODUCER: &str = "Send FAX Mail";

/// The key of the bits that the rows above the content take, which are kept for a header. Of a form that belongs to nobody else (ISO 32000-1,
/// annex E).
const HEADER_BITS: Name<'static> = Name(b"SFAX_HeaderBits");

/// The picture's name in every page.
const PICTURE: Name<'static> = Name(b"Fax");

/// What every page paints: the picture, over all of it.
fn content(sheet: &Sheet) -> Vec<u8> {
    let (width, height) = sheet.points();
    let mut content = Content::new();
    content.save_state();
    content.transform([width, 0.0, 0.0, height, 0.0, 0.0]);
    content.x_object(PICTURE);
    content.restore_state();
    content.finish().into_vec()
}
