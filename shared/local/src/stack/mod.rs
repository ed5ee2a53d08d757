//! The whole service in one process, with durable state in a folder.
//!
//! [`Stack::start`] reads `template.yaml`, starts the emulated services ([`crate::aws`]) and the simulated carrier
//! ([`sfm_simulator`]), makes what the template declares, hosts its functions and connects its event sources.

mod api;
mod authorizer;
pub mod bootstrap;
mod config;
mod connect;
mod control;
mod demo;
mod error;
mod handler;
mod host;
mod jwt;
mod listeners;
mod oidc;
mod operator;
mod provision;
mod shared;
mod sources;
mod start;
mod state;
mod streams;
pub mod template;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sfm_core::clock::Clock;
use sfm_simulator::Simulator;
use sfm_store::platform::Platform;
use tokio::task::JoinSet;

use crate::aws::Endpoint;
use authorizer::Authorizer;
pub use config::StackConfig;
use control::Controls as _;
pub use demo::DEMO_OWNER;
pub use error::StackError;
pub use host::{Host, HostError};
use shared::Shared;
pub use state::Demo;
use state::Lock;

/// The deployment that this stack is a local form of.
pub const TEMPLATE: &str = include_str!("../../../../template.yaml");
const REGION: &str = "us-east-1";
const AWS_ACCOUNT: &str = "000000000000";
/// The caller's name of what Lambda itself does: polling queues, keeping failed records.
pub const POLLER: &str = "Lambda";

/// A running stack. Dropping it is a crash; [`Stack::stop`] ends it cleanly.
#[derive(Debug)]
pub struct Stack {
    base_url: String,
    aws: Arc<Endpoint>,
    carrier: Arc<Simulator>,
    shared: Arc<Shared>,
    host: Host,
    tasks: JoinSet<()>,
    operator_env: PathBuf,
    operator_vars: BTreeMap<String, String>,
    authorizers: HashMap<String, Authorizer>,
    demo: Demo,
    _lock: Lock,
}

impl Stack {
    /// Feeds a function an event as Lambda would. None when the template names no such function.
    pub async fn invoke(&self, function: &str, event: Value) -> Option<Result<Value, sfm_web::runtime::Error>> {
        let handler = self.host.handler(function)?;
        Some(handler(event).await)
    }

    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    pub fn aws_endpoint_url(&self) -> &str {
        self.aws.url()
    }

    /// A file of `KEY=value` lines: the environment of the operator commands.
    pub fn operator_env(&self) -> &Path {
        &self.operator_env
    }

    /// A PDF that can be sent.
    pub fn sample(&self) -> PathBuf {
        self.operator_env.with_file_name("letter.pdf")
    }

    pub fn demo(&self) -> &Demo {
        &self.demo
    }

    /// The platform of the operator commands against this stack.
    pub fn operator_platform(&self) -> Platform {
        let vars: HashMap<String, String> = self.operator_vars.clone().into_iter().collect();
        let secret = self.operator_vars.get("AWS_SECRET_ACCESS_KEY").cloned().unwrap_or_default();
        Platform::local("operator", self.aws.url(), &secret, REGION, vars, self.shared.clock.clone())
    }

    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    pub fn advance(&self, by: SignedDuration) -> Result<Timestamp, StackError> {
        self.shared.advance(by)
    }

    pub fn carrier(&self) -> &Simulator {
        &self.carrier
    }

    /// Stops taking requests, lets the emulators finish what is under way and closes the files.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        drop(self.shared);
        if let Ok(carrier) = Arc::try_unwrap(self.carrier) {
            carrier.stop().await;
        }
        if let Ok(aws) = Arc::try_unwrap(self.aws) {
            aws.stop().await;
        }
    }
}
