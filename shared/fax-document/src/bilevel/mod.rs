//! Grey to black and white.
//!
//! Type, rules and line art are cut at a threshold, which keeps their edges crisp and costs few bytes in Group 4. Shades (photographs,
//! shaded table rows) are screened with clustered dots, as a printing press does: a fax machine's single pixels print uneven, and the runs
//! of error diffusion are so short that Group 4 makes them larger instead of smaller. Photographs get coarser dots, fills finer ones. Which
//! is which is decided for blocks of pixels: a shade has middle greys whose neighbours are like them, the grey on the edge of a letter does
//! not. In blocks that have both, each pixel is looked at.
//!
//! The work is done in passes along a row whose inner loops have no branches, so that the compiler makes vector code of them, for
//! whichever of its instruction sets the processor turns out to have.

mod level;

use std::ops::{Range, RangeInclusive};

use fearless_simd::{Level, Simd, dispatch};

use crate::bitmap::Bitmap;
use crate::gray::Gray;

pub(crate) use level::level;

/// Side of the blocks, in pixels: a twelfth of an inch, about the height of a line of small print.
const BLOCK: usize = 16;
/// Darker than this is ink. Over half of white, so that a one-pixel rule that falls between two pixels is drawn on both, not lost.
const INK: u8 = 160;
/// The greys that make a shade: what is lighter is paper, though it be off-white, and what is darker is ink.
const SHADE: RangeInclusive<u8> = 32..=224;
/// Inside a shade, only what is all but black or white is left unscreened.
const SCREENED: RangeInclusive<u8> = 8..=247;
/// Width and height of the screen's cell, in pixels.
const CELL: (usize, usize) = (8, 6);
/// The order in which the pixels of a cell turn white as the shade lightens: from two dots, the second midway between four of the first, 25 to
/// the inch along its rows, which lie 3 pixels apart. Wider than high: changes of colour along a row are what Group 4 takes bytes for.
const SCREEN: [[u8; CELL.0]; CELL.1] = [
    [46, 39, 13, 3, 1, 9, 31, 44],
    [34, 26, 23, 17, 15, 21, 24, 32],
    [4, 10, 28, 41, 43, 37, 18, 6],
    [0, 8, 30, 45, 47, 38, 12, 2],
    [14, 20, 25, 33, 35, 27, 22, 16],
    [42, 36, 19, 7, 5, 11, 29, 40],
];
/// The same for fills of one grey, such as a table's shaded rows, in half as large dots, so that what is printed on them stays
/// legible.
const FILL_CELL: (usize, usize) = (6, 4);
const FILL_SCREEN: [[u8; FILL_CELL.0]; FILL_CELL.1] =
    [[22, 15, 3, 1, 9, 20], [4, 10, 17, 18, 12, 6], [0, 8, 21, 23, 14, 2], [19, 13, 7, 5, 11, 16]];
/// A block of which three in four pixels of shade are exactly like their neighbours is a fill.
const FILL_SHARE: (u32, u32) = (3, 4);
/// Neighbours in a shade differ by at most this.
const SMOOTH: u8 = 24;
/// A block in which one pixel in two is smooth shade is all shade; with one in eight it is mixed, and so are the blocks around both.
const SHADE_SHARE: u32 = 2;
const MIXED_SHARE: u32 = 8;
/// A step between neighbours that is an edge even inside a shade.
const EDGE: u8 = 110;
/// How much darker than the paper on both sides a hairline is, to be drawn although it is lighter than ink.
const HAIRLINE: u8 = 24;

pub(crate) fn to_bilevel(page: &Gray) -> Bitmap {
    let level = Level::try_detect().unwrap_or(Level::baseline());
    dispatch!(level, simd => simd.vectorize(
        #[inline(always)]
        || convert(page)
    ))
}

