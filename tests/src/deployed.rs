//! A stack that was deployed from `template.yaml`, and its far end: the simulated carrier, and a front that callers reach it by.
//!
//! `DEPLOYED_STACK` names the file, made by `.ci/deploy/run`, that says where everything is.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;
use sfm_core::clock::Clock;
use sfm_local::interceptor::NoInterceptor;
use sfm_simulator::{Incoming, SendInError, SigningKey, Simulator, SimulatorConfig, Taken};
use sfm_store::platform::Platform;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::client::http;
use crate::service::CARRIER_SPEED;

/// The key that the far end signs its callbacks with; `.ci/deploy/run` has its public half.
const SIGNING_KEY: [u8; 32] = [9; 32];

/// Where things are.
#[derive(Debug, Deserialize)]
struct Place {
    /// The name by which the gateway tells its APIs apart, and where it listens.
    host: String,
    gateway: String,
    front_port: u16,
    carrier_port: u16,
    carrier_key: String,
    carrier_dir: PathBuf,
    operator: HashMap<String, String>,
    /// Tests that cannot run there write down why.
    skipped: PathBuf,
    member: Member,
    /// What the release wrote that the stack was upgraded from.
    release: PathBuf,
}

/// A user of the user pool, who has signed in.
#[derive(Debug, Deserialize)]
pub struct Member {
    pub email: String,
    pub id_token: String,
}

pub struct Deployed {
    place: Place,
    carrier: Simulator,
    _runtime: Runtime,
}

impl std::fmt::Debug for Deployed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deployed").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Deployed {
    /// The one that the environment names, if it does. Its far end lives as long as this process.
    pub fn get() -> Option<&'static Self> {
        static DEPLOYED: OnceLock<Option<Deployed>> = OnceLock::new();
        let start = || {
            let file = std::env::var_os("DEPLOYED_STACK")?;
            let place = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            // In a thread of its own: tests have runtimes of theirs, in which none may be started.
            Some(std::thread::spawn(|| Self::start(place)).join().unwrap())
        };
        DEPLOYED.get_or_init(start).as_ref()
    }

    fn start(place: Place) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let carrier = runtime.block_on(async {
            let front = TcpListener::bind((Ipv4Addr::LOCALHOST, place.front_port)).await.unwrap();
            let forward = Router::new().fallback(forward).with_state(Arc::new((place.gateway.clone(), place.host.clone(), http())));
            tokio::spawn(async move { axum::serve(front, forward).await.unwrap() });
            let config = SimulatorConfig {
                listener: TcpListener::bind((Ipv4Addr::LOCALHOST, place.carrier_port)).await.unwrap(),
                dir: place.carrier_dir.clone(),
                clock: Clock::default(),
                speed: CARRIER_SPEED,
                api_key: place.carrier_key.clone(),
                signing_key: SigningKey::from_bytes(&SIGNING_KEY),
                default_webhook_url: format!("http://127.0.0.1:{}/carrier/telnyx", place.front_port),
                decode: sfm_simulator::fax_pages,
                interceptor: Arc::new(NoInterceptor),
            };
            Simulator::start(config).await.unwrap()
        });
        Self { place, carrier, _runtime: runtime }
    }

    pub fn member(&self) -> &Member {
        &self.place.member
    }

    /// What is expected of what the release wrote that the stack was upgraded from.
    pub fn release(&self) -> Value {
        let mut recorded: Value = serde_json::from_slice(&std::fs::read(&self.place.release).unwrap()).unwrap();
        recorded["expected"].take()
    }

    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.place.front_port)
    }

    pub fn operator_platform(&self) -> Platform {
        let vars = self.place.operator.clone();
        Platform::local(
            &vars["AWS_ACCESS_KEY_ID"],
            &self.place.gateway,
            &vars["AWS_SECRET_ACCESS_KEY"],
            "us-east-1",
            vars.clone(),
            Clock::default(),
        )
    }

    pub fn variable(&self, name: &str) -> &str {
        &self.place.operator[name]
    }

    /// Lets a fax come in.
    pub fn send_in(&self, incoming: Incoming) -> Result<Taken, SendInError> {
        self.carrier.send_in(incoming)
    }

    pub fn note_skipped(&self, why: &str) {
        use std::io::Write as _;
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.place.skipped).unwrap();
        writeln!(file, "{test}: {why}").unwrap();
    }
}

type Gateway = Arc<(String, String, reqwest::Client)>;

/// Passes a request on under the gateway's name for the API, as a DNS name of its own would.
async fn forward(State(gateway): State<Gateway>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let (url, host, http) = &*gateway;
    let mut headers = parts.headers;
    headers.insert(HOST, host.parse().unwrap());
    let url = format!("{url}{}", parts.uri.path_and_query().map_or("/", |path| path.as_str()));
    let answer = http.request(parts.method, url).headers(headers).body(body).send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove("transfer-encoding");
    (status, headers, answer.bytes().await.unwrap()).into_response()
}
