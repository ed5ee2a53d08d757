//! Hostile URLs: none may get through to a connection.

use std::collections::VecDeque;
use std::sync::Mutex;

use http::Method;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::request;

/// Answers of a name server, one after the other; the last one stays.
#[derive(Debug)]
struct Answers(Mutex<VecDeque<Vec<IpAddr>>>);

impl Answers {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = answers.iter().map(|answer| answer.iter().filter_map(|address| address.parse().ok()).collect());
        Arc::new(Self(Mutex::new(parsed.collect())))
    }
}

impl Names for Answers {
    fn addresses<'a>(&'a self, _: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        let mut answers = self.0.lock().unwrap_or_else(|e| e.into_inner());
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

fn guard(answers: &[&[&str]], allow_loopback: bool) -> SafeHttp {
    SafeHttp::new(Answers::new(answers), allow_loopback).unwrap_or_else(|e| unreachable!("{e}"))
}

async fn refusal(guard: &SafeHttp, text: &str) -> Option<UrlRejected> {
    match guard.parse(text) {
        Ok(url) => guard.client_for(&url).await.err(),
        Err(refused) => Some(refused),
    }
}

const PRIVATE: [&str; 23] = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "168.63.129.16",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "fd00:ec2::254",
    "fe80::1",
    "ff02::1",
];

/// IPv6 addresses that hold an IPv4 address, here 127.0.0.1 or 169.254.169.254.
const EMBEDDING: [&str; 13] = [
    "::",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "fec0::1",
    "fe80::5efe:169.254.169.254",
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:127.0.0.1",
];

#[tokio::test]
async fn no_address_that_is_not_public_gets_through_in_any_spelling() {
    let guard = guard(&[&["93.184.215.14"]], false);
    for address in PRIVATE.iter().chain(&EMBEDDING) {
        let url = if address.contains(':') { format!("https://[{address}]/a") } else { format!("https://{address}:8443/a") };
        assert_eq!(refusal(&guard, &url).await, Some(UrlRejected::Host), "{url}");
    }
    let spellings = [
        "https://2130706433/",
        "https://0x7f000001/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://127.0.0.1./",
        "https://%31%32%37.0.0.1/",
        "https://①②⑦.0.0.1/",
        "https://127。0。0。1/",
        "https://169.254.43518/",
        "https://0xA9FEA9FE/",
        "https://[::ffff:7f00:1]/",
        "https://[0:0:0:0:0:ffff:127.0.0.1]/",
        "https:127.0.0.1/",
        "https:\\\\127.0.0.1\\a",
    ];
    for url in spellings {
        assert_eq!(refusal(&guard, url).await, Some(UrlRejected::Host), "{url}");
    }
}

#[tokio::test]
async fn other_schemes_credentials_and_rubbish_are_refused() {
    let guard = guard(&[&["93.184.215.14"]], false);
    for url in
        ["http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com", "data:text/plain,x", "javascript:1"]
    {
        assert_eq!(refusal(&guard, url).await, Some(UrlRejected::NotHttps), "{url}");
    }
    for url in
        ["https://user@example.com/", "https://user:secret@example.com/", "https://:secret@example.com/", "https://example.com@127.0.0.1/"]
    {
        assert_eq!(refusal(&guard, url).await, Some(UrlRejected::Credentials), "{url}");
    }
    for url in
        ["", "example.com", "//example.com/", "https://", "https://[::1", "https://exa mple.com/", "https://256.1.1.1/", "https://a:99999/"]
    {
        assert_eq!(refusal(&guard, url).await, Some(UrlRejected::Malformed), "{url}");
    }
    let (long, longer) = (format!("https://{}.com/", "a".repeat(64)), format!("https://{}com/", "a.".repeat(126)));
    for url in ["https://./", "https://../", "https://example..com/", "https://.example.com/", "https://example.com:0/", &long, &longer] {
        assert_eq!(refusal(&guard, url).await, Some(UrlRejected::Malformed), "{url}");
    }
    for url in ["https://\t127.0.0.1/", "https://exam\nple.com/", "https://exam\u{200b}ple.com/"] {
        assert_eq!(refusal(&guard, url).await, Some(UrlRejected::Malformed), "{url:?}");
    }
    for name in [
        "metadata",
        "printer",
        "localhost",
        "a.localhost",
        "nas.local",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.tencentyun.com",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "fax.home.arpa",
        "fax.lan.",
        "FAX.CORP",
        "a.test",
        "a.example",
        "a.invalid",
        "a.onion",
    ] {
        assert_eq!(refusal(&guard, &format!("https://{name}/")).await, Some(UrlRejected::Host), "{name}");
    }
    for url in [
        "https://example.com/my letter.pdf",
        "https://example.com.:8443/#top",
        "https://mylocal.example.org/",
        "https://notmetadata.goog.com/",
    ] {
        assert_eq!(refusal(&guard, url).await, None, "{url}");
    }
}