#[inline(always)]
fn convert(page: &Gray) -> Bitmap {
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
    let blocks = counts.blocks();
    if blocks.has_none() {
        return bitmap;
    }
    let (screen, fill_screen) = (Screen::new(&SCREEN, page.width()), Screen::new(&FILL_SCREEN, page.width()));
    let mut smooth = SmoothRows::new(page.width());
    for (y, columns) in rows.iter().filter(|(y, columns)| blocks.shades(*y, columns).next().is_some()) {
        row.cut(page, *y, columns);
        for ((shade, is_fill), columns) in blocks.shades(*y, columns) {
            let near = if shade == Shade::Mixed { Some(smooth.touched(page, *y)) } else { None };
            let screen = if is_fill { &fill_screen } else { &screen };
            screen.lay(page, *y, columns, near, &mut row.black);
        }
        row.store(*y, columns, &mut bitmap);
    }
    bitmap
}

/// 1 for smooth shade, and 1 more if all around is the same.
#[inline(always)]
fn mark(around: Around) -> u8 {
    let smooth = u8::from(around.is_smooth_shade());
    smooth + (smooth & u8::from(around.low == around.high))
}

/// One row in the making.
struct Row {
    /// 1 is black.
    black: Vec<u8>,
    /// 1 is smooth shade, 2 is fill.
    smooth: Vec<u8>,
    /// A row of ink.
    ink: Vec<u8>,
}

impl Row {
    fn new(width: usize) -> Self {
        Self { black: vec![0; width], smooth: vec![0; width], ink: vec![0; width] }
    }

    /// Marks what is black when all of it is cut, and what is smooth shade.
    #[inline(always)]
    fn cut(&mut self, page: &Gray, y: usize, columns: &Range<usize>) {
        let (row, width) = (page.row(y), page.width());
        let inside = columns.start.max(2)..columns.end.min(width.saturating_sub(2)).max(columns.start.max(2));
        for x in columns.clone().filter(|x| !inside.contains(x)) {
            let around = around_at(page, x, y);
            self.black.get_mut(x).into_iter().for_each(|black| *black = u8::from(around.value < INK));
            self.smooth.get_mut(x).into_iter().for_each(|smooth| *smooth = mark(around));
        }
        let near = Neighbours::inside(page, y, &inside);
        let shifted = |row: &'_ [u8], shift: isize| {
            let range = inside.start.wrapping_add_signed(shift)..inside.end.wrapping_add_signed(shift);
            range.start..range.end.min(row.len())
        };
        let (Some(left2), Some(right2)) = (row.get(shifted(row, -2)), row.get(shifted(row, 2))) else { return };
        // No line runs along the sheet's upper and lower edge, where no paper is.
        let ink = self.ink.get(inside.clone()).unwrap_or_default();
        let far = |y: Option<usize>| y.and_then(|y| page.row(y).get(inside.clone()));
        let (up2, down2) = match (far(y.checked_sub(2)), far(Some(y + 2))) {
            (Some(up2), Some(down2)) => (up2, down2),
            _ => (ink, ink),
        };
        let marks = self.black.get_mut(inside.clone()).unwrap_or_default().iter_mut();
        let marks = marks.zip(self.smooth.get_mut(inside.clone()).unwrap_or_default());
        let across = near.left.iter().zip(near.right).zip(left2.iter().zip(right2));
        let down = near.up.iter().zip(near.down).zip(up2.iter().zip(down2));
        for (((black, smooth), value), (((left, right), (left2, right2)), ((up, down), (up2, down2)))) in
            marks.zip(near.row).zip(across.zip(down))
        {
            let value = *value;
            *smooth = mark(Around::of(value, [*left, *right, *up, *down]));
            let hairline = is_hairline(value, *left, *right, *left2, *right2) | is_hairline(value, *up, *down, *up2, *down2);
            *black = u8::from((value < INK) | hairline);
        }
    }

    /// Hands the row over to the bitmap.
    #[inline(always)]
    fn store(&mut self, y: usize, columns: &Range<usize>, bitmap: &mut Bitmap) {
        bitmap.set_row(y as u32, columns.start, self.black.get(columns.clone()).unwrap_or_default());
    }
}

