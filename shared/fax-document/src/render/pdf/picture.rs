//! Pictures inside a PDF, resampled to the page's own pixels.

use hayro::hayro_interpret::pattern::ShadingPattern;
use hayro::hayro_interpret::{ImageData, LumaData, Paint, RasterImage, StencilImage};
use hayro::kurbo::{Affine, Rect};
use vello_common::geometry::RectU16;

use crate::gray::{Axis, Gray, luma};

/// A picture as the page shows it, clipped to the page.
pub(super) struct Picture {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) gray: Gray,
    /// How much of the page each pixel hides; all of it if there are none.
    pub(super) alphas: Option<Gray>,
}

/// What became of a picture.
pub(super) enum Placed {
    Picture(Picture),
    /// Nothing of it is seen, or it cannot be decoded, of which the interpreter has been told.
    OutOfSight,
    /// It is turned by other than quarters, or painted with a pattern.
    NotUpright,
}

/// Samples of a shading to the pixel: its functions cost far more than to go evenly from one to the next, and the screen is coarser.
const SAMPLES: f32 = 0.5;
/// Less of a pixel than this is not covered, but a rounding error.
const SLACK: f64 = 1.0 / 256.0;

/// Places a picture by the transform of its pixels to those of the page, of `width` by `height`.
pub(super) fn place(picture: &RasterImage<'_>, transform: Affine, width: usize, height: usize) -> Placed {
    let size = (picture.width(), picture.height());
    let Some(frame) = Frame::of(transform, size, width, height) else { return Placed::NotUpright };
    if frame.is_empty() {
        return Placed::OutOfSight;
    }
    let mut placed = Placed::OutOfSight;
    let show = |image: ImageData, alpha: Option<LumaData>| {
        let (scale, interpolate) = (image.scale_factors(), image.interpolate());
        let (columns, rows) = (image.width(), image.height());
        let gray = match image {
            ImageData::Luma(luma) => luma.data,
            ImageData::Rgb(rgb) => rgb.data.as_chunks::<3>().0.iter().map(|[r, g, b]| luma(*r, *g, *b)).collect(),
        };
        let Some(gray) = Gray::new(columns, rows, gray) else { return };
        let frame = frame.scaled(size, (columns, rows), scale);
        let shown = match alpha.and_then(|alpha| Some((Gray::new(alpha.width, alpha.height, alpha.data)?, alpha.interpolate))) {
            None => Some((frame.sample(&gray, interpolate), None)),
            Some((alpha, smooth)) if (alpha.width(), alpha.height()) == (gray.width(), gray.height()) => {
                let weighted = frame.sample(&gray.zipped(&alpha, times), interpolate);
                let alphas = frame.sample(&alpha, smooth);
                Some((weighted.zipped(&alphas, divided), Some(alphas)))
            }
            Some((alpha, smooth)) => {
                let alphas = frame.stretched((alpha.width(), alpha.height())).sample(&alpha, smooth);
                Some((frame.sample(&gray, interpolate), Some(alphas)))
            }
        };
        if let Some((gray, alphas)) = shown {
            placed = Placed::Picture(Picture { left: frame.left, top: frame.top, gray, alphas });
        }
    };
    picture.with_rgba(show, Some(frame.target()));
    placed
}

/// As [`place`], for a stencil through which ink is laid.
pub(super) fn place_stencil(stencil: &StencilImage<'_, '_>, transform: Affine, width: usize, height: usize) -> Placed {
    let size = (stencil.width(), stencil.height());
    let Some(frame) = Frame::of(transform, size, width, height) else { return Placed::NotUpright };
    if frame.is_empty() {
        return Placed::OutOfSight;
    }
    let mut placed = Placed::OutOfSight;
    let show = |mask: LumaData, paint: &Paint<'_>| {
        let Paint::Color(color) = paint else {
            placed = Placed::NotUpright;
            return;
        };
        let [r, g, b, alpha] = color.to_rgba().to_rgba8();
        let (columns, rows, scale, interpolate) = (mask.width, mask.height, mask.scale_factors, mask.interpolate);
        let Some(mask) = Gray::new(columns, rows, mask.data) else { return };
        let frame = frame.scaled(size, (columns, rows), scale);
        let alphas = frame.sample(&mask, interpolate).mapped(|covered| times(covered, alpha));
        let ink = super::ink::solid(luma(r, g, b));
        let gray = alphas.mapped(|_| ink);
        placed = Placed::Picture(Picture { left: frame.left, top: frame.top, gray, alphas: Some(alphas) });
    };
    stencil.with_stencil(show, Some(frame.target()));
    placed
}

