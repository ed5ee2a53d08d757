//! A server that does to each connection what it was told to, byte by byte.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Clone)]
pub enum Then {
    /// Reads the request, answers these bytes, closes.
    Answer(String),
    /// Resets the connection without reading.
    Reset,
    /// Reads the request, then resets the connection.
    ReadAndReset,
    /// Reads the request and says nothing more.
    Silence,
    /// A head that comes a byte at a time and never ends.
    SlowHead,
    /// A body that comes a byte at a time and never ends.
    SlowBody,
    /// A body that comes as fast as it is taken and never ends.
    EndlessBody,
    /// The same interim answer as fast as it is taken, for ever.
    EndlessInterim(&'static str),
}

impl Then {
    pub fn answer(status: &str, headers: &str, body: &str) -> Self {
        Self::Answer(format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()))
    }
}

#[derive(Debug)]
pub struct Hostile {
    pub url: String,
    connections: Arc<AtomicUsize>,
    sent: Arc<AtomicU64>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    /// Does the same to every connection.
    pub async fn start(then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hostile = Self { url, connections: Arc::default(), sent: Arc::default(), requests: Arc::default() };
        let (connections, sent, requests) = (hostile.connections.clone(), hostile.sent.clone(), hostile.requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(treat(stream, then.clone(), sent.clone(), requests.clone()));
            }
        });
        hostile
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Bytes of endless answers that were taken off this server.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn treat(mut stream: TcpStream, then: Then, sent: Arc<AtomicU64>, requests: Arc<Mutex<Vec<String>>>) {
    if matches!(then, Then::Reset) {
        // What was not read resets the connection when it is closed.
        stream.readable().await.unwrap();
        return;
    }
    let Some(request) = read(&mut stream).await else { return };
    requests.lock().unwrap().push(request);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let slowly = |text: &'static str| text.bytes().chain(std::iter::repeat(b' '));
    match then {
        Then::Reset | Then::ReadAndReset => {
            stream.set_zero_linger().unwrap();
        }
        Then::Answer(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Then::Silence => std::future::pending().await,
        Then::SlowHead => drip(&mut stream, slowly("HTTP/1.1 200 OK\r\nx-slow: ")).await,
        Then::SlowBody => {
            let _ = stream.write_all(format!("{head}content-length: 100000\r\n\r\n").as_bytes()).await;
            drip(&mut stream, slowly("{")).await;
        }
        Then::EndlessBody => {
            let _ = stream.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await;
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {
                sent.fetch_add(chunk.len() as u64, Ordering::SeqCst);
            }
        }
        Then::EndlessInterim(line) => {
            let block = format!("HTTP/1.1 {line}\r\n\r\n").repeat(1000);
            while stream.write_all(block.as_bytes()).await.is_ok() {
                sent.fetch_add(block.len() as u64, Ordering::SeqCst);
            }
        }
    }
}

async fn drip(stream: &mut TcpStream, bytes: impl Iterator<Item = u8>) {
    for byte in bytes {
        if stream.write_all(&[byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads a whole request.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}