/// From the first to the last pixel that is not white, as far as chunks tell.
#[inline(always)]
fn inked(row: &[u8]) -> Range<usize> {
    const CHUNK: usize = 64;
    let (mut first, mut end) = (row.len(), 0);
    for (from, chunk) in (0..).step_by(CHUNK).zip(row.chunks(CHUNK)) {
        let mut all = 255;
        chunk.iter().for_each(|pixel| all &= pixel);
        if all != 255 {
            first = first.min(from);
            end = from + chunk.len();
        }
    }
    first..end
}

/// A pixel, and the darkest and lightest of it and its four neighbours.
#[derive(Clone, Copy)]
struct Around {
    value: u8,
    low: u8,
    high: u8,
}

impl Around {
    #[inline(always)]
    fn of(value: u8, [left, right, up, down]: [u8; 4]) -> Self {
        let low = value.min(left.min(right)).min(up.min(down));
        let high = value.max(left.max(right)).max(up.max(down));
        Self { value, low, high }
    }

    /// The largest difference to a neighbour.
    #[inline(always)]
    fn step(self) -> u8 {
        (self.high - self.value).max(self.value - self.low)
    }

    #[inline(always)]
    fn is_smooth_shade(self) -> bool {
        SHADE.contains(&self.value) & (self.step() <= SMOOTH)
    }
}

/// A row and those around it, shifted so that the neighbours of the pixel at `i` lie at `i`; beyond the edges lies more of the same.
struct Neighbours<'a> {
    row: &'a [u8],
    left: &'a [u8],
    right: &'a [u8],
    up: &'a [u8],
    down: &'a [u8],
}

impl<'a> Neighbours<'a> {
    /// Of the pixels in `columns`, which has no pixel at either edge.
    #[inline(always)]
    fn inside(page: &'a Gray, y: usize, columns: &Range<usize>) -> Self {
        let row = page.row(y);
        let or_same = |other: &'a [u8]| if other.is_empty() { row } else { other };
        let part = |row: &'a [u8], shift: isize| {
            let at = |column: usize| column.wrapping_add_signed(shift);
            row.get(at(columns.start)..at(columns.end)).unwrap_or_default()
        };
        let (up, down) = (or_same(y.checked_sub(1).map_or(&[], |y| page.row(y))), or_same(page.row(y + 1)));
        Self { row: part(row, 0), left: part(row, -1), right: part(row, 1), up: part(up, 0), down: part(down, 0) }
    }

    /// Each pixel, with the darkest and the lightest of itself and its four neighbours.
    #[inline(always)]
    fn around(&self) -> impl Iterator<Item = Around> {
        let around = self.left.iter().zip(self.right).zip(self.up.iter().zip(self.down));
        self.row.iter().zip(around).map(|(value, ((left, right), (up, down)))| Around::of(*value, [*left, *right, *up, *down]))
    }
}

/// The same at the page's very edge.
#[inline(always)]
fn around_at(page: &Gray, x: usize, y: usize) -> Around {
    let value = page.row(y).get(x).copied().unwrap_or(255);
    let at = |x: Option<usize>, y: Option<usize>| x.zip(y).and_then(|(x, y)| page.row(y).get(x)).copied().unwrap_or(value);
    let (left, right) = (at(x.checked_sub(1), Some(y)), at(Some(x + 1), Some(y)));
    Around::of(value, [left, right, at(Some(x), y.checked_sub(1)), at(Some(x), Some(y + 1))])
}

