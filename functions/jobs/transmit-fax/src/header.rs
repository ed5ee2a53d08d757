//! The line above each page of a fax that is handed over.

use fax_document::{Header, stamp};
use jiff::Timestamp;
use sfm_carriers::HeaderText;
use sfm_carriers::chosen::writes_header;
use sfm_core::fax::Fax;
use sfm_store::documents::{DocumentStoreError, Documents};
use sfm_store::platform::{ConfigError, Platform};
use tokio::sync::Semaphore;

#[derive(Debug)]
pub(crate) struct HeaderWriter {
    documents: Documents,
    carrier_writes: bool,
    /// A document and its copies take up to 150 MB: one at a time.
    place: Semaphore,
}

impl HeaderWriter {
    pub(crate) fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { documents: Documents::new(platform)?, carrier_writes: writes_header(platform)?, place: Semaphore::new(1) })
    }

    /// What the carrier is to write itself.
    pub(crate) fn text(&self, fax: &Fax) -> Option<HeaderText> {
        let header = fax.header.as_ref().filter(|_| self.carrier_writes)?;
        Some(HeaderText { sender: header.sender.clone(), time_zone: fax.time_zone.clone() })
    }

    /// Has the kept document tell the minute `at` above each page, unless it does so already; where the carrier writes that, nothing. (at most 1 GET
    /// and 1 PUT)
    pub(crate) async fn write(&self, fax: &Fax, at: Timestamp) -> Result<(), DocumentStoreError> {
        let Some(header) = &fax.header else { return Ok(()) };
        let line = (!self.carrier_writes).then(|| Header::new(&fax.time_zone.minute(at), &header.sender));
        let is_there = if line.is_some() { !header.is_stale(at) } else { header.written_at.is_none() };
        if is_there {
            return Ok(());
        }
        let _place = self.place.acquire().await;
        // One that is gone the carrier will not find either.
        let Some(pdf) = self.documents.get(&fax.document_key()).await? else { return Ok(()) };
        let stamping = tokio::task::spawn_blocking(move || stamp(&pdf, line.as_ref()).map_err(|e| e.to_string()));
        match stamping.await.unwrap_or_else(|e| Err(e.to_string())) {
            Ok(stamped) => self.documents.put(&fax.document_key(), stamped).await,
            // The fax matters more than its line.
            Err(reason) => {
                tracing::error!(fax_id = %fax.id, reason, "it goes out without a line above its pages: its document could not be read");
                Ok(())
            }
        }
    }
}
