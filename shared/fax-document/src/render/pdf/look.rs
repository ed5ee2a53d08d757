//! Looks at what is drawn in colour, where nobody else does: within patterns, soft masks and glyphs that are drawings.

use hayro::hayro_interpret::font::{Glyph, GlyphRun};
use hayro::hayro_interpret::pattern::Pattern;
use hayro::hayro_interpret::{BlendMode, CacheKey, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, Paint, SoftMask};
use hayro::kurbo::{Affine, BezPath};
use rustc_hash::FxHashSet;

use super::watch::Watch;

/// A device that draws nothing, and shows `watch` all pictures and letters.
pub(super) struct Looker<'w> {
    watch: &'w Watch,
    /// Patterns, masks and glyphs that have been looked into.
    seen: FxHashSet<u128>,
}

impl<'w> Looker<'w> {
    pub(super) fn new(watch: &'w Watch) -> Self {
        Self { watch, seen: FxHashSet::default() }
    }

    fn paint<'a>(&mut self, paint: &Paint<'a>) {
        if let Paint::Pattern(pattern) = paint
            && let Pattern::Tiling(tiling) = &**pattern
            && self.seen.insert(tiling.cache_key())
        {
            // `None` where the pattern's stream cannot be read, of which the interpreter tells.
            let _ = tiling.interpret(self, Affine::IDENTITY, false);
        }
    }

    fn mask(&mut self, mask: Option<&SoftMask<'_>>) {
        if let Some(mask) = mask.filter(|mask| self.seen.insert(mask.cache_key())) {
            mask.interpret(self);
        }
    }
}

impl<'a> Device<'a> for Looker<'_> {
    fn draw_path(&mut self, _: &BezPath, props: DrawProps<'a>, _: &DrawMode) {
        self.paint(&props.paint);
        self.mask(props.soft_mask.as_ref());
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        if matches!(mode, DrawMode::Invisible) {
            return;
        }
        self.paint(&props.paint);
        self.mask(props.soft_mask.as_ref());
        self.watch.glyphs(run.glyphs().iter().filter_map(|positioned| match &**positioned {
            Glyph::Outline(glyph) => Some((glyph, positioned.transform())),
            Glyph::Type3(_) => None,
        }));
        for positioned in run.glyphs() {
            if let Glyph::Type3(glyph) = &**positioned
                && self.seen.insert(glyph.cache_key())
            {
                glyph.interpret(self, props.transform, positioned.transform(), &props.paint);
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.watch.picture(match &image {
            Image::Raster(raster) => raster.stream(),
            Image::Stencil(stencil) => stencil.stream(),
        });
        self.mask(props.soft_mask.as_ref());
    }

    fn push_transparency_group(&mut self, _: f32, mask: Option<SoftMask<'a>>, _: BlendMode) {
        self.mask(mask.as_ref());
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}
