//! Functions as Lambda runs them: each in a process of its own, the built binary, fed over the Lambda Runtime API.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
//!
//! A process works on one event at a time; as many are started as events come at once, and kept for the next ones. One that ends, or
//! takes longer than the function's timeout, costs its event and is replaced.

mod runtime_api;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::{Child, Command};

use super::handler::Handler;
use runtime_api::RuntimeApi;

/// Processes that wait for the next event; more are ended when they are done.
const KEPT: usize = 8;

/// One function's binary and what its processes are started with.
#[derive(Debug)]
pub struct Bootstrap {
    name: String,
    binary: PathBuf,
    environment: BTreeMap<String, String>,
    timeout: Duration,
    idle: Mutex<Vec<Process>>,
}

/// Why an event got no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    #[error("{0} cannot be started: {1}")]
    Start(PathBuf, std::io::Error),
    #[error("the process ended ({0})")]
    Ended(String),
    #[error("it took longer than {} s", .0.as_secs())]
    Timeout(Duration),
    /// What the function said itself.
    #[error("{0}")]
    Failed(String),
}

/// The binary of a function in `dir`: `send-fax/bootstrap`, as a build for Lambda leaves it, or `send-fax`, as cargo does.
pub fn binary_of(dir: &Path, resource: &str) -> Option<PathBuf> {
    let mut folder = String::new();
    for (i, c) in resource.char_indices() {
        if c.is_ascii_uppercase() && i > 0 {
            folder.push('-');
        }
        folder.push(c.to_ascii_lowercase());
    }
    [dir.join(&folder).join("bootstrap"), dir.join(&folder)].into_iter().find(|path| path.is_file())
}

impl Bootstrap {
    /// `environment` is all that a process gets, beside what Lambda itself sets.
    pub fn new(name: &str, binary: PathBuf, mut environment: BTreeMap<String, String>, timeout: Duration) -> Self {
        environment.extend(
            [("AWS_LAMBDA_FUNCTION_NAME", name), ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        Self { name: name.to_owned(), binary, environment, timeout, idle: Mutex::default() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn handler(self) -> Handler {
        let bootstrap = Arc::new(self);
        Arc::new(move |event| {
            let bootstrap = bootstrap.clone();
            Box::pin(async move { bootstrap.invoke(&event).await.map_err(Into::into) })
        })
    }

    pub async fn invoke(&self, event: &Value) -> Result<Value, InvokeError> {
        let mut process = match self.waiting() {
            Some(process) => process,
            None => self.start().await?,
        };
        let answer = process.invoke(event, self.timeout).await;
        if matches!(answer, Ok(_) | Err(InvokeError::Failed(_))) {
            let mut idle = self.idle.lock().unwrap_or_else(|e| e.into_inner());
            if idle.len() < KEPT {
                idle.push(process);
            }
        } else {
            tracing::error!(function = self.name, "a function's process was lost");
        }
        answer
    }

    /// A process that waits for an event. One that ended meanwhile is forgotten.
    fn waiting(&self) -> Option<Process> {
        let mut idle = self.idle.lock().unwrap_or_else(|e| e.into_inner());
        std::iter::from_fn(|| idle.pop()).find_map(|mut process| matches!(process.child.try_wait(), Ok(None)).then_some(process))
    }

    /// Starts a process, which need not be ready yet.
    pub async fn start(&self) -> Result<Process, InvokeError> {
        let failed = |e| InvokeError::Start(self.binary.clone(), e);
        let api = RuntimeApi::start(&self.name).await.map_err(failed)?;
        let started = Instant::now();
        let child = Command::new(&self.binary)
            .env_clear()
            .envs(&self.environment)
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .stdin(Stdio::null())
            .stdout(Stdio::from(std::io::stderr()))
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        Ok(Process { child, api, started })
    }
}

/// A running process of a function. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    api: RuntimeApi,
    started: Instant,
}

impl Process {
    /// Waits until the process asks for its first event, and returns how long that took from its start.
    pub async fn ready(&mut self) -> Result<Duration, InvokeError> {
        tokio::select! {
            at = self.api.ready() => Ok(at.duration_since(self.started)),
            ended = self.child.wait() => Err(InvokeError::Ended(described(ended))),
        }
    }

    pub async fn invoke(&mut self, event: &Value, timeout: Duration) -> Result<Value, InvokeError> {
        tokio::select! {
            answer = self.api.invoke(event, timeout) => answer.map_err(InvokeError::Failed),
            ended = self.child.wait() => Err(InvokeError::Ended(described(ended))),
            () = tokio::time::sleep(timeout) => Err(InvokeError::Timeout(timeout)),
        }
    }

    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }
}

fn described(ended: std::io::Result<std::process::ExitStatus>) -> String {
    ended.map_or_else(|e| e.to_string(), |status| status.to_string())
}
