//! Documents that customers send.

use fax_document::{Options, convert, read_fax_pdf, stamp};

/// A letter of two pages.
pub const LETTER: &[u8] = include_bytes!("../../shared/fax-document/samples/letter.pdf");
pub const LETTER_PAGES: u64 = 2;
/// A form as a picture, one page.
pub const FORM: &[u8] = include_bytes!("../../shared/fax-document/samples/form.png");
pub const PHOTO: &[u8] = include_bytes!("../../shared/fax-document/samples/photo.jpg");
pub const TEXT: &[u8] = include_bytes!("../../shared/fax-document/samples/letter.txt");

/// Height and code of each page of a fax-ready document without the line above its content.
pub fn below_header(pdf: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let pages = read_fax_pdf(&stamp(pdf, None).unwrap()).unwrap();
    pages.into_iter().map(|page| (page.height, page.g4)).collect()
}

/// The same of a document as an account that has set nothing sends it.
pub fn made_of(bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
    below_header(&convert(bytes, None, &Options { header: true, ..Options::default() }).unwrap().pdf)
}
