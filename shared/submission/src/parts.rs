//! What a fax is made of, brought here from wherever it is.

use std::borrow::Cow;

use bytes::Bytes;
use fax_document::MediaType;
use sfm_core::id::{AccountId, FaxId, UploadId};
use sfm_core::submission::{Part, Source};
use sfm_core::upload;
use sfm_http_client::ssrf::SafeHttp;
use sfm_service::submission::{DocumentRefused, SubmitError};
use sfm_store::documents::Documents;
use sfm_store::faxes::Faxes;
use sfm_store::platform::{ConfigError, Platform};
use tokio::time::{Instant, timeout_at};

use crate::fetch::fetch;

/// A part as the converter takes it.
#[derive(Debug)]
pub(crate) enum LoadedPart {
    Document { bytes: Bytes, declared: Option<String> },
    Fax(Bytes),
}

impl LoadedPart {
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Document { bytes, .. } | Self::Fax(bytes) => bytes.len(),
        }
    }

    pub(crate) fn as_part(&self) -> fax_document::Part<'_> {
        match self {
            Self::Document { bytes, declared } => fax_document::Part::Document { bytes, declared: declared.as_deref() },
            Self::Fax(bytes) => fax_document::Part::Fax(bytes),
        }
    }
}

#[derive(Debug)]
pub(crate) struct PartLoader {
    guard: SafeHttp,
    faxes: Faxes,
    documents: Documents,
}

impl PartLoader {
    pub(crate) fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { guard: platform.guard()?, faxes: Faxes::new(platform)?, documents: Documents::new(platform)? })
    }

    /// Loads a part of a fax of this account until `until`.
    pub(crate) async fn load(&self, account: AccountId, part: Part, until: Instant) -> Result<LoadedPart, SubmitError> {
        let field = part.field;
        match part.source {
            Source::Inline { bytes, declared } => Ok(LoadedPart::Document { bytes: bytes.into(), declared: Some(declared) }),
            Source::Link(url) => {
                let bytes = fetch(&self.guard, &url, until).await.map_err(|e| e.refused(field))?;
                // What the far end says the type is, it often says wrongly.
                Ok(LoadedPart::Document { bytes, declared: None })
            }
            Source::Upload(id) => {
                let read = timeout_at(until, self.upload(account, id, field)).await;
                read.map_err(|_| SubmitError::OutOfTime("an upload was not read in time".into()))?
            }
            Source::Fax(id) => {
                let read = timeout_at(until, self.fax(account, id, field)).await;
                read.map_err(|_| SubmitError::OutOfTime("an earlier fax was not read in time".into()))?
            }
        }
    }

    async fn upload(&self, account: AccountId, id: UploadId, field: Cow<'static, str>) -> Result<LoadedPart, SubmitError> {
        let unknown = || {
            let message =
                format!("{field} names no upload of this account that is kept. Upload the document by PUT first; it is kept for a day.");
            DocumentRefused { code: "document_unreachable", message, field: field.clone() }
        };
        let (bytes, stored) = self.documents.get_typed(&upload::document_key(account, id)).await?.ok_or_else(unknown)?;
        // Whoever named no type stored it with what their program makes up.
        let declared = stored.filter(|stored| MediaType::from_mime(stored.split(';').next().unwrap_or_default().trim()).is_some());
        Ok(LoadedPart::Document { bytes, declared })
    }

    async fn fax(&self, account: AccountId, id: FaxId, field: Cow<'static, str>) -> Result<LoadedPart, SubmitError> {
        let refused = |code, message| DocumentRefused { code, message, field: field.clone() };
        let unknown = || refused("document_unreachable", format!("{field} names no fax of this account."));
        let fax = self.faxes.visible(account, id).await?.ok_or_else(unknown)?;
        let expired = || refused("document_expired", format!("{field} names a fax whose document is no longer kept."));
        let pdf = self.documents.get(&fax.document_key()).await?.ok_or_else(expired)?;
        Ok(LoadedPart::Fax(pdf))
    }
}
