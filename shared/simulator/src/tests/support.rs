//! A carrier, the clock that it lives by, and the product's side of the wire.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State as Extract;
use axum::http::{Request, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sfm_core::clock::Clock;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::interceptor::{Call, CallInterceptor, Verdict};
use crate::{Incoming, Simulator, SimulatorConfig, http_client};

pub(super) const KEY: &str = "key";
/// Three pages of one second each.
pub(super) const THREE_PAGES: &str = "/pages/1800-1800-1800";

/// The real document.
pub(super) const LETTER: &str = "/letter";

/// Asks until there is an answer, for as long as a slow machine may need.
pub(super) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(300), "waited too long: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Documents of the tests are the sizes of their pages in words, or real ones.
fn decode(document: &[u8]) -> Result<Vec<usize>, String> {
    if document.starts_with(b"%PDF") {
        return crate::fax_pages(document);
    }
    let text = std::str::from_utf8(document).map_err(|error| error.to_string())?;
    text.split_whitespace().map(|size| size.parse().map_err(|_| format!("{size} is not a page"))).collect()
}

/// A real document of two pages, fax-ready.
pub(super) fn letter() -> Vec<u8> {
    static LETTER: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let letter = include_bytes!("../../../fax-document/samples/letter.pdf");
        fax_document::convert(letter, None, &fax_document::Options::default()).unwrap().pdf
    });
    LETTER.clone()
}

/// A callback as it came.
#[derive(Debug, Clone)]
pub(super) struct Hook {
    pub(super) path: String,
    pub(super) timestamp: String,
    pub(super) signature: String,
    pub(super) raw: Vec<u8>,
    pub(super) json: Value,
}

impl Hook {
    pub(super) fn event(&self) -> &str {
        self.json["data"]["event_type"].as_str().unwrap()
    }

    pub(super) fn payload(&self) -> &Value {
        &self.json["data"]["payload"]
    }
}

/// The product: it serves documents and takes callbacks.
#[derive(Debug, Default)]
pub(super) struct Product {
    hooks: Mutex<Vec<Hook>>,
    /// How many callbacks it still refuses.
    pub(super) refusals: AtomicUsize,
    /// How many documents it was asked for.
    pub(super) fetches: AtomicUsize,
    /// Lets one asker have the document that is held back.
    pub(super) release: Notify,
}

impl Product {
    async fn answer(Extract(product): Extract<Arc<Self>>, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let empty = |status: u16| Response::builder().status(status).body(Body::empty()).unwrap();
        if path.starts_with("/hook") {
            return empty(product.take(path, request).await);
        }
        product.fetches.fetch_add(1, Ordering::SeqCst);
        match path.strip_prefix("/pages/") {
            Some(sizes) => Response::new(Body::from(sizes.replace('-', " "))),
            None if path == LETTER => Response::new(Body::from(letter())),
            None if path == "/broken" => Response::new(Body::from("broken")),
            None if path == "/empty" => Response::new(Body::empty()),
            None if path == "/many" => Response::new(Body::from("1 ".repeat(351))),
            None if path == "/huge" => Response::new(Body::from(vec![b' '; 50 * 1024 * 1024 + 1])),
            None if path == "/moved" => Response::builder().status(302).header("location", THREE_PAGES).body(Body::empty()).unwrap(),
            None if path == "/held" => {
                product.release.notified().await;
                Response::new(Body::from("1800"))
            }
            None if path == "/never" => std::future::pending().await,
            None => empty(404),
        }
    }

    async fn take(&self, path: String, request: Request<Body>) -> u16 {
        let (parts, body) = request.into_parts();
        let header = |name: &str| parts.headers[name].to_str().unwrap().to_owned();
        let (timestamp, signature) = (header("telnyx-timestamp"), header("telnyx-signature-ed25519"));
        let raw: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let json = serde_json::from_slice(&raw).unwrap();
        self.hooks.lock().unwrap().push(Hook { path, timestamp, signature, raw: raw.to_vec(), json });
        let refused = self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if refused { 503 } else { 200 }
    }

    /// The callbacks that came for a fax, in the order in which they came.
    pub(super) fn hooks(&self, carrier_id: &str) -> Vec<Hook> {
        let hooks = self.hooks.lock().unwrap();
        hooks.iter().filter(|hook| hook.payload()["fax_id"] == carrier_id).cloned().collect()
    }

    pub(super) fn all_hooks(&self) -> Vec<Hook> {
        self.hooks.lock().unwrap().clone()
    }
}

/// Gives the calls the verdicts that were put in, then lets everything pass.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    pub(super) next: Mutex<VecDeque<Verdict>>,
    pub(super) performed: Mutex<Vec<Performed>>,
}

#[derive(Debug, Clone)]
pub(super) struct Performed {
    pub(super) call: Call,
    pub(super) request: Vec<u8>,
    pub(super) status: u16,
    pub(super) response: Vec<u8>,
}

