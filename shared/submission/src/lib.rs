//! What `POST /v1/faxes` and `POST /v1/scheduled` have in common: the way of a request from its key to fax-ready pages.
//!
//! [`Door::admit`] takes it past key, plan, scope, kept answer and rate limit, in the contract's order; [`SubmitRequest`] is its body,
//! parsed; [`Preparer::make_fax_ready`] fetches the document if it came by link and makes it fax-ready; [`Sending`] and [`Planning`] accept it.

mod document;
mod door;
mod fetch;
mod plan;
mod request;
mod send;

pub use document::{Deadline, Preparer};
pub use door::{Admission, Admitted, Door};
pub use fax_document::sandbox::serve_if_worker;
pub use plan::Planning;
pub use request::{Document, SubmitRequest};
pub use send::Sending;
