//! A customer's server that speaks TLS, well or badly. Its certificates are in `data/tls`, and so is the authority that a client must
//! trust for the good one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What it does once it has the client's first bytes, which are its ClientHello.
#[derive(Debug, Clone, Copy)]
pub enum Speaks {
    /// Shows this certificate, and answers each request with 200.
    Well(&'static str),
    /// Shows the good certificate, and answers with the same interim answer for ever.
    EndlessInterim,
    /// Answers these bytes and closes.
    Bytes(&'static [u8]),
    /// Says nothing more.
    Nothing,
    /// Begins a handshake message that comes a byte at a time and never ends.
    Dripping,
    /// Sends handshake records as fast as they are taken, for ever.
    Flood,
}

/// The head of a record of 16 KiB of a handshake message of 16 MiB (RFC 8446, 5.1 and 4): a ServerHello in name.
const ENDLESS_HELLO: [u8; 9] = [0x16, 3, 3, 0x40, 0, 2, 0xff, 0xff, 0xff];

/// A file of `data/tls`.
pub fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/tls").join(name)
}

#[derive(Debug)]
pub struct TlsServer {
    pub url: String,
    connections: Arc<AtomicUsize>,
    sent: Arc<AtomicU64>,
}

impl TlsServer {
    /// Does the same to every connection.
    pub async fn start(speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let (connections, sent) = (Arc::<AtomicUsize>::default(), Arc::<AtomicU64>::default());
        let server = Self { url, connections: connections.clone(), sent: sent.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                // Whatever goes wrong is the client's to notice.
                tokio::spawn(treat(stream, speaks, sent.clone()));
            }
        });
        server
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Bytes of endless answers that were taken off this server.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

async fn treat(mut stream: TcpStream, speaks: Speaks, sent: Arc<AtomicU64>) -> std::io::Result<()> {
    match speaks {
        Speaks::Well(certificate) => {
            let mut stream = acceptor(certificate).accept(stream).await?;
            request(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfine").await?;
            stream.shutdown().await
        }
        Speaks::EndlessInterim => {
            let mut stream = acceptor("good").accept(stream).await?;
            request(&mut stream).await?;
            pour(&mut stream, "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(500).as_bytes(), &sent).await
        }
        Speaks::Bytes(bytes) => {
            hello(&mut stream).await?;
            stream.write_all(bytes).await?;
            stream.shutdown().await
        }
        Speaks::Nothing => stream.read_to_end(&mut Vec::new()).await.map(drop),
        Speaks::Dripping => {
            hello(&mut stream).await?;
            stream.write_all(&ENDLESS_HELLO).await?;
            loop {
                stream.write_all(&[0]).await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Speaks::Flood => {
            hello(&mut stream).await?;
            let record = [&ENDLESS_HELLO[..], &[0; 0x4000 - 4]].concat();
            pour(&mut stream, &record, &sent).await
        }
    }
}

/// The client's first bytes.
async fn hello(stream: &mut TcpStream) -> std::io::Result<usize> {
    stream.read(&mut [0; 4096]).await
}

async fn pour(stream: &mut (impl tokio::io::AsyncWrite + Unpin), block: &[u8], sent: &AtomicU64) -> std::io::Result<()> {
    loop {
        stream.write_all(block).await?;
        sent.fetch_add(block.len() as u64, Ordering::SeqCst);
    }
}

fn acceptor(certificate: &str) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_file(file(&format!("{certificate}.pem"))).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}

/// Reads a request with a body, up to the end of the body's JSON.
async fn request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"}") {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
