//! The carriers' adapters over real sockets: against servers that speak their wire format, against hostile ones, and in a whole stack.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod credentials;
mod end_to_end;
mod hostile;
mod sinch;
mod telnyx;
