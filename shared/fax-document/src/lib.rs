//! Turns what a customer sends (PDF, PNG, JPEG, TIFF, GIF, WebP or plain text) into pages that a fax line can carry.
//!
//! A fax page is black and white, [`COLUMNS`] pixels wide, 204 pixels to the inch across and 196 (or 98) down (ITU-T T.4).
//! [`convert`] gives a PDF in which every page is one such picture, compressed by Group 4 (ITU-T T.6); [`read_fax_pdf`] takes that PDF apart
//! again. The crate knows of no network, clock or store: bytes in, bytes out, and every refusal is a [`DocumentError`] with a stable
//! [code](DocumentError::code) and a sentence for the customer.
//!
//! How the bytes flow, module by module:
//!
//! | module | what it does |
//! |---|---|
//! | `media_type` | decides what the bytes are, and whether the caller's claim agrees |
//! | `options` | what the caller may choose: paper, resolution, limits |
//! | `sheet` | the page's geometry: rows, pixel pitch, where content goes and which way up |
//! | `render` | one module a format: each draws its pages as grey sheets, handed on one at a time |
//! | `gray` | the grey sheet, and area-exact resampling |
//! | `bilevel` | paper that is not white made so; grey to black and white: type stays crisp, shades are screened |
//! | `bitmap`, `ccitt` | the black and white page, and its T.6 and T.4 codes |
//! | `cover` | the page before the documents, in type that is shaped |
//! | `header` | the line above each page |
//! | `fax_pdf` | writes fax pages as a PDF, and reads such a PDF back |
//! | `pages` | pages of a fax taken as they are |
//! | `tiff` | writes fax pages as a TIFF |
//! | `fence` | the last line of defence around third-party parsers |
//! | [`sandbox`] | the same in a child process with limits, for documents that nobody trusts |
//! | `error` | everything that can be wrong with a document |

mod bilevel;
mod bitmap;
mod ccitt;
mod convert;
mod cover;
mod error;
mod fax_pdf;
mod fence;
mod gray;
mod header;
mod media_type;
mod options;
mod pages;
mod render;
pub mod sandbox;
mod sheet;
mod tiff;

pub use bitmap::Bitmap;
pub use convert::{FaxDocument, Part, PartError, Progress, convert, convert_parts, convert_watched};
pub use cover::Cover;
pub use error::{DocumentError, ReadError};
pub use fax_pdf::{FaxPage, read_fax_pdf, write_fax_pdf};
pub use header::{Header, can_print, has_header_room, stamp};
pub use media_type::MediaType;
pub use options::{Limits, Options, Paper, Resolution};
pub use pages::{page_format, pages_after};
pub use sheet::COLUMNS;
pub use tiff::{Coding, write_tiff};
