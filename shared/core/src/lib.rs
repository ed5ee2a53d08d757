//! The core of Send FAX Mail.
//!
//! The domain: [`account`], [`fax`], [`scheduled`], [`inbound`], [`contact`], [`failure`], [`event`], [`webhook`], [`member`], [`principal`], [`audit`], [`list`], [`due`], [`rate`],
//! and the parsed types that it is made of: [`id`], [`key`], [`phone`], [`plan`], [`scope`], [`month`], [`secret`].
//!
//! The adapters: [`store`] (DynamoDB), [`documents`] (S3), [`queue`] (SQS), [`bus`] (EventBridge), [`carrier`], and the client for servers that are not
//! ours ([`http_client`], [`guarded`]). [`transmission`] and [`reception`] are steps that several functions take. [`http`] is the boundary of the API,
//! [`runtime`] the glue to Lambda, [`platform`] a function's configuration.

pub mod account;
pub mod audit;
pub mod bus;
pub mod carrier;
pub mod clock;
pub mod contact;
pub mod documents;
pub mod due;
pub mod event;
pub mod failure;
pub mod fax;
pub mod guarded;
pub mod http;
pub mod http_client;
pub mod id;
pub mod inbound;
pub mod key;
pub mod list;
pub mod logging;
pub mod magic;
pub mod member;
pub mod month;
pub mod openapi;
pub mod phone;
pub mod plan;
pub mod platform;
pub mod principal;
pub mod queue;
pub mod rate;
pub mod reception;
pub mod runtime;
pub mod scheduled;
pub mod scope;
mod sdk_error;
pub mod secret;
pub mod store;
pub mod transmission;
pub mod webhook;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
