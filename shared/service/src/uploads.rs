//! Uploads: documents that are stored first, and sent as parts of faxes for a day.

use std::time::Duration;

use jiff::SignedDuration;
use sfm_core::clock::Clock;
use sfm_core::id::UploadId;
use sfm_core::principal::Principal;
use sfm_core::upload::{MediaTypeText, Upload, UploadSize, document_key};
use sfm_store::documents::{DocumentStoreError, Documents};
use sfm_store::platform::{ConfigError, Platform};

/// How long an upload may be begun.
const LINK_LIFE: Duration = Duration::from_secs(15 * 60);

/// Lets documents be uploaded. Nothing is stored before: the id has enough randomness that nobody guesses it, and the account is in the key.
#[derive(Debug, Clone)]
pub struct UploadService {
    documents: Documents,
    clock: Clock,
}

impl UploadService {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { documents: Documents::new(platform)?, clock: platform.clock() })
    }

    /// A link for an upload of exactly `size` bytes, good for fifteen minutes.
    pub async fn create(
        &self,
        who: &Principal,
        size: UploadSize,
        content_type: Option<MediaTypeText>,
    ) -> Result<Upload, DocumentStoreError> {
        let now = self.clock.now();
        let id = UploadId::generate(now);
        let key = document_key(who.account(), id);
        let url = self.documents.upload_link(&key, size, content_type.as_ref().map(MediaTypeText::as_str), LINK_LIFE).await?;
        let life = SignedDuration::try_from(LINK_LIFE).unwrap_or_default();
        Ok(Upload { id, size, content_type, url, expires_at: now + life })
    }
}
