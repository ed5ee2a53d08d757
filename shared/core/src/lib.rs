//! The core of Send FAX Mail.
//!
//! The domain knows neither AWS nor HTTP: [`account`], [`fax`], [`scheduled`], [`inbound`], [`contact`], [`failure`], [`event`], [`webhook`], [`list`], [`due`],
//! [`rate`], and the parsed types
//! they are made of: [`id`], [`key`], [`phone`], [`plan`], [`scope`], [`month`].
//!
//! Around it stand the adapters: [`store`] (DynamoDB), [`documents`] (S3), [`queue`] (SQS), [`bus`] (EventBridge) and [`carrier`].
//! [`http`] is the boundary of the API, [`runtime`] the glue to Lambda, [`platform`] what a function is configured by.

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