/// Calls `each` for every pixel in `columns`.
#[inline(always)]
fn for_around(page: &Gray, y: usize, columns: &Range<usize>, out: &mut [u8], each: impl Fn(usize, Around, &mut u8)) {
    let inside = columns.start.max(1)..columns.end.min(page.width().saturating_sub(1)).max(columns.start.max(1));
    if let Some(out) = out.get_mut(inside.clone()) {
        let neighbours = Neighbours::inside(page, y, &inside);
        for (x, (out, around)) in (inside.start..).zip(out.iter_mut().zip(neighbours.around())) {
            each(x, around, out);
        }
    }
    for x in [0, page.width().saturating_sub(1)].into_iter().filter(|x| columns.contains(x) && !inside.contains(x)) {
        out.get_mut(x).into_iter().for_each(|out| each(x, around_at(page, x, y), out));
    }
}

/// Whether a pixel is the darkest of a line at most two pixels wide with paper on both sides.
#[inline(always)]
fn is_hairline(value: u8, before: u8, after: u8, paper_before: u8, paper_after: u8) -> bool {
    let lighter = value.saturating_add(HAIRLINE);
    (lighter < 255) & (value < before) & (value <= after) & (paper_before >= lighter) & (paper_after >= lighter)
}

/// A screen, row by row as wide as the page: what is darker than it is black.
struct Screen(Vec<Vec<u8>>);

impl Screen {
    fn new<const W: usize, const H: usize>(turns: &[[u8; W]; H], width: usize) -> Self {
        let threshold = |turn: u8| ((2 * u32::from(turn) + 1) * 255 / (2 * (W * H) as u32)) as u8;
        Self(turns.iter().map(|turns| turns.iter().cycle().take(width).map(|turn| threshold(*turn)).collect()).collect())
    }

    /// Screens the shade in `columns`: all of it, or only where `near` says that a smooth shade is near. Where the shade ends, and at the
    /// edges of what is printed on it, the darker side is black and the lighter white, so that type on grey is not thickened.
    #[inline(always)]
    fn lay(&self, page: &Gray, y: usize, columns: Range<usize>, near: Option<&[u8]>, black: &mut [u8]) {
        let thresholds = self.0.get(y % self.0.len().max(1)).map(Vec::as_slice).unwrap_or_default();
        for_around(page, y, &columns, black, |x, around, black| {
            let threshold = thresholds.get(x).copied().unwrap_or(0);
            let near = near.is_none_or(|near| near.get(x).is_some_and(|near| *near != 0));
            let is_edge = around.step() >= EDGE;
            let screened = near & SCREENED.contains(&around.value) & !is_edge;
            let cut = u8::from(around.value < around.low.midpoint(around.high));
            *black = if screened { u8::from(around.value < threshold) } else { *black };
            *black = if near & is_edge { cut } else { *black };
        });
    }
}

/// Sets 1 in `out` where pixels are smooth shade, 0 elsewhere.
#[inline(always)]
fn mark_smooth(page: &Gray, y: usize, columns: &Range<usize>, out: &mut [u8]) {
    for_around(page, y, columns, out, |_, around, out| *out = u8::from(around.is_smooth_shade()));
}

/// Which pixels are smooth shade in three rows, and which touch one.
struct SmoothRows {
    rows: [(Option<usize>, Vec<u8>); 3],
    touched: Vec<u8>,
}

impl SmoothRows {
    fn new(width: usize) -> Self {
        Self { rows: [(); 3].map(|()| (None, vec![0; width])), touched: vec![0; width] }
    }