/// What a shading looks like in an area of the page, `None` where it is nothing or no area.
pub(super) fn of_shading(shading: &ShadingPattern, area: RectU16) -> Option<Picture> {
    let (left, top) = (usize::from(area.x0), usize::from(area.y0));
    let mut samples = Vec::new();
    let byte = |sample: f32| (sample * 255.0 + 0.5) as u8;
    let on_page = Rect::new(area.x0.into(), area.y0.into(), area.x1.into(), area.y1.into());
    if on_page.is_zero_area() {
        return None;
    }
    let (width, height, _) =
        shading.encode().sample_texture(on_page, SAMPLES, |[r, g, b, alpha]| samples.push((luma(byte(r), byte(g), byte(b)), byte(alpha))));
    let axis = |count: u16| Axis { start: 0.0, step: SAMPLES.into(), count: count.into(), interpolate: true };
    let whole = |part: Vec<u8>| Some(Gray::new(width, height, part)?.sampled(&axis(area.width()), &axis(area.height())));
    let gray = whole(samples.iter().map(|(gray, _)| *gray).collect())?;
    let alphas = whole(samples.iter().map(|(_, alpha)| *alpha).collect())?;
    Some(Picture { left, top, gray, alphas: Some(alphas) })
}

fn times(a: u8, b: u8) -> u8 {
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}

/// What was multiplied by `alpha`, divided again.
fn divided(weighted: u8, alpha: u8) -> u8 {
    match alpha {
        0 | 255 => weighted,
        alpha => (u32::from(weighted) * 255 / u32::from(alpha)).min(255) as u8,
    }
}

/// Where on the page a picture lies, and which of its pixels each of the page's shows.
#[derive(Clone, Copy)]
struct Frame {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
    /// Pages' columns run along the picture's rows, not its columns.
    is_turned: bool,
    /// Of the picture along the page's columns and rows: first edge and length on the page in pixels, negative when mirrored; length in
    /// its own pixels.
    across: (f64, f64, usize),
    down: (f64, f64, usize),
}

impl Frame {
    fn of(transform: Affine, size: (u32, u32), width: usize, height: usize) -> Option<Self> {
        let [a, b, c, d, e, f] = transform.as_coeffs();
        let (columns, rows) = (size.0 as usize, size.1 as usize);
        let (is_turned, across, down) = match () {
            () if is_straight(b, a) && is_straight(c, d) => (false, (e, a * columns as f64, columns), (f, d * rows as f64, rows)),
            () if is_straight(a, b) && is_straight(d, c) => (true, (e, c * rows as f64, rows), (f, b * columns as f64, columns)),
            () => return None,
        };
        if ![across.0, across.1, down.0, down.1].iter().all(|number| number.is_finite()) {
            return None;
        }
        let ends = |(start, length, _): (f64, f64, usize), most: usize| {
            let (low, high) = (start.min(start + length), start.max(start + length));
            let first = (low + SLACK).floor().clamp(0.0, most as f64);
            // However thin it is, it is seen.
            let last = (high - SLACK).ceil().max((low + SLACK).floor() + 1.0).clamp(0.0, most as f64);
            (first as usize, last as usize)
        };
        let ((left, right), (top, bottom)) = (ends(across, width), ends(down, height));
        Some(Self { left, top, right, bottom, is_turned, across, down })
    }

    fn is_empty(&self) -> bool {
        self.left >= self.right || self.top >= self.bottom || self.across.1 == 0.0 || self.down.1 == 0.0
    }

    /// How many pixels of the page the whole picture takes, in its own columns and rows.
    fn target(&self) -> (u32, u32) {
        let (across, down) = (self.across.1.abs().ceil() as u32, self.down.1.abs().ceil() as u32);
        if self.is_turned { (down, across) } else { (across, down) }
    }

