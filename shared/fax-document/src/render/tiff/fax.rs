//! Pictures in fax code: Modified Huffman, Group 3 and Group 4 (TIFF 6.0, sections 10 and 11).

use hayro_ccitt::{DecodeSettings, Decoder as Rows, DecoderContext, EncodingMode};

use super::damaged;
use super::directory::{self as tag, Directory};
use super::parts::Parts;
use crate::error::DocumentError;
use crate::gray::Gray;

pub(super) const MODIFIED_HUFFMAN: u64 = 2;
pub(super) const GROUP_3: u64 = 3;
pub(super) const GROUP_4: u64 = 4;
/// `T4Options`: rows may refer to the row above them.
const TWO_DIMENSIONAL: u64 = 1;
/// A mask, of which either may be black: what a picture is taken for of which nothing is said.
const UNSAID: u64 = 4;

/// A picture in the fax code `code`, strip by strip or tile by tile.
pub(super) fn decode(directory: &Directory<'_>, code: u64, width: u32, height: u32) -> Result<Gray, DocumentError> {
    let options = directory.number(tag::T4_OPTIONS).unwrap_or(0);
    let lowest_bit_first = directory.number(tag::FILL_ORDER) == Some(2);
    let photometric = directory.number(tag::PHOTOMETRIC).unwrap_or(UNSAID);
    let (wide, high) = (width as usize, height as usize);
    let parts = Parts::of(directory, wide, high)?;
    let mut page = Page { width: wide, pixels: vec![255; wide * high] };
    for row in 0..parts.rows {
        for column in 0..parts.columns {
            let stored = parts.stored(row * parts.columns + column, 0)?;
            let reversed: Vec<u8>;
            let part = if lowest_bit_first {
                reversed = stored.iter().map(|byte| byte.reverse_bits()).collect();
                &reversed
            } else {
                stored
            };
            let rows = parts.rows_in(row, high);
            let settings = DecodeSettings {
                columns: u32::try_from(parts.across).map_err(|_| damaged())?,
                rows: u32::try_from(rows).map_err(|_| damaged())?,
                end_of_block: false,
                end_of_line: false,
                rows_are_byte_aligned: code == MODIFIED_HUFFMAN,
                encoding: match code {
                    GROUP_4 => EncodingMode::Group4,
                    GROUP_3 if options & TWO_DIMENSIONAL != 0 => EncodingMode::Group3_2D,
                    _ => EncodingMode::Group3_1D,
                },
                strict: false,
            };
            let mut decoded = Page { width: parts.across, pixels: Vec::new() };
            hayro_ccitt::decode(part, &mut decoded, &mut DecoderContext::new(settings)).map_err(|_| damaged())?;
            if decoded.pixels.len() != rows * decoded.width {
                return Err(damaged());
            }
            page.lay(&decoded, column * parts.across, row * parts.down);
        }
    }
    let black = page.pixels.iter().filter(|pixel| **pixel == 0).count();
    // Paper is mostly white.
    if photometric == 1 || photometric == UNSAID && black > page.pixels.len() / 2 {
        page.pixels.iter_mut().for_each(|pixel| *pixel = !*pixel);
    }
    Gray::new(width, height, page.pixels).ok_or_else(damaged)
}

struct Page {
    width: usize,
    pixels: Vec<u8>,
}

impl Page {
    /// Copies another's pixels, as far as there is room, from (`x`, `y`) on.
    fn lay(&mut self, other: &Self, x: usize, y: usize) {
        let rows = self.pixels.chunks_exact_mut(self.width.max(1)).skip(y);
        for (to, from) in rows.zip(other.pixels.chunks_exact(other.width.max(1))) {
            to.iter_mut().skip(x).zip(from).for_each(|(to, from)| *to = *from);
        }
    }
}

impl Rows for Page {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.pixels.len();
        self.pixels.resize(start + self.width, 255);
        for run in changes.chunks(2) {
            let from = (run.first().copied().unwrap_or(0) as usize).min(self.width);
            let to = run.get(1).map_or(self.width, |to| (*to as usize).min(self.width));
            if let Some(black) = self.pixels.get_mut(start + from..start + to.max(from)) {
                black.fill(0);
            }
        }
    }
}
