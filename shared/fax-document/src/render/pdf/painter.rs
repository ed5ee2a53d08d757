//! Draws what most pages are made of straight onto a grey sheet.
//!
//! `hayro` composes pages in colour, four times the bytes of what a fax needs. This device takes the interpreter's drawing instructions
//! itself as long as grey is enough: solid fills and strokes, type, pictures that stand upright, clips of any shape. Source-over is linear,
//! so the grey of what is composed is what is composed of greys. Whatever it cannot draw (patterns, blend modes, soft masks, turned
//! pictures) makes it give up the page, which is then drawn in colour.

use std::f64::consts::SQRT_2;

use hayro::hayro_interpret::font::{Glyph, GlyphRun, OutlineGlyph};
use hayro::hayro_interpret::hayro_cmap::WritingMode;
use hayro::hayro_interpret::pattern::{Pattern, ShadingPattern};
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, FillRule, Image, ImageDrawProps, Paint, SoftMask, StrokeProps,
};
use hayro::kurbo::{Affine, BezPath, Cap, Join, Rect, Shape, Stroke};
use hayro::vello_cpu::peniko::Fill;
use vello_common::clip::{ClipContext, ClipShape};
use vello_common::fearless_simd::Level;
use vello_common::geometry::RectU16;
use vello_common::strip::visit_strip_fill_segments;
use vello_common::strip_generator::{StripGenerator, StripStorage};
use vello_common::tile::Tile;
use vello_common::util::strip_bbox;

use super::PICTURED;
use super::glyphs::{Coverage, Drawn, Glyphs};
use super::ink::{Ink, LANES, over, times};
use super::picture::{self, Picture};
use super::watch::Watch;
use crate::gray::Gray;

/// Rows that a strip of coverage covers.
const STRIP: usize = Tile::HEIGHT as usize;

/// What it takes to draw pages of one size, page after page.
pub(super) struct Easel {
    strips: StripGenerator,
    coverage: StripStorage,
    clips: ClipContext,
    glyphs: Glyphs,
    tiles: RectU16,
}

impl Easel {
    pub(super) fn new(width: u16, height: u16) -> Self {
        Self {
            strips: StripGenerator::new(width, height, Level::try_detect().unwrap_or(Level::baseline())),
            coverage: StripStorage::default(),
            clips: ClipContext::new(),
            glyphs: Glyphs::new(),
            tiles: RectU16::new(0, 0, width.div_ceil(Tile::WIDTH), height.div_ceil(Tile::HEIGHT)),
        }
    }

    /// A device that draws on `page`, which has this easel's size and is white.
    pub(super) fn paint<'e>(&'e mut self, page: &'e mut Gray, watch: &'e Watch) -> Painter<'e> {
        self.clips.reset();
        Painter { easel: self, page, watch, gave_up: false, pictured: 0.0, letters: 0, in_type3: false }
    }
}

/// The device; when [`gave_up`](Self::gave_up) is set, what stands on the page is of no use.
pub(super) struct Painter<'e> {
    easel: &'e mut Easel,
    page: &'e mut Gray,
    watch: &'e Watch,
    pub(super) gave_up: bool,
    /// How many of the page's pixels pictures were asked to cover that nothing is seen through, also when given up.
    pub(super) pictured: f64,
    /// Letters that were asked for since a picture covered much of the page, also when given up; not those that are drawings.
    pub(super) letters: usize,
    in_type3: bool,
}