#[tokio::test]
async fn a_name_is_refused_when_any_of_its_addresses_is() {
    for private in PRIVATE.iter().chain(&EMBEDDING) {
        for answer in [&[*private][..], &["93.184.215.14", private], &["2606:2800:220:1::1", private, "93.184.215.14"]] {
            assert_eq!(refusal(&guard(&[answer], false), "https://mixed.example.com/").await, Some(UrlRejected::Host), "{answer:?}");
        }
    }
    assert_eq!(refusal(&guard(&[], false), "https://unknown.example.com/").await, Some(UrlRejected::Host));
    assert_eq!(refusal(&guard(&[&[]], false), "https://empty.example.com/").await, Some(UrlRejected::Host));
}

/// A listener that answers anything with 200, and where it is.
async fn listener() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
    });
    Ok(address)
}

#[tokio::test]
async fn a_name_that_changes_between_check_and_connect_is_connected_to_as_it_was_checked() -> io::Result<()> {
    let address = listener().await?;
    let url = format!("http://rebinding.example.com:{}/", address.port());
    // The name points at the listener once, and at an address where nobody listens ever after.
    let once = guard(&[&["127.0.0.1"], &["127.0.0.2"]], true);
    let parsed = once.parse(&url).map_err(io::Error::other)?;
    let client = once.client_for(&parsed).await.map_err(io::Error::other)?;
    for _ in 0..2 {
        assert!(client.send(request(Method::GET, &parsed), "").await.is_ok_and(|answer| answer.status == 200));
    }
    // The other way round: checked as harmless, it must not reach what it points at later.
    let later = guard(&[&["127.0.0.2"], &["127.0.0.1"]], true);
    let client = later.client_for(&parsed).await.map_err(io::Error::other)?;
    assert!(client.send(request(Method::GET, &parsed), "").await.is_err());
    Ok(())
}

#[tokio::test]
async fn the_switch_for_tests_allows_loopback_and_nothing_else() {
    let open = guard(&[&["127.0.0.1", "::1"]], true);
    for url in ["http://localhost:1/", "https://localhost/", "http://127.0.0.1/", "http://[::1]:8080/"] {
        assert_eq!(refusal(&open, url).await, None, "{url}");
    }
    for url in ["http://10.0.0.1/", "http://169.254.169.254/", "http://93.184.215.14/", "https://[::ffff:127.0.0.1]/", "http://0.0.0.0/"] {
        assert_eq!(refusal(&open, url).await, Some(UrlRejected::Host), "{url}");
    }
    assert_eq!(refusal(&guard(&[&["93.184.215.14"]], true), "http://example.com/").await, Some(UrlRejected::Host));
}

proptest! {
    /// The standard library's own opinion, where it has a stable one.
    #[test]
    fn nothing_that_the_standard_library_calls_special_is_public(bits: u32, wide: u128) {
        let v4 = Ipv4Addr::from(bits);
        if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || v4.is_documentation() {
            prop_assert!(!is_public(v4.into()), "{v4}");
        }
        for v6 in [Ipv6Addr::from(wide), v4.to_ipv6_mapped(), v4.to_ipv6_compatible()] {
            if v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unique_local() || v6.to_ipv4().is_some() {
                prop_assert!(!is_public(v6.into()), "{v6}");
            }
        }
    }
}
