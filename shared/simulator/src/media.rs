//! The document of a fax: fetched from its link, decoded, kept until the call is over.

use std::time::Duration;

use super::Decode;
use super::file_store;
use super::outcome::FailureReason;
use super::settings::Settings;
use super::types::{Fax, Link};

/// Telnyx: at most 50 MB and 350 pages.
const MOST_BYTES: usize = 50 * 1024 * 1024;
const MOST_PAGES: usize = 350;
/// For the whole download, in real time.
const DEADLINE: Duration = Duration::from_secs(30);

/// The G4 bytes of each page, once the document is kept. That of a fax that comes in is kept from the beginning.
pub(crate) async fn receive(settings: &Settings, fax: &Fax) -> Result<Vec<usize>, FailureReason> {
    let received = match &fax.media_url {
        Some(link) => fetch(settings, fax, link).await,
        None => {
            let (decode, path) = (settings.decode, settings.files.inbound(&fax.id));
            blocking(move || page_bytes(decode, &std::fs::read(path)?)).await
        }
    };
    received.map_err(|trouble| {
        tracing::warn!(fax = %fax.id, %trouble, "the document cannot be used");
        trouble.reason()
    })
}

async fn fetch(settings: &Settings, fax: &Fax, link: &Link) -> Result<Vec<usize>, Trouble> {
    let document = download(&settings.http, link).await?;
    let (decode, path) = (settings.decode, settings.files.fetched(&fax.id));
    blocking(move || {
        let pages = page_bytes(decode, &document)?;
        file_store::write(&path, &document)?;
        Ok(pages)
    })
    .await
}

async fn blocking(work: impl FnOnce() -> Result<Vec<usize>, Trouble> + Send + 'static) -> Result<Vec<usize>, Trouble> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Trouble::GivenUp(error)))
}

/// The G4 bytes of each page of a document that a fax may have. Blocks.
pub(crate) fn page_bytes(decode: Decode, document: &[u8]) -> Result<Vec<usize>, Trouble> {
    match decode(document) {
        Ok(pages) if pages.is_empty() => Err(Trouble::Format("it has no pages".into())),
        Ok(pages) if pages.len() > MOST_PAGES => Err(Trouble::TooManyPages),
        Ok(pages) => Ok(pages),
        Err(error) => Err(Trouble::Format(error)),
    }
}

/// Why a document cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("{0}")]
    Http(reqwest::Error),
    #[error("its link answered {0}")]
    Status(reqwest::StatusCode),
    #[error("it is larger than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("it has more than {MOST_PAGES} pages")]
    TooManyPages,
    #[error("it cannot be decoded: {0}")]
    Format(String),
    #[error("it cannot be kept or read: {0}")]
    File(#[from] std::io::Error),
    #[error("the decoder has given up: {0}")]
    GivenUp(tokio::task::JoinError),
}

impl Trouble {
    fn reason(&self) -> FailureReason {
        match self {
            Self::Http(_) | Self::Status(_) => FailureReason::FileDownloadFailed,
            Self::TooLarge => FailureReason::FileSizeLimitExceeded,
            Self::TooManyPages => FailureReason::PageCountLimitExceeded,
            Self::Format(_) => FailureReason::FileFormatInvalid,
            Self::File(_) | Self::GivenUp(_) => FailureReason::MediaProcessingException,
        }
    }
}

impl From<reqwest::Error> for Trouble {
    /// The link is a key to the document and must not reach the log.
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

async fn download(http: &reqwest::Client, link: &Link) -> Result<Vec<u8>, Trouble> {
    let mut response = http.get(link.as_str()).timeout(DEADLINE).send().await?;
    if !response.status().is_success() {
        return Err(Trouble::Status(response.status()));
    }
    let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
    if announced > MOST_BYTES {
        return Err(Trouble::TooLarge);
    }
    let mut document = Vec::with_capacity(announced);
    while let Some(chunk) = response.chunk().await? {
        if document.len() + chunk.len() > MOST_BYTES {
            return Err(Trouble::TooLarge);
        }
        document.extend_from_slice(&chunk);
    }
    Ok(document)
}
