//! What `POST /v1/faxes` and `POST /v1/scheduled` have in common: the way of a request from its key to fax-ready pages.
//!
//! [`SubmissionGuard::admit`] takes it past key, plan, scope, kept answer and rate limit, in the contract's order; [`SubmitRequest`] is its body,
//! parsed; [`DocumentPreparer::make_fax_ready`] fetches the document if it came by link and makes it fax-ready; [`Sending`] and [`ScheduleService`] accept it.

mod document;
mod fetch;
mod guard;
mod plan;
mod request;
mod send;

pub use document::{Deadline, DocumentPreparer};
pub use fax_document::sandbox::serve_if_worker;
pub use guard::{AdmittedRequest, Precheck, SubmissionGuard};
pub use plan::ScheduleService;
pub use request::{Document, SubmitRequest};
pub use send::Sending;
