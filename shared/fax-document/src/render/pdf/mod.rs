//! PDF pages, interpreted by `hayro`, drawn in grey by [`painter`] or, where that takes colour, by `hayro` too.

mod cff;
mod contents;
mod faces;
mod fields;
mod glyphs;
mod groups;
mod ink;
mod kept;
mod leaves;
mod look;
mod marks;
mod overlay;
mod own_font;
mod painter;
mod picture;
mod repair;
mod typeset;
mod watch;
mod whole;
mod winansi;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use fearless_simd::{Level, Simd as _, dispatch};
use hayro::hayro_interpret::{Context, InterpreterCache, InterpreterSettings, RenderContent, interpret_page};
use hayro::hayro_syntax::object::{Dict, Object};
use hayro::hayro_syntax::page::{Page, Rotation};
use hayro::hayro_syntax::{LoadPdfError, Pdf};
use hayro::kurbo::{Affine, Rect};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};

use self::faces::{Faces, Wanted};
pub(crate) use self::leaves::order;
use self::look::Looker;
use self::overlay::overlay;
use self::painter::Easel;
use self::watch::{Missing, Watch};
use crate::COLUMNS;
use crate::bilevel::{level, strengthen};
use crate::error::DocumentError;
use crate::fence::fenced;
use crate::gray::{Gray, luma};
use crate::options::Limits;
use crate::sheet::{Placement, Sheet};

/// How deep the page tree is looked up for a page's size.
const DEEPEST_PAGE: usize = 64;

/// A page is looked at as a scan when pictures cover one part in this many of it, ...
const PICTURED: f64 = 3.0;
/// ... and a program has set fewer letters on them than this: a stamp, a number, a line of a court or of a signature, but no text of its own.
const LETTERS: usize = 200;

/// Opens the PDF and checks all that can be checked before anything is drawn.
pub(crate) fn open(bytes: &[u8], limits: &Limits) -> Result<Pdf, DocumentError> {
    // The parser repairs a file that was cut short by leaving out what is missing, and part of a document must not be faxed as all of it.
    if !repair::has_end(bytes) {
        return Err(DocumentError::broken("the PDF is cut short"));
    }
    let pdf = load(repair::mended(bytes))?;
    leaves::order(&pdf, limits)?;
    for object in pdf.objects() {
        if let Object::Stream(stream) = object {
            check_picture(stream.dict(), limits)?;
        }
    }
    match groups::opened(&pdf) {
        Some(opened) => load(opened),
        None => Ok(pdf),
    }
}

fn load(bytes: Vec<u8>) -> Result<Pdf, DocumentError> {
    Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(_) => DocumentError::Encrypted,
        LoadPdfError::Invalid => DocumentError::broken("the PDF is damaged"),
    })
}

