//! One row: what is ink, and what is smooth shade.

use std::ops::{Range, RangeInclusive};

use crate::bitmap::Bitmap;
use crate::gray::Gray;

/// Darker than this is ink. Over half of white, so that a one-pixel rule that falls between two pixels is drawn on both, not lost.
pub(super) const INK: u8 = 160;
/// The greys that make a shade: what is lighter is paper, though it be off-white, and what is darker is ink.
pub(super) const SHADE: RangeInclusive<u8> = 32..=224;
/// Neighbours in a shade differ by at most this.
const SMOOTH: u8 = 24;
/// How much darker than the paper on both sides a hairline is, to be drawn although it is lighter than ink.
const HAIRLINE: u8 = 24;

/// 1 for smooth shade, and 1 more if all around is the same.
#[inline(always)]
fn mark(around: Around) -> u8 {
    let smooth = u8::from(around.is_smooth_shade());
    smooth + (smooth & u8::from(around.low == around.high))
}

/// One row in the making.
pub(super) struct Row {
    /// 1 is black.
    pub(super) black: Vec<u8>,
    /// 1 is smooth shade, 2 is fill.
    pub(super) smooth: Vec<u8>,
    /// A row of ink.
    ink: Vec<u8>,
}

impl Row {
    pub(super) fn new(width: usize) -> Self {
        Self { black: vec![0; width], smooth: vec![0; width], ink: vec![0; width] }
    }

    /// Marks what is black when all of it is cut, and what is smooth shade.
    #[inline(always)]
    pub(super) fn cut(&mut self, page: &Gray, y: usize, columns: &Range<usize>) {
        let (row, width) = (page.row(y), page.width());
        let inside = columns.start.max(2)..columns.end.min(width.saturating_sub(2)).max(columns.start.max(2));
        for x in (columns.start..inside.start.min(columns.end)).chain(inside.end.max(columns.start)..columns.end) {
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
    pub(super) fn store(&mut self, y: usize, columns: &Range<usize>, bitmap: &mut Bitmap) {
        bitmap.set_row(y as u32, columns.start, self.black.get(columns.clone()).unwrap_or_default());
    }
}

/// From the first to the last pixel that is not white, as far as chunks tell.
#[inline(always)]
pub(super) fn inked(row: &[u8]) -> Range<usize> {
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
pub(super) struct Around {
    pub(super) value: u8,
    pub(super) low: u8,
    pub(super) high: u8,
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
    pub(super) fn step(self) -> u8 {
        (self.high - self.value).max(self.value - self.low)
    }

    #[inline(always)]
    pub(super) fn is_smooth_shade(self) -> bool {
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
pub(super) fn around_at(page: &Gray, x: usize, y: usize) -> Around {
    let value = page.row(y).get(x).copied().unwrap_or(255);
    let at = |x: Option<usize>, y: Option<usize>| x.zip(y).and_then(|(x, y)| page.row(y).get(x)).copied().unwrap_or(value);
    let (left, right) = (at(x.checked_sub(1), Some(y)), at(Some(x + 1), Some(y)));
    Around::of(value, [left, right, at(Some(x), y.checked_sub(1)), at(Some(x), Some(y + 1))])
}

/// Calls `each` for every pixel in `columns`.
#[inline(always)]
pub(super) fn for_around(page: &Gray, y: usize, columns: &Range<usize>, out: &mut [u8], each: impl Fn(usize, Around, &mut u8)) {
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
pub(super) fn is_hairline(value: u8, before: u8, after: u8, paper_before: u8, paper_after: u8) -> bool {
    let lighter = value.saturating_add(HAIRLINE);
    (lighter < 255) & (value < before) & (value <= after) & (paper_before >= lighter) & (paper_after >= lighter)
}