    /// 1 for each pixel of the row that is smooth shade or beside it.
    #[inline(always)]
    fn touched(&mut self, page: &Gray, y: usize) -> &[u8] {
        let width = page.width();
        for near in y.saturating_sub(1)..=y + 1 {
            let [(held, marks), ..] = self.rows.get_mut(near % 3..).unwrap_or_default() else { continue };
            if *held != Some(near) {
                *held = Some(near);
                if near < page.height() { mark_smooth(page, near, &(0..width), marks) } else { marks.fill(0) }
            }
        }
        let row = |y: usize| self.rows.get(y % 3).map(|(_, marks)| marks.as_slice()).unwrap_or_default();
        self.touched.copy_from_slice(row(y));
        let mut join = |marks: &[u8], shift: usize| {
            let touched = self.touched.get_mut(shift..).unwrap_or_default();
            touched.iter_mut().zip(marks).for_each(|(touched, mark)| *touched |= mark);
        };
        join(row(y).get(1..).unwrap_or_default(), 0);
        join(row(y), 1);
        join(row(y + 1), 0);
        if y > 0 {
            join(row(y - 1), 0);
        }
        &self.touched
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shade {
    Whole,
    Mixed,
}

/// How many pixels of each block are smooth shade.
struct Counts {
    across: usize,
    down: usize,
    counts: Vec<u32>,
    /// Of them exactly like their neighbours.
    fills: Vec<u32>,
}

impl Counts {
    fn new(page: &Gray) -> Self {
        let (across, down) = (page.width().div_ceil(BLOCK), page.height().div_ceil(BLOCK));
        Self { across, down, counts: vec![0; across * down], fills: vec![0; across * down] }
    }

    /// Counts those of a row. `columns` begins with a block.
    #[inline(always)]
    fn add(&mut self, y: usize, columns: &Range<usize>, smooth: &[u8]) {
        let smooth = smooth.get(columns.clone()).unwrap_or_default();
        let from = y / BLOCK * self.across + columns.start / BLOCK;
        let (counts, fills) = (self.counts.get_mut(from..).unwrap_or_default(), self.fills.get_mut(from..).unwrap_or_default());
        for ((count, fill), marks) in counts.iter_mut().zip(fills).zip(smooth.chunks(BLOCK)) {
            *count += u32::from(marks.iter().fold(0_u8, |sum, mark| sum + u8::from(*mark != 0)));
            *fill += u32::from(marks.iter().fold(0_u8, |sum, mark| sum + mark / 2));
        }
    }

    fn blocks(&self) -> Blocks {
        let Self { across, down, counts, fills } = self;
        let (across, down) = (*across, *down);
        let has = |x: usize, y: usize, share: u32| {
            x < across && counts.get(y * across + x).is_some_and(|count| count * share >= (BLOCK * BLOCK) as u32)
        };
        let near =
            |x: usize, y: usize| (y.saturating_sub(1)..=y + 1).any(|y| (x.saturating_sub(1)..=x + 1).any(|x| has(x, y, MIXED_SHARE)));
        let is_fill = |x: usize, y: usize| {
            let sum = |of: &[u32]| -> u32 {
                let rows = y.saturating_sub(1)..=y + 1;
                let columns = || x.saturating_sub(1)..(x + 2).min(across);
                rows.flat_map(|y| columns().map(move |x| y * across + x)).filter_map(|at| of.get(at)).sum()
            };
            sum(fills) * FILL_SHARE.1 >= sum(counts) * FILL_SHARE.0
        };
        let shade = |(x, y)| match () {
            () if has(x, y, SHADE_SHARE) => Some((Shade::Whole, is_fill(x, y))),
            () if near(x, y) => Some((Shade::Mixed, is_fill(x, y))),
            () => None,
        };
        let any = counts.iter().any(|count| count * MIXED_SHARE >= (BLOCK * BLOCK) as u32);
        let shades = if any { (0..down).flat_map(|y| (0..across).map(move |x| (x, y))).map(shade).collect() } else { Vec::new() };
        Blocks { across, shades }
    }
}

/// Which blocks have shade.
struct Blocks {
    across: usize,
    /// And whether it is a fill.
    shades: Vec<Option<(Shade, bool)>>,
}

impl Blocks {
    fn has_none(&self) -> bool {
        self.shades.iter().all(Option::is_none)
    }

    /// The columns of row `y` that have shade, as far as it is inked; neighbours of a kind together.
    fn shades(&self, y: usize, inked: &Range<usize>) -> impl Iterator<Item = ((Shade, bool), Range<usize>)> {
        let start = y / BLOCK * self.across;
        let row = self.shades.get(start..start + self.across).unwrap_or_default();
        let inked = inked.clone();
        let mut at = 0;
        row.chunk_by(|a, b| a == b).filter_map(move |run| {
            let from = at;
            at += run.len();
            let columns = (from * BLOCK).max(inked.start)..(at * BLOCK).min(inked.end);
            run.first().copied().flatten().filter(|_| !columns.is_empty()).map(|shade| (shade, columns))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: u32, height: u32, value: impl Fn(usize, usize) -> u8) -> Gray {
        let mut page = Gray::white(width, height);
        for y in 0..height as usize {
            (0..width as usize).for_each(|x| page.darken(x, y, value(x, y)));
        }
        page
    }

    #[test]
    fn black_and_white_pass_unchanged() {
        let checks = page(64, 64, |x, y| if (x / 3 + y / 5) % 2 == 0 { 0 } else { 255 });
        let bitmap = to_bilevel(&checks);
        assert!((0..64).all(|y| (0..64).all(|x| bitmap.is_black(x, y) == ((x / 3 + y / 5) % 2 == 0))));
    }

    #[test]
    fn a_grey_area_has_as_much_ink_as_it_is_dark() {
        for grey in [64, 128, 192] {
            let black = to_bilevel(&page(256, 256, |_, _| grey)).black_pixels() as f64;
            let wanted = 256.0 * 256.0 * (255.0 - f64::from(grey)) / 255.0;
            assert!((black - wanted).abs() < 0.02 * 256.0 * 256.0, "grey {grey}: {black} of {wanted}");
        }
    }

    #[test]
    fn soft_edges_of_a_letter_are_cut_not_screened() {
        // Stems four pixels wide with a grey pixel on either side, as smoothing draws them.
        let bitmap = to_bilevel(&page(120, 60, |x, _| match x % 12 {
            4 | 9 => 190,
            5..=8 => 0,
            _ => 255,
        }));
        for y in 0..60 {
            assert!((0..120).all(|x| bitmap.is_black(x, y) == (5..=8).contains(&(x % 12))), "row {y}");
        }
    }

    #[test]
    fn a_faint_hairline_is_kept_one_pixel_wide() {
        let bitmap = to_bilevel(&page(40, 40, |x, _| if x == 20 { 200 } else { 255 }));
        assert!((0..40).all(|y| (0..40).all(|x| bitmap.is_black(x, y) == (x == 20))));
    }

    #[test]
    fn black_type_on_a_grey_ground_stays_solid() {
        let bitmap = to_bilevel(&page(96, 96, |x, y| if (40..44).contains(&x) && (20..80).contains(&y) { 0 } else { 200 }));
        assert!((20..80).all(|y| (40..44).all(|x| bitmap.is_black(x, y))));
    }

    #[test]
    fn type_on_a_dark_grey_ground_is_not_thickened() {
        // The ground alone would be ink if it were cut.
        let bitmap = to_bilevel(&page(96, 96, |x, y| if (40..44).contains(&x) && (8..88).contains(&y) { 0 } else { 153 }));
        assert!((20..80).all(|y| (40..44).all(|x| bitmap.is_black(x, y))));
        assert!((20..80).all(|y| !bitmap.is_black(39, y) && !bitmap.is_black(44, y)));
    }

    #[test]
    fn a_rule_beside_a_grey_field_is_not_broken() {
        // The field ends at column 48; the rule falls between columns 52 and 53.
        let bitmap = to_bilevel(&page(96, 96, |x, _| match x {
            0..48 => 190,
            52 => 100,
            53 => 155,
            _ => 255,
        }));
        assert!((0..96).all(|y| bitmap.is_black(52, y) && bitmap.is_black(53, y) && !bitmap.is_black(54, y)));
    }

    #[test]
    fn off_white_paper_comes_out_clean() {
        assert_eq!(to_bilevel(&page(200, 200, |x, y| 228 + ((x * 7 + y * 13) % 20) as u8)).black_pixels(), 0);
    }
}