impl CallInterceptor for Verdicts {
    fn verdict(&self, _call: &Call) -> Verdict {
        self.next.lock().unwrap().pop_front().unwrap_or(Verdict::Perform)
    }

    fn performed(&self, call: &Call, request: &[u8], status: u16, response: &[u8]) {
        let (call, request, response) = (call.clone(), request.to_vec(), response.to_vec());
        self.performed.lock().unwrap().push(Performed { call, request, status, response });
    }
}

pub(super) struct Stage {
    pub(super) dir: TempDir,
    pub(super) clock: Clock,
    pub(super) product: Arc<Product>,
    pub(super) product_url: String,
    pub(super) interceptor: Arc<Verdicts>,
    pub(super) http: reqwest::Client,
    pub(super) carrier: Simulator,
}

impl Stage {
    /// A carrier with an empty folder that plays `speed` times faster than the telephone.
    pub(super) async fn new(speed: f64) -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), speed).await
    }

    pub(super) async fn in_dir(dir: TempDir, speed: f64) -> Self {
        let product = Arc::new(Product::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let product_url = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(Product::answer).with_state(Arc::clone(&product));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let (clock, interceptor) = (Clock::default(), Arc::new(Verdicts::default()));
        let carrier = start(&dir, &clock, &product_url, &interceptor, speed).await;
        Self { dir, clock, product, product_url, interceptor, http: http_client().unwrap(), carrier }
    }

    /// Stops the carrier as a crash would and starts another on the same folder.
    pub(super) async fn crash(mut self, speed: f64) -> Self {
        drop(self.carrier);
        self.carrier = start(&self.dir, &self.clock, &self.product_url, &self.interceptor, speed).await;
        self
    }

    /// Waits until the log tells a number of times of something.
    pub(super) async fn log_tells(&self, record: &str, times: usize) {
        until(&format!("{times} × {record} in the log"), async || {
            let log = std::fs::read_to_string(self.dir.path().join("journal.jsonl")).unwrap();
            (log.matches(record).count() == times).then_some(())
        })
        .await;
    }

    pub(super) fn advance(&self, by: SignedDuration) {
        self.clock.advance(by);
        self.carrier.clock_moved();
    }

    /// A fax to `to` with the three pages.
    pub(super) fn fax(&self, to: &str) -> Value {
        self.fax_of(to, THREE_PAGES)
    }

    pub(super) fn fax_of(&self, to: &str, document: &str) -> Value {
        json!({
            "connection_id": "c1", "from": "+15005550100", "to": to,
            "media_url": format!("{}{document}", self.product_url),
        })
    }

    pub(super) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("{}{path}", self.carrier.url())).bearer_auth(KEY)
    }

    pub(super) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let (status, body) = (response.status().as_u16(), response.bytes().await.unwrap());
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Sends a fax and returns the carrier's id of it.
    pub(super) async fn send(&self, fax: &Value) -> String {
        let (status, answer) = self.call("POST", "/v2/faxes", Some(fax)).await;
        assert_eq!(status, 202, "{answer}");
        answer["data"]["id"].as_str().unwrap().to_owned()
    }

    /// Lets a fax come in and returns the carrier's id of it.
    pub(super) fn send_in(&self, from: &str) -> String {
        let incoming = Incoming { to: "+15005550100".into(), from: from.into(), document: letter() };
        self.carrier.send_in(incoming).unwrap().carrier_fax_id
    }

    pub(super) async fn view(&self, id: &str) -> Value {
        let (status, answer) = self.call("GET", &format!("/v2/faxes/{id}"), None).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    }

    /// The fax as soon as it has that status.
    pub(super) async fn view_when(&self, id: &str, status: &str) -> Value {
        until(&format!("{id} is {status}"), async || {
            let fax = self.view(id).await;
            (fax["status"] == status).then_some(fax)
        })
        .await
    }

    /// The fax's callbacks as soon as there are that many.
    pub(super) async fn hooks(&self, id: &str, count: usize) -> Vec<Hook> {
        until(&format!("{count} callbacks of {id}"), async || {
            let hooks = self.product.hooks(id);
            (hooks.len() >= count).then_some(hooks)
        })
        .await
    }
}

async fn start(dir: &TempDir, clock: &Clock, product_url: &str, interceptor: &Arc<Verdicts>, speed: f64) -> Simulator {
    Simulator::start(SimulatorConfig {
        listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        dir: dir.path().to_owned(),
        clock: clock.clone(),
        speed,
        api_key: KEY.to_owned(),
        signing_key: SigningKey::from_bytes(&[7; 32]),
        default_webhook_url: format!("{product_url}/hook"),
        decode,
        interceptor: Arc::clone(interceptor) as Arc<dyn CallInterceptor>,
    })
    .await
    .unwrap()
}

/// The `client_state` that the product writes.
pub(super) fn client_state(fax_id: &str, attempt: u32) -> String {
    STANDARD.encode(json!({ "account_id": "acc_1", "fax_id": fax_id, "attempt": attempt }).to_string())
}
