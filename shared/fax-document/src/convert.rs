//! From a customer's bytes to a fax.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use hayro::hayro_syntax::Pdf;
use image::ImageFormat;

use crate::bilevel::to_bilevel;
use crate::bitmap::Bitmap;
use crate::ccitt;
use crate::cover::Cover;
use crate::error::DocumentError;
use crate::fax_pdf::{self, FaxPage, FaxPdf};
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
    let mut assembly = Assembly::new(options, watch);
    assembly.add(&Part::Document { bytes, declared })?;
    assembly.finish()
}

/// What some of a fax's pages are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Any document that [`convert`] takes, with the `Content-Type` that the sender claimed.
    Document { bytes: &'a [u8], declared: Option<&'a str> },
    /// The document of an earlier fax. Pages that are fax-ready stay as they are, bit for bit, whatever their paper and resolution; what
    /// another program wrote is drawn like any document.
    Fax(&'a [u8]),
    /// A cover, which is drawn when all other parts are there, and comes before them wherever it stands among the parts.
    Cover(&'a Cover),
}

/// Why parts do not make a fax.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct PartError {
    /// The part that is refused, from 0.
    pub part: usize,
    pub error: DocumentError,
}

/// Makes one fax of several parts, whose pages follow each other. The limits hold for all of them together.
///
/// # Errors
/// As [`convert`], of the first part that is refused: by itself, or because it passes a limit with those before it.
pub fn convert_parts(parts: &[Part<'_>], options: &Options) -> Result<FaxDocument, PartError> {
    let mut assembly = Assembly::new(options, &|_| {});
    for (part, content) in parts.iter().enumerate() {
        assembly.add(content).map_err(|error| PartError { part, error })?;
    }
    let part = parts.len().saturating_sub(1);
    assembly.finish().map_err(|error| PartError { part, error })
}

/// A fax that is made part by part.
pub(crate) struct Assembly<'a> {
    options: &'a Options,
    watch: &'a (dyn Fn(Progress) + Sync),
    sheet: Sheet,
    fax: FaxPdf<'a>,
    cover: Option<Cover>,
}

impl<'a> Assembly<'a> {
    pub(crate) fn new(options: &'a Options, watch: &'a (dyn Fn(Progress) + Sync)) -> Self {
        let sheet = Sheet::new(options.paper, options.resolution);
        let sheet = if options.header { sheet.with_header(header::HEIGHT) } else { sheet };
        Self { options, watch, sheet, fax: FaxPdf::new(&options.limits), cover: None }
    }

    /// Adds the pages of a part. After an error there is no more use for the rest.
    pub(crate) fn add(&mut self, part: &Part<'_>) -> Result<(), DocumentError> {
        self.options.limits.check_deadline()?;
        match part {
            Part::Document { bytes, declared } => self.draw(bytes, *declared),
            Part::Cover(cover) => {
                self.cover = Some((*cover).clone());
                Ok(())
            }
            Part::Fax(bytes) => {
                if self.take(bytes)? {
                    Ok(())
                } else {
                    self.draw(bytes, None)
                }
            }
        }
    }

    /// Adds the pages of a PDF that is a fax as they are; false for any other, and where a page has no room for a header that is wanted.
    fn take(&mut self, bytes: &[u8]) -> Result<bool, DocumentError> {
        let Ok(mut pages) = fax_pdf::read_fax_pdf(bytes) else { return Ok(false) };
        if self.options.header && !pages.iter_mut().all(has_room) {
            return Ok(false);
        }
        self.options.limits.check_pages(self.fax.pages() + pages.len())?;
        pages.into_iter().try_for_each(|page| self.fax.push(page))?;
        Ok(true)
    }

    fn draw(&mut self, bytes: &[u8], declared: Option<&str>) -> Result<(), DocumentError> {
        let limits = &self.options.limits;
        let kind = MediaType::decide(bytes, declared)?;
        let (options, watch, sheet, fax) = (self.options, self.watch, self.sheet, &mut self.fax);
        let before = fax.pages();
        let done = AtomicU32::new(u32::try_from(before).unwrap_or(u32::MAX));
        let is_blank = AtomicBool::new(false);
        let finish = |page: &Gray, of: Option<u32>| {
            limits.check_deadline()?;
            let page = to_bilevel(page, options.resolution);
            if page.is_white() {
                is_blank.store(true, Ordering::Relaxed);
            }
            let page = coded(page, &sheet);
            watch(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, of });
            Ok(page)
        };
        fenced(|| {
            let mut sink = |page: Gray| {
                limits.check_pages(fax.pages() + 1)?;
                fax.push(finish(&page, None)?)?;
                limits.check_deadline()
            };
            match kind {
                MediaType::Pdf => {
                    let pdf = render::pdf::open(bytes, limits)?;
                    limits.check_deadline()?;
                    let order = render::pdf::order(&pdf, limits)?;
                    limits.check_pages(before + order.len())?;
                    let pages = match unchanged(&pdf, &sheet).filter(|pages| pages.len() == order.len()) {
                        Some(pages) => pages,
                        None => {
                            let of = u32::try_from(before + order.len()).ok();
                            render::pdf::draw(&pdf, &order, &sheet, options.threads, |page| finish(page, of))?
                        }
                    };
                    pages.into_iter().try_for_each(|page| fax.push(page))?;
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
        if fax.pages() - before == 1 && is_blank.load(Ordering::Relaxed) {
            return Err(DocumentError::Blank);
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<FaxDocument, DocumentError> {
        if let Some(cover) = self.cover.take() {
            let limits = &self.options.limits;
            let pages = fenced(|| cover.draw(&self.sheet, self.fax.pages()))?;
            limits.check_pages(pages.len() + self.fax.pages())?;
            limits.check_deadline()?;
            let pages = pages.iter().map(|page| coded(to_bilevel(page, self.options.resolution), &self.sheet));
            self.fax = self.fax.after(pages.collect())?;
        }
        let pages = u32::try_from(self.fax.pages()).unwrap_or(u32::MAX);
        Ok(FaxDocument { pdf: self.fax.finish()?, pages })
    }
}

/// A page of this sheet; what of it lies where a header may stand becomes white.
fn coded(mut page: Bitmap, sheet: &Sheet) -> FaxPage {
    page.whiten_above(sheet.header);
    // A white row below a white one takes a bit.
    let header_bits = Some(sheet.header).filter(|rows| *rows > 0);
    FaxPage { width: page.width(), height: page.height(), g4: ccitt::encode_g4(&page), header_bits }
}

/// Whether a page has room for a header, which is noted on it.
fn has_room(page: &mut FaxPage) -> bool {
    if page.header_bits.is_none() {
        let sheet = Sheet::of_size(page.width, page.height).map(|sheet| sheet.with_header(header::HEIGHT));
        page.header_bits = sheet.map(|sheet| sheet.header).filter(|rows| ccitt::begins_white(&page.g4, *rows));
    }
    page.header_bits.is_some()
}

/// The pages of a PDF that is already a fax for this very sheet, each of which decodes. What they say of a header is not believed: anybody
/// may have written them.
fn unchanged(pdf: &Pdf, sheet: &Sheet) -> Option<Vec<FaxPage>> {
    let mut pages = fax_pdf::read(pdf).ok()?;
    let with_room = |page: &mut FaxPage| {
        page.header_bits = None;
        sheet.header == 0 || has_room(page)
    };
    let fits = pages.iter_mut().all(|page| page.height == sheet.rows && page.decode().is_ok() && with_room(page));
    fits.then_some(pages)
}