impl Painter<'_> {
    /// The ink to draw with, or `None` when it takes more than ink, in which case the page is given up.
    fn ink(&mut self, props: &DrawProps<'_>) -> Option<Ink> {
        let multiplies = props.blend_mode == BlendMode::Multiply;
        let is_plain = props.soft_mask.is_none() && (multiplies || props.blend_mode == BlendMode::Normal);
        let ink = Ink::of(&props.paint, multiplies).filter(|_| is_plain);
        self.gave_up |= ink.is_none();
        ink.filter(|ink| ink.alpha > 0)
    }

    /// Covers a path's inside.
    fn cover(&mut self, path: &BezPath, transform: Affine, rule: FillRule) {
        let Easel { strips, coverage, clips, .. } = &mut *self.easel;
        coverage.clear();
        let clip = clips.get().map(|clip| clip.path);
        strips.generate_filled_path(path, fill_rule(rule), transform, None, coverage, clip);
    }

    /// Covers a rectangle of the page.
    fn cover_rect(&mut self, rect: &Rect) {
        let Easel { strips, coverage, clips, .. } = &mut *self.easel;
        coverage.clear();
        strips.generate_filled_rect_fast(rect, coverage, clips.get());
    }

    /// Covers a path's line.
    fn cover_line(&mut self, path: &BezPath, transform: Affine, props: &StrokeProps, is_type: bool) {
        let stroke = self.stroke_of(props, transform, is_type);
        let reach = stroke.width / 2.0 * stroke.miter_limit.max(SQRT_2);
        let area = transform.transform_rect_bbox(path.control_box().inflate(reach, reach));
        let Easel { strips, coverage, clips, .. } = &mut *self.easel;
        coverage.clear();
        if area.overlaps(Rect::new(0.0, 0.0, self.page.width() as f64, self.page.height() as f64)) {
            let clip = clips.get().map(|clip| clip.path);
            strips.generate_stroked_path(path, &stroke, transform, None, coverage, clip);
        }
    }

    /// Lines are at least a pixel wide, as ISO 32000-1, 8.4.3.2 has it; those of type a quarter, or small print would clog.
    fn stroke_of(&self, props: &StrokeProps, transform: Affine, is_type: bool) -> Stroke {
        let [a, b, c, d, ..] = transform.as_coeffs();
        let factor = (a.hypot(b).max(c.hypot(d)) as f32).max(f32::MIN_POSITIVE);
        let least = if is_type { 0.25 } else { 1.0 };
        let mut width = props.line_width.max(0.01 / factor);
        let on_page = width * factor;
        if on_page < least && !self.in_type3 {
            width = least / factor;
        }
        // At that width round ends and corners look like square ones, which are much cheaper.
        let is_thin = on_page <= 1.0;
        let cap = if is_thin && props.line_cap == Cap::Round { Cap::Square } else { props.line_cap };
        let join = if is_thin && props.line_join == Join::Round { Join::Bevel } else { props.line_join };
        Stroke {
            width: f64::from(width),
            join,
            miter_limit: f64::from(props.miter_limit),
            start_cap: cap,
            end_cap: cap,
            dash_pattern: props.dash_array.iter().map(|length| f64::from(*length)).collect(),
            dash_offset: f64::from(props.dash_offset),
        }
    }

    /// Draws within the bounds that a shading has of its own, if it has.
    fn within_shading(&mut self, props: &DrawProps<'_>, draw: impl FnOnce(&mut Self)) {
        let bounds = shading(props).and_then(|shading| shading.shading.clip_path.as_ref());
        if let Some(bounds) = bounds {
            let Easel { strips, clips, .. } = &mut *self.easel;
            clips.push_clip_path(bounds, strips, Fill::NonZero, Affine::IDENTITY, None);
        }
        draw(self);
        if bounds.is_some() {
            self.easel.clips.pop_clip();
        }
    }

    /// Lays ink or a shading on what is covered.
    fn lay_paint(&mut self, props: &DrawProps<'_>) {
        if let Some(shading) = shading(props) {
            let covered = strip_bbox(&self.easel.coverage.strips).unwrap_or(RectU16::ZERO);
            let area = covered.intersect(RectU16::new(0, 0, self.page.width() as u16, self.page.height() as u16));
            if let Some(picture) = picture::of_shading(shading, area) {
                self.lay_picture(&picture);
            }
        } else if let Some(ink) = self.ink(props) {
            self.lay(ink);
        }
    }

    /// Lays ink on what is covered.
    fn lay(&mut self, ink: Ink) {
        let Easel { coverage, tiles, .. } = &*self.easel;
        visit_strip_fill_segments(
            &coverage.strips,
            *tiles,
            self.page,
            |page, segment| {
                let (y, mut from, to) = (usize::from(segment.y()), usize::from(segment.x0()), usize::from(segment.x1()));
                let Some(alphas) = coverage.alphas.get(segment.alpha_idx as usize..) else { return };
                let alphas = alphas.get(..(to - from) * STRIP).unwrap_or(alphas);
                // Coverage comes column by column, four rows each.
                let (tiles, _) = alphas.as_chunks::<LANES>();
                for tile in tiles {
                    let covered = std::array::from_fn(|at| tile[at % STRIP * STRIP + at / STRIP]);
                    lay_tile(page, (from, y), ink, &covered);
                    from += LANES / STRIP;
                }
            },
            |page, segment| {
                let (y, from, to) = (usize::from(segment.y()), usize::from(segment.x0()), usize::from(segment.x1()));
                for row in y..y + STRIP {
                    let pixels = page.row_mut(row);
                    let to = to.min(pixels.len());
                    if let Some(pixels) = pixels.get_mut(from..to) {
                        ink.fill(pixels);
                    }
                }
            },
        );
    }

    /// Lays a glyph's coverage with its origin at (`x`, `y`). False when the clip's edge runs through it.
    fn lay_glyph(&mut self, glyph: &Coverage, x: i32, y: i32, ink: Ink) -> bool {
        let (left, top) = (i64::from(x) + i64::from(glyph.left), i64::from(y) + i64::from(glyph.top));
        if let Some(clip) = self.easel.clips.get() {
            let area = Rect::new(left as f64, top as f64, (left + glyph.width as i64) as f64, (top + glyph.height() as i64) as f64);
            match clip.shape {
                ClipShape::AxisAlignedRect(clip) if !clip.overlaps(area) => return true,
                ClipShape::AxisAlignedRect(clip) if clip.contains_rect(area) => {}
                _ => return false,
            }
        }
        let skipped = usize::try_from(-left).unwrap_or(0);
        for (row, alphas) in (top..).zip(glyph.rows()) {
            let Ok(row) = usize::try_from(row) else { continue };
            let pixels = self.page.row_mut(row).get_mut(usize::try_from(left).unwrap_or(0)..).unwrap_or_default();
            ink.lay(pixels, alphas.get(skipped..).unwrap_or_default());
        }
        true
    }

    fn draw_glyph(&mut self, glyph: &OutlineGlyph, transform: Affine, is_horizontal: bool, ink: Ink) {
        match self.easel.glyphs.draw(glyph, transform, is_horizontal) {
            Drawn::Nothing => {}
            Drawn::Shape(outline, transform) => {
                self.cover(&outline, transform, FillRule::NonZero);
                self.lay(ink);
            }
            Drawn::Coverage(coverage, x, y) => {
                if !self.lay_glyph(&coverage, x, y, ink) {
                    let (outline, transform) = self.easel.glyphs.shape(glyph, transform, is_horizontal);
                    self.cover(&outline, transform, FillRule::NonZero);
                    self.lay(ink);
                }
            }
        }
    }

    /// Lays what is covered of a picture whose pixels are those of the page.
    fn lay_picture(&mut self, picture: &Picture) {
        let Picture { left, top, gray, alphas } = picture;
        let (left, top) = (*left, *top);
        let Easel { coverage, tiles, .. } = &*self.easel;
        let blend = |page: &mut Gray, y: usize, from: usize, to: usize, clipped: &dyn Fn(usize) -> u8| {
            let Some(row) = y.checked_sub(top).filter(|row| *row < gray.height()) else { return };
            let (from, to) = (from.max(left), to.min(left + gray.width()));
            let pixels = page.row_mut(y).iter_mut().enumerate().take(to).skip(from);
            let sources = gray.row(row).iter().skip(from - left);
            for ((x, pixel), source) in pixels.zip(sources) {
                let alpha = alphas.as_ref().map_or(255, |alphas| alphas.row(row).get(x - left).copied().unwrap_or(0));
                *pixel = over(*pixel, *source, times(alpha, clipped(x)));
            }
        };
        visit_strip_fill_segments(
            &coverage.strips,
            *tiles,
            self.page,
            |page, segment| {
                let (y, from, to) = (usize::from(segment.y()), usize::from(segment.x0()), usize::from(segment.x1()));
                for row in 0..STRIP {
                    let at = |x: usize| segment.alpha_idx as usize + (x - from) * STRIP + row;
                    blend(page, y + row, from, to, &|x| coverage.alphas.get(at(x)).copied().unwrap_or(0));
                }
            },
            |page, segment| {
                let (y, from, to) = (usize::from(segment.y()), usize::from(segment.x0()), usize::from(segment.x1()));
                for y in y..y + STRIP {
                    if alphas.is_some() {
                        blend(page, y, from, to, &|_| 255);
                        continue;
                    }
                    let row = y.checked_sub(top).map(|row| gray.row(row)).unwrap_or_default();
                    let row = row.get(from.saturating_sub(left)..).unwrap_or_default();
                    let pixels = page.row_mut(y).iter_mut().take(to).skip(from.max(left));
                    pixels.zip(row).for_each(|(pixel, source)| *pixel = *source);
                }
            },
        );
    }
}

