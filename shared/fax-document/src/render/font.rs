//! The typeface of plain text: DejaVu Sans Mono, which has Latin, Greek, Cyrillic and many signs.

use std::collections::HashMap;

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider};

use crate::error::DocumentError;
use crate::gray::Gray;

static DEJAVU_SANS_MONO: &[u8] = include_bytes!("../../assets/DejaVuSansMono.ttf");

/// Advance of every glyph, in parts of the type size.
pub(crate) const ADVANCE: f32 = 1233.0 / 2048.0;

/// Whether the typeface has a character.
pub(crate) fn has(c: char) -> bool {
    FontRef::new(DEJAVU_SANS_MONO).is_ok_and(|face| face.charmap().map(c).is_some())
}

/// Units of [`outline`] to the size.
pub(crate) const UNITS: f64 = 2048.0;

/// A character's outline as quadratic curves, y up.
pub(crate) fn outline(c: char) -> Option<Vec<[Point; 3]>> {
    let face = FontRef::new(DEJAVU_SANS_MONO).ok()?;
    let glyph = face.outline_glyphs().get(face.charmap().map(c)?)?;
    let mut outline = Outline { squeeze: -1.0, ..Outline::default() };
    glyph.draw(DrawSettings::unhinted(Size::unscaled(), LocationRef::default()), &mut outline).ok()?;
    Some(outline.curves)
}

/// The control points of the cubic curve that is this quadratic one.
pub(crate) fn cubic([from, control, to]: &[Point; 3]) -> [Point; 2] {
    let third = |end: f32, control: f32| end + (control - end) * 2.0 / 3.0;
    [point(third(from.x, control.x), third(from.y, control.y)), point(third(to.x, control.x), third(to.y, control.y))]
}

/// A character's outline as PDF operators, and how many of its units make the size.
pub(crate) fn operators(c: char) -> Option<(String, f64)> {
    let (mut operators, mut last) = (String::new(), None);
    for curve in &outline(c)? {
        let ([from, _, to], [first, second]) = (curve, cubic(curve));
        if last != Some((from.x, from.y)) {
            operators += &format!("{} {} m ", from.x, from.y);
        }
        operators += &format!("{} {} {} {} {} {} c ", first.x, first.y, second.x, second.y, to.x, to.y);
        last = Some((to.x, to.y));
    }
    Some((operators, UNITS))
}

/// The typeface at one size, with the glyphs drawn so far.
pub(crate) struct Font {
    face: FontRef<'static>,
    size: f32,
    squeeze: f32,
    drawn: HashMap<char, Glyph>,
}

/// A glyph's grey pixels, and where they lie from the pen's place on the baseline.
pub(crate) struct Glyph {
    left: i32,
    top: i32,
    width: usize,
    pixels: Vec<u8>,
}

impl Font {
    /// The size at which a character is `advance` pixels wide, in pixels that are `squeeze` times as many down as across.
    pub(crate) fn new(advance: f32, squeeze: f32) -> Result<Self, DocumentError> {
        let face = FontRef::new(DEJAVU_SANS_MONO).map_err(|_| DocumentError::broken("its typeface cannot be read"))?;
        Ok(Self { face, size: advance / ADVANCE, squeeze, drawn: HashMap::new() })
    }

    pub(crate) fn has(&self, c: char) -> bool {
        self.face.charmap().map(c).is_some()
    }

    /// Draws a character with the pen at (`x`, `baseline`).
    pub(crate) fn draw(&mut self, c: char, page: &mut Gray, x: u32, baseline: u32) {
        let (face, size, squeeze) = (&self.face, self.size, self.squeeze);
        let glyph = self.drawn.entry(c).or_insert_with(|| rasterize(face, face.charmap().map(c), size, squeeze));
        glyph.lay(page, x.into(), baseline.into());
    }
}

impl Glyph {
    /// Draws it with the pen at (`x`, `baseline`).
    pub(crate) fn lay(&self, page: &mut Gray, x: i64, baseline: i64) {
        for (y, row) in (0..).zip(self.pixels.chunks(self.width.max(1))) {
            for (step, value) in (0..).zip(row) {
                let to = (x + i64::from(self.left) + step, baseline + i64::from(self.top) + y);
                if let (Ok(x), Ok(y)) = (usize::try_from(to.0), usize::try_from(to.1)) {
                    page.darken(x, y, *value);
                }
            }
        }
    }
}

/// A glyph of a face whose outlines are quadratic, at `size` pixels across to the em, and `squeeze` times as many down.
pub(crate) fn rasterize(face: &FontRef<'_>, glyph: Option<GlyphId>, size: f32, squeeze: f32) -> Glyph {
    let mut outline = Outline { squeeze, ..Outline::default() };
    let glyph = glyph.and_then(|id| face.outline_glyphs().get(id));
    let settings = DrawSettings::unhinted(Size::new(size), LocationRef::default());
    if glyph.is_none_or(|glyph| glyph.draw(settings, &mut outline).is_err()) || outline.curves.is_empty() {
        return Glyph { left: 0, top: 0, width: 0, pixels: Vec::new() };
    }
    let edge = |pick: fn(&Point) -> f32, fold: fn(f32, f32) -> f32| outline.curves.iter().flatten().map(pick).reduce(fold).unwrap_or(0.0);
    let (left, top) = (edge(|p| p.x, f32::min).floor(), edge(|p| p.y, f32::min).floor());
    // One pixel to spare keeps curves that end on the edge inside.
    let (width, height) = ((edge(|p| p.x, f32::max) - left) as usize + 2, (edge(|p| p.y, f32::max) - top) as usize + 2);
    let mut raster = Rasterizer::new(width, height);
    for curve in &outline.curves {
        let [from, control, to] = curve.map(|p| point(p.x - left, p.y - top));
        raster.draw_quad(from, control, to);
    }
    let mut pixels = vec![255; width * height];
    raster.for_each_pixel(|at, coverage| {
        pixels.get_mut(at).into_iter().for_each(|pixel| *pixel = 255 - (coverage.clamp(0.0, 1.0) * 255.0).round() as u8);
    });
    Glyph { left: left as i32, top: top as i32, width, pixels }
}

/// An outline as quadratic curves, y down; TrueType has no others.
#[derive(Default)]
struct Outline {
    squeeze: f32,
    start: Point,
    at: Point,
    curves: Vec<[Point; 3]>,
}

impl Outline {
    fn curve(&mut self, control: Point, to: Point) {
        self.curves.push([self.at, control, to]);
        self.at = to;
    }

    fn scaled(&self, x: f32, y: f32) -> Point {
        point(x, -y * self.squeeze)
    }
}

impl OutlinePen for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.at = self.scaled(x, y);
        self.start = self.at;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.curve(self.at, self.scaled(x, y));
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.curve(self.scaled(cx, cy), self.scaled(x, y));
    }

    fn curve_to(&mut self, cx: f32, cy: f32, _: f32, _: f32, x: f32, y: f32) {
        self.quad_to(cx, cy, x, y);
    }

    fn close(&mut self) {
        self.curve(self.at, self.start);
    }
}