/// Draws pages, given by their [`order`], on `threads` threads, and gives what `finish` makes of each.
pub(crate) fn draw<T: Send>(
    pdf: &Pdf,
    order: &[usize],
    sheet: &Sheet,
    threads: usize,
    finish: impl Fn(&Gray) -> Result<T, DocumentError> + Sync,
) -> Result<Vec<T>, DocumentError> {
    let pages = order.len();
    let made: Vec<Mutex<Option<T>>> = (0..pages).map(|_| Mutex::new(None)).collect();
    let lent = watch::lent(pdf);
    let over = overlay(pdf)?;
    // Pages without an answer are drawn. Those with letters that the stand-in faces lack are left for a second round, when they have them.
    let round = |faces: &Arc<Faces>, wanted: Option<&Arc<Mutex<Wanted>>>| {
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut renderer = Renderer::new(sheet, Watch::new(&lent, faces, wanted));
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let page = order.get(index).and_then(|at| Some((*at, pdf.pages().get(*at)?)));
                let (Some((at, page)), Some(place)) = (page, made.get(index)) else { return Ok(()) };
                if place.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                    continue;
                }
                if !contents::can_be_read(page, pdf.data().as_ref()) {
                    next.store(pages, Ordering::Relaxed);
                    return Err(DocumentError::broken(format!("the content of page {} is damaged", index + 1)));
                }
                if !contents::is_read_to_its_end(page) {
                    next.store(pages, Ordering::Relaxed);
                    return Err(DocumentError::broken(format!(
                        "the content of page {} has an error past which it cannot be read",
                        index + 1
                    )));
                }
                let over = over.as_ref().and_then(|over| over.page(at));
                let drawn = renderer.draw(page, over, index + 1).and_then(|drawn| match drawn {
                    Some(drawn) if drawn.is_white() && contents::is_cut_short(page) => {
                        Err(DocumentError::broken(format!("the content of page {} is cut short", index + 1)))
                    }
                    drawn => drawn.map(&finish).transpose(),
                });
                // One page that fails is enough: the others need not be drawn.
                let drawn = drawn.inspect_err(|_| next.store(pages, Ordering::Relaxed))?;
                *place.lock().unwrap_or_else(PoisonError::into_inner) = drawn;
            }
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads.min(pages)).map(|_| scope.spawn(|| fenced(worker))).collect();
            let own = worker();
            let joined =
                others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err(DocumentError::broken("its pages cannot be drawn"))));
            joined.fold(own, |result, other| result.and(other))
        })
    };
    let wanted = Arc::default();
    round(&Arc::default(), Some(&wanted))?;
    if made.iter().any(|place| place.lock().unwrap_or_else(PoisonError::into_inner).is_none()) {
        round(&Arc::new(Faces::with(&wanted.lock().unwrap_or_else(PoisonError::into_inner))), None)?;
    }
    let drawn = made.into_iter().map(|place| place.into_inner().unwrap_or_else(PoisonError::into_inner));
    drawn.map(|page| page.ok_or_else(|| DocumentError::broken("a page was not drawn"))).collect()
}

/// What one thread draws with, page after page.
struct Renderer<'a> {
    sheet: &'a Sheet,
    watch: Arc<Watch>,
    settings: InterpreterSettings,
    page: Gray,
    easel: Easel,
    cache: InterpreterCache<'a>,
    /// Caches tell objects apart by number, which is not enough for those of two files.
    over_cache: InterpreterCache<'a>,
    colored: Option<Colored<'a>>,
    /// Whether the page may be a scan.
    may_be_scan: bool,
}

impl<'a> Renderer<'a> {
    fn new(sheet: &'a Sheet, watch: Watch) -> Self {
        let watch = Arc::new(watch);
        Self {
            sheet,
            settings: watch.settings(),
            watch,
            page: Gray::white(COLUMNS, sheet.rows),
            easel: Easel::new(COLUMNS as u16, rows(sheet)),
            cache: InterpreterCache::new(),
            over_cache: InterpreterCache::new(),
            colored: None,
            may_be_scan: false,
        }
    }

    /// Draws a page, with `over` in place of its annotations if that is given. `None` if it wants letters that are yet to be had.
    fn draw(&mut self, page: &'a Page<'a>, over: Option<&'a Page<'a>>, number: usize) -> Result<Option<&Gray>, DocumentError> {
        let size = Size::of(page);
        let transform = placed(size.dimensions(page), self.sheet) * size.upright(page);
        self.page.clear();
        if !self.draw_gray(page, over, size, transform) {
            if size == Size::Letter {
                // What draws in colour takes the size from the file.
                return Err(DocumentError::broken(format!("page {number} has no size (MediaBox)")));
            }
            self.look(page, over, transform);
            let colored = self.colored.get_or_insert_with(|| Colored::new(self.sheet));
            colored.draw(page, over, &self.settings, transform, &mut self.page);
        }
        if self.may_be_scan {
            level(&mut self.page);
        } else {
            strengthen(&mut self.page);
        }
        let wants_letters = self.watch.wanted_letters();
        match self.watch.missing() {
            None => Ok((!wants_letters).then_some(&self.page)),
            Some(Missing::Letters(None)) => Err(DocumentError::broken(Missing::Letters(watch::unembedded(page)).on(number))),
            Some(what) => Err(DocumentError::broken(what.on(number))),
        }
    }

