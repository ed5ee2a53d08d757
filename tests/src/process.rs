//! A stack on a runtime of its own, which can be taken away from under it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sfm_local::stack::Stack;
use tokio::runtime::Runtime;

use crate::errors::Errors;
use crate::injector::Injector;
use crate::service::{CARRIER_SPEED, start_at};

#[derive(Debug)]
pub struct Process {
    pub runtime: Runtime,
    pub stack: Stack,
    errors: Errors,
}

impl Process {
    pub fn start(dir: &Path, interceptor: Arc<Injector>) -> Self {
        Self::start_at(dir, interceptor, CARRIER_SPEED)
    }

    /// The same with a carrier that plays at another speed.
    pub fn start_at(dir: &Path, interceptor: Arc<Injector>, carrier_speed: f64) -> Self {
        let errors = interceptor.errors().of_a_process();
        let of_a_thread = errors.clone();
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().on_thread_start(move || of_a_thread.of_this_thread()).build().unwrap();
        let stack = runtime.block_on(start_at(dir.to_owned(), interceptor, carrier_speed));
        Self { runtime, stack, errors }
    }

    /// Everything that runs is cut off where it stands.
    pub fn crash(self) {
        self.errors.silence();
        // It is no call of ours that would show the carrier the end of its connections, and let it write that down before it ends itself.
        self.stack.carrier().seal();
        self.runtime.shutdown_timeout(Duration::from_secs(20));
        drop(self.stack);
    }
}
