//! The simulated fax carrier of the local stack: an HTTP server that speaks the wire protocol of Telnyx's Programmable Fax,
//! signatures included, so that the production adapter is what runs locally.
//!
//! A map, in the order in which a fax passes:
//! `server` (connections, the interceptor) → `routes` → `submission` (parsing) → `supervisor`, which starts two tasks: the `call_player`
//! (`media`, then the `timeline` of the `outcome`, which is `t30` with the `remote_machine` that answers, last the `printout` in the
//! `file_store`) and its `callbacks`. One that comes in begins at `inbound` and ends with a link of `links`.
//!
//! Whatever happens to a fax is one record of `event`. `state` holds them under one lock: the `event_log` on disk and its `projection` in
//! memory, which is nothing but the records applied in order. Both tasks of a fax ask a pure function what is to be done next. So a start
//! after a crash needs no code of its own: the log is replayed and both tasks ask again.

mod call_player;
mod callbacks;
mod error;
mod event;
mod event_log;
mod file_store;
mod id;
mod inbound;
pub mod interceptor;
mod links;
mod listing;
mod media;
mod outcome;
mod printout;
mod projection;
mod remote_machine;
mod resource;
mod routes;
mod server;
mod settings;
mod state;
mod submission;
mod supervisor;
mod t30;
#[cfg(test)]
mod tests;
mod timeline;
mod types;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub use ed25519_dalek::SigningKey;
use sfm_core::clock::Clock;
use tokio::net::TcpListener;

pub use inbound::{Incoming, SendInError, Taken};
pub use projection::Submission;

use event_log::EventLog;
use file_store::FileStore;
use interceptor::CallInterceptor;
use projection::Projection;
use settings::Settings;
use state::State;

/// Reads a fax-ready PDF: the size in bytes of each page, which must decode.
///
/// # Errors
/// What is wrong with the document, in words.
pub fn fax_pages(pdf: &[u8]) -> Result<Vec<usize>, String> {
    let pages = fax_document::read_fax_pdf(pdf).map_err(|e| e.to_string())?;
    for page in &pages {
        page.decode().map_err(|e| e.to_string())?;
    }
    Ok(pages.iter().map(|page| page.g4.len()).collect())
}

/// Decodes a fax-ready document: the size of each page in bytes of G4, or why it cannot be read.
pub type Decode = fn(&[u8]) -> Result<Vec<usize>, String>;

/// What a [`Simulator`] is made of.
pub struct SimulatorConfig {
    pub listener: TcpListener,
    /// Where the event log and the documents are kept.
    pub dir: PathBuf,
    pub clock: Clock,
    /// How many times faster than the telephone the calls are played.
    pub speed: f64,
    pub api_key: String,
    pub signing_key: SigningKey,
    /// Where callbacks go whose fax names no `webhook_url`.
    pub default_webhook_url: String,
    pub decode: Decode,
    pub interceptor: Arc<dyn CallInterceptor>,
}

impl fmt::Debug for SimulatorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatorConfig").field("dir", &self.dir).field("speed", &self.speed).finish_non_exhaustive()
    }
}

/// Why the carrier cannot start, or its log not be read.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    #[error("the simulated carrier cannot use {path}: {source}")]
    Storage { path: PathBuf, source: io::Error },
    #[error("line {line} of the simulated carrier's log {path} is not a record: {source}")]
    EventLog { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("the simulated carrier's speed must be a positive number, not {0}")]
    Speed(f64),
    #[error("the simulated carrier's listener has no address: {0}")]
    Listener(io::Error),
    #[error("the simulated carrier cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the simulated carrier cannot set up its HTTP client: {0}")]
    HttpClient(#[from] reqwest::Error),
}

/// A running carrier. Dropping it stops it as a crash would: nothing is finished, everything acknowledged is in the log.
pub struct Simulator {
    state: Arc<State>,
    url: String,
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Simulator {
    /// Replays the log in the data directory, goes on with every fax where it was, and serves.
    pub async fn start(config: SimulatorConfig) -> Result<Self, SimulatorError> {
        let SimulatorConfig { listener, dir, clock, speed, api_key, signing_key, default_webhook_url, decode, interceptor } = config;
        if !(speed.is_finite() && speed > 0.0) {
            return Err(SimulatorError::Speed(speed));
        }
        let url = base_url(listener.local_addr().map_err(SimulatorError::Listener)?);
        let files = FileStore::open(&dir)?;
        let (log, records) = EventLog::open(&dir)?;
        let http = http_client()?;
        let base_url = url.clone();
        let settings = Settings { files, base_url, clock, speed, api_key, signing_key, default_webhook_url, decode, interceptor, http };
        let state = Arc::new(State::new(settings, log, Projection::replay(records)));
        supervisor::resume(&state);
        state.spawn(server::serve(Arc::clone(&state), listener));
        Ok(Self { state, url })
    }

    /// `http://127.0.0.1:PORT`, without the `/v2`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key that verifies the callbacks, in base64 as Telnyx's portal shows it.
    pub fn public_key(&self) -> String {
        STANDARD.encode(self.state.settings.signing_key.verifying_key().as_bytes())
    }

    /// To be called after the clock was advanced: whatever became due happens at once.
    pub fn clock_moved(&self) {
        self.state.wake_all();
    }

    /// Lets a fax come in. Once this returns, no crash loses it. Blocks: it decodes and writes the document.
    pub fn send_in(&self, incoming: Incoming) -> Result<Taken, SendInError> {
        inbound::take(&self.state, incoming, false)
    }

    /// The same for a fax whose call broke off: the document is the part that had arrived.
    pub fn send_in_part(&self, incoming: Incoming) -> Result<Taken, SendInError> {
        inbound::take(&self.state, incoming, true)
    }

    /// Every submission that was accepted, oldest first.
    pub fn log(&self) -> Vec<Submission> {
        self.state.read(Projection::submissions)
    }

    /// Stops and waits until every task has ended and the port is free.
    pub async fn stop(self) {
        if let Some(mut tasks) = self.state.halt() {
            tasks.shutdown().await;
        }
    }

    /// From now on nothing is written, as if it had been killed, whatever its tasks still see before they end.
    pub fn seal(&self) {
        self.state.seal();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.state.halt());
        self.state.seal();
    }
}

/// The log of the carrier that keeps its data in `dir`, whether it runs or not.
pub fn read_log(dir: &Path) -> Result<Vec<Submission>, SimulatorError> {
    Ok(Projection::replay(event_log::read(dir)?).submissions())
}

fn base_url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Redirects are not followed: Telnyx's media links must answer 2xx themselves.
fn http_client() -> Result<reqwest::Client, SimulatorError> {
    // Everything on the local stack is plain HTTP. The client still wants a TLS backend: this one needs no process-wide provider,
    // no certificates of the machine, and trusts nobody.
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent("telnyx-simulator")
        .build()?)
}
