//! Grey to black and white.
//!
//! Type, rules and line art are cut at a threshold, which keeps their edges crisp and costs few bytes in Group 4. Shades (photographs,
//! shaded table rows) are screened with clustered dots, as a printing press does: a fax machine's single pixels print uneven, and the runs
//! of error diffusion are so short that Group 4 makes them larger instead of smaller. Photographs get coarser dots, fills finer ones. Which
//! is which is decided for blocks of pixels: a shade has middle greys whose neighbours are like them, the grey on the edge of a letter does
//! not. In blocks that have both, each pixel is looked at. Grey and coloured type is cut to thinner strokes.
//!
//! The work is done in passes along a row whose inner loops have no branches, so that the compiler makes vector code of them, for
//! whichever of its instruction sets the processor turns out to have.

mod blocks;
mod grey_type;
mod level;
mod row;
mod screen;
#[cfg(test)]
mod tests;

use fearless_simd::{Level, Simd, dispatch};

use crate::bitmap::Bitmap;
use crate::gray::Gray;
use crate::options::Resolution;

use self::blocks::{Counts, Kind};
use self::grey_type::GreyType;
pub(crate) use self::level::{level, strengthen};
use self::row::{Row, inked};
use self::screen::{Screen, SmoothRows};

/// The page, whose rows lie at this resolution, in black and white.
pub(crate) fn to_bilevel(page: &Gray, resolution: Resolution) -> Bitmap {
    let level = Level::try_detect().unwrap_or(Level::baseline());
    dispatch!(level, simd => simd.vectorize(
        #[inline(always)]
        || convert(page, resolution)
    ))
}

#[inline(always)]
fn convert(page: &Gray, resolution: Resolution) -> Bitmap {
    let mut rows = Vec::with_capacity(page.height());
    for y in 0..page.height() {
        let columns = inked(page.row(y));
        if !columns.is_empty() {
            rows.push((y, columns));
        }
    }
    let mut counts = Counts::new(page);
    let mut row = Row::new(page.width());
    let mut bitmap = Bitmap::white(page.width() as u32, page.height() as u32);
    for (y, columns) in &rows {
        row.cut(page, *y, columns);
        counts.add(*y, columns, &row.smooth);
        row.store(*y, columns, &mut bitmap);
    }
    let grey_type = GreyType::new(page, resolution);
    let blocks = counts.blocks(page, &grey_type);
    if blocks.has_none() {
        return bitmap;
    }
    let (tones, fills) = (Screen::of_tones(page.width()), Screen::of_fills(page.width(), resolution));
    let mut smooth = SmoothRows::new(page.width());
    for (y, columns) in rows.iter().filter(|(y, columns)| blocks.shades(*y, columns).next().is_some()) {
        row.cut(page, *y, columns);
        for (kind, columns) in blocks.shades(*y, columns) {
            match kind {
                Kind::Shade { is_mixed, is_fill } => {
                    let near = if is_mixed { Some(smooth.touched(page, *y)) } else { None };
                    let screen = if is_fill { &fills } else { &tones };
                    screen.lay(page, *y, columns, near, &mut row.black);
                }
                Kind::Type(thinned) => grey_type.lay(thinned, *y, columns, &mut row.black),
            }
        }
        row.store(*y, columns, &mut bitmap);
    }
    bitmap
}
