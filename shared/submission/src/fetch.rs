//! Documents by link: fetched from wherever a customer says, within bounds that do not depend on what the far end says.

use std::borrow::Cow;
use std::io::Read as _;
use std::time::Duration;

use bytes::Bytes;
use fax_document::MediaType;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{Method, StatusCode};
use sfm_http_client::ssrf::{SafeHttp, UrlRejected};
use sfm_http_client::{self, Answer, ExchangeError};
use sfm_service::submission::DocumentRefused;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// Name resolution, redirects and body together.
const TIME: Duration = Duration::from_secs(10);
/// What is read of a document, and what it may unpack to.
pub(crate) const LARGEST: usize = 20_000_000;
const REDIRECTS: usize = 5;

/// Why there is no document. Each message goes on from the name of the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("{0}")]
    UrlRejected(#[from] UrlRejected),
    #[error("redirects to a URL that cannot be followed: it {0}")]
    Redirect(UrlRejected),
    #[error("redirects more than {REDIRECTS} times")]
    TooManyRedirects,
    #[error("could not be fetched: no connection could be made, or it broke")]
    Connection,
    #[error("could not be fetched within 10 seconds")]
    TimedOut,
    #[error("answered with status {0}; it must answer with the document itself, without a login")]
    Status(u16),
    #[error("answered in a content coding that was not asked for")]
    Coding,
    #[error("answered with the type {0}, which is no document that can be faxed: it may be an error page")]
    Type(String),
    #[error("answered with the type {0}, and what it answered with is not of that type: it may be an error page")]
    Mislabelled(String),
    #[error("leads to a document larger than 20 MB")]
    TooLarge,
}

impl FetchError {
    /// `field` is where the link came in.
    pub(crate) fn refused(self, field: Cow<'static, str>) -> DocumentRefused {
        let code = match self {
            Self::TooLarge => "document_too_large",
            Self::Type(_) | Self::Mislabelled(_) => "document_type_unsupported",
            _ => "document_unreachable",
        };
        DocumentRefused { code, message: format!("{field} {self}."), field }
    }
}

/// Fetches a document, until 10 s from now or `until`, whichever comes first.
pub(crate) async fn fetch(guard: &SafeHttp, url: &str, until: Instant) -> Result<Bytes, FetchError> {
    let until = until.min(Instant::now() + TIME);
    timeout_at(until, follow(guard, guard.parse(url)?)).await.unwrap_or(Err(FetchError::TimedOut))
}

/// Each redirect is checked like the first URL, with a name resolved anew and a client of its own.
async fn follow(guard: &SafeHttp, mut url: Url) -> Result<Bytes, FetchError> {
    for hop in 0..=REDIRECTS {
        let refused = if hop == 0 { FetchError::UrlRejected } else { FetchError::Redirect };
        let client = guard.client_for(&url).await.map_err(refused)?;
        let request = sfm_http_client::request(Method::GET, &url).header(ACCEPT_ENCODING, "identity");
        let answer = client.send(request, Bytes::new()).await.map_err(|_| FetchError::Connection)?;
        match answer.status {
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = answer.headers.get(LOCATION).and_then(|location| std::str::from_utf8(location.as_bytes()).ok());
                url = location.and_then(|location| url.join(location).ok()).ok_or(FetchError::Redirect(UrlRejected::Malformed))?;
            }
            StatusCode::OK => return read(answer).await,
            other => return Err(FetchError::Status(other.as_u16())),
        }
    }
    Err(FetchError::TooManyRedirects)
}

async fn read(mut answer: Answer) -> Result<Bytes, FetchError> {
    let mut declared = None;
    for value in answer.headers.get_all(CONTENT_TYPE) {
        declared = may_be_document(&String::from_utf8_lossy(value.as_bytes()))?;
    }
    let coding = answer.headers.get(CONTENT_ENCODING).map(|coding| coding.as_bytes().to_ascii_lowercase());
    let body = answer.body(LARGEST).await.map_err(|e| match e {
        ExchangeError::TooLong(_) => FetchError::TooLarge,
        _ => FetchError::Connection,
    })?;
    // Some servers send what they have compressed, whatever was asked for.
    let body = match coding.as_deref() {
        None | Some(b"" | b"identity") => body,
        Some(b"gzip" | b"x-gzip") => unpack(MultiGzDecoder::new(body.as_ref()))?,
        Some(b"deflate") => unpack(ZlibDecoder::new(body.as_ref()))?,
        Some(_) => return Err(FetchError::Coding),
    };
    // What is called a picture and has the signature of none would be faxed as text.
    match declared {
        Some((kind, essence)) if kind != MediaType::Text && MediaType::sniff(&body) == Some(MediaType::Text) => {
            Err(FetchError::Mislabelled(essence))
        }
        _ => Ok(body),
    }
}

/// What a server says the type is may be wrong, and the bytes decide; but what it calls something else (a web page, JSON) is its answer
/// to an error more often than a document.
fn may_be_document(declared: &str) -> Result<Option<(MediaType, String)>, FetchError> {
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let says_nothing = ["", "application/octet-stream", "binary/octet-stream", "application/x-download", "application/force-download"];
    if says_nothing.contains(&essence.as_str()) {
        return Ok(None);
    }
    if let Some(kind) = MediaType::from_mime(&essence) {
        return Ok(Some((kind, essence)));
    }
    Err(FetchError::Type(essence.chars().filter(|c| c.is_ascii_graphic()).take(60).collect()))
}

fn unpack(packed: impl std::io::Read) -> Result<Bytes, FetchError> {
    let mut unpacked = Vec::new();
    packed.take(LARGEST as u64 + 1).read_to_end(&mut unpacked).map_err(|_| FetchError::Coding)?;
    if unpacked.len() > LARGEST { Err(FetchError::TooLarge) } else { Ok(unpacked.into()) }
}
