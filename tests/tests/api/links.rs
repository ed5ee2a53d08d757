//! Documents by link: what is fetched, and what is not, whatever the far end says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sfm_tests::client::Client;
use sfm_tests::documents::{LETTER, LETTER_PAGES, TEXT};
use sfm_tests::service::Service;
use sfm_tests::target::Target;
use std::io::Write as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::assert_problem;

/// A server of documents and of everything that a hostile one does.
struct FarEnd {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl FarEnd {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, own) = (connections.clone(), url.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, own.clone()));
            }
        });
        Self { url, connections }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn serve(mut stream: TcpStream, own: String) {
    let mut head = vec![0; 8192];
    let read = stream.read(&mut head).await.unwrap_or(0);
    let request = String::from_utf8_lossy(&head[..read]).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    assert!(request.to_ascii_lowercase().contains("accept-encoding: identity"), "{request}");
    let whole = |kind: &str, extra: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{extra}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let redirect =
        |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes();
    let status = |line: &str| format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes();
    let answer = match path.as_str() {
        "/letter.pdf" => whole("application/pdf", "", LETTER),
        "/old-type" => whole("Application/X-PDF; charset=binary", "", LETTER),
        "/wrong-type" => whole("text/html; charset=utf-8", "", LETTER),
        "/api-error" => whole("application/json; charset=utf-8", "", br#"{"error":"denied"}"#),
        "/not-ascii" => whole("application/json; note=\"\u{e9}\"", "", br#"{"error":"denied"}"#),
        "/problem" => whole("application/problem+json", "", br#"{"title":"denied"}"#),
        "/error-as-pdf" => whole("application/pdf", "", br#"{"error":"denied"}"#),
        "/error-as-png" => whole("image/png", "", b"Access denied"),
        "/csv" => whole("text/csv", "", b"name,dose\nSmith,5 mg\n"),
        "/xml" => whole("application/xml", "", b"<Error>AccessDenied</Error>"),
        "/letter.txt" => whole("application/octet-stream", "", TEXT),
        "/packed" => whole("application/pdf", "content-encoding: gzip\r\n", &gzip(LETTER)),
        "/packed-badly" => whole("application/pdf", "content-encoding: gzip\r\n", LETTER),
        "/brotli" => whole("application/pdf", "content-encoding: br\r\n", LETTER),
        "/bomb" => whole("application/pdf", "content-encoding: gzip\r\n", &gzip(&vec![b' '; 60_000_000])),
        "/login" => whole("text/html", "", b"<!DOCTYPE html><html><body>Sign in</body></html>"),
        "/empty" => whole("application/pdf", "", b""),
        "/rubbish" => whole("application/pdf", "", b"\x00\x01\x02\x03 rubbish"),
        "/says-large" => b"HTTP/1.1 200 OK\r\ncontent-length: 20000001\r\n\r\n%PDF-1.7".to_vec(),
        "/cut-off" => b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n%PDF-1.7".to_vec(),
        "/not-http" => b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        "/hop" => redirect("/letter.pdf"),
        "/hops" => redirect(&format!("{own}/hop")),
        "/loop" => redirect("/loop"),
        "/nowhere" => redirect("http://"),
        "/no-location" => status("302 Found"),
        "/to-private" => redirect("http://10.0.0.1/"),
        "/to-metadata" => redirect("http://169.254.169.254/latest/meta-data/"),
        "/to-file" => redirect("file:///etc/passwd"),
        "/to-mapped" => redirect(&own.replace("127.0.0.1", "[::ffff:127.0.0.1]")),
        "/gone" => status("404 Not Found"),
        "/failing" => status("503 Service Unavailable"),
        "/unasked" => status("206 Partial Content"),
        "/silent" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return;
        }
        "/endless" | "/drip" => {
            let (size, pause) = if path == "/drip" { (1, 100) } else { (1 << 20, 0) };
            let chunk = [format!("{size:x}\r\n").as_bytes(), &vec![b'x'; size], b"\r\n"].concat();
            let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            while sent.is_ok() {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                sent = stream.write_all(&chunk).await;
            }
            return;
        }
        other => panic!("{other}"),
    };
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

async fn send(client: &Client, url: &str) -> sfm_tests::client::Answer {
    client.post("/v1/faxes", &json!({"to": "+15005550001", "document_url": url})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_fetched_by_its_link_and_its_type_is_sniffed() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let far = FarEnd::start().await;
    for path in ["/letter.pdf", "/old-type", "/packed", "/hop", "/hops"] {
        let sent = send(&client, &format!("{}{path}", far.url)).await;
        assert_eq!((sent.status, sent.json()["pages"].clone()), (201, json!(LETTER_PAGES)), "{path}: {}", sent.text);
    }
    assert_eq!(send(&client, &format!("{}/letter.txt", far.url)).await.status, 201);
    let mut scheduled = json!({"to": "+15005550001", "document_url": format!("{}/letter.pdf", far.url)});
    scheduled["send_at"] = json!((jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string());
    assert_eq!(client.post("/v1/scheduled", &scheduled).await.json()["pages"], LETTER_PAGES);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_by_link_keep_their_order_among_others_and_name_themselves_when_they_cannot_be_had() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let far = FarEnd::start().await;
    let url = |path: &str| json!({"url": format!("{}{path}", far.url)});
    let send = async |parts: Vec<Value>| client.post("/v1/faxes", &json!({"to": "+15005550001", "documents": parts})).await;
    let sent = send(vec![url("/letter.pdf"), url("/letter.txt"), url("/hop")]).await;
    assert_eq!((sent.status, sent.json()["pages"].clone()), (201, json!(2 * LETTER_PAGES + 1)), "{}", sent.text);
    assert_eq!(send(vec![url("/letter.txt"); 20]).await.json()["pages"], 20);
    let rows = [("/gone", "document_unreachable"), ("/login", "document_type_unsupported"), ("/says-large", "document_too_large")];
    for (path, code) in rows {
        let error = assert_problem(&send(vec![url("/letter.txt"), url(path), url("/failing")]).await, 400, "invalid_request");
        assert_eq!((&error["code"], &error["param"]), (&json!(code), &json!("documents[1].url")), "{path}: {error}");
        assert!(error["message"].as_str().unwrap().starts_with("documents[1].url "), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_link_may_lead_to_is_bounded_whatever_the_far_end_does() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let far = FarEnd::start().await;
    let rows = [
        ("/bomb", "document_too_large"),
        ("/says-large", "document_too_large"),
        ("/endless", "document_too_large"),
        ("/login", "document_type_unsupported"),
        ("/rubbish", "document_type_unsupported"),
        ("/error-as-pdf", "document_type_unsupported"),
        ("/error-as-png", "document_type_unsupported"),
        ("/empty", "document_empty"),
        ("/packed-badly", "document_unreachable"),
        ("/brotli", "document_unreachable"),
        ("/cut-off", "document_unreachable"),
        ("/not-http", "document_unreachable"),
        ("/loop", "document_unreachable"),
        ("/nowhere", "document_unreachable"),
        ("/no-location", "document_unreachable"),
        ("/to-private", "document_unreachable"),
        ("/to-metadata", "document_unreachable"),
        ("/to-file", "document_unreachable"),
        ("/to-mapped", "document_unreachable"),
        ("/gone", "document_unreachable"),
        ("/failing", "document_unreachable"),
        ("/unasked", "document_unreachable"),
        // These two take the 10 seconds that a far end has in all, side by side.
        ("/silent", "document_unreachable"),
        ("/drip", "document_unreachable"),
    ];
    let sends: Vec<_> = rows
        .map(|(path, code)| {
            let (client, url) = (client.clone(), format!("{}{path}", far.url));
            (path, code, tokio::spawn(async move { send(&client, &url).await }))
        })
        .into_iter()
        .collect();
    for (path, code, sent) in sends {
        let error = assert_problem(&sent.await.unwrap(), 400, "invalid_request");
        assert_eq!((&error["code"], &error["param"]), (&json!(code), &json!("document_url")), "{path}: {error}");
    }
    assert_eq!(client.get("/v1/faxes").await.json()["total"], 0);
}

/// The same on both stacks: what the switch for tests opens is loopback alone.
#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_url_is_connected_to() {
    let far = FarEnd::start().await;
    let port = far.url.rsplit(':').next().unwrap();
    let never: Vec<String> = [
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://172.16.0.1/",
        "https://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/iam/",
        "https://169.254.169.254/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://0.0.0.0/",
        "https://0/",
        "https://[::]/",
        "http://example.com/",
        "ftp://example.com/letter.pdf",
        "file:///etc/passwd",
        "data:application/pdf;base64,JVBERi0=",
        "letter.pdf",
        "",
        "https://",
        "https://user:password@example.com/",
        "https://nothing.invalid/",
    ]
    .map(str::to_owned)
    .into();
    let loopback = ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "127.0.0.1."];
    let mapped = ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "0.0.0.0"];
    let on = |hosts: &[&str], scheme: &str| hosts.iter().map(|host| format!("{scheme}://{host}:{port}/letter.pdf")).collect::<Vec<_>>();
    let check = async |client: &Client, urls: Vec<String>| {
        for url in urls {
            let error = assert_problem(&send(client, &url).await, 400, "invalid_request");
            assert_eq!(error["code"], "document_unreachable", "{url}: {error}");
            assert_eq!(error["param"], "document_url");
        }
    };
    let closed = Service::start_closed().await;
    check(&closed.customer().await.client, never.clone()).await;
    let client = closed.customer().await.client;
    check(&client, [on(&loopback, "http"), on(&loopback, "https"), on(&mapped, "https"), on(&mapped, "http")].concat()).await;
    let open = Target::start().await;
    check(&open.customer().await.client, [never, on(&mapped, "http"), on(&mapped, "https")].concat()).await;
    assert_eq!(far.connections.load(Ordering::SeqCst), 0);
    let value: Value = send(&open.customer().await.client, &format!("http://localhost:{port}/letter.pdf")).await.json();
    assert_eq!(value["pages"], LETTER_PAGES, "with the switch loopback works, by name too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_far_end_itself_calls_no_document_is_not_faxed() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let far = FarEnd::start().await;
    for path in ["/wrong-type", "/api-error", "/not-ascii", "/problem", "/csv", "/xml"] {
        let error = assert_problem(&send(&client, &format!("{}{path}", far.url)).await, 400, "invalid_request");
        assert_eq!((&error["code"], &error["param"]), (&json!("document_type_unsupported"), &json!("document_url")), "{path}");
    }
    assert_eq!(client.get("/v1/faxes").await.json()["total"], 0);
}
