//! Grey pictures, and resampling them.

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
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for x in (0..self.width).rev() {
            pixels.extend(self.pixels.iter().skip(x).step_by(self.width.max(1)));
        }
        Self { width: self.height, height: self.width, pixels }
    }

    /// The picture at another size: every pixel is the mean of the area it covers, or, when enlarging, lies on the line between its neighbours.
    pub(crate) fn resized(&self, width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1) as usize, height.max(1) as usize);
        let across = shares(self.width, width);
        let narrow: Vec<u8> = self.rows().flat_map(|row| across.iter().map(move |share| share.of(|at| row.get(at).copied()))).collect();
        let mut pixels = Vec::with_capacity(width * height);
        for share in shares(self.height, height) {
            pixels.extend((0..width).map(|x| share.of(|at| narrow.get(at * width + x).copied())));
        }
        Self { width, height, pixels }
    }
}

/// Which source pixels, and how much of each, make one pixel.
struct Share {
    first: usize,
    weights: Vec<f32>,
}

impl Share {
    fn of(&self, pixel: impl Fn(usize) -> Option<u8>) -> u8 {
        let sum: f32 = (self.first..).zip(&self.weights).map(|(at, weight)| weight * f32::from(pixel(at).unwrap_or(255))).sum();
        (sum + 0.5) as u8
    }
}

fn shares(from: usize, to: usize) -> Vec<Share> {
    let scale = from as f64 / to as f64;
    let last = from.saturating_sub(1);
    let shrunk = |at: usize| {
        let (start, end) = (at as f64 * scale, ((at + 1) as f64 * scale).min(from as f64));
        let first = (start as usize).min(last);
        let covered = first..(end.ceil() as usize).clamp(first + 1, from.max(first + 1));
        let weights = covered.map(|i| ((end.min((i + 1) as f64) - start.max(i as f64)) / (end - start)) as f32);
        Share { first, weights: weights.collect() }
    };
    let enlarged = |at: usize| {
        let centre = ((at as f64 + 0.5) * scale - 0.5).clamp(0.0, last as f64);
        let first = (centre as usize).min(last.saturating_sub(1));
        let second = (centre - first as f64) as f32;
        if last == 0 { Share { first: 0, weights: vec![1.0] } } else { Share { first, weights: vec![1.0 - second, second] } }
    };
    (0..to).map(|at| if scale >= 1.0 { shrunk(at) } else { enlarged(at) }).collect()
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
