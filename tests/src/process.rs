//! A stack on a runtime of its own, which can be taken away from under it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sfm::stack::Stack;
use tokio::runtime::Runtime;

use crate::injector::Injector;
use crate::service::start_in;

#[derive(Debug)]
pub struct Process {
    pub runtime: Runtime,
    pub stack: Stack,
}

impl Process {
    pub fn start(dir: &Path, tap: Arc<Injector>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let stack = runtime.block_on(start_in(dir.to_owned(), tap));
        Self { runtime, stack }
    }

    /// Everything that runs is cut off where it stands.
    pub fn crash(self) {
        self.runtime.shutdown_timeout(Duration::from_secs(20));
        drop(self.stack);
    }
}
