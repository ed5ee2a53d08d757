//! Ink laid on grey pixels.

use hayro::hayro_interpret::Paint;

use crate::gray::luma;

/// Greys of ink that are as good as black; `0 0 0 1 k` has 35.
const DARKEST: u8 = 48;

/// Pixels that vector code inks at a time: rows of coverage are as long as so many, or a multiple of that.
pub(super) const LANES: usize = 16;

/// A grey and how much of it is laid on, both 0 to 255.
#[derive(Clone, Copy)]
pub(super) struct Ink {
    gray: u8,
    pub(super) alpha: u8,
    /// Laid as a marker is, by ISO 32000-1, 11.3.5.2 (`Multiply`): what is under it shows through.
    multiplies: bool,
}

impl Ink {
    /// None for what is no colour but a pattern.
    pub(super) fn of(paint: &Paint<'_>, multiplies: bool) -> Option<Self> {
        let Paint::Color(color) = paint else { return None };
        let [r, g, b, alpha] = color.to_rgba().to_rgba8();
        Some(Self { gray: solid(luma(r, g, b)), alpha, multiplies })
    }

    /// Whether nothing is seen of what is under it.
    fn hides(self) -> bool {
        self.alpha == 255 && !self.multiplies
    }

    /// What becomes of `under` where `covered` of 255 is inked.
    #[inline(always)]
    fn on(self, under: u8, covered: u8) -> u8 {
        let gray = if self.multiplies { times(under, self.gray) } else { self.gray };
        over(under, gray, times(covered, self.alpha))
    }

    /// Inks pixels by how much of each is covered, of 255.
    pub(super) fn lay(self, pixels: &mut [u8], covered: &[u8]) {
        if self.hides() {
            lay_gray(pixels, self.gray, covered);
        } else {
            pixels.iter_mut().zip(covered).for_each(|(pixel, covered)| *pixel = self.on(*pixel, *covered));
        }
    }

    /// Inks pixels that are covered whole.
    pub(super) fn fill(self, pixels: &mut [u8]) {
        if self.hides() {
            pixels.fill(self.gray);
        } else {
            pixels.iter_mut().for_each(|pixel| *pixel = self.on(*pixel, 255));
        }
    }
}

/// Ink that is nearly black is black: the black of four-colour printing comes out as a dark grey, whose screen would have pinholes.
pub(super) fn solid(gray: u8) -> u8 {
    if gray <= DARKEST { 0 } else { gray }
}

/// Lays a grey on pixels. A function of its own, or what is around it keeps the compiler from making vector code of it.
#[inline(never)]
fn lay_gray(pixels: &mut [u8], gray: u8, covered: &[u8]) {
    for (pixel, covered) in pixels.iter_mut().zip(covered) {
        *pixel = over(*pixel, gray, *covered);
    }
}

/// `gray` laid over `under`, covering `alpha` of 255.
#[inline(always)]
pub(super) fn over(under: u8, gray: u8, alpha: u8) -> u8 {
    by_255(u16::from(under) * u16::from(255 - alpha) + u16::from(gray) * u16::from(alpha))
}

#[inline(always)]
pub(super) fn times(a: u8, b: u8) -> u8 {
    by_255(u16::from(a) * u16::from(b))
}

/// Division by 255, rounded; exact up to 255 times 255, and never more than 65,535 on the way.
#[inline(always)]
fn by_255(value: u16) -> u8 {
    ((value + 128 + ((value + 128) >> 8)) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_by_255_rounds_every_product_to_the_nearest() {
        for value in 0..=255 * 255_u16 {
            assert_eq!(by_255(value), ((u32::from(value) * 2 + 255) / 510) as u8, "{value}");
        }
    }

    #[test]
    fn a_row_of_any_length_is_inked_pixel_by_pixel() {
        for (alpha, multiplies) in [(255, false), (255, true), (100, false), (100, true)] {
            let ink = Ink { gray: 40, alpha, multiplies };
            // More pixels than are covered, and more coverage than pixels.
            for (length, pixels) in [(0, 50), (1, 50), (15, 50), (16, 50), (17, 50), (40, 50), (48, 37)] {
                let covered: Vec<u8> = (0..length).map(|at: u8| at.wrapping_mul(37)).collect();
                let under: Vec<u8> = (0..pixels).map(|at: u8| 255 - at * 5).collect();
                let mut inked = under.clone();
                ink.lay(&mut inked, &covered);
                assert_eq!(inked.len(), under.len());
                for (at, (inked, under)) in inked.iter().zip(&under).enumerate() {
                    let under = f64::from(*under);
                    let share = covered.get(at).map_or(0.0, |covered| f64::from(*covered) / 255.0) * f64::from(alpha) / 255.0;
                    let gray = if multiplies { under * 40.0 / 255.0 } else { 40.0 };
                    let wanted = under * (1.0 - share) + gray * share;
                    // Each of three divisions rounds by half a grey at most.
                    assert!((f64::from(*inked) - wanted).abs() <= 1.5, "{at} of {length}: {inked}, not {wanted:.2}");
                }
            }
        }
    }
}
