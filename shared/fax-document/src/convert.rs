//! From a customer's bytes to a fax.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use hayro::hayro_syntax::Pdf;
use image::ImageFormat;

use crate::bilevel::to_bilevel;
use crate::ccitt;
use crate::error::DocumentError;
use crate::fax_pdf::{self, FaxPdf};
use crate::fence::fenced;
use crate::gray::Gray;
use crate::header;
use crate::media_type::MediaType;
use crate::options::Options;
use crate::render;
use crate::sheet::Sheet;

/// A document as a fax line can carry it.
#[derive(Clone, PartialEq, Eq)]
pub struct FaxDocument {
    /// A PDF whose every page is one Group 4 picture, [`COLUMNS`](crate::COLUMNS) pixels wide and at its true size on paper.
    pub pdf: Vec<u8>,
    /// Pages in it, at least 1.
    pub pages: u32,
}

impl std::fmt::Debug for FaxDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FaxDocument({} pages, {} bytes)", self.pages, self.pdf.len())
    }
}

/// Makes a fax of a PDF, PNG, JPEG, TIFF, GIF, WebP or UTF-8 text.
///
/// `declared` is the `Content-Type` that the sender claimed, if any; one that the bytes contradict is an error. Content is fitted to the
/// page whole, as large as it can be, and turned when it is wider than high. The same document always gives the same bytes. A PDF that this
/// function made for the same paper and resolution comes back with its pages unchanged.
///
/// # Errors
/// One [`DocumentError`] for each thing that can be wrong with a document; a fault in a parser counts as
/// [`Broken`](DocumentError::Broken). Time is limited by [`Limits::deadline`](crate::Limits::deadline), but only between pages, and memory
/// only for what is known before it is taken; a caller who must survive any document whatever runs this in a process of its own.
pub fn convert(bytes: &[u8], declared: Option<&str>, options: &Options) -> Result<FaxDocument, DocumentError> {
    convert_watched(bytes, declared, options, &|_| {})
}

/// How far a conversion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Pages that are done, in any order.
    pub done: u32,
    /// Pages there are, where that is known beforehand.
    pub of: Option<u32>,
}

/// As [`convert`], and tells `watch` of every page that is done, from whichever thread did it.
///
/// # Errors
/// As [`convert`].
pub fn convert_watched(
    bytes: &[u8],
    declared: Option<&str>,
    options: &Options,
    watch: &(dyn Fn(Progress) + Sync),
) -> Result<FaxDocument, DocumentError> {
    let limits = &options.limits;
    limits.check_deadline()?;
    let kind = MediaType::decide(bytes, declared)?;
    let sheet = Sheet::new(options.paper, options.resolution);
    let sheet = if options.header.is_some() { sheet.with_header(header::HEIGHT) } else { sheet };
    let done = AtomicU32::new(0);
    let is_blank = AtomicBool::new(false);
    let finish = |page: &Gray, of: Option<u32>| {
        limits.check_deadline()?;
        let page = to_bilevel(page, options.resolution);
        if page.is_white() {
            is_blank.store(true, Ordering::Relaxed);
        }
        let g4 = ccitt::encode_g4(&page);
        watch(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, of });
        Ok(g4)
    };
    let mut fax = FaxPdf::new(sheet, limits);
    fenced(|| {
        let mut sink = |page: Gray| {
            fax.push(finish(&page, None)?)?;
            limits.check_deadline()
        };
        match kind {
            MediaType::Pdf => {
                let pdf = render::pdf::open(bytes, limits)?;
                limits.check_deadline()?;
                let order = render::pdf::order(&pdf, limits)?;
                let pages = match unchanged(&pdf, &sheet).filter(|pages| pages.len() == order.len()) {
                    Some(pages) => pages,
                    None => {
                        let of = u32::try_from(order.len()).ok();
                        render::pdf::draw(&pdf, &order, &sheet, options.threads, |page| finish(page, of))?
                    }
                };
                pages.into_iter().try_for_each(|g4| fax.push(g4))?;
                limits.check_deadline()
            }
            MediaType::Png => render::image::draw(bytes, ImageFormat::Png, &sheet, limits, &mut sink),
            MediaType::Jpeg => render::image::draw(bytes, ImageFormat::Jpeg, &sheet, limits, &mut sink),
            MediaType::Gif => render::image::draw(bytes, ImageFormat::Gif, &sheet, limits, &mut sink),
            MediaType::WebP => render::image::draw(bytes, ImageFormat::WebP, &sheet, limits, &mut sink),
            MediaType::Tiff => render::tiff::draw(bytes, &sheet, limits, &mut sink),
            MediaType::Text => render::text::draw(bytes, declared, &sheet, limits, &mut sink),
        }
    })?;
    if fax.pages() == 1 && is_blank.load(Ordering::Relaxed) {
        return Err(DocumentError::Blank);
    }
    if let Some(header) = &options.header {
        fax = fax.change(|g4, page, pages| header::stamp(g4, header, &sheet, page, pages))?;
    }
    fax.finish()
}

/// The pages of a PDF that is already a fax for this very sheet, each of which decodes.
fn unchanged(pdf: &Pdf, sheet: &Sheet) -> Option<Vec<Vec<u8>>> {
    if sheet.header > 0 {
        return None;
    }
    let pages = fax_pdf::read(pdf).ok()?;
    let fits = pages.iter().all(|page| page.height == sheet.rows && page.decode().is_ok());
    fits.then(|| pages.into_iter().map(|page| page.g4).collect())
}
