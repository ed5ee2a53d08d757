//! The domain of Send FAX Mail and its rules. It knows neither AWS nor HTTP, and it does no I/O.
//!
//! What the service is about: [`account`], [`submission`], [`upload`], [`fax`], [`scheduled`], [`inbound`], [`contact`], [`event`], [`webhook`], [`member`], [`principal`],
//! [`audit`], [`failure`]. The arithmetic that several of them need: [`list`] (paging), [`reservation`], [`due`], [`rate`]. The parsed types that they are made of:
//! [`text_enum`], [`id`], [`key`], [`phone`], [`plan`], [`scope`], [`month`], [`secret`]. And the [`clock`], which tests set.

pub mod account;
pub mod audit;
pub mod clock;
pub mod contact;
pub mod due;
pub mod event;
pub mod failure;
pub mod fax;
pub mod id;
pub mod inbound;
pub mod key;
pub mod line;
pub mod list;
pub mod member;
pub mod metadata;
pub mod month;
pub mod phone;
pub mod plan;
pub mod principal;
pub mod rate;
pub mod receipt;
pub mod recipient;
pub mod reservation;
pub mod sandbox_numbers;
pub mod scheduled;
pub mod scope;
pub mod secret;
pub mod settings;
pub mod submission;
pub mod text_enum;
pub mod trace;
pub mod upload;
pub mod webhook;

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
