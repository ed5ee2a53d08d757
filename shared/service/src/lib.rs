//! What can be done with an account's things, one file for each resource. Each door calls these: the functions of the API, the
//! dashboard and the operator's commands. Whoever lets a request in says who asks, as a [`Principal`](sfm_core::principal::Principal); a change and its
//! entry in the audit log are made here, together.

pub mod api_keys;
pub mod attempts;
pub mod contacts;
pub mod deletion;
pub mod export;
pub mod faxes;
pub mod lines;
pub mod numbers;
pub mod receipts;
pub mod reception;
pub mod recipients;
pub mod scheduled;
pub mod submission;
pub mod trace;
pub mod transmission;
pub mod uploads;
pub mod webhooks;