    /// Shows the watch what the painter, which has given up, has not drawn.
    fn look(&mut self, page: &'a Page<'a>, over: Option<&'a Page<'a>>, transform: Affine) {
        let target = Rect::new(0.0, 0.0, f64::from(COLUMNS), f64::from(self.sheet.rows));
        let mut looker = Looker::new(&self.watch);
        let mut state = Context::new(transform, target, &self.cache, page.xref(), content_of(&self.settings, over.is_none()));
        interpret_page(page, &mut state, &mut looker);
        if let Some(over) = over {
            let mut state = Context::new(transform, target, &self.over_cache, over.xref(), self.settings.clone());
            interpret_page(over, &mut state, &mut looker);
        }
    }

    /// Whether grey was enough.
    fn draw_gray(&mut self, page: &'a Page<'a>, over: Option<&'a Page<'a>>, size: Size, transform: Affine) -> bool {
        let target = Rect::new(0.0, 0.0, f64::from(COLUMNS), f64::from(self.sheet.rows));
        let mut painter = self.easel.paint(&mut self.page, &self.watch);
        let mut state = Context::new(transform, target, &self.cache, page.xref(), content_of(&self.settings, over.is_none()));
        interpret_page(page, &mut state, &mut painter);
        if let Some(over) = over {
            let mut state = Context::new(transform, target, &self.over_cache, over.xref(), self.settings.clone());
            interpret_page(over, &mut state, &mut painter);
        }
        let pictured = painter.pictured * PICTURED >= f64::from(COLUMNS) * f64::from(self.sheet.rows);
        self.may_be_scan = pictured && painter.letters < LETTERS;
        if painter.gave_up {
            return false;
        }
        // What lies outside the page is not shown. This is cheaper than a clip around everything.
        let shown = transform.transform_rect_bbox(size.shown(page));
        self.page.crop(shown.x0.round() as usize..shown.x1.round() as usize, shown.y0.round() as usize..shown.y1.round() as usize);
        true
    }
}

/// What pages are drawn with that take more than grey.
struct Colored<'a> {
    cache: RenderCache<'a>,
    over_cache: RenderCache<'a>,
    context: RenderContext,
    pixmap: Pixmap,
    resources: Resources,
}

impl<'a> Colored<'a> {
    fn new(sheet: &Sheet) -> Self {
        Self {
            cache: RenderCache::new(),
            over_cache: RenderCache::new(),
            context: RenderContext::new(COLUMNS as u16, rows(sheet)),
            pixmap: Pixmap::new(COLUMNS as u16, rows(sheet)),
            resources: Resources::default(),
        }
    }

    fn draw(&mut self, page: &'a Page<'a>, over: Option<&'a Page<'a>>, settings: &InterpreterSettings, transform: Affine, to: &mut Gray) {
        let Self { cache, over_cache, context, pixmap, resources } = self;
        context.reset();
        render_into(page, cache, &content_of(settings, over.is_none()), &RenderSettings::default(), context, transform);
        if let Some(over) = over {
            render_into(over, over_cache, settings, &RenderSettings::default(), context, transform);
        }
        context.flush();
        let raster = RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() };
        context.render_with(&mut *pixmap, resources, raster);
        let level = Level::try_detect().unwrap_or(Level::baseline());
        for (y, row) in pixmap.data_as_u8_slice().chunks_exact(COLUMNS as usize * 4).enumerate() {
            dispatch!(level, simd => simd.vectorize(
                #[inline(always)]
                || to_luma(row, to.row_mut(y))
            ));
        }
    }
}

/// From four bytes a pixel, the fourth of which is no colour.
#[inline(always)]
fn to_luma(colored: &[u8], to: &mut [u8]) {
    for ([r, g, b, _], to) in colored.as_chunks::<4>().0.iter().zip(to) {
        *to = luma(*r, *g, *b);
    }
}

fn rows(sheet: &Sheet) -> u16 {
    u16::try_from(sheet.rows).unwrap_or(u16::MAX)
}

