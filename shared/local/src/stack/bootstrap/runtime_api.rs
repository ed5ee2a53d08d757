//! The Runtime API of one process: it asks for an event, and says what came of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// What Lambda takes as an answer.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024 + 1024;

struct Event {
    id: String,
    body: String,
    deadline_ms: i64,
}

struct Shared {
    name: String,
    events: Mutex<mpsc::Receiver<Event>>,
    answers: mpsc::Sender<(String, Result<Value, String>)>,
    asked: watch::Sender<Option<Instant>>,
}

/// Dropping it closes its port.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    events: mpsc::Sender<Event>,
    answers: mpsc::Receiver<(String, Result<Value, String>)>,
    asked: watch::Receiver<Option<Instant>>,
    serving: JoinHandle<()>,
}

impl RuntimeApi {
    pub async fn start(name: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (events, queue) = mpsc::channel(1);
        let (answers, answered) = mpsc::channel(1);
        let (asked, asked_seen) = watch::channel(None);
        let shared = Arc::new(Shared { name: name.to_owned(), events: Mutex::new(queue), answers, asked });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::max(LARGEST_ANSWER))
            .with_state(shared);
        let serving = tokio::spawn(async move {
            if let Err(e) = axum::serve(listener, router).await {
                tracing::error!(error = %e, "a Runtime API ended");
            }
        });
        Ok(Self { address, events, answers: answered, asked: asked_seen, serving })
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// When the process asked for its first event.
    pub async fn ready(&mut self) -> Instant {
        loop {
            if let Some(at) = *self.asked.borrow_and_update() {
                return at;
            }
            if self.asked.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Hands over an event and waits for what comes of it.
    pub async fn invoke(&mut self, event: &Value, timeout: Duration) -> Result<Value, String> {
        let id = Uuid::new_v4().to_string();
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let deadline_ms = jiff::Timestamp::now().as_millisecond().saturating_add(timeout_ms);
        let handed_over = self.events.send(Event { id: id.clone(), body: event.to_string(), deadline_ms }).await;
        handed_over.map_err(|_| "the Runtime API has ended".to_owned())?;
        while let Some((of, answer)) = self.answers.recv().await {
            if of == id {
                return answer;
            }
        }
        Err("the Runtime API has ended".to_owned())
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.asked.send_if_modified(|asked| {
        let first = asked.is_none();
        asked.get_or_insert_with(Instant::now);
        first
    });
    let Some(event) = shared.events.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let headers = [
        ("lambda-runtime-aws-request-id", event.id),
        ("lambda-runtime-deadline-ms", event.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", format!("arn:aws:lambda:local:{}:function:{}", super::super::AWS_ACCOUNT, shared.name)),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event.body).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    // A function without an answer says nothing, or null.
    let answer = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body).map_err(|e| e.to_string()) };
    tell(&shared, id, answer).await
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    tell(&shared, id, Err(String::from_utf8_lossy(&body).into_owned())).await
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    tracing::error!(function = shared.name, error = %String::from_utf8_lossy(&body), "a function could not start");
    StatusCode::ACCEPTED
}

async fn tell(shared: &Shared, id: String, answer: Result<Value, String>) -> StatusCode {
    // Nobody waits any more for an answer that came too late.
    let _ = shared.answers.send((id, answer)).await;
    StatusCode::ACCEPTED
}
