//! The line above each page: date, sender, number of the page.

use crate::COLUMNS;
use crate::bilevel::to_bilevel;
use crate::bitmap::Bitmap;
use crate::ccitt;
use crate::error::DocumentError;
use crate::gray::Gray;
use crate::options::{Header, Resolution};
use crate::render::font::Font;
use crate::sheet::{DPI_X, Sheet};

/// Height of the line, in inches.
pub(crate) const HEIGHT: f64 = 0.2;
/// Width of a character in pixels; 8 points.
const ADVANCE: u32 = 13;
/// From the sheet's left edge, in pixels.
const LEFT: u32 = 60;
/// From the sheet's top to the baseline, in inches.
const BASELINE: f64 = 0.14;

/// Writes the header on a page given in Group 4, whose upper rows are empty. `page` counts from 1.
pub(crate) fn stamp(g4: &[u8], header: &Header, sheet: &Sheet, page: usize, pages: usize) -> Result<Vec<u8>, DocumentError> {
    let mut bitmap = ccitt::decode(g4, COLUMNS, sheet.rows).map_err(|_| DocumentError::broken("one of its pages came out damaged"))?;
    let line = draw(header, sheet, page, pages)?;
    for y in 0..line.height() {
        (0..COLUMNS).filter(|x| line.is_black(*x, y)).for_each(|x| bitmap.blacken(x, y));
    }
    Ok(ccitt::encode_g4(&bitmap))
}

fn draw(header: &Header, sheet: &Sheet, page: usize, pages: usize) -> Result<Bitmap, DocumentError> {
    let mut font = Font::new(ADVANCE as f32, (sheet.dpi_y / DPI_X) as f32)?;
    let mut line = Gray::white(COLUMNS, sheet.header);
    let baseline = (BASELINE * sheet.dpi_y).round() as u32;
    let mut write = |text: &str, x: u32| {
        for (place, c) in (0..).zip(text.chars()) {
            font.draw(c, &mut line, x + place * ADVANCE, baseline);
        }
    };
    let (date, csid) = header.parts();
    let number = format!("Page {page} of {pages}");
    let width = |text: &str| text.len() as u32 * ADVANCE;
    write(date, LEFT);
    // The CSID in what lies between the other two, which at their longest leave room for it.
    let (from, to) = (LEFT + width(date), COLUMNS - LEFT - width(&number));
    write(csid, from + to.saturating_sub(from).saturating_sub(width(csid)) / 2);
    write(&number, to);
    // Type has no shades, for which alone the resolution matters.
    Ok(to_bilevel(&line, Resolution::Fine))
}