/// The settings, for a page with its annotations or without.
fn content_of(settings: &InterpreterSettings, with_annotations: bool) -> InterpreterSettings {
    let render_content = if with_annotations { RenderContent::all() } else { RenderContent::PAGE };
    InterpreterSettings { render_content, ..settings.clone() }
}

fn check_picture(dict: &Dict<'_>, limits: &Limits) -> Result<(), DocumentError> {
    let side = |key: &str| u64::from(dict.get::<u32>(key).unwrap_or(0));
    limits.check_pixels(side("Width"), side("Height"))
}

/// Where the size of a page comes from.
#[derive(Clone, Copy, PartialEq)]
enum Size {
    /// From its boxes.
    Own,
    /// It has none: Letter, as other programs have it.
    Letter,
}

impl Size {
    const LETTER: Rect = Rect::new(0.0, 0.0, 612.0, 792.0);

    fn of(page: &Page<'_>) -> Self {
        let mut node = Some(page.raw().clone());
        for _ in 0..DEEPEST_PAGE {
            let Some(here) = node else { break };
            if here.get::<hayro::hayro_syntax::object::Rect>("MediaBox").is_some() {
                let shown = page.intersected_crop_box();
                let is_empty = shown.x1 - shown.x0 <= 0.0 || shown.y1 - shown.y0 <= 0.0;
                return if is_empty { Self::Letter } else { Self::Own };
            }
            node = here.get::<Dict<'_>>("Parent");
        }
        Self::Letter
    }

    /// What is seen of the page, in its own points.
    fn shown(self, page: &Page<'_>) -> Rect {
        let shown = page.intersected_crop_box();
        if self == Self::Letter { Self::LETTER } else { Rect::new(shown.x0, shown.y0, shown.x1, shown.y1) }
    }

    /// Width and height as the page is seen.
    fn dimensions(self, page: &Page<'_>) -> (f32, f32) {
        match (self, page.rotation()) {
            (Self::Own, _) => page.render_dimensions(),
            (Self::Letter, Rotation::None | Rotation::Flipped) => (612.0, 792.0),
            (Self::Letter, Rotation::Horizontal | Rotation::FlippedHorizontal) => (792.0, 612.0),
        }
    }

    /// From the page's own points to those of the page as it is seen, y down.
    fn upright(self, page: &Page<'_>) -> Affine {
        let (width, height) = (Self::LETTER.x1, Self::LETTER.y1);
        match (self, page.rotation()) {
            (Self::Own, _) => Affine::new(page.initial_transform(true).as_coeffs()),
            (Self::Letter, Rotation::None) => Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, height]),
            (Self::Letter, Rotation::Horizontal) => Affine::new([0.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
            (Self::Letter, Rotation::Flipped) => Affine::new([-1.0, 0.0, 0.0, 1.0, width, 0.0]),
            (Self::Letter, Rotation::FlippedHorizontal) => Affine::new([0.0, -1.0, -1.0, 0.0, height, width]),
        }
    }
}

