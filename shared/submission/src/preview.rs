//! A page of a fax as a picture: half as wide as the fax, each pixel the grey of the black and white ones beneath it.

use std::io::Cursor;

use fax_document::{Bitmap, read_fax_pdf};
use image::{GrayImage, ImageFormat, Luma};
use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::Clock;
use sfm_core::id::FaxId;
use sfm_core::principal::Principal;
use sfm_store::StoreError;
use sfm_store::audit::Audit;
use sfm_store::documents::{DocumentStoreError, Documents};
use sfm_store::faxes::Faxes;
use sfm_store::platform::{ConfigError, Platform};

/// A page with more lines than this is in fine resolution (196 lines an inch), others are in standard (98): ITU-T T.30.
const STANDARD_HEIGHT: u32 = 1400;

#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    #[error("there is no such page")]
    NotFound,
    #[error("the document is no longer kept")]
    Expired,
    /// The document of a fax that came in may be what only its carrier can write.
    #[error("the document has no preview")]
    Unreadable,
    #[error("{0}")]
    Internal(String),
    #[error(transparent)]
    Documents(#[from] DocumentStoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Shows single pages of fax-ready documents.
#[derive(Debug)]
pub struct PreviewService {
    faxes: Faxes,
    documents: Documents,
    audit: Audit,
    clock: Clock,
}

impl PreviewService {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            faxes: Faxes::new(platform)?,
            documents: Documents::new(platform)?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Page `number`, from 1, of a fax as a PNG. The audit log tells who looked at it before it is shown.
    ///
    /// # Errors
    /// When there is no such page, or no picture can be made of it.
    pub async fn page(&self, who: &Principal, id: FaxId, number: usize) -> Result<Vec<u8>, PreviewError> {
        let fax = self.faxes.visible(who.account(), id).await?.ok_or(PreviewError::NotFound)?;
        let pdf = self.documents.get(&fax.document_key()).await?.ok_or(PreviewError::Expired)?;
        let drawn = tokio::task::spawn_blocking(move || draw(&pdf, number)).await;
        let png = drawn.map_err(|e| PreviewError::Internal(e.to_string()))?.map_err(|_| PreviewError::Unreadable)?;
        let png = png.ok_or(PreviewError::NotFound)?;
        let entry = AuditEntry::new(who, Action::FaxViewed, id, self.clock.now());
        self.audit.record(&entry.detail(format!("page {number}"))).await?;
        Ok(png)
    }
}

#[derive(Debug, thiserror::Error)]
enum DrawError {
    #[error(transparent)]
    Document(#[from] fax_document::ReadError),
    #[error(transparent)]
    Picture(#[from] image::ImageError),
}

/// None when there is no such page.
fn draw(pdf: &[u8], number: usize) -> Result<Option<Vec<u8>>, DrawError> {
    let pages = read_fax_pdf(pdf)?;
    let Some(page) = number.checked_sub(1).and_then(|index| pages.get(index)) else { return Ok(None) };
    let mut png = Cursor::new(Vec::new());
    shrunk(&page.decode()?).write_to(&mut png, ImageFormat::Png)?;
    Ok(Some(png.into_inner()))
}

fn shrunk(page: &Bitmap) -> GrayImage {
    let rows = if page.height() > STANDARD_HEIGHT { 2 } else { 1 };
    GrayImage::from_fn(page.width() / 2, page.height() / rows, |x, y| {
        let black: u32 = (0..rows)
            .flat_map(|row| [(2 * x, rows * y + row), (2 * x + 1, rows * y + row)])
            .map(|(x, y)| u32::from(page.is_black(x, y)))
            .sum();
        let white = 2 * rows - black;
        Luma([u8::try_from(255 * white / (2 * rows)).unwrap_or(u8::MAX)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_pixels_become_the_grey_of_them() {
        let mut page = Bitmap::white(1728, 2156);
        for (x, y) in [(0, 0), (1, 0), (2, 2), (2, 3), (3, 2), (3, 3)] {
            page.blacken(x, y);
        }
        let small = shrunk(&page);
        assert_eq!((small.width(), small.height()), (864, 1078));
        assert_eq!([(0, 0), (1, 1), (2, 2)].map(|(x, y)| small.get_pixel(x, y).0[0]), [127, 0, 255]);
        assert_eq!([1078, 1372, 2744].map(|rows| shrunk(&Bitmap::white(1728, rows)).height()), [1078, 1372, 1372]);
    }
}
