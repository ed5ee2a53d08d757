//! Grey and coloured type in black: strokes as much thinner as they are paler.
//!
//! In dots it could not be read, and in full strokes a pale heading would shout. So the strokes get about as much ink as they have darkness, from
//! their middles outwards, and no stroke gets none.

use std::cell::OnceCell;
use std::ops::Range;

use super::row::is_hairline;
use crate::gray::Gray;
use crate::options::Resolution;

/// Type gets more ink than it has darkness, so many times: it is to be read.
const BOLDER: (u32, u32) = (4, 3);
/// What is beside a pixel weighs in its mean as much as this; the sum is [`WEIGHT`].
const WEIGHTS: [u16; 5] = [1, 2, 3, 2, 1];
const WEIGHT: u16 = 9;
/// How far from the middle of a stroke its ground is looked for.
const BESIDE: usize = 3;

/// How type is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Thinned {
    /// What is darker than this may be ink, ...
    pub(super) below: u8,
    /// ... and is where the mean is darker than this.
    pub(super) mean_below: u8,
}

/// A page, and for each pixel the mean of what is up to two pixels around it: the nearer the middle of a stroke, the darker.
pub(super) struct GreyType<'a> {
    page: &'a Gray,
    resolution: Resolution,
    means: OnceCell<Gray>,
}

impl<'a> GreyType<'a> {
    pub(super) fn new(page: &'a Gray, resolution: Resolution) -> Self {
        Self { page, resolution, means: OnceCell::new() }
    }

    #[inline(always)]
    fn means(&self) -> &Gray {
        self.means.get_or_init(|| means(self.page))
    }

    /// How type of a grey `ink` in areas of the page is cut, where as many pixels have each value; what may be ink is darker than `below`. `None` where
    /// strokes are so thick that they would get far too much.
    pub(super) fn thinned(
        &self,
        areas: impl Iterator<Item = (Range<usize>, Range<usize>)>,
        ink: u8,
        below: u8,
        of_value: &[u32; 256],
    ) -> Option<Thinned> {
        // Where rows are twice as high, a stroke has too few pixels to be made thinner.
        if self.resolution == Resolution::Standard {
            return Some(Thinned { below, mean_below: u8::MAX });
        }
        let mut of_mean = [0_u32; 256];
        for (columns, rows) in areas {
            for y in rows {
                let values = self.page.row(y).iter().zip(self.means().row(y)).skip(columns.start).take(columns.len());
                for (_, mean) in values.filter(|(value, _)| **value < below) {
                    of_mean.get_mut(usize::from(*mean)).into_iter().for_each(|count| *count += 1);
                }
            }
        }
        // What is darker than the type, such as black beside it, gets what it has.
        let darkness = |values: Range<u8>| -> u32 {
            (0..=u8::MAX)
                .zip(of_value)
                .filter(|(value, _)| values.contains(value))
                .map(|(value, count)| u32::from(255 - value) * count)
                .sum::<u32>()
                / 255
        };
        let darker = ink.saturating_sub(8);
        let of_type = darkness(darker..u8::MAX);
        let wanted = darkness(0..darker) + of_type * BOLDER.0 / BOLDER.1;
        let (mut before, mut inked) = (0, 0);
        let first = (0..u8::MAX).zip(of_mean).find(|(_, count)| {
            before = inked;
            inked += count;
            inked >= wanted
        });
        let mut mean_below = first.map_or(u8::MAX, |(mean, _)| mean + 1);
        if before > 0 && wanted - before < inked.saturating_sub(wanted) {
            (inked, mean_below) = (before, mean_below - 1);
        }
        (inked <= wanted + of_type).then_some(Thinned { below, mean_below })
    }

    /// Cuts type in `columns` of row `y`.
    pub(super) fn lay(&self, thinned: Thinned, y: usize, columns: Range<usize>, black: &mut [u8]) {
        let line = |page: &Gray, x: usize, paper: usize| is_line(page, x, y, paper);
        for x in columns {
            let (value, mean) = (at(self.page, x, y), at(self.means(), x, y));
            let is_ink = line(self.page, x, 2) || value < thinned.below && (mean < thinned.mean_below || line(self.means(), x, BESIDE));
            black.get_mut(x).into_iter().for_each(|black| *black = u8::from(is_ink));
        }
    }
}

/// Beyond the edges is paper.
fn at(page: &Gray, x: usize, y: usize) -> u8 {
    page.row(y).get(x).copied().unwrap_or(u8::MAX)
}

/// Whether a pixel is the darkest of a line, across or down, that has its ground so many pixels beside it.
fn is_line(page: &Gray, x: usize, y: usize, ground: usize) -> bool {
    let beside = |at: usize, by: usize| at.checked_sub(by).unwrap_or(usize::MAX);
    let across = |x: usize| at(page, x, y);
    let down = |y: usize| at(page, x, y);
    is_hairline(across(x), across(beside(x, 1)), across(x + 1), across(beside(x, ground)), across(x + ground))
        || is_hairline(down(y), down(beside(y, 1)), down(y + 1), down(beside(y, ground)), down(y + ground))
}

#[inline(always)]
fn means(page: &Gray) -> Gray {
    let (width, height) = (page.width(), page.height());
    let mut across = Gray::white(width as u32, height as u32);
    for y in 0..height {
        let row = page.row(y);
        for (mean, near) in across.row_mut(y).iter_mut().skip(WEIGHTS.len() / 2).zip(row.windows(WEIGHTS.len())) {
            *mean = (near.iter().zip(WEIGHTS).map(|(value, weight)| u16::from(*value) * weight).sum::<u16>() / WEIGHT) as u8;
        }
    }
    let mut means = Gray::white(width as u32, height as u32);
    let mut sums = vec![0_u16; width];
    for y in WEIGHTS.len() / 2..height.saturating_sub(WEIGHTS.len() / 2) {
        sums.fill(0);
        for (row, weight) in (y - WEIGHTS.len() / 2..).zip(WEIGHTS) {
            sums.iter_mut().zip(across.row(row)).for_each(|(sum, value)| *sum += u16::from(*value) * weight);
        }
        means.row_mut(y).iter_mut().zip(&sums).for_each(|(mean, sum)| *mean = (sum / WEIGHT) as u8);
    }
    means
}
