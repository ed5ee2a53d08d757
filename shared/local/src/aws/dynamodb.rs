//! DynamoDB and its streams: `dynoxide` on one SQLite file.
//!
//! `dynoxide` answers over HTTP more faithfully than through its Rust interface (request checks, error texts, headers), so its
//! own server runs here on an internal port. Its handlers block on SQLite, and one lock serialises them anyway, so the server has
//! one thread and a runtime to itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use dynoxide::Database;
use dynoxide::storage::Storage;
use futures::FutureExt as _;
use http::request::Parts;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sfm_core::clock::Clock;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::EndpointError;

/// What `dynoxide` adds to a stored sequence number to show it with 21 digits.
const PUBLIC_OFFSET: u128 = 100_000_000_000_000_000_000;

pub(super) struct Dynamodb {
    database: Database,
    path: String,
    clock: Clock,
    address: SocketAddr,
    _server: Server,
}

impl Dynamodb {
    /// Blocks.
    pub(super) fn open(path: PathBuf, clock: Clock) -> Result<Self, EndpointError> {
        let path = path.into_os_string().into_string().map_err(|path| EndpointError::Path(path.into()))?;
        let database = Database::new(&path)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(EndpointError::Start)?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).map_err(EndpointError::Start)?;
        let address = listener.local_addr().map_err(EndpointError::Start)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = database.clone();
        let thread = std::thread::Builder::new()
            .name("dynamodb".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = dynoxide::server::serve_on(listener, serving) => {}
                        _ = stopped => {}
                    }
                });
            })
            .map_err(EndpointError::Start)?;
        Ok(Self { database, path, clock, address, _server: Server { stop: Some(stop), thread: Some(thread) } })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) fn client(&self, count_capacity: bool) -> DynamodbClient {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        DynamodbClient {
            http: Client::builder(TokioExecutor::new()).build(connector),
            server: format!("http://{}/", self.address),
            count_capacity,
        }
    }

    /// Blocks.
    ///
    /// A file-backed [`Database`] knows no clock but the system's. The storage beneath it takes any, so a sweep opens the file
    /// once more; SQLite keeps the two apart.
    pub(super) fn sweep_ttl(&self) -> Result<usize, EndpointError> {
        let storage = Storage::new(&self.path)?.with_clock(Arc::new(StackClock(self.clock.clone())));
        // Native storage never suspends.
        dynoxide::ttl::sweep_expired_items(&storage).now_or_never().ok_or(EndpointError::Interrupted)?.map_err(EndpointError::from)
    }

    /// Forgets the records of a table's stream before `sequence_number`. Blocks.
    ///
    /// `dynoxide` keeps them for ever and looks through all of them at every write. The record itself stays: the next number follows it.
    pub(super) fn trim_stream(&self, table: &str, sequence_number: &str) -> Result<usize, EndpointError> {
        let stored = sequence_number.parse().ok().and_then(|public: u128| i64::try_from(public.checked_sub(PUBLIC_OFFSET)?).ok());
        let Some(stored) = stored else { return Ok(0) };
        let connection = rusqlite::Connection::open(&self.path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        let older = "DELETE FROM _stream_records WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) < ?2";
        Ok(connection.execute(older, rusqlite::params![table, stored])?)
    }
}

struct StackClock(Clock);

impl dynoxide::storage_backend::Clock for StackClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.0.now().as_second()).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.0.now().as_millisecond() as f64 / 1000.0
    }
}

/// The server's thread. Dropping it waits for the statement under way and no longer, so that whoever opens the file next is alone.
struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The way to the server.
#[derive(Clone)]
pub(super) struct DynamodbClient {
    http: Client<HttpConnector, Full<Bytes>>,
    server: String,
    count_capacity: bool,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ForwardError {
    #[error("{0}")]
    Request(#[from] http::Error),
    #[error("{0}")]
    Client(#[from] hyper_util::client::legacy::Error),
    #[error("{0}")]
    Body(#[from] hyper::Error),
}

impl DynamodbClient {
    pub(super) async fn answer(&self, operation: &str, parts: &Parts, body: Bytes) -> Result<Response<Bytes>, ForwardError> {
        let body = if self.count_capacity { asking_for_capacity(operation, body) } else { body };
        let uri = match parts.uri.query() {
            Some(query) => format!("{}?{query}", self.server),
            None => self.server.clone(),
        };
        let mut request = Request::builder().method(parts.method.clone()).uri(uri).body(Full::new(body))?;
        *request.headers_mut() = end_to_end(&parts.headers);
        let (mut parts, body) = self.http.request(request).await?.into_parts();
        parts.headers = end_to_end(&parts.headers);
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }
}

/// The headers that are not about one connection or one body's framing, which hyper sets anew.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [header::CONNECTION, header::CONTENT_LENGTH, header::EXPECT, header::HOST, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers
}

fn asking_for_capacity(operation: &str, body: Bytes) -> Bytes {
    let counted = matches!(
        operation,
        "BatchExecuteStatement"
            | "BatchGetItem"
            | "BatchWriteItem"
            | "DeleteItem"
            | "ExecuteStatement"
            | "ExecuteTransaction"
            | "GetItem"
            | "PutItem"
            | "Query"
            | "Scan"
            | "TransactGetItems"
            | "TransactWriteItems"
            | "UpdateItem"
    );
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(serde_json::Value::Object(mut request)) if counted => {
            request.entry("ReturnConsumedCapacity").or_insert_with(|| "TOTAL".into());
            serde_json::Value::Object(request).to_string().into()
        }
        _ => body,
    }
}
