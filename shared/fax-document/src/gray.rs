//! Grey pictures, and resampling them.

use std::ops::Range;

/// Grey pixels in rows from the top, 0 black to 255 white.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Gray {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Gray {
    pub(crate) fn white(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self { width, height, pixels: vec![255; width * height] }
    }

    /// `None` unless there are exactly `width` times `height` pixels, and at least one.
    pub(crate) fn new(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        let (width, height) = (width as usize, height as usize);
        (!pixels.is_empty() && width.checked_mul(height) == Some(pixels.len())).then_some(Self { width, height, pixels })
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.height
    }

    pub(crate) fn rows(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.pixels.chunks_exact(self.width.max(1))
    }

    pub(crate) fn row(&self, y: usize) -> &[u8] {
        let start = y.saturating_mul(self.width);
        self.pixels.get(start..start.saturating_add(self.width)).unwrap_or_default()
    }

    /// One row to be drawn on; empty beyond the bottom.
    pub(crate) fn row_mut(&mut self, y: usize) -> &mut [u8] {
        let start = y.saturating_mul(self.width);
        self.pixels.get_mut(start..start.saturating_add(self.width)).unwrap_or_default()
    }

    /// Whether nothing is on it.
    pub(crate) fn is_white(&self) -> bool {
        // In pieces, so that the compiler makes vector code of it.
        self.pixels.chunks(1024).all(|piece| piece.iter().fold(u8::MAX, |all, pixel| all & pixel) == u8::MAX)
    }

    /// Makes all of it white.
    pub(crate) fn clear(&mut self) {
        self.pixels.fill(255);
    }

    /// Makes all white but these columns and rows.
    pub(crate) fn crop(&mut self, columns: Range<usize>, rows: Range<usize>) {
        for (y, row) in self.pixels.chunks_exact_mut(self.width.max(1)).enumerate() {
            if !rows.contains(&y) {
                row.fill(255);
                continue;
            }
            row.iter_mut().take(columns.start).for_each(|pixel| *pixel = 255);
            row.iter_mut().skip(columns.end).for_each(|pixel| *pixel = 255);
        }
    }

    /// Lays `other` over this picture with its top left corner at (`x`, `y`); what would stick out is left off.
    pub(crate) fn lay(&mut self, other: &Self, x: usize, y: usize) {
        let width = self.width.max(1);
        for (to, from) in self.pixels.chunks_exact_mut(width).skip(y).zip(other.rows()) {
            to.iter_mut().skip(x).zip(from).for_each(|(to, from)| *to = *from);
        }
    }

    /// Makes the pixel at least as dark as `value`; beyond the edges nothing happens.
    pub(crate) fn darken(&mut self, x: usize, y: usize, value: u8) {
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(y.saturating_mul(self.width).saturating_add(x))
        {
            *pixel = value.min(*pixel);
        }
    }

    /// The picture turned a quarter to the left.
    pub(crate) fn turned_left(&self) -> Self {
        self.columns((0..self.width).rev())
    }

    /// The picture with its columns as rows.
    pub(crate) fn transposed(&self) -> Self {
        self.columns(0..self.width)
    }

    fn columns(&self, order: impl Iterator<Item = usize>) -> Self {
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for x in order {
            pixels.extend(self.pixels.iter().skip(x).step_by(self.width.max(1)));
        }
        Self { width: self.height, height: self.width, pixels }
    }

    /// Each pixel, changed.
    pub(crate) fn mapped(&self, change: impl Fn(u8) -> u8) -> Self {
        Self { pixels: self.pixels.iter().map(|pixel| change(*pixel)).collect(), ..*self }
    }

    /// Each pixel with that of another picture of the same size.
    pub(crate) fn zipped(&self, other: &Self, join: impl Fn(u8, u8) -> u8) -> Self {
        Self { pixels: self.pixels.iter().zip(&other.pixels).map(|(a, b)| join(*a, *b)).collect(), ..*self }
    }

    /// The picture at another size: every pixel is the mean of the area it covers, or, when enlarging, lies on the line between its neighbours.
    pub(crate) fn resized(&self, width: u32, height: u32) -> Self {
        let axis = |from: usize, to: u32| {
            let count = to.max(1) as usize;
            Axis { start: 0.0, step: from as f64 / count as f64, count, interpolate: true }
        };
        self.sampled(&axis(self.width, width), &axis(self.height, height))
    }

    /// Samples the picture along both axes. Shrunk, every pixel is the mean of the area it covers.
    pub(crate) fn sampled(&self, across: &Axis, down: &Axis) -> Self {
        let columns = across.shares(self.width);
        // Of a picture of which little is seen, only that is read.
        let from = columns.iter().map(|share| share.first).min().unwrap_or(0);
        let to = columns.iter().map(|share| share.first + share.weights.len()).max().unwrap_or(0);
        let mut pixels = Vec::with_capacity(columns.len() * down.count);
        let mut sums = vec![0.0_f32; to - from];
        let mut last: Option<Share> = None;
        for share in down.shares(self.height) {
            // An enlarged picture's rows come again and again.
            if last.as_ref() == Some(&share) {
                pixels.extend_from_within(pixels.len() - columns.len()..);
                continue;
            }
            sums.fill(0.0);
            for (y, weight) in (share.first..).zip(&share.weights) {
                let row = self.row(y).get(from..to).unwrap_or_default();
                sums.iter_mut().zip(row).for_each(|(sum, pixel)| *sum += weight * f32::from(*pixel));
            }
            pixels.extend(columns.iter().map(|share| {
                let covered = sums.get(share.first - from..).unwrap_or_default();
                let sum: f32 = covered.iter().zip(&share.weights).map(|(sum, weight)| sum * weight).sum();
                (sum + 0.5) as u8
            }));
            last = Some(share);
        }
        Self { width: columns.len(), height: down.count, pixels }
    }
}

