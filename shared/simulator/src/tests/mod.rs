//! The carrier over real sockets, between a client and a receiver of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod callbacks;
mod calls;
mod durability;
mod faults;
mod inbound;
mod media;
mod printouts;
mod protocol;
mod support;
