//! What needs the code for documents: sending a fax, scheduling one, sending one again, looking at a page, and the page of a receipt.
//!
//! [`SendService`] and [`ScheduleService`] accept a fax; each has its document made fax-ready by [`DocumentPreparer`], of one or several parts,
//! which it first brings here from wherever they are. [`PreviewService`] shows a page of one.

mod cover;
mod document;
mod fetch;
mod parts;
mod preview;
mod receipt_page;
mod schedule;
mod send;

pub use document::{Deadline, DocumentPreparer};
pub use fax_document::sandbox::serve_if_worker;
pub use preview::{PreviewError, PreviewService};
pub use receipt_page::receipt_page;
pub use schedule::ScheduleService;
pub use send::SendService;
