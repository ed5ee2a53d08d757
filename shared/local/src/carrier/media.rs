//! The document of a fax: fetched from its link, kept, decoded.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::id::Id;
use super::outcome::FailureReason;
use super::state::Settings;
use super::types::{Fax, Link};

/// Where received documents lie in the data directory.
pub(crate) const FOLDER: &str = "received";

/// Telnyx: at most 50 MB and 350 pages.
const MOST_BYTES: usize = 50 * 1024 * 1024;
const MOST_PAGES: usize = 350;
/// For the whole download, in real time.
const DEADLINE: Duration = Duration::from_secs(30);

/// The G4 bytes of each page, once the document is kept.
pub(crate) async fn receive(settings: &Settings, fax: &Fax) -> Result<Vec<usize>, FailureReason> {
    let document = download(&settings.http, &fax.media_url).await.map_err(|trouble| {
        tracing::warn!(fax = %fax.id, %trouble, "the document cannot be fetched");
        trouble.reason()
    })?;
    keep(&settings.received, &fax.id, &document).await.map_err(|error| {
        tracing::error!(fax = %fax.id, %error, "the document cannot be kept");
        FailureReason::MediaProcessingException
    })?;
    let decode = settings.decode;
    let decoded = tokio::task::spawn_blocking(move || decode(&document)).await;
    let pages = decoded.map_err(|error| {
        tracing::error!(fax = %fax.id, %error, "the decoder has given up");
        FailureReason::MediaProcessingException
    })?;
    match pages {
        Ok(pages) if pages.is_empty() => Err(FailureReason::FileFormatInvalid),
        Ok(pages) if pages.len() > MOST_PAGES => Err(FailureReason::PageCountLimitExceeded),
        Ok(pages) => Ok(pages),
        Err(error) => {
            tracing::warn!(fax = %fax.id, error, "the document cannot be decoded");
            Err(FailureReason::FileFormatInvalid)
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Http(reqwest::Error),
    #[error("it answered {0}")]
    Status(reqwest::StatusCode),
    #[error("it is larger than {MOST_BYTES} bytes")]
    TooLarge,
}

impl Trouble {
    fn reason(&self) -> FailureReason {
        match self {
            Self::TooLarge => FailureReason::FileSizeLimitExceeded,
            Self::Http(_) | Self::Status(_) => FailureReason::FileDownloadFailed,
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

/// Whoever finds the file finds it whole.
async fn keep(folder: &Path, id: &Id, document: &[u8]) -> std::io::Result<()> {
    let unfinished = folder.join(format!("{id}.part"));
    tokio::fs::write(&unfinished, document).await?;
    tokio::fs::rename(&unfinished, path(folder, id)).await
}

fn path(folder: &Path, id: &Id) -> PathBuf {
    folder.join(format!("{id}.pdf"))
}
