//! Dots in place of shades.

use std::ops::{Range, RangeInclusive};

use super::row::{Around, SHADE, for_around};
use crate::gray::Gray;
use crate::options::Resolution;

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
/// The same at standard resolution, where rows are twice as high.
const STANDARD_CELL: (usize, usize) = (6, 2);
const STANDARD_SCREEN: [[u8; STANDARD_CELL.0]; STANDARD_CELL.1] = [[2, 0, 4, 9, 11, 7], [8, 10, 6, 3, 1, 5]];
/// A step between neighbours that is an edge even inside a shade.
const EDGE: u8 = 110;
/// The same in a fill, which has no grain of its own.
const FILL_EDGE: u8 = 40;

/// A screen, row by row as wide as the page: what is darker than it is black.
pub(super) struct Screen {
    rows: Vec<Vec<u8>>,
    is_fill: bool,
}

impl Screen {
    /// For photographs.
    pub(super) fn of_tones(width: usize) -> Self {
        Self { rows: rows(&SCREEN, width), is_fill: false }
    }

    /// For fills.
    pub(super) fn of_fills(width: usize, resolution: Resolution) -> Self {
        let rows = match resolution {
            Resolution::Fine => rows(&FILL_SCREEN, width),
            Resolution::Standard => rows(&STANDARD_SCREEN, width),
        };
        Self { rows, is_fill: true }
    }

    /// Where an edge is cut: in a photograph in the middle, on a fill so that the strokes of type, black or white, come out bold.
    #[inline(always)]
    fn middle(&self, around: Around) -> u8 {
        let Around { low, high, .. } = around;
        let quarter = (high - low) / 4;
        let bold = if high > *SHADE.end() { low + quarter } else { high - quarter };
        if self.is_fill { bold } else { low.midpoint(high) }
    }

    /// Screens the shade in `columns`: all of it, or only where `near` says that a smooth shade is near. Where the shade ends, and at the
    /// edges of what is printed on it, the darker side is black and the lighter white, so that type stands clear of the dots.
    #[inline(always)]
    pub(super) fn lay(&self, page: &Gray, y: usize, columns: Range<usize>, near: Option<&[u8]>, black: &mut [u8]) {
        let thresholds = self.rows.get(y % self.rows.len().max(1)).map(Vec::as_slice).unwrap_or_default();
        let edge = if self.is_fill { FILL_EDGE } else { EDGE };
        for_around(page, y, &columns, black, |x, around, black| {
            let threshold = thresholds.get(x).copied().unwrap_or(0);
            let near = near.is_none_or(|near| near.get(x).is_some_and(|near| *near != 0));
            let is_edge = around.step() >= edge;
            let screened = near & SCREENED.contains(&around.value) & !is_edge;
            let cut = u8::from(around.value < self.middle(around));
            *black = if screened { u8::from(around.value < threshold) } else { *black };
            *black = if near & is_edge { cut } else { *black };
        });
    }
}

/// Each row of a screen as thresholds, as wide as the page.
fn rows<const W: usize, const H: usize>(turns: &[[u8; W]; H], width: usize) -> Vec<Vec<u8>> {
    let threshold = |turn: u8| ((2 * u32::from(turn) + 1) * 255 / (2 * (W * H) as u32)) as u8;
    turns.iter().map(|turns| turns.iter().cycle().take(width).map(|turn| threshold(*turn)).collect()).collect()
}

/// Sets 1 in `out` where pixels are smooth shade, 0 elsewhere.
#[inline(always)]
fn mark_smooth(page: &Gray, y: usize, columns: &Range<usize>, out: &mut [u8]) {
    for_around(page, y, columns, out, |_, around, out| *out = u8::from(around.is_smooth_shade()));
}

/// Which pixels are smooth shade in three rows, and which touch one.
pub(super) struct SmoothRows {
    rows: [(Option<usize>, Vec<u8>); 3],
    touched: Vec<u8>,
}

impl SmoothRows {
    pub(super) fn new(width: usize) -> Self {
        Self { rows: [(); 3].map(|()| (None, vec![0; width])), touched: vec![0; width] }
    }

    /// 1 for each pixel of the row that is smooth shade or beside it.
    #[inline(always)]
    pub(super) fn touched(&mut self, page: &Gray, y: usize) -> &[u8] {
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