/// From a page's points as it is seen, so many across and down, to the sheet's pixels.
fn placed((width, height): (f32, f32), sheet: &Sheet) -> Affine {
    // Any ratio of sides fits into the sheet; only numbers that are no sizes at all are replaced.
    let side = |side: f32| if side.is_finite() { f64::from(side.max(1.0)) } else { 1.0 };
    let (width, height) = (side(width), side(height));
    let Placement { turned, x, y, scale_x, scale_y, .. } = sheet.place(width, height, 0.0, f64::INFINITY);
    if turned {
        Affine::new([0.0, -scale_y, scale_x, 0.0, x, y + scale_y * width])
    } else {
        Affine::new([scale_x, 0.0, 0.0, scale_y, x, y])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::options::{Paper, Resolution};

    /// A page of 612 by 792 points that paints `content`, with a font and a picture of 2 by 2 pixels.
    fn page(content: &str) -> Pdf {
        let picture = "<</Type/XObject/Subtype/Image/Width 2/Height 2/BitsPerComponent 8/ColorSpace/DeviceRGB/Length 12\
                       /Filter/ASCIIHexDecode>>stream\n000000ff0000ffffff8080ff>\nendstream";
        let resources = "/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>/XObject<</P 5 0 R/G 6 0 R>>\
                         /Shading<</S<</ShadingType 2/ColorSpace/DeviceGray/Coords[100 0 500 0]\
                         /Function<</FunctionType 2/Domain[0 1]/C0[0]/C1[1]/N 1>>>>>>/ExtGState<</H<</ca .5/CA .5>>/M<</BM/Difference>>>>>>";
        let objects = [
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
            format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R{resources}>>"),
            format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
            picture.to_owned(),
            "<</Type/XObject/Subtype/Form/BBox[0 0 612 792]/Group<</S/Transparency>>/Length 34>>stream\n\
             1 0 0 rg 200 200 300 300 re f 0 g\nendstream"
                .to_owned(),
        ];
        let body: String = (1..).zip(objects).map(|(number, object)| format!("{number} 0 obj\n{object}\nendobj\n")).collect();
        Pdf::new(format!("%PDF-1.7\n{body}trailer<</Root 1 0 R/Size 7>>\n%%EOF").into_bytes()).unwrap()
    }

    /// Whether grey was enough, and the mean difference to what `hayro` draws in colour, in greys.
    fn compare(content: &str) -> (bool, f64) {
        let pdf = page(content);
        let sheet = Sheet::new(Paper::Letter, Resolution::Fine);
        let page = &pdf.pages()[0];
        let mut renderer = Renderer::new(&sheet, Watch::default());
        let transform = placed(page.render_dimensions(), &sheet) * Size::Own.upright(page);
        let was_enough = renderer.draw_gray(page, None, Size::Own, transform);
        let mut colored = Gray::white(COLUMNS, sheet.rows);
        Colored::new(&sheet).draw(page, None, &renderer.settings, transform, &mut colored);
        assert!(colored.rows().flatten().any(|pixel| *pixel < 100), "something is drawn");
        let pairs = renderer.page.rows().flatten().zip(colored.rows().flatten());
        let ink = colored.rows().flatten().filter(|pixel| **pixel < 255).count();
        (was_enough, pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / ink as f64)
    }

    #[test]
    fn what_is_drawn_in_grey_is_what_is_drawn_in_colour() {
        for content in [
            "BT /F 12 Tf 72 700 Td (Hamburgefonstiv 0123456789) Tj ET",
            "BT /F 300 Tf 72 400 Td (Large) Tj ET",
            "BT 1 Tr /F 40 Tf 72 400 Td (Outlined) Tj ET",
            "1 0 0 rg 100 100 200 200 re f 0 0 1 RG 5 w 50 50 m 400 500 300 100 500 600 c S [9 4] 0 d 50 600 m 500 650 l S",
            "0.3 g 100 100 m 300 500 l 500 100 l 100 400 l 500 400 l h f* 0 g 0.1 w 72 72 m 540 72 l S",
            "q 306 396 m 500 600 l 100 600 l h W n 0 g 0 0 612 792 re f Q q 100 100 50.3 50.7 re W n BT /F 40 Tf 90 110 Td (Clip) Tj ET Q",
            "q 100 100 60 20 re W n BT /F 40 Tf 90 105 Td (Clip) Tj ET Q 0 g 72 72 9 9 re f",
            "0 g 100 100 300 300 re f /H gs 1 0 0 rg 200 200 300 300 re f 0.2 0.9 0.1 RG 20 w 100 150 m 500 450 l S",
            "q 200 0 0 300 100 100 cm /P Do Q q 0 150 -200 0 500 500 cm /P Do Q q 40 0 0 -40 300 700 cm /P Do Q",
            "q 100 100 400 200 re W n /S sh Q",
        ] {
            let (was_enough, difference) = compare(content);
            assert!(was_enough && difference < 4.0, "{difference:.2} for {content}");
        }
    }

    #[test]
    fn what_takes_colour_is_left_to_it() {
        for content in ["0 g 0 0 300 300 re f /M gs 1 0 0 rg 100 100 400 400 re f", "q 200 90 -80 300 200 100 cm /P Do Q"] {
            assert!(!compare(content).0, "{content}");
        }
    }
}
