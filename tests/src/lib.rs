//! What the end-to-end tests stand on: a stack of their own in a folder of their own, and a customer who talks to it over HTTP.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

pub mod adapters;
pub mod capacity;
pub mod client;
pub mod contract;
pub mod deployed;
pub mod documents;
pub mod draw;
pub mod errors;
pub mod grants;
pub mod hostile;
pub mod injector;
pub mod member;
pub mod process;
pub mod receiver;
pub mod recorder;
pub mod seed;
pub mod service;
pub mod sinch;
pub mod target;
pub mod tls;

use std::time::{Duration, Instant};

/// When a wait is given up. It ends a broken run and measures none: on a machine with other work a run may take many times as long.
pub const DEADLINE: Duration = Duration::from_mins(5);
/// How long a wait looks away, and by how much longer each time: looking costs the time of a processor that what is waited for needs.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

fn longer(pause: Duration) -> Duration {
    pause.mul_f64(1.2).min(LONGEST_PAUSE)
}

/// Waits until `probe` gives something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let (deadline, mut pause) = (Instant::now() + DEADLINE, FIRST_PAUSE);
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(pause).await;
        pause = longer(pause);
    }
}

/// The same outside of a runtime.
pub fn eventually_blocking<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let (deadline, mut pause) = (Instant::now() + DEADLINE, FIRST_PAUSE);
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(pause);
        pause = longer(pause);
    }
}
