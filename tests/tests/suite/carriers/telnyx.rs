//! Telnyx: lists by pages, and links that expire.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use jiff::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};
use sfm_carriers::telnyx::{Callbacks, Telnyx};
use sfm_carriers::{AttemptUpdate, Callback, CallbackError, Carrier as _, CarrierFaxId, MediaError, Received};
use sfm_core::clock::Clock;
use sfm_core::secret::Secret;
use sfm_store::platform::Platform;
use sfm_tests::adapters::{platform, serve, submission, telnyx_key};
use sfm_tests::documents;

fn answer(value: &Value) -> axum::response::Response {
    (StatusCode::OK, [("content-type", "application/json")], value.to_string()).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_complete_inbound_fax_is_listed_through_all_pages() {
    let fax = |n: usize, status: &str, from: &str| {
        json!({"id": format!("f-{n}"), "direction": "inbound", "status": status, "from": from, "to": "+12125551234",
            "created_at": "2026-07-01T17:00:00Z", "media_url": "https://media.example.com/x", "new_field": {}})
    };
    let queries = Arc::new(Mutex::new(Vec::new()));
    let seen = queries.clone();
    let list = move |request: Request| {
        let url = Url::parse(&format!("http://x{}", request.uri())).unwrap();
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let page: usize = query.iter().find(|(name, _)| name == "page[number]").unwrap().1.parse().unwrap();
        seen.lock().unwrap().push(query);
        let data = match page {
            1 => json!([fax(1, "received", "+12025550100"), fax(2, "receiving", "+12025550100")]),
            2 => json!([fax(3, "delivered", "anonymous"), fax(4, "failed", "+12025550100"), {"status": "received"}]),
            _ => json!([fax(5, "received", "sip:x@example.com")]),
        };
        async move { answer(&json!({"data": data, "meta": {"page_number": page, "page_size": 3, "total_pages": 3, "total_results": 6}})) }
    };
    let url = serve(Router::new().route("/v2/faxes", get(list))).await;
    let telnyx = Telnyx::new(&platform(&url, Clock::default()).await).unwrap();
    let hours = ["2026-07-01T16:00:00Z", "2026-07-01T18:00:00Z"].map(|time| time.parse::<Timestamp>().unwrap());
    assert_eq!(telnyx.received(hours[0], hours[1], 2).await.unwrap(), None, "three pages are more than two");
    let received = telnyx.received(hours[0], hours[1], 3).await.unwrap().unwrap();
    let told: Vec<(&str, Option<String>)> = received.iter().map(|r| (r.id.0.as_str(), r.from.as_ref().map(ToString::to_string))).collect();
    assert_eq!(told, [("f-1", Some("+12025550100".to_owned())), ("f-3", None), ("f-5", None)]);
    assert_eq!(received[0].received_at, "2026-07-01T17:00:00Z".parse::<Timestamp>().unwrap());
    let queries = queries.lock().unwrap();
    assert_eq!(queries.len(), 4, "the first page tells that two are not enough");
    assert!(queries.iter().all(|query| query.contains(&("filter[direction][eq]".to_owned(), "inbound".to_owned()))));
    assert!(queries.iter().all(|query| query.contains(&("filter[created_at][gte]".to_owned(), "2026-07-01T16:00:00Z".to_owned()))));
    assert!(queries.iter().all(|query| query.contains(&("filter[created_at][lte]".to_owned(), "2026-07-01T18:00:00Z".to_owned()))));
}

/// A carrier whose links are what a test says: what each step answers, and what each was asked.
struct Media {
    telnyx: Telnyx,
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Media {
    /// `old` and `new`: the status of either link. `refresh`, `fax`: those of the API. `link`: what the fax says after a refresh.
    async fn start(old: u16, refresh: u16, fax: u16, link: Option<&str>, new: u16) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let base = Arc::new(Mutex::new(String::new()));
        let log = |what: &'static str, asked: &Arc<Mutex<Vec<String>>>| {
            let asked = asked.clone();
            move |request: &Request| {
                let key = if request.headers().contains_key("authorization") { " with key" } else { "" };
                asked.lock().unwrap().push(format!("{what}{key}"));
            }
        };
        let status = |code: u16| StatusCode::from_u16(code).unwrap();
        let document = move |code: u16, seen: Box<dyn Fn(&Request) + Send + Sync>| {
            let seen = Arc::new(seen);
            move |request: Request| {
                seen(&request);
                async move { (status(code), if code == 200 { documents::LETTER } else { b"no".as_slice() }) }
            }
        };
        let renew = log("refresh", &asked);
        let shown = log("fax", &asked);
        let (link, at) = (link.map(str::to_owned), base.clone());
        let router = Router::new()
            .route("/old", get(document(old, Box::new(log("old", &asked)))))
            .route("/new", get(document(new, Box::new(log("new", &asked)))))
            .route(
                "/v2/faxes/f-1/actions/refresh",
                post(move |request: Request| {
                    renew(&request);
                    async move { (status(refresh), json!({"data": {"result": "ok"}}).to_string()) }
                }),
            )
            .route(
                "/v2/faxes/f-1",
                get(move |request: Request| {
                    shown(&request);
                    let media_url = link.as_ref().map(|link| link.replace("{base}", &at.lock().unwrap()));
                    let body = json!({"data": {"id": "f-1", "direction": "inbound", "status": "received", "media_url": media_url}});
                    async move { (status(fax), body.to_string()) }
                }),
            );
        let url = serve(router).await;
        *base.lock().unwrap() = url.clone();
        let telnyx = Telnyx::new(&platform(&url, Clock::default()).await).unwrap();
        Self { telnyx, url, asked }
    }

    async fn fetch(&self, link: Option<&str>) -> Result<usize, MediaError> {
        let received = Received {
            id: CarrierFaxId("f-1".into()),
            to: "+12125551234".parse().unwrap(),
            from: None,
            pages: None,
            received_at: Timestamp::now(),
            media_url: link.map(|link| Secret::new(link.replace("{base}", &self.url))),
            partial: false,
        };
        self.telnyx.document(&received).await.map(|bytes| bytes.len())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

const NEW: Option<&str> = Some("{base}/new");

#[tokio::test(flavor = "multi_thread")]
async fn a_document_comes_from_its_link_without_our_key_and_an_expired_link_is_renewed() {
    let fresh = Media::start(200, 500, 500, None, 500).await;
    assert_eq!(fresh.fetch(Some("{base}/old")).await.unwrap(), documents::LETTER.len());
    assert_eq!(fresh.asked(), ["old"]);
    for expired in [403, 404, 410, 302] {
        let media = Media::start(expired, 200, 200, NEW, 200).await;
        assert_eq!(media.fetch(Some("{base}/old")).await.unwrap(), documents::LETTER.len(), "{expired}");
        assert_eq!(media.asked(), ["old", "refresh with key", "fax with key", "new"]);
    }
    let without = Media::start(200, 202, 200, NEW, 200).await;
    for link in [None, Some("nonsense"), Some("ftp://example.com/x"), Some("/relative")] {
        assert_eq!(without.fetch(link).await.unwrap(), documents::LETTER.len(), "{link:?}");
    }
    // A carrier that cannot refresh may still show a link.
    let stubborn = Media::start(403, 404, 200, NEW, 200).await;
    assert_eq!(stubborn.fetch(Some("{base}/old")).await.unwrap(), documents::LETTER.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_told_from_a_document_that_is_gone() {
    for (gone, old, refresh, fax, link, new) in [
        (true, 403, 200, 404, NEW, 200),
        (true, 403, 422, 200, None, 200),
        (true, 403, 200, 200, NEW, 404),
        (true, 403, 200, 200, NEW, 410),
        (false, 500, 200, 200, NEW, 200),
        (false, 429, 200, 200, NEW, 200),
        (false, 403, 500, 200, NEW, 200),
        (false, 403, 429, 200, NEW, 200),
        (false, 403, 401, 200, NEW, 200),
        (false, 403, 200, 500, NEW, 200),
        (false, 403, 200, 200, None, 200),
        (false, 403, 200, 200, Some("ftp://x/y"), 200),
        (false, 403, 200, 200, NEW, 403),
        (false, 403, 200, 200, NEW, 503),
    ] {
        let media = Media::start(old, refresh, fax, link, new).await;
        let error = media.fetch(Some("{base}/old")).await.unwrap_err();
        let told = matches!(error, MediaError::Gone(_));
        assert_eq!(told, gone, "{old} {refresh} {fax} {link:?} {new}: {error}");
        assert!(!error.to_string().contains("127.0.0.1"), "a link is a secret: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_pdf_is_no_document() {
    let times = Arc::new(AtomicUsize::new(0));
    let counted = times.clone();
    let page = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { "<html>Please log in</html>" }
    };
    let url = serve(Router::new().route("/page", get(page))).await;
    let telnyx = Telnyx::new(&platform(&url, Clock::default()).await).unwrap();
    let received = Received {
        id: CarrierFaxId("f-1".into()),
        to: "+12125551234".parse().unwrap(),
        from: None,
        pages: None,
        received_at: Timestamp::now(),
        media_url: Some(Secret::new(format!("{url}/page"))),
        partial: false,
    };
    assert!(matches!(telnyx.document(&received).await, Err(MediaError::NotYet(_))));
    assert_eq!(times.load(Ordering::SeqCst), 1);
}

/// A callback about a failed call, as Telnyx's SDK has it: with neither pages nor duration.
async fn told_of(callbacks: &Callbacks, reason: &str) -> Result<Callback, CallbackError> {
    let reference = submission("+12125551234", "https://example.com/").reference;
    let payload = json!({
        "fax_id": "f-1", "client_state": reference.encode(), "direction": "outbound", "status": "failed", "failure_reason": reason,
        "internal_failure_reason": reason, "from": "+12025550100", "to": "+12125551234", "connection_id": "1", "user_id": "u",
    });
    let body = json!({"data": {"event_type": "fax.failed", "id": "e", "record_type": "event", "payload": payload}}).to_string();
    let (now, timestamp) = (Timestamp::now(), Timestamp::now().as_second().to_string());
    let signature = telnyx_key().sign(format!("{timestamp}|{body}").as_bytes());
    callbacks.read(&STANDARD.encode(signature.to_bytes()), &timestamp, body.as_bytes(), now).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_failed_call_are_asked_for_where_there_may_be_any() {
    let (known, asked) = (Arc::new(Mutex::new((StatusCode::OK, json!({})))), Arc::new(AtomicUsize::new(0)));
    let (knows, asks) = (known.clone(), asked.clone());
    let view = move || {
        asks.fetch_add(1, Ordering::Relaxed);
        let (status, fax) = knows.lock().unwrap().clone();
        async move { (status, json!({ "data": fax }).to_string()) }
    };
    let url = serve(Router::new().route("/v2/faxes/f-1", get(view))).await;
    let callbacks = Callbacks::new(&platform(&url, Clock::default()).await).unwrap();
    let fax = |status: &str, pages: Value| json!({"id": "f-1", "status": status, "failure_reason": "receiver_call_dropped", "page_count": pages, "direction": "outbound"});
    let pages = async |reason: &str| match told_of(&callbacks, reason).await.unwrap() {
        Callback::Attempt(event) => match event.update {
            AttemptUpdate::Ended(report) => (report.result.is_err(), report.pages_sent, report.duration_seconds),
            other @ AttemptUpdate::InProgress => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    // What the resource says; nothing, where it says nothing, or the fax is gone.
    for (status, answer, expected) in [
        (StatusCode::OK, fax("failed", json!(1)), Some(1)),
        (StatusCode::OK, fax("failed", Value::Null), None),
        (StatusCode::NOT_FOUND, Value::Null, None),
    ] {
        *known.lock().unwrap() = (status, answer);
        for reason in ["receiver_call_dropped", "fax_signaling_error", "something_new", "sender_canceled"] {
            assert_eq!(pages(reason).await, (true, expected, None), "{reason}");
        }
    }
    assert_eq!(asked.swap(0, Ordering::Relaxed), 12);
    // Where no page can have gone, nobody is asked.
    for reason in ["user_busy", "receiver_no_answer", "receiver_unallocated_number", "destination_unreachable", "file_download_failed"] {
        assert_eq!(pages(reason).await, (true, None, None), "{reason}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    // Not yet, or not at all: the carrier shall tell again.
    for (status, answer) in
        [(StatusCode::OK, fax("sending", Value::Null)), (StatusCode::BAD_GATEWAY, Value::Null), (StatusCode::FORBIDDEN, Value::Null)]
    {
        *known.lock().unwrap() = (status, answer);
        let told = told_of(&callbacks, "receiver_call_dropped").await;
        assert!(matches!(told, Err(CallbackError::Unavailable(_))), "{status}: {told:?}");
    }
}

#[tokio::test]
async fn a_carrier_without_its_configuration_does_not_start() {
    let all = [("CARRIER_SECRET", "x"), ("TELNYX_API_URL", "http://[::1]:1"), ("TELNYX_CONNECTION_ID", "1")];
    let start = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Telnyx::new(&Platform::local("t", "http://[::1]:1", "s", "us-east-1", variables, Clock::default()))
    };
    assert!(start(&all).is_ok());
    for name in ["CARRIER_SECRET", "TELNYX_API_URL", "TELNYX_CONNECTION_ID"] {
        let without: Vec<_> = all.into_iter().filter(|(other, _)| *other != name).collect();
        for blank in [vec![], vec![(name, "")], vec![(name, "  ")]] {
            let error = start(&[without.clone(), blank].concat()).unwrap_err();
            assert_eq!(error.name, name);
            assert!(error.to_string().contains("is not set"), "{error}");
        }
    }
}
