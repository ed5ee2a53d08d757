//! TIFF: a page a picture, as many as there are.

mod directory;
mod fax;
mod parts;
mod samples;

use image::metadata::Orientation;

use self::directory::{self as tag, Directory};
use super::Sink;
use super::image::{lay_out, oriented};
use crate::error::DocumentError;
use crate::gray::Gray;
use crate::options::Limits;
use crate::sheet::Sheet;

/// `NewSubfileType`: a small copy of another picture of the file, or its mask (TIFF 6.0, page 36).
const NO_PAGE: u64 = 1 | 4;

fn damaged() -> DocumentError {
    DocumentError::broken("the TIFF is damaged or cut short")
}

/// Draws each picture as one page, but small copies and masks of others only if there is nothing else. One of exactly the sheet's size is
/// taken pixel by pixel.
pub(crate) fn draw(bytes: &[u8], sheet: &Sheet, limits: &Limits, sink: &mut Sink<'_>) -> Result<(), DocumentError> {
    // Each page may have copies of several sizes.
    let directories = Directory::all(bytes, (limits.pages as usize).saturating_mul(8))?;
    let is_page = |directory: &&Directory<'_>| directory.number(tag::SUBFILE).unwrap_or(0) & NO_PAGE == 0;
    let mut pages: Vec<&Directory<'_>> = directories.iter().filter(is_page).collect();
    if pages.is_empty() {
        pages.extend(directories.last());
    }
    if pages.is_empty() {
        return Err(damaged());
    }
    limits.check_pages(pages.len())?;
    for page in pages {
        let side = |tag: u16| page.number(tag).and_then(|side| u32::try_from(side).ok()).filter(|side| *side > 0).ok_or_else(damaged);
        let (width, height) = (side(tag::WIDTH)?, side(tag::HEIGHT)?);
        limits.check_pixels(width.into(), height.into())?;
        limits.check_deadline()?;
        let picture = match page.number(tag::COMPRESSION).unwrap_or(1) {
            code @ (fax::MODIFIED_HUFFMAN | fax::GROUP_3 | fax::GROUP_4) => fax::decode(page, code, width, height)?,
            code => samples::decode(page, code, width, height, limits)?,
        };
        let (picture, aspect) = upright(picture, aspect(page), orientation(page));
        lay_out(picture, aspect, sheet, sink)?;
    }
    Ok(())
}

/// Where the first row and column lie; of a value that means nothing, as usual.
fn orientation(page: &Directory<'_>) -> Orientation {
    let value = page.number(tag::ORIENTATION).and_then(|value| u8::try_from(value).ok()).and_then(Orientation::from_exif);
    value.unwrap_or(Orientation::NoTransforms)
}

/// The picture as it is to be seen. A pixel that lies on its side is as wide as it was high.
fn upright(picture: Gray, aspect: f64, orientation: Orientation) -> (Gray, f64) {
    let is_turned =
        matches!(orientation, Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH);
    (oriented(picture, orientation), if is_turned { aspect.recip() } else { aspect })
}

/// How many times as high as wide a pixel is: fax machines' are not square.
fn aspect(page: &Directory<'_>) -> f64 {
    match (page.ratio(tag::X_RESOLUTION), page.ratio(tag::Y_RESOLUTION)) {
        // Beyond this it is no resolution but a mistake.
        (Some(across), Some(down)) if (0.2..=5.0).contains(&(across / down)) => across / down,
        _ => 1.0,
    }
}
