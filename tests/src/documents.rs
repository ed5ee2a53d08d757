//! Documents that customers send.

/// A letter of two pages.
pub const LETTER: &[u8] = include_bytes!("../../shared/fax-document/samples/letter.pdf");
pub const LETTER_PAGES: u64 = 2;
/// A form as a picture, one page.
pub const FORM: &[u8] = include_bytes!("../../shared/fax-document/samples/form.png");
pub const PHOTO: &[u8] = include_bytes!("../../shared/fax-document/samples/photo.jpg");
pub const TEXT: &[u8] = include_bytes!("../../shared/fax-document/samples/letter.txt");
