//! What a stack is started with.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use sfm_core::secret::Secret;
use sfm_http_client::ssrf::Names;
use sfm_simulator::interceptor::CallInterceptor;

#[derive(Debug)]
pub struct StackConfig {
    pub dir: PathBuf,
    /// 0 picks a free one, or the last start's where that is free.
    pub port: u16,
    /// How many times faster than the telephone the simulated carrier is.
    pub carrier_speed: f64,
    pub allow_loopback: bool,
    /// Values of the template's parameters, instead of the stack's own: another carrier's, for instance.
    pub parameters: BTreeMap<String, String>,
    /// Members of the carrier's secret, beside the stack's own.
    pub carrier_credentials: BTreeMap<String, Secret>,
    /// The program that converts documents when it is started as a worker; None: this one, whose `main` is that of `sfm`.
    pub document_worker: Option<PathBuf>,
    pub interceptor: Arc<dyn CallInterceptor>,
    pub count_capacity: bool,
    /// Whether queues, streams and schedules feed their functions. Otherwise only the API is served, and a test invokes what it likes.
    pub connected: bool,
    /// Variables of the functions' environment that differ from the template's.
    pub variables: HashMap<String, String>,
    /// What resolves the hosts that customers name; None: the system.
    pub names: Option<Arc<dyn Names>>,
    /// Where the functions' binaries are, each to run in processes of its own; None: all run in this process.
    pub bootstrap: Option<PathBuf>,
}
