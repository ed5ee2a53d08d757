//! The emulators as the real SDK clients see them.

mod dynamodb;
mod events;
mod faults;
mod pattern;
mod s3;
mod secrets;
mod sqs;

use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_smithy_http_client::Builder;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jiff::SignedDuration;
use sfm_core::clock::Clock;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{BusRule, Endpoint, EndpointConfig, EndpointError, LifecycleRule};
use sfm_simulator::interceptor::{Call, CallInterceptor, Verdict};

const SECRET: &str = "a secret";
const CALLER: &str = "submit-function";

/// Gives each call to an operation the next of the verdicts planned for it, and keeps what was seen.
#[derive(Debug)]
struct Script {
    plan: Mutex<Vec<(&'static str, Verdict)>>,
    asked: Mutex<Vec<Call>>,
    performed: mpsc::UnboundedSender<Performed>,
}

#[derive(Debug)]
struct Performed {
    call: Call,
    request: String,
    status: u16,
    response: String,
}

impl CallInterceptor for Script {
    fn verdict(&self, call: &Call) -> Verdict {
        self.asked.lock().unwrap().push(call.clone());
        let mut plan = self.plan.lock().unwrap();
        match plan.iter().position(|(operation, _)| *operation == call.operation) {
            Some(next) => plan.remove(next).1,
            None => Verdict::Perform,
        }
    }

    fn performed(&self, call: &Call, request: &[u8], status: u16, response: &[u8]) {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let _ = self.performed.send(Performed { call: call.clone(), request: text(request), status, response: text(response) });
    }
}

struct Stack {
    endpoint: Endpoint,
    clock: Clock,
    interceptor: Arc<Script>,
    performed: mpsc::UnboundedReceiver<Performed>,
    dir: TempDir,
}

impl Stack {
    async fn start() -> Self {
        Self::with_rules(Vec::new()).await.unwrap()
    }

    async fn with_rules(rules: Vec<BusRule>) -> Result<Self, EndpointError> {
        Self::at(TempDir::new().unwrap(), Clock::ahead(SignedDuration::from_hours(72)), rules).await
    }

    async fn at(dir: TempDir, clock: Clock, rules: Vec<BusRule>) -> Result<Self, EndpointError> {
        let (sender, performed) = mpsc::unbounded_channel();
        let interceptor = Arc::new(Script { plan: Mutex::default(), asked: Mutex::default(), performed: sender });
        let config = EndpointConfig {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            dir: dir.path().to_owned(),
            clock: clock.clone(),
            interceptor: interceptor.clone(),
            rules,
            lifecycle: vec![LifecycleRule { bucket: "documents".into(), prefix: "brief/".into(), days: 1 }],
            secret: SECRET.to_owned(),
            count_capacity: true,
        };
        Ok(Self { endpoint: Endpoint::start(config).await?, clock, interceptor, performed, dir })
    }

    /// Kills the emulators and starts them again on the same files.
    async fn crash(self) -> Self {
        let Self { endpoint, clock, dir, .. } = self;
        drop(endpoint);
        Self::at(dir, clock, Vec::new()).await.unwrap()
    }

    fn plan(&self, operation: &'static str, verdict: Verdict) {
        self.interceptor.plan.lock().unwrap().push((operation, verdict));
    }

    /// The ids under which an operation was asked for.
    fn ids(&self, operation: &str) -> Vec<String> {
        let asked = self.interceptor.asked.lock().unwrap();
        asked.iter().filter(|call| call.operation == operation).map(|call| call.id.clone()).collect()
    }

    async fn next_performed(&mut self, operation: &str) -> Performed {
        loop {
            let performed = self.performed.recv().await.unwrap();
            if performed.call.operation == operation {
                return performed;
            }
        }
    }

    fn files(&self) -> &Path {
        self.dir.path()
    }
}

/// A client of one of the SDK's services; every one of them has its own type of configuration.
macro_rules! client {
    ($sdk:ident, $stack:expr) => {
        client!($sdk, $stack, $sdk::config::retry::RetryConfig::disabled())
    };
    ($sdk:ident, $stack:expr, $retries:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new("eu-central-1"))
                .credentials_provider($crate::aws::tests::credentials())
                .endpoint_url($stack.endpoint.url())
                .http_client($crate::aws::tests::http_client())
                .retry_config($retries)
                .build(),
        )
    };
}
use client;

fn credentials() -> Credentials {
    Credentials::new(CALLER, SECRET, None, None, "test")
}

fn http_client() -> aws_sdk_s3::config::SharedHttpClient {
    Builder::new().build_http()
}

async fn fetch(url: &str) -> (StatusCode, String) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = client.get(url.parse().unwrap()).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}
