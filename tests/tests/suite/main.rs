//! The service from outside, and every part of it against its far end. One binary: its suites share the time that they wait.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod binary;
mod budgets;
mod cancellation;
mod carriers;
mod dashboard;
mod deletion;
mod fairness;
mod faults;
mod grants;
mod header;
mod hostile;
mod inbound;
mod later;
mod logs;
mod observability;
mod pages;
mod reservations;
mod scheduled;
mod template;
mod transmission;
mod webhook_faults;
mod webhooks;
