//! Glyphs as coverage, drawn once and laid down wherever they recur.

use std::rc::Rc;

use ab_glyph_rasterizer::{Rasterizer, point};
use hayro::hayro_interpret::font::{GlyphIdentifier, HintingCache, OutlineGlyph};
use hayro::kurbo::{Affine, BezPath, PathEl, Point, Shape};

use super::ink::LANES;
use super::kept::Kept;

/// A glyph begins at this many places within a pixel across; down it begins on a whole pixel.
const STEPS: f64 = 4.0;
/// Larger glyphs are drawn as any other shape.
const LARGEST: f64 = 128.0;
/// Sizes, in pixels to the em, at which a font's hints help.
const HINTED: std::ops::RangeInclusive<f64> = 4.0..=128.0;
/// Bytes of glyphs and outlines that are kept for reuse.
const KEPT: usize = 24 << 20;

/// How much of each pixel a glyph covers, and where its box lies from its origin's pixel.
pub(super) struct Coverage {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) width: usize,
    /// From row to row, in [`LANES`] whole: the pixels right of `width` are not covered.
    stride: usize,
    alphas: Vec<u8>,
}

impl Coverage {
    pub(super) fn height(&self) -> usize {
        self.alphas.len() / self.stride.max(1)
    }

    /// How much each row covers; a row may be longer than the glyph is wide.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.alphas.chunks_exact(self.stride.max(1))
    }
}

/// A glyph ready to be laid down.
pub(super) enum Drawn {
    /// At this pixel.
    Coverage(Rc<Coverage>, i32, i32),
    /// Too large to be kept.
    Shape(Rc<BezPath>, Affine),
    /// White space.
    Nothing,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    glyph: GlyphIdentifier,
    linear: [u64; 4],
    step: u8,
}

/// The glyphs of one document.
pub(super) struct Glyphs {
    drawn: Kept<Key, Option<Rc<Coverage>>>,
    outlines: Kept<(GlyphIdentifier, u32), Option<Rc<BezPath>>>,
    hints: HintingCache,
}

impl Glyphs {
    pub(super) fn new() -> Self {
        Self { drawn: Kept::new(KEPT), outlines: Kept::new(KEPT), hints: HintingCache::new() }
    }

    /// The glyph under `transform`, from units of a thousandth of the em.
    pub(super) fn draw(&mut self, glyph: &OutlineGlyph, transform: Affine, is_horizontal: bool) -> Drawn {
        if !is_horizontal {
            let (outline, transform) = self.fitted(glyph, transform, false);
            return Drawn::Shape(outline, transform);
        }
        let [a, b, c, d, e, f] = transform.as_coeffs();
        let steps = (e * STEPS).round();
        let x = (steps / STEPS).floor();
        let step = steps - x * STEPS;
        let key = Key { glyph: glyph.identifier(), linear: [a, b, c, d].map(f64::to_bits), step: step as u8 };
        let coverage = match self.drawn.get(&key) {
            Some(coverage) => coverage.clone(),
            None => {
                let (outline, transform) = self.fitted(glyph, transform, true);
                match rasterize(&outline, Affine::new([a, b, c, d, step / STEPS, 0.0])) {
                    Rasterized::TooLarge => return Drawn::Shape(outline, transform),
                    Rasterized::Nothing => self.drawn.keep(key, None, 0),
                    Rasterized::Coverage(coverage) => {
                        let size = coverage.alphas.len();
                        self.drawn.keep(key, Some(Rc::new(coverage)), size)
                    }
                }
            }
        };
        coverage.map_or(Drawn::Nothing, |coverage| Drawn::Coverage(coverage, x as i32, f.round() as i32))
    }

    /// The glyph as a shape, and where it goes: for where the edge of a clip runs through it.
    pub(super) fn shape(&mut self, glyph: &OutlineGlyph, transform: Affine, is_horizontal: bool) -> (Rc<BezPath>, Affine) {
        let (outline, transform) = self.fitted(glyph, transform, is_horizontal);
        let [a, b, c, d, e, f] = transform.as_coeffs();
        (outline, Affine::new([a, b, c, d, (e * STEPS).round() / STEPS, f.round()]))
    }

    /// The outline as its font draws it at any size.
    pub(super) fn outline(&mut self, glyph: &OutlineGlyph) -> Rc<BezPath> {
        self.outlined(glyph, 0.0, |_| Some(glyph.outline())).unwrap_or_default()
    }

    fn fitted(&mut self, glyph: &OutlineGlyph, transform: Affine, may_hint: bool) -> (Rc<BezPath>, Affine) {
        let [a, b, c, d, e, f] = transform.as_coeffs();
        let ppem = d.abs() * 1000.0;
        if may_hint
            && b == 0.0
            && HINTED.contains(&ppem)
            && let Some(hinted) = self.outlined(glyph, ppem as f32, |hints| glyph.hinted_outline(ppem as f32, hints))
        {
            return (hinted, Affine::new([a, b, c, d, e, f.round()]));
        }
        (self.outline(glyph), transform)
    }

    fn outlined(&mut self, glyph: &OutlineGlyph, ppem: f32, make: impl FnOnce(&HintingCache) -> Option<BezPath>) -> Option<Rc<BezPath>> {
        let key = (glyph.identifier(), ppem.to_bits());
        if let Some(outline) = self.outlines.get(&key) {
            return outline.clone();
        }
        let outline = make(&self.hints).map(Rc::new);
        let size = outline.as_ref().map_or(0, |outline| size_of_val(outline.elements()));
        self.outlines.keep(key, outline, size)
    }
}

enum Rasterized {
    Nothing,
    TooLarge,
    Coverage(Coverage),
}

fn rasterize(outline: &BezPath, transform: Affine) -> Rasterized {
    let path = transform * outline.clone();
    let area = path.bounding_box();
    if area.is_zero_area() {
        return Rasterized::Nothing;
    }
    let fits = area.width() <= LARGEST && area.height() <= LARGEST && area.x0.abs() < 1e6 && area.y0.abs() < 1e6;
    if !fits {
        return Rasterized::TooLarge;
    }
    let (left, top) = (area.x0.floor(), area.y0.floor());
    let (width, height) = ((area.x1.ceil() - left) as usize, (area.y1.ceil() - top) as usize);
    let mut raster = Rasterizer::new(width, height);
    let at = |p: Point| point((p.x - left) as f32, (p.y - top) as f32);
    let (mut start, mut last) = (Point::ZERO, Point::ZERO);
    for element in path.elements() {
        match *element {
            PathEl::MoveTo(to) => {
                raster.draw_line(at(last), at(start));
                (start, last) = (to, to);
            }
            PathEl::LineTo(to) => {
                raster.draw_line(at(last), at(to));
                last = to;
            }
            PathEl::QuadTo(control, to) => {
                raster.draw_quad(at(last), at(control), at(to));
                last = to;
            }
            PathEl::CurveTo(first, second, to) => {
                raster.draw_cubic(at(last), at(first), at(second), at(to));
                last = to;
            }
            PathEl::ClosePath => {
                raster.draw_line(at(last), at(start));
                last = start;
            }
        }
    }
    raster.draw_line(at(last), at(start));
    let stride = width.next_multiple_of(LANES);
    let mut alphas = vec![0; stride * height];
    raster.for_each_pixel_2d(|x, y, coverage| {
        let alpha = alphas.get_mut(y as usize * stride + x as usize);
        alpha.into_iter().for_each(|alpha| *alpha = (coverage.min(1.0) * 255.0).round() as u8);
    });
    Rasterized::Coverage(Coverage { left: left as i32, top: top as i32, width, stride, alphas })
}
