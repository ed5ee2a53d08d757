//! Sinch's Fax API v3 as tests need it: its wire format over real sockets, faxes that are kept, fetched documents, callbacks.
//!
//! What a fax comes to is scripted by the number that it goes to; without a script it is delivered.

mod faxes;
mod routes;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sfm_core::clock::Clock;
use tokio::net::TcpListener;

use crate::client::http;
pub use faxes::Fax;

pub const PROJECT: &str = "3acb7ae1-cf3d-4112-ba5e-3a9d8c71cd47";
pub const KEY_ID: &str = "key-id";
pub const KEY_SECRET: &str = "key:secret";
/// Has what a path must escape.
pub const CALLBACK_SECRET: &str = "s3cret of ours?";

/// How a call ends.
#[derive(Debug, Clone, Default)]
pub enum Ending {
    #[default]
    Completed,
    /// Type, code, pages that were sent.
    Failure(&'static str, u32, u32),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Callback {
    #[default]
    Once,
    Twice,
    Lost,
}

/// What comes of one send.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// Answered instead of 200, with these headers.
    pub answer: Option<(u16, Value)>,
    pub headers: Vec<(&'static str, String)>,
    /// The fax is taken whatever the answer says.
    pub taken: bool,
    /// The answer is a list of faxes.
    pub as_list: bool,
    pub ending: Ending,
    pub callback: Callback,
}

impl Script {
    pub fn ends(ending: Ending) -> Self {
        Self { ending, ..Self::default() }
    }

    pub fn answers(status: u16, body: Value) -> Self {
        Self { answer: Some((status, body)), ..Self::default() }
    }
}

#[derive(Debug)]
pub struct Sinch {
    pub url: String,
    pub clock: Clock,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    clock: Clock,
    http: reqwest::Client,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    faxes: Vec<Fax>,
    scripts: HashMap<String, VecDeque<Script>>,
    /// Bodies of sends.
    sends: Vec<Value>,
    /// The status of each callback's answer.
    callbacks: Vec<u16>,
    largest_page: usize,
    incoming_url: Option<String>,
}

impl State {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Hands over a callback until it is taken. The carrier would wait minutes between, and give up after three days.
    async fn call_back(&self, url: &str, event: &str, id: &str) {
        let Some(fax) = self.inner().fax(id).cloned() else { return };
        let body = json!({
            "event": event,
            "eventTime": self.clock.now().to_string(),
            "fax": fax.fields,
            "file": fax.base64(),
            "fileType": "PDF",
        });
        for _ in 0..200 {
            let sent = self.http.post(url).header("content-type", "application/json").body(body.to_string()).send().await;
            let status = sent.map_or(0, |answer| answer.status().as_u16());
            self.inner().callbacks.push(status);
            if status == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Inner {
    fn fax(&self, id: &str) -> Option<&Fax> {
        self.faxes.iter().find(|fax| fax.fields["id"] == id)
    }

    fn fax_mut(&mut self, id: &str) -> Option<&mut Fax> {
        self.faxes.iter_mut().find(|fax| fax.fields["id"] == id)
    }
}

impl Sinch {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let clock = Clock::default();
        let inner = Inner {
            faxes: Vec::new(),
            scripts: HashMap::new(),
            sends: Vec::new(),
            callbacks: Vec::new(),
            largest_page: 1000,
            incoming_url: None,
        };
        let state = Arc::new(State { clock: clock.clone(), http: http(), inner: Mutex::new(inner) });
        let router = routes::router(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, clock, state }
    }

    /// What comes of the next sends to a number, in this order.
    pub fn script(&self, to: &str, scripts: impl IntoIterator<Item = Script>) {
        self.state.inner().scripts.entry(to.to_owned()).or_default().extend(scripts);
    }

    /// Lists have at most so many faxes on a page, whatever is asked for.
    pub fn page_by(&self, largest_page: usize) {
        self.state.inner().largest_page = largest_page;
    }

    /// Where callbacks about received faxes go: the service's `incomingWebhookUrl`.
    pub fn incoming_to(&self, url: &str) {
        self.state.inner().incoming_url = Some(url.to_owned());
    }

    /// A fax comes in. Returns its id.
    pub async fn receive(&self, from: &str, to: &str, pdf: Option<&[u8]>) -> String {
        let (id, url) = {
            let mut inner = self.state.inner();
            let fax = Fax::inbound(inner.faxes.len(), from, to, pdf, self.clock.now());
            let id = fax.fields["id"].as_str().unwrap().to_owned();
            inner.faxes.push(fax);
            (id, inner.incoming_url.clone())
        };
        if let Some(url) = url {
            self.state.call_back(&url, "INCOMING_FAX", &id).await;
        }
        id
    }

    /// Puts a fax into the list as it would stand there, whatever it is.
    pub fn put(&self, fields: Value) {
        self.state.inner().faxes.push(Fax { fields, file: None });
    }

    /// Changes a field of a fax.
    pub fn set(&self, id: &str, field: &str, value: Value) {
        self.state.inner().fax_mut(id).unwrap().fields[field] = value;
    }

    /// The bodies of the sends, as they came.
    pub fn sends(&self) -> Vec<Value> {
        self.state.inner().sends.clone()
    }

    /// The faxes that were taken for a number.
    pub fn taken(&self, to: &str) -> Vec<Value> {
        self.state.inner().faxes.iter().filter(|fax| fax.fields["to"] == to).map(|fax| fax.fields.clone()).collect()
    }

    pub fn callbacks(&self) -> Vec<u16> {
        self.state.inner().callbacks.clone()
    }
}