impl<'a> Device<'a> for Painter<'_> {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, draw_mode: &DrawMode) {
        if self.gave_up {
            return;
        }
        let (fill, stroke) = match draw_mode {
            DrawMode::Fill(rule) => (Some(rule), None),
            DrawMode::Stroke(stroke) => (None, Some(stroke)),
            DrawMode::FillAndStroke(rule, stroke) => (Some(rule), Some(stroke)),
            DrawMode::Invisible => (None, None),
        };
        self.within_shading(&props, |painter| {
            if let Some(rule) = fill {
                painter.cover(path, props.transform, *rule);
                painter.lay_paint(&props);
            }
            if let Some(stroke) = stroke {
                painter.cover_line(path, props.transform, stroke, false);
                painter.lay_paint(&props);
            }
        });
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, draw_mode: &DrawMode) {
        let [_, b, c, ..] = props.transform.as_coeffs();
        if let DrawMode::Fill(_) = draw_mode
            && b == 0.0
            && c == 0.0
            && !self.gave_up
        {
            self.within_shading(&props, |painter| {
                painter.cover_rect(&props.transform.transform_rect_bbox(*rect));
                painter.lay_paint(&props);
            });
        } else {
            self.draw_path(&rect.to_path(0.1), props, draw_mode);
        }
    }

    fn push_clip_path(&mut self, clip_path: &ClipPath) {
        let Easel { strips, clips, .. } = &mut *self.easel;
        clips.push_clip_path(&clip_path.path, strips, fill_rule(clip_path.fill), Affine::IDENTITY, None);
    }

    fn push_clip_rect(&mut self, rect: &Rect) {
        let Easel { strips, clips, .. } = &mut *self.easel;
        clips.push_clip_rect(rect, strips);
    }

    fn pop_clip(&mut self) {
        if self.easel.clips.get().is_some() {
            self.easel.clips.pop_clip();
        }
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, blend_mode: BlendMode) {
        // Source-over is associative: a group that is laid on whole need not be a group.
        self.gave_up |= opacity < 1.0 || !is_plain(blend_mode, mask.as_ref());
    }

    fn pop_transparency_group(&mut self) {}

    fn draw_glyph_run(&mut self, glyph_run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, draw_mode: &DrawMode) {
        let (fills, stroke) = match draw_mode {
            DrawMode::Fill(_) => (true, None),
            DrawMode::Stroke(stroke) => (false, Some(stroke)),
            DrawMode::FillAndStroke(_, stroke) => (true, Some(stroke)),
            DrawMode::Invisible => return,
        };
        self.watch.glyphs(glyph_run.glyphs().iter().filter_map(|positioned| match &**positioned {
            Glyph::Outline(glyph) => Some((glyph, positioned.transform())),
            Glyph::Type3(_) => None,
        }));
        let is_horizontal = glyph_run.writing_mode() == WritingMode::Horizontal;
        let has_outlines = glyph_run.glyphs().iter().any(|positioned| matches!(**positioned, Glyph::Outline(_)));
        let ink = if has_outlines { self.ink(&props) } else { None };
        self.letters += glyph_run.glyphs().iter().filter(|positioned| matches!(***positioned, Glyph::Outline(_))).count();
        for positioned in glyph_run.glyphs() {
            if self.gave_up {
                return;
            }
            match &**positioned {
                Glyph::Outline(glyph) => {
                    let Some(ink) = ink else { continue };
                    if fills {
                        self.draw_glyph(glyph, props.transform * positioned.transform(), is_horizontal, ink);
                    }
                    if let Some(stroke) = stroke {
                        let outline = positioned.transform() * (*self.easel.glyphs.outline(glyph)).clone();
                        self.cover_line(&outline, props.transform, stroke, true);
                        self.lay(ink);
                    }
                }
                Glyph::Type3(glyph) => {
                    let outer = std::mem::replace(&mut self.in_type3, fills);
                    glyph.interpret(self, props.transform, positioned.transform(), &props.paint);
                    self.in_type3 = outer;
                }
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.watch.picture(match &image {
            Image::Raster(raster) => raster.stream(),
            Image::Stencil(stencil) => stencil.stream(),
        });
        if let Image::Raster(raster) = &image
            && props.soft_mask.is_none()
            && !["SMask", "Mask"].iter().any(|mask| raster.stream().dict().contains_key(mask))
        {
            let picture = Rect::new(0.0, 0.0, raster.width().into(), raster.height().into());
            let page = Rect::new(0.0, 0.0, self.page.width() as f64, self.page.height() as f64);
            let covered = props.transform.transform_rect_bbox(picture).intersect(page);
            let area = if covered.is_zero_area() { 0.0 } else { covered.area() };
            self.pictured += area;
            if area * PICTURED >= page.area() {
                self.letters = 0;
            }
        }
        if self.gave_up {
            return;
        }
        if !is_plain(props.blend_mode, props.soft_mask.as_ref()) {
            self.gave_up = true;
            return;
        }
        let (width, height) = (self.page.width(), self.page.height());
        let placed = match &image {
            Image::Raster(raster) => picture::place(raster, props.transform, width, height),
            Image::Stencil(stencil) => picture::place_stencil(stencil, props.transform, width, height),
        };
        match placed {
            picture::Placed::Picture(picture) => {
                let (right, bottom) = (picture.left + picture.gray.width(), picture.top + picture.gray.height());
                self.cover_rect(&Rect::new(picture.left as f64, picture.top as f64, right as f64, bottom as f64));
                self.lay_picture(&picture);
            }
            picture::Placed::OutOfSight => {}
            picture::Placed::NotUpright => self.gave_up = true,
        }
    }
}

/// Lays ink on a tile of 4 by 4 pixels, whose coverage comes row by row; what lies beyond the page's edges is left off.
fn lay_tile(page: &mut Gray, (x, y): (usize, usize), ink: Ink, covered: &[u8; LANES]) {
    let (rows, _) = covered.as_chunks::<STRIP>();
    let mut tile = [0; LANES];
    for (at, row) in tile.as_chunks_mut::<STRIP>().0.iter_mut().zip(y..) {
        match page.row_mut(row).get(x..x + STRIP) {
            Some(pixels) => at.copy_from_slice(pixels),
            None => {
                for (covered, row) in rows.iter().zip(y..) {
                    ink.lay(page.row_mut(row).get_mut(x..).unwrap_or_default(), covered);
                }
                return;
            }
        }
    }
    ink.lay(&mut tile, covered);
    for (from, row) in tile.as_chunks::<STRIP>().0.iter().zip(y..) {
        if let Some(pixels) = page.row_mut(row).get_mut(x..x + STRIP) {
            pixels.copy_from_slice(from);
        }
    }
}

/// The shading to draw with, if that is all it takes.
fn shading<'p>(props: &'p DrawProps<'_>) -> Option<&'p ShadingPattern> {
    let Paint::Pattern(pattern) = &props.paint else { return None };
    let Pattern::Shading(shading) = &**pattern else { return None };
    is_plain(props.blend_mode, props.soft_mask.as_ref()).then_some(shading)
}

fn is_plain(blend_mode: BlendMode, mask: Option<&SoftMask<'_>>) -> bool {
    blend_mode == BlendMode::Normal && mask.is_none()
}

fn fill_rule(rule: FillRule) -> Fill {
    match rule {
        FillRule::NonZero => Fill::NonZero,
        FillRule::EvenOdd => Fill::EvenOdd,
    }
}
