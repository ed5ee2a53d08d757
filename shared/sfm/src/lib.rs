//! The command line of Send FAX Mail.
//!
//! [`commands`] are the operator's: they work on a local or a deployed stack alike. The feature `local`, which is on by default,
//! adds `sfm local` and what belongs to it; without it no emulator, no function and no document code is built.

pub mod cli;
pub mod commands;
#[cfg(feature = "local")]
mod local;
pub mod run;
