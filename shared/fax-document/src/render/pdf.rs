//! PDF pages, drawn by `hayro`.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use hayro::hayro_interpret::{InterpreterSettings, InterpreterWarning};
use hayro::hayro_syntax::object::{Dict, Object};
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{LoadPdfError, Pdf};
use hayro::kurbo::Affine;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};

use crate::COLUMNS;
use crate::error::DocumentError;
use crate::fence::fenced;
use crate::gray::Gray;
use crate::options::Limits;
use crate::sheet::{Placement, Sheet};

/// How near to its end a PDF must say that it ends; some programs append a little of their own.
const END_WITHIN: usize = 2048;

/// Opens the PDF and checks all that can be checked before anything is drawn.
pub(crate) fn open(bytes: &[u8], limits: &Limits) -> Result<Pdf, DocumentError> {
    // The parser repairs a file that was cut short by leaving out what is missing, and part of a document must not be faxed as all of it.
    let tail = bytes.trim_ascii_end();
    let tail = tail.get(tail.len().saturating_sub(END_WITHIN)..).unwrap_or_default();
    if !tail.windows(5).any(|window| window == b"%%EOF") {
        return Err(DocumentError::broken("the PDF is cut short"));
    }
    let pdf = Pdf::new(bytes.to_vec()).map_err(|error| match error {
        LoadPdfError::Decryption(_) => DocumentError::Encrypted,
        LoadPdfError::Invalid => DocumentError::broken("the PDF is damaged"),
    })?;
    let (found, promised) = (pdf.pages().len(), promised_pages(&pdf));
    if promised > found as u64 {
        return Err(DocumentError::broken(format!("of the PDF's {promised} pages {found} can be read")));
    }
    if found == 0 {
        return Err(DocumentError::empty("the PDF has no pages"));
    }
    limits.check_pages(found)?;
    for object in pdf.objects() {
        if let Object::Stream(stream) = object {
            check_picture(stream.dict(), limits)?;
        }
    }
    Ok(pdf)
}

/// How many pages the PDF says it has; 0 if it does not say. The parser leaves out pages that it cannot make sense of.
fn promised_pages(pdf: &Pdf) -> u64 {
    let tree = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id()).and_then(|root| root.get::<Dict<'_>>("Pages"));
    tree.and_then(|tree| tree.get::<u32>("Count")).unwrap_or(0).into()
}

/// Draws every page on `threads` threads, and gives what `finish` makes of each, in their order.
pub(crate) fn draw<T: Send>(
    pdf: &Pdf,
    sheet: &Sheet,
    threads: usize,
    finish: impl Fn(Gray) -> Result<T, DocumentError> + Sync,
) -> Result<Vec<T>, DocumentError> {
    let pages = pdf.pages().len();
    let made: Vec<Mutex<Option<T>>> = (0..pages).map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut painter = Painter::new(sheet);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(page), Some(place)) = (pdf.pages().get(index), made.get(index)) else { return Ok(()) };
            let drawn = painter.draw(page, index + 1).and_then(&finish);
            // One page that fails is enough: the others need not be drawn.
            let drawn = drawn.inspect_err(|_| next.store(pages, Ordering::Relaxed))?;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(drawn);
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(pages)).map(|_| scope.spawn(|| fenced(worker))).collect();
        let own = worker();
        let joined =
            others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err(DocumentError::broken("its pages cannot be drawn"))));
        joined.fold(own, |result, other| result.and(other))
    })?;
    let drawn = made.into_iter().map(|place| place.into_inner().unwrap_or_else(PoisonError::into_inner));
    drawn.map(|page| page.ok_or_else(|| DocumentError::broken("a page was not drawn"))).collect()
}

/// What one thread draws with, page after page.
struct Painter<'a> {
    sheet: &'a Sheet,
    missing: Arc<AtomicU8>,
    settings: InterpreterSettings,
    cache: RenderCache<'a>,
    context: RenderContext,
    pixmap: Pixmap,
    resources: Resources,
}

impl<'a> Painter<'a> {
    fn new(sheet: &'a Sheet) -> Self {
        let rows = u16::try_from(sheet.rows).unwrap_or(u16::MAX);
        let missing = Arc::new(AtomicU8::new(NOTHING));
        Self {
            sheet,
            settings: interpreter(&missing),
            missing,
            cache: RenderCache::new(),
            context: RenderContext::new(COLUMNS as u16, rows),
            pixmap: Pixmap::new(COLUMNS as u16, rows),
            resources: Resources::default(),
        }
    }

    fn draw(&mut self, page: &'a Page<'a>, number: usize) -> Result<Gray, DocumentError> {
        let Self { sheet, missing, settings, cache, context, pixmap, resources } = self;
        let transform = placed(page, sheet) * Affine::new(page.initial_transform(true).as_coeffs());
        context.reset();
        render_into(page, cache, settings, &RenderSettings::default(), context, transform);
        context.flush();
        let raster = RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() };
        context.render_with(&mut *pixmap, resources, raster);
        match missing.load(Ordering::Relaxed) {
            NOTHING => luma(pixmap),
            PICTURE => Err(DocumentError::broken(format!("a picture on page {number} is damaged"))),
            _ => Err(DocumentError::broken(format!("a font on page {number} is damaged or of an unknown kind"))),
        }
    }
}

const NOTHING: u8 = 0;
const PICTURE: u8 = 1;
const FONT: u8 = 2;

/// Settings that note in `missing` what the interpreter leaves out: a fax must not silently lack part of the page.
fn interpreter(missing: &Arc<AtomicU8>) -> InterpreterSettings {
    let missing = Arc::clone(missing);
    let warning_sink = Arc::new(move |warning| match warning {
        InterpreterWarning::ImageDecodeFailure => missing.store(PICTURE, Ordering::Relaxed),
        InterpreterWarning::UnsupportedFont => missing.store(FONT, Ordering::Relaxed),
        _ => {}
    });
    InterpreterSettings { warning_sink, ..InterpreterSettings::default() }
}

fn check_picture(dict: &Dict<'_>, limits: &Limits) -> Result<(), DocumentError> {
    let side = |key: &str| u64::from(dict.get::<u32>(key).unwrap_or(0));
    limits.check_pixels(side("Width"), side("Height"))
}

/// From the page's own points, y down, to the sheet's pixels.
fn placed(page: &Page<'_>, sheet: &Sheet) -> Affine {
    let (width, height) = page.render_dimensions();
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

/// Luma by ITU-R BT.601, in 1/256.
fn luma(pixmap: &Pixmap) -> Result<Gray, DocumentError> {
    let pixels = pixmap.data().iter().map(|p| ((77 * u32::from(p.r) + 150 * u32::from(p.g) + 29 * u32::from(p.b)) >> 8) as u8);
    Gray::new(pixmap.width().into(), pixmap.height().into(), pixels.collect()).ok_or_else(|| DocumentError::broken("a page has no size"))
}
