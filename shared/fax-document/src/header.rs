//! The line above each page: date, sender, number of the page.

use ReadError::Damaged;

use crate::COLUMNS;
use crate::bitmap::Bitmap;
use crate::ccitt;
use crate::error::ReadError;
use crate::fax_pdf::{FaxPage, read_fax_pdf, write_fax_pdf};
use crate::gray::Gray;
use crate::render::font::{self, Font};
use crate::sheet::{DPI_X, Sheet};

/// Height of the line, in inches.
pub(crate) const HEIGHT: f64 = 0.2;
/// Width of a character in pixels; 8 points.
const ADVANCE: u32 = 13;
/// From the sheet's left edge, in pixels.
const LEFT: u32 = 60;
/// From the sheet's top to the baseline, in inches.
const BASELINE: f64 = 0.14;
/// Characters between the parts of the line, at least.
const GAP: usize = 2;
/// Pixels that are looked at together.
const RUN: usize = 32;
/// Of a glyph's pixel, from which grey on it is black.
const BLACK: u8 = 128;

/// What stands in the line above each page, as senders of faxes owe it (47 CFR 68.318(d)): the time and the sender, to which the number of the
/// page is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    time: Vec<char>,
    sender: Vec<char>,
}

impl Header {
    /// Both as they are to be printed. Characters that [cannot be](can_print) are left out, and so is the end of a sender that is too long for the
    /// line.
    #[must_use]
    pub fn new(time: &str, sender: &str) -> Self {
        let printed = |text: &str| text.chars().filter(|c| can_print(*c)).collect();
        Self { time: printed(time), sender: printed(sender) }
    }
}

/// Whether a character can stand in a header.
#[must_use]
pub fn can_print(c: char) -> bool {
    !c.is_control() && font::has(c)
}

/// Writes the header on each page of a fax that has [room](crate::Options::header) for one, over what stands there; without a header the room becomes
/// white. The code of what is below stays as it is, bit for bit, and no page is decoded.
///
/// # Errors
/// As [`read_fax_pdf`].
pub fn stamp(pdf: &[u8], header: Option<&Header>) -> Result<Vec<u8>, ReadError> {
    let mut pages = read_fax_pdf(pdf)?;
    let count = pages.len();
    let mut pen: Option<(f64, Font)> = None;
    for (page, number) in pages.iter_mut().zip(1..) {
        let Some(bits) = page.header_bits else { continue };
        let sheet = Sheet::of_size(page.width, page.height).ok_or(Damaged)?.with_header(HEIGHT);
        let line = match header {
            Some(header) => {
                // Its glyphs are drawn once for all pages of a resolution.
                if pen.as_ref().is_none_or(|(dpi, _)| *dpi != sheet.dpi_y) {
                    pen = Some((sheet.dpi_y, Font::new(ADVANCE as f32, (sheet.dpi_y / DPI_X) as f32).map_err(|_| Damaged)?));
                }
                let (_, font) = pen.as_mut().ok_or(Damaged)?;
                draw(header, &sheet, &format!("Page {number} of {count}"), font)
            }
            None => Bitmap::white(COLUMNS, sheet.header),
        };
        let (g4, bits) = ccitt::replace_upper(&page.g4, bits as usize, &line)?;
        *page = FaxPage { g4, header_bits: u32::try_from(bits).ok(), ..*page };
    }
    write_fax_pdf(&pages)
}

/// Whether each page of a fax has room for a header.
///
/// # Errors
/// As [`read_fax_pdf`].
pub fn has_header_room(pdf: &[u8]) -> Result<bool, ReadError> {
    Ok(read_fax_pdf(pdf)?.iter().all(|page| page.header_bits.is_some()))
}

fn draw(header: &Header, sheet: &Sheet, number: &str, font: &mut Font) -> Bitmap {
    let mut line = Gray::white(COLUMNS, sheet.header);
    let baseline = (BASELINE * sheet.dpi_y).round() as u32;
    let mut write = |text: &mut dyn Iterator<Item = char>, x: u32| {
        for (place, c) in (0..).zip(text) {
            font.draw(c, &mut line, x + place * ADVANCE, baseline);
        }
    };
    let in_all = ((COLUMNS - 2 * LEFT) / ADVANCE) as usize;
    let Header { time, sender } = header;
    let room = in_all.saturating_sub(time.len() + number.len() + 2 * GAP);
    let sender = sender.get(..room).unwrap_or(sender);
    let width = |characters: usize| characters as u32 * ADVANCE;
    write(&mut time.iter().copied().take(in_all), LEFT);
    // The sender in the middle of what lies between the other two.
    let (from, to) = (LEFT + width(time.len()), COLUMNS - LEFT - width(number.len()));
    write(&mut sender.iter().copied(), from + to.saturating_sub(from).saturating_sub(width(sender.len())) / 2);
    write(&mut number.chars(), to);
    let mut black = Bitmap::white(COLUMNS, sheet.header);
    // The last row stays white, so that what is below does not depend on the line.
    for y in 0..sheet.header.saturating_sub(1) {
        for (first, pixels) in (0..).step_by(RUN).zip(line.row(y as usize).chunks(RUN)) {
            // Most of the line is white.
            if pixels.iter().fold(u8::MAX, |least, grey| least.min(*grey)) < BLACK {
                (first..).zip(pixels).filter(|(_, grey)| **grey < BLACK).for_each(|(x, _)| black.blacken(x, y));
            }
        }
    }
    black
}