/// Luma by ITU-R BT.601, in 1/256.
#[inline(always)]
pub(crate) fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((77 * u16::from(r) + 150 * u16::from(g) + 29 * u16::from(b)) >> 8) as u8
}

/// How pixels lie along a picture's side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    /// Where the first begins, in the picture's pixels.
    pub(crate) start: f64,
    /// How far it reaches, likewise; negative when the picture is mirrored.
    pub(crate) step: f64,
    /// How many there are.
    pub(crate) count: usize,
    /// Whether, when enlarging, pixels lie on the line between their neighbours instead of repeating the nearest.
    pub(crate) interpolate: bool,
}

/// Which source pixels, and how much of each, make one pixel.
#[derive(PartialEq)]
struct Share {
    first: usize,
    weights: Vec<f32>,
}

impl Axis {
    fn shares(&self, from: usize) -> Vec<Share> {
        let (from, last) = (from as f64, from.saturating_sub(1));
        let edge = |at: usize| self.start + self.step * at as f64;
        let mean = |at: usize| {
            let (start, end) = (edge(at).min(edge(at + 1)).clamp(0.0, from), edge(at).max(edge(at + 1)).clamp(0.0, from));
            let first = (start as usize).min(last);
            if end - start < 1e-9 {
                return Share { first, weights: vec![1.0] };
            }
            let covered = first..(end.ceil() as usize).clamp(first + 1, last + 1);
            let weights = covered.map(|i| ((end.min((i + 1) as f64) - start.max(i as f64)) / (end - start)) as f32);
            Share { first, weights: weights.collect() }
        };
        let nearest = |at: usize| Share { first: (edge(at) + self.step / 2.0).clamp(0.0, last as f64) as usize, weights: vec![1.0] };
        let between = |at: usize| {
            let centre = (edge(at) + self.step / 2.0 - 0.5).clamp(0.0, last as f64);
            let first = (centre as usize).min(last.saturating_sub(1));
            let second = (centre - first as f64) as f32;
            if last == 0 { Share { first: 0, weights: vec![1.0] } } else { Share { first, weights: vec![1.0 - second, second] } }
        };
        let share = |at: usize| match () {
            () if self.step.abs() >= 1.0 => mean(at),
            () if self.interpolate => between(at),
            () => nearest(at),
        };
        (0..self.count).map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn gray(width: u32, rows: &[u8]) -> Gray {
        Gray::new(width, rows.len() as u32 / width, rows.to_vec()).unwrap()
    }

    #[test]
    fn shrinking_takes_the_mean_of_what_each_pixel_covers() {
        assert_eq!(gray(4, &[0, 100, 200, 100]).resized(2, 1).pixels, [50, 150]);
        assert_eq!(gray(3, &[0, 120, 240]).resized(2, 1).pixels, [40, 200]);
        assert_eq!(gray(1, &[10, 30, 50]).resized(1, 1).pixels, [30]);
    }

    #[test]
    fn enlarging_goes_evenly_from_pixel_to_pixel() {
        assert_eq!(gray(2, &[0, 200]).resized(4, 1).pixels, [0, 50, 150, 200]);
        assert_eq!(gray(1, &[7]).resized(3, 2).pixels, [7; 6]);
    }

    #[test]
    fn the_same_size_changes_nothing_and_white_stays_white() {
        let picture = gray(3, &[1, 2, 3, 4, 5, 6]);
        assert!(picture.resized(3, 2) == picture);
        assert!(Gray::white(1000, 777).resized(313, 91).pixels.iter().all(|pixel| *pixel == 255));
    }

    #[test]
    fn turned_left_the_right_edge_is_on_top() {
        assert_eq!(gray(3, &[1, 2, 3, 4, 5, 6]).turned_left().pixels, [3, 6, 2, 5, 1, 4]);
    }

    #[test]
    fn what_is_laid_beyond_the_edge_is_left_off() {
        let mut page = Gray::white(2, 2);
        page.lay(&gray(2, &[1, 2, 3, 4]), 1, 1);
        assert_eq!(page.pixels, [255, 255, 255, 1]);
    }

    #[test]
    fn a_picture_needs_all_its_pixels() {
        assert!(Gray::new(2, 2, vec![0; 3]).is_none());
        assert!(Gray::new(0, 0, vec![]).is_none());
    }
}
