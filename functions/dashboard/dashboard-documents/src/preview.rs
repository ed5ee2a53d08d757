//! A page of a fax as a picture: half as wide as the fax, each pixel the grey of the black and white ones beneath it.

use std::io::Cursor;

use fax_document::{Bitmap, read_fax_pdf};
use image::{GrayImage, ImageFormat, Luma};

/// Lines an inch of a fax in standard resolution are half of those in fine, where a page has more than this.
const STANDARD_HEIGHT: u32 = 1200;

#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    #[error(transparent)]
    Document(#[from] fax_document::ReadError),
    #[error(transparent)]
    Picture(#[from] image::ImageError),
}

/// Page `number`, from 1, as a PNG. None when there is no such page.
pub fn draw(pdf: &[u8], number: usize) -> Result<Option<Vec<u8>>, PreviewError> {
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
        assert_eq!(shrunk(&Bitmap::white(1728, 1078)).height(), 1078);
    }
}
