//! A customer's webhook receiver over a real socket, which keeps what it got and answers as it is told, rightly or not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::contract::Contract;

#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// What the receiver answers.
#[derive(Debug, Clone)]
pub enum Reply {
    Plain {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// A header a second, for ever.
    SlowHeaders,
    /// A byte of the body a second, for ever.
    SlowBody,
    /// Success and so many KiB of body.
    Endless(usize),
    /// So many interim answers, then success.
    Interim(usize),
    Cut,
    Garbage,
    Http10,
    Trailers,
    /// Says that it sends no more, and reads on.
    HalfClosed,
    /// Nothing at all, for ever.
    Hang,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self::Plain { status, headers: Vec::new(), body: String::new() }
    }

    pub fn redirect(to: &str) -> Self {
        Self::status(302).header("location", to)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Plain { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub fn body(mut self, text: &str) -> Self {
        if let Self::Plain { body, .. } = &mut self {
            *body = text.to_owned();
        }
        self
    }
}

type Behaviour = Box<dyn Fn(&Request) -> Reply + Send>;

struct Shared {
    /// Exchanges under way, and the most that there ever were.
    open: Mutex<(usize, usize)>,
    requests: Mutex<Vec<Request>>,
    behaviour: Mutex<Behaviour>,
}

pub struct Receiver {
    base_url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.base_url)
    }
}

impl Receiver {
    pub async fn start(behaviour: impl Fn(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { open: Mutex::default(), requests: Mutex::default(), behaviour: Mutex::new(Box::new(behaviour)) });
        let serving = tokio::spawn({
            let shared = shared.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let shared = shared.clone();
                    // Whatever goes wrong on a connection is the sender's to notice.
                    tokio::spawn(async move {
                        {
                            let mut open = shared.open.lock().unwrap();
                            open.0 += 1;
                            open.1 = open.1.max(open.0);
                        }
                        drop(converse(stream, &shared).await);
                        shared.open.lock().unwrap().0 -= 1;
                    });
                }
            }
        });
        Self { base_url, shared, serving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// What came. Panics when a webhook is not as `openapi.json` describes it.
    pub fn requests(&self) -> Vec<Request> {
        let requests = self.shared.requests.lock().unwrap().clone();
        let webhooks = requests.iter().filter(|request| request.headers.contains_key("webhook-id"));
        webhooks.for_each(|request| Contract::get().check_webhook(request));
        requests
    }

    /// The most exchanges that were ever under way at a time.
    pub fn most_at_a_time(&self) -> usize {
        self.shared.open.lock().unwrap().1
    }

    /// Behaves otherwise from now on.
    pub fn reply(&self, behaviour: impl Fn(&Request) -> Reply + Send + 'static) {
        *self.shared.behaviour.lock().unwrap() = Box::new(behaviour);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        // The first byte of a TLS handshake, which this server does not speak.
        if bytes.first() == Some(&0x16) {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let headers: HashMap<String, String> = headers.collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Request { path, headers, body })
}

async fn converse(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let request = read(&mut stream).await?;
    let reply = (shared.behaviour.lock().unwrap())(&request);
    shared.requests.lock().unwrap().push(request);
    let second = std::time::Duration::from_secs(1);
    match reply {
        Reply::Plain { status, headers, body } => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await
        }
        Reply::SlowHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(b"x-more: 1\r\n").await?;
                tokio::time::sleep(second).await;
            }
        }
        Reply::SlowBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await?;
            loop {
                stream.write_all(b"x").await?;
                tokio::time::sleep(second).await;
            }
        }
        Reply::Endless(kib) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            for _ in 0..kib {
                stream.write_all(&[b'x'; 1024]).await?;
            }
            Ok(())
        }
        Reply::Interim(count) => {
            let interim = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n".repeat(count);
            stream.write_all(format!("{interim}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine").as_bytes()).await
        }
        Reply::Cut => Ok(()),
        Reply::Garbage => stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").await,
        Reply::Http10 => stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nfine").await,
        Reply::Trailers => {
            let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-check\r\n\r\n4\r\nfine\r\n0\r\nx-check: 1\r\n\r\n";
            stream.write_all(answer).await
        }
        Reply::HalfClosed => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine").await?;
            stream.shutdown().await?;
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.map(drop)
        }
        // Until the sender has had enough.
        Reply::Hang => stream.read_to_end(&mut Vec::new()).await.map(drop),
    }
}