    /// The frame of what the decoder gave: so many pixels, each as large as `scale` of those that were promised.
    fn scaled(&self, promised: (u32, u32), given: (u32, u32), scale: (f32, f32)) -> Self {
        let factor = |promised: u32, given: u32, scale: f32| f64::from(given) * f64::from(scale) / f64::from(promised.max(1));
        let (mut columns, mut rows) = (factor(promised.0, given.0, scale.0), factor(promised.1, given.1, scale.1));
        if self.is_turned {
            (columns, rows) = (rows, columns);
        }
        let mut frame = self.stretched((given.0 as usize, given.1 as usize));
        frame.across.1 *= columns;
        frame.down.1 *= rows;
        frame
    }

    /// The same place for a picture of other size.
    fn stretched(&self, (columns, rows): (usize, usize)) -> Self {
        let (across, down) = if self.is_turned { (rows, columns) } else { (columns, rows) };
        Self { across: (self.across.0, self.across.1, across), down: (self.down.0, self.down.1, down), ..*self }
    }

    fn sample(&self, picture: &Gray, interpolate: bool) -> Gray {
        let axis = |(start, length, pixels): (f64, f64, usize), first: usize, last: usize| {
            let step = pixels as f64 / length;
            Axis { start: (first as f64 - start) * step, step, count: last - first, interpolate }
        };
        let (across, down) = (axis(self.across, self.left, self.right), axis(self.down, self.top, self.bottom));
        if self.is_turned { picture.sampled(&down, &across).transposed() } else { picture.sampled(&across, &down) }
    }

    #[cfg(test)]
    fn area(&self) -> Rect {
        Rect::new(self.left as f64, self.top as f64, self.right as f64, self.bottom as f64)
    }
}

/// Whether `off` is nothing but a rounding error beside `along`.
fn is_straight(off: f64, along: f64) -> bool {
    off.abs() <= along.abs() * 1e-5
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn picture() -> Gray {
        Gray::new(3, 2, vec![0, 50, 100, 150, 200, 250]).unwrap()
    }

    fn shown(transform: Affine) -> (Rect, Vec<Vec<u8>>) {
        let frame = Frame::of(transform, (3, 2), 100, 100).unwrap();
        (frame.area(), frame.sample(&picture(), false).rows().map(<[u8]>::to_vec).collect())
    }

    #[test]
    fn pixel_by_pixel_a_picture_is_shown_as_it_is() {
        let (area, pixels) = shown(Affine::translate((10.0, 20.0)));
        assert_eq!(area, Rect::new(10.0, 20.0, 13.0, 22.0));
        assert_eq!(pixels, [[0, 50, 100], [150, 200, 250]]);
    }

    #[test]
    fn upside_down_the_last_row_comes_first() {
        let (area, pixels) = shown(Affine::new([1.0, 0.0, 0.0, -1.0, 10.0, 22.0]));
        assert_eq!(area, Rect::new(10.0, 20.0, 13.0, 22.0));
        assert_eq!(pixels, [[150, 200, 250], [0, 50, 100]]);
    }

    #[test]
    fn a_quarter_turn_swaps_columns_and_rows() {
        // Down the page run the columns, from right to left run the rows.
        let (area, pixels) = shown(Affine::new([0.0, 1.0, -1.0, 0.0, 12.0, 20.0]));
        assert_eq!(area, Rect::new(10.0, 20.0, 12.0, 23.0));
        assert_eq!(pixels, [[150, 0], [200, 50], [250, 100]]);
    }

    #[test]
    fn what_hangs_over_the_page_s_edge_is_cut_off_and_the_rest_stays_in_place() {
        let (area, pixels) = shown(Affine::translate((-1.0, 99.0)));
        assert_eq!(area, Rect::new(0.0, 99.0, 2.0, 100.0));
        assert_eq!(pixels, [[50, 100]]);
    }

    #[test]
    fn a_picture_thinner_than_a_pixel_is_seen_and_a_slanted_one_is_left_to_others() {
        let (area, _) = shown(Affine::new([1.0, 0.0, 0.0, 0.01, 10.0, 20.5]));
        assert_eq!(area, Rect::new(10.0, 20.0, 13.0, 21.0));
        assert!(Frame::of(Affine::rotate(0.1), (3, 2), 100, 100).is_none());
        assert!(Frame::of(Affine::translate((200.0, 0.0)), (3, 2), 100, 100).unwrap().is_empty());
    }
}
