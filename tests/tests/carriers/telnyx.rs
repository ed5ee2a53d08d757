//! Telnyx: lists by pages, and links that expire.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use jiff::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};
use sfm_core::carrier::telnyx::Telnyx;
use sfm_core::carrier::{Carrier as _, CarrierFaxId, MediaError, Received};
use sfm_core::clock::Clock;
use sfm_core::secret::Secret;
use sfm_tests::adapters::{platform, serve};
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
    let received = telnyx.received("2026-07-01T16:00:00Z".parse().unwrap()).await.unwrap();
    let told: Vec<(&str, Option<String>)> = received.iter().map(|r| (r.id.0.as_str(), r.from.as_ref().map(ToString::to_string))).collect();
    assert_eq!(told, [("f-1", Some("+12025550100".to_owned())), ("f-3", None), ("f-5", None)]);
    assert_eq!(received[0].received_at, "2026-07-01T17:00:00Z".parse::<Timestamp>().unwrap());
    let queries = queries.lock().unwrap();
    assert_eq!(queries.len(), 3);
    assert!(queries.iter().all(|query| query.contains(&("filter[direction][eq]".to_owned(), "inbound".to_owned()))));
    assert!(queries.iter().all(|query| query.contains(&("filter[created_at][gte]".to_owned(), "2026-07-01T15:55:00Z".to_owned()))));
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
    };
    assert!(matches!(telnyx.document(&received).await, Err(MediaError::NotYet(_))));
    assert_eq!(times.load(Ordering::SeqCst), 1);
}
