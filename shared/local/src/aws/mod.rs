//! The AWS services of the local stack: one port that the ordinary AWS SDKs talk to.
//!
//! | Service | Emulator | State |
//! |---|---|---|
//! | DynamoDB and its streams | `dynoxide` | `dynamodb.sqlite` |
//! | S3, path style | `s3s` and `s3s-fs` | `s3/` |
//! | SQS | our own, `queues` | in memory: a restart empties the queues |
//! | EventBridge `PutEvents` | our own | none |
//! | Secrets Manager | our own | in memory |
//!
//! Each emulator sits behind a module of its own; `gateway` tells the calls apart and shows each one to the [`CallInterceptor`].

mod dynamodb;
mod events;
mod gateway;
mod lifecycle;
mod partial;
mod pattern;
mod queues;
mod request;
mod response;
mod s3;
mod secrets;
mod sqs;
#[cfg(test)]
#[allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use sfm_core::clock::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use sfm_simulator::interceptor::CallInterceptor;

pub use events::BusRule;
pub use lifecycle::LifecycleRule;
pub use pattern::PatternError;

/// The account that owns everything here, as in the ARNs that `dynoxide` makes.
const ACCOUNT: &str = "000000000000";
/// Where secrets are, which no other region sees.
const REGION: &str = "us-east-1";

#[derive(Debug)]
pub struct EndpointConfig {
    pub listener: TcpListener,
    /// Holds everything that survives a restart.
    pub dir: PathBuf,
    /// The stack's clock, which may stand ahead of the system's: delays, visibility timeouts, links and items expire by it.
    pub clock: Clock,
    pub interceptor: Arc<dyn CallInterceptor>,
    pub rules: Vec<BusRule>,
    /// Of the buckets; applied by [`Endpoint::expire_objects`].
    pub lifecycle: Vec<LifecycleRule>,
    /// The secret access key of every access key id. Only S3 checks signatures.
    pub secret: String,
    /// Makes DynamoDB report the capacity of every call, as if each had asked for it, so that the interceptor can add it up.
    pub count_capacity: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    #[error("{}: {source}", path.display())]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("{}: not a UTF-8 path", .0.display())]
    Path(PathBuf),
    #[error("cannot listen: {0}")]
    Start(std::io::Error),
    #[error("DynamoDB: {0}")]
    Database(#[from] dynoxide::DynoxideError),
    #[error("removing old objects: {0}")]
    Expire(std::io::Error),
    #[error("trimming a stream: {0}")]
    Trim(#[from] rusqlite::Error),
    #[error("S3: {0}")]
    Objects(s3s::StdError),
    #[error("rule {rule}: {source}")]
    Rule { rule: String, source: PatternError },
    #[error("interrupted")]
    Interrupted,
}

/// The running emulators. Dropping it is a crash: calls under way are cut off where they stand.
pub struct Endpoint {
    url: String,
    /// Before `dynamodb`, so that a crash cuts the callers off before it waits for the statement under way.
    accepting: JoinSet<()>,
    stopping: watch::Sender<bool>,
    dynamodb: dynamodb::Dynamodb,
    lifecycle: lifecycle::Lifecycle,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Endpoint {
    pub async fn start(config: EndpointConfig) -> Result<Self, EndpointError> {
        let EndpointConfig { listener, dir, clock, interceptor, rules, lifecycle, secret, count_capacity } = config;
        let url = format!("http://{}", listener.local_addr().map_err(EndpointError::Start)?);
        let (dynamodb, s3) = tokio::task::spawn_blocking({
            let clock = clock.clone();
            move || {
                let objects = dir.join("s3");
                std::fs::create_dir_all(&objects).map_err(|source| EndpointError::Directory { path: objects.clone(), source })?;
                let dynamodb = dynamodb::Dynamodb::open(dir.join("dynamodb.sqlite"), clock.clone())?;
                Ok::<_, EndpointError>((dynamodb, s3::S3::open(&objects, clock, secret, lifecycle)?))
            }
        })
        .await
        .map_err(|_| EndpointError::Interrupted)??;
        let lifecycle = s3.lifecycle();
        let queues = queues::Queues::new(url.clone(), clock.clone());
        let gateway = gateway::Gateway {
            dynamodb: dynamodb.client(count_capacity),
            s3,
            events: events::Events::new(rules, queues.clone(), clock.clone())?,
            sqs: sqs::Sqs::new(queues),
            secrets: secrets::Secrets::new(clock.clone()),
            interceptor,
            calls: Default::default(),
        };
        let (stopping, stop) = watch::channel(false);
        let mut accepting = JoinSet::new();
        accepting.spawn(gateway::serve(listener, Arc::new(gateway), stop));
        Ok(Self { url, accepting, stopping, dynamodb, lifecycle })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn database(&self) -> &dynoxide::Database {
        self.dynamodb.database()
    }

    /// Deletes the items whose time to live has passed on the stack's clock and returns how many. Blocks.
    pub fn sweep_ttl(&self) -> Result<usize, EndpointError> {
        self.dynamodb.sweep_ttl()
    }

    /// Deletes the objects that are older on the stack's clock than their bucket's lifecycle lets them become, and returns how many. Blocks.
    pub fn expire_objects(&self) -> Result<usize, EndpointError> {
        self.lifecycle.expire().map_err(EndpointError::Expire)
    }

    /// Forgets the records of a table's stream before `sequence_number`, which stays. Blocks.
    pub fn trim_stream(&self, table: &str, sequence_number: &str) -> Result<usize, EndpointError> {
        self.dynamodb.trim_stream(table, sequence_number)
    }

    /// Finishes the calls under way, except those that wait for a message, and closes the files.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        while self.accepting.join_next().await.is_some() {}
        // Closing a database blocks while it folds its log back into the file.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}
