//! The HTTP client for servers that are not ours: carriers, and whatever host a customer names. Rustls with ring and
//! the platform's roots, HTTP/1.1, no redirects, no proxies, no deadline of its own.
//!
//! A server may say little before its answer: at most `MOST_INTERIM` interim answers (1xx), each head of at most
//! `LARGEST_HEAD` bytes. Else one that repeats `100 Continue` for ever would be read, and parsed, for as long as it
//! likes.

pub mod ssrf;

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::header::{ACCEPT, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode, Uri, request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower_service::Service;
use url::Url;

/// What kept a client from being made.
pub type Error = Box<dyn StdError + Send + Sync>;

const AGENT: &str = concat!("send-fax-mail/", env!("CARGO_PKG_VERSION"));
/// Interim answers before the one that counts. Servers send one or two: `100 Continue`, `103 Early Hints`.
const MOST_INTERIM: usize = 4;
/// Bytes of an answer's status line and headers.
const LARGEST_HEAD: usize = 64 * 1024;
/// After so many bytes of a connection whatever else waits has its turn, deadlines among them: a fast sender is never
/// out of data.
const TURN: usize = 64 * 1024;
/// A connection that is kept for the next request is closed after so long.
const IDLE: Duration = Duration::from_secs(90);
/// Less than what servers keep a connection for that nobody uses: 5 s is the least that is common (Node.js, `server.keepAliveTimeout`; Apache,
/// `KeepAliveTimeout`). One that ends just when a request leaves is an attempt that fails.
const IDLE_OF_OTHERS: Duration = Duration::from_secs(3);
/// How soon a peer that is gone is noticed while nothing is sent.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// The roots of the system: read once in a process, when they are first needed. That takes some milliseconds, which a function that seldom calls a
/// foreign server need not spend at its start.
static ROOTS: LazyLock<Arc<rustls::RootCertStore>> = LazyLock::new(|| {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// Rustls with ring and the roots of the system.
#[derive(Debug, Clone)]
pub struct Tls {
    builder: rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>,
    config: Arc<OnceLock<rustls::ClientConfig>>,
}

impl Tls {
    /// # Errors
    /// When the versions of TLS that are safe are none that the provider has.
    pub fn new() -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self { builder, config: Arc::default() })
    }

    pub fn config(&self) -> &rustls::ClientConfig {
        self.config.get_or_init(|| self.builder.clone().with_root_certificates(ROOTS.clone()).with_no_client_auth())
    }
}

/// Why there is no answer, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    #[error("the request is no HTTP")]
    Request(#[from] http::Error),
    #[error(transparent)]
    Exchange(#[from] legacy::Error),
    #[error(transparent)]
    Body(#[from] hyper::Error),
    #[error("more than {MOST_INTERIM} interim answers")]
    TooManyInterim,
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
}

impl ExchangeError {
    /// Not a byte of the request has left: there was no connection, or nothing that could be sent on it.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Request(_) => true,
            Self::Exchange(e) => e.is_connect(),
            Self::Body(_) | Self::TooManyInterim | Self::TooLong(_) => false,
        }
    }

    /// There was a connection, but no TLS on it: it was refused, or the connection ended in the middle of the handshake.
    pub fn is_tls(&self) -> bool {
        is_any(self, |error| error.is::<rustls::Error>()) || self.is_unsent() && is_any(self, is_end)
    }

    /// The error and what it stands on. Neither has the URL.
    pub fn text(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

/// Whether an error, or one that it stands on, is of a kind. An `io::Error` hides what it wraps from the chain of sources.
fn is_any(error: &(dyn StdError + 'static), is: fn(&(dyn StdError + 'static)) -> bool) -> bool {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    is(error) || wrapped.is_some_and(|inner| is_any(inner, is)) || error.source().is_some_and(|source| is_any(source, is))
}

/// The end of a connection that there was: who is not let in at all is refused, or waits.
fn is_end(error: &(dyn StdError + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    matches!(kind, Some(BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

/// An answer whose head has arrived.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
}

impl Answer {
    /// The next bytes of the body; None at its end.
    ///
    /// # Errors
    /// [`ExchangeError`] when the connection breaks.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ExchangeError> {
        while let Some(frame) = self.body.frame().await {
            // The other frames are trailers.
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// What is left of the body, at most so many bytes of it.
    ///
    /// # Errors
    /// [`ExchangeError::TooLong`] when it has more, or its head says so; another when the connection breaks.
    pub async fn body(&mut self, at_most: usize) -> Result<Bytes, ExchangeError> {
        if self.content_length().is_some_and(|length| length > at_most as u64) {
            return Err(ExchangeError::TooLong(at_most));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > at_most {
                return Err(ExchangeError::TooLong(at_most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The length that the head says.
    pub fn content_length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }
}

#[derive(Debug, Clone)]
pub struct Client(Arc<legacy::Client<HttpsConnector<Connector>, Full<Bytes>>>);

impl Client {
    /// A client for hosts that the system's resolver finds, which keeps connections for the next request.
    pub fn new(tls: rustls::ClientConfig) -> Self {
        Self::build(Resolver::System(GaiResolver::new()), tls, IDLE)
    }

    /// A client that takes every name for these addresses. It keeps connections for three seconds.
    pub fn pinned(addresses: Vec<SocketAddr>, tls: rustls::ClientConfig) -> Self {
        Self::build(Resolver::Pinned(addresses), tls, IDLE_OF_OTHERS)
    }

    fn build(resolver: Resolver, tls: rustls::ClientConfig, idle: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(Connector(tcp));
        let mut client = legacy::Client::builder(TokioExecutor::new());
        client.http1_max_buf_size(LARGEST_HEAD).pool_timer(TokioTimer::new()).pool_idle_timeout(idle);
        Self(Arc::new(client.build(connector)))
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`ExchangeError`], which names no URL: some are secret.
    pub async fn send(&self, request: request::Builder, body: impl Into<Bytes>) -> Result<Answer, ExchangeError> {
        let mut request = request.body(Full::new(body.into()))?;
        request.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        request.headers_mut().entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let interim = Arc::new((AtomicUsize::new(0), Notify::new()));
        hyper::ext::on_informational(&mut request, {
            let interim = interim.clone();
            move |_| {
                if interim.0.fetch_add(1, Ordering::Relaxed) == MOST_INTERIM {
                    interim.1.notify_one();
                }
            }
        });
        // Whoever stops waiting for an answer closes its connection.
        let answer = tokio::select! {
            biased;
            () = interim.1.notified() => return Err(ExchangeError::TooManyInterim),
            answer = self.0.request(request) => answer?,
        };
        if interim.0.load(Ordering::Relaxed) > MOST_INTERIM {
            return Err(ExchangeError::TooManyInterim);
        }
        let (head, body) = answer.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

/// A request for a URL.
pub fn request(method: Method, url: &Url) -> request::Builder {
    Request::builder().method(method).uri(url.as_str())
}

#[derive(Debug, Clone)]
enum Resolver {
    System(GaiResolver),
    Pinned(Vec<SocketAddr>),
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::System(system) => system.poll_ready(cx),
            Self::Pinned(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, name: Name) -> Self::Future {
        match self {
            Self::System(system) => {
                let found = system.call(name);
                async { Ok(found.await?.collect::<Vec<_>>().into_iter()) }.boxed()
            }
            Self::Pinned(addresses) => std::future::ready(Ok(addresses.clone().into_iter())).boxed(),
        }
    }
}

/// Makes the connections, on which TLS is spoken or HTTP at once.
#[derive(Debug, Clone)]
struct Connector(HttpConnector<Resolver>);

impl Service<Uri> for Connector {
    type Response = TokioIo<Paced>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx).map_err(Error::from)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        async { Ok(TokioIo::new(Paced { stream: connecting.await?.into_inner(), read: 0 })) }.boxed()
    }
}

/// A connection that lets others have their turn.
#[derive(Debug)]
struct Paced {
    stream: TcpStream,
    /// Bytes since it last did so.
    read: usize,
}

impl AsyncRead for Paced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read >= TURN {
            self.read = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.read += buf.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
}

impl Connection for Paced {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

/// `Retry-After` (RFC 9110, 10.2.3): whole seconds, or the moment itself in any of the three forms of HTTP dates (5.6.7). A moment that is over is no
/// pause. None for anything else.
pub fn retry_after(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(SignedDuration::from_secs(text.parse().unwrap_or(i64::MAX)));
    }
    let until = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
    Some(until.duration_since(now).max(SignedDuration::ZERO))
}

#[cfg(test)]
mod tests;
