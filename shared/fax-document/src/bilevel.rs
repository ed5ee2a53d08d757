//! Grey to black and white.
//!
//! Type, rules and line art are cut at a threshold, which keeps their edges crisp and costs few bytes in Group 4. Shades (photographs,
//! shaded table rows) are dithered by error diffusion. Which is which is decided for blocks of pixels: a shade has middle greys whose
//! neighbours are like them, the grey on the edge of a letter does not. In blocks that have both, each pixel is looked at.

use std::ops::RangeInclusive;

use crate::bitmap::Bitmap;
use crate::gray::Gray;

/// Side of the blocks, in pixels: a twelfth of an inch, about the height of a line of small print.
const BLOCK: usize = 16;
/// Darker than this is ink. Over half of white, so that a one-pixel rule that falls between two pixels is drawn on both, not lost.
const INK: u8 = 160;
/// The greys that make a shade: what is lighter is paper, though it be off-white, and what is darker is ink.
const SHADE: RangeInclusive<u8> = 32..=224;
/// Inside a shade, only what is all but black or white is left undithered.
const DITHERED: RangeInclusive<u8> = 8..=247;
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
    let blocks = Blocks::find(page);
    let mut bitmap = Bitmap::white(page.width() as u32, page.height() as u32);
    let mut errors = [vec![0_i32; page.width() + 2], vec![0_i32; page.width() + 2]];
    for y in 0..page.height() {
        let [here, below] = &mut errors;
        std::mem::swap(here, below);
        below.fill(0);
        for step in 0..page.width() {
            // Every other row runs backwards, or the dither would lean.
            let forward = y % 2 == 0;
            let x = if forward { step } else { page.width() - 1 - step };
            let around = Around::at(page, x, y);
            let dithered = match blocks.at(x, y) {
                Block::Lines => false,
                Block::Mixed => around.is_dithered() && touches_smooth(page, x, y),
                Block::Shade => around.is_dithered(),
            };
            let black = if dithered {
                diffuse(here, below, x, around.value, forward)
            } else {
                around.value < INK || around.is_hairline(page, x, y)
            };
            if black {
                bitmap.blacken(x as u32, y as u32);
            }
        }
    }
    bitmap
}

/// Whether the pixel or one beside it is smooth shade.
fn touches_smooth(page: &Gray, x: usize, y: usize) -> bool {
    let beside = [Some((x, y)), x.checked_sub(1).map(|x| (x, y)), Some((x + 1, y)), y.checked_sub(1).map(|y| (x, y)), Some((x, y + 1))];
    beside.into_iter().flatten().any(|(x, y)| Around::at(page, x, y).is_smooth_shade())
}

/// One pixel of Floyd and Steinberg's error diffusion. Errors are kept in sixteenths, one place to the right.
fn diffuse(here: &mut [i32], below: &mut [i32], x: usize, value: u8, forward: bool) -> bool {
    let wanted = i32::from(value) + here.get(x + 1).map_or(0, |error| error / 16);
    let black = wanted < 128;
    let error = wanted - if black { 0 } else { 255 };
    let (ahead, behind) = if forward { (x + 2, x) } else { (x, x + 2) };
    for (row, at, share) in [(here, ahead, 7), (&mut *below, behind, 3)] {
        row.get_mut(at).into_iter().for_each(|sum| *sum += error * share);
    }
    for (at, share) in [(x + 1, 5), (ahead, 1)] {
        below.get_mut(at).into_iter().for_each(|sum| *sum += error * share);
    }
    black
}

/// A pixel and its four neighbours; beyond the edges lies more of the same.
struct Around {
    value: u8,
    left: u8,
    right: u8,
    up: u8,
    down: u8,
}

impl Around {
    fn at(page: &Gray, x: usize, y: usize) -> Self {
        let row = page.row(y);
        let value = row.get(x).copied().unwrap_or(255);
        let or_same = |pixel: Option<&u8>| pixel.copied().unwrap_or(value);
        Self {
            value,
            left: or_same(x.checked_sub(1).and_then(|x| row.get(x))),
            right: or_same(row.get(x + 1)),
            up: or_same(y.checked_sub(1).and_then(|y| page.row(y).get(x))),
            down: or_same(page.row(y + 1).get(x)),
        }
    }

    fn largest_step(&self) -> u8 {
        [self.left, self.right, self.up, self.down].into_iter().map(|other| other.abs_diff(self.value)).max().unwrap_or(0)
    }

    fn is_smooth_shade(&self) -> bool {
        SHADE.contains(&self.value) && self.largest_step() <= SMOOTH
    }

    fn is_dithered(&self) -> bool {
        DITHERED.contains(&self.value) && self.largest_step() < EDGE
    }

    /// Whether the pixel is the darkest of a line at most two pixels wide with lighter paper on both sides.
    fn is_hairline(&self, page: &Gray, x: usize, y: usize) -> bool {
        let lighter = self.value.saturating_add(HAIRLINE);
        if lighter == 255 || self.value < INK {
            return false;
        }
        let row = page.row(y);
        let across = self.value < self.left
            && self.value <= self.right
            && x.checked_sub(2).and_then(|x| row.get(x)).is_some_and(|paper| *paper >= lighter)
            && row.get(x + 2).is_some_and(|paper| *paper >= lighter);
        let paper_above = || y.checked_sub(2).and_then(|y| page.row(y).get(x)).is_some_and(|paper| *paper >= lighter);
        let paper_below = || page.row(y + 2).get(x).is_some_and(|paper| *paper >= lighter);
        across || (self.value < self.up && self.value <= self.down && paper_above() && paper_below())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Lines,
    Mixed,
    Shade,
}

struct Blocks {
    across: usize,
    kinds: Vec<Block>,
}

impl Blocks {
    fn find(page: &Gray) -> Self {
        let (across, down) = (page.width().div_ceil(BLOCK), page.height().div_ceil(BLOCK));
        let mut counts = vec![0_u32; across * down];
        for y in 0..page.height() {
            for x in 0..page.width() {
                if Around::at(page, x, y).is_smooth_shade()
                    && let Some(count) = counts.get_mut(y / BLOCK * across + x / BLOCK)
                {
                    *count += 1;
                }
            }
        }
        let has = |x: usize, y: usize, share: u32| {
            x < across && counts.get(y * across + x).is_some_and(|count| count * share >= (BLOCK * BLOCK) as u32)
        };
        let near =
            |x: usize, y: usize| (y.saturating_sub(1)..=y + 1).any(|y| (x.saturating_sub(1)..=x + 1).any(|x| has(x, y, MIXED_SHARE)));
        let kind = |(x, y)| match () {
            () if has(x, y, SHADE_SHARE) => Block::Shade,
            () if near(x, y) => Block::Mixed,
            () => Block::Lines,
        };
        let kinds = (0..down).flat_map(|y| (0..across).map(move |x| (x, y))).map(kind).collect();
        Self { across, kinds }
    }

    fn at(&self, x: usize, y: usize) -> Block {
        self.kinds.get(y / BLOCK * self.across + x / BLOCK).copied().unwrap_or(Block::Lines)
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
    fn soft_edges_of_a_letter_are_cut_not_dithered() {
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
