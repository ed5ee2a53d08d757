//! The carriers' adapters over real sockets: against servers that speak their wire format, against hostile ones, and in a whole stack.

mod credentials;
mod end_to_end;
mod hostile;
mod sinch;
mod telnyx;
