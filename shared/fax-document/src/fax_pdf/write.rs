//! Writing the PDF of a fax.

use pdf_writer::{Filter, Finish, Pdf, Rect, Ref, TextStr};

use super::{PICTURE, PRODUCER, content};
use crate::COLUMNS;
use crate::convert::FaxDocument;
use crate::error::DocumentError;
use crate::options::Limits;
use crate::sheet::Sheet;

/// Bytes of PDF around each page's picture, at most, and around the whole.
const PER_PAGE: usize = 700;
const AROUND: usize = 700;

/// A fax in the making.
pub(crate) struct FaxPdf<'a> {
    sheet: Sheet,
    limits: &'a Limits,
    pages: Vec<Vec<u8>>,
    bytes: usize,
}

impl<'a> FaxPdf<'a> {
    pub(crate) fn new(sheet: Sheet, limits: &'a Limits) -> Self {
        Self { sheet, limits, pages: Vec::new(), bytes: AROUND }
    }

    /// Adds a page's Group 4 code, unless the PDF would then be too large.
    pub(crate) fn push(&mut self, g4: Vec<u8>) -> Result<(), DocumentError> {
        self.bytes += g4.len() + PER_PAGE;
        if self.bytes > self.limits.pdf_bytes {
            let (page, most) = (self.pages.len() + 1, self.limits.pdf_bytes / 1_000_000);
            return Err(DocumentError::too_large(format!("with page {page} the fax passes {most} million bytes")));
        }
        self.pages.push(g4);
        Ok(())
    }

    /// Changes every page, given its number, from 1, and how many there are.
    pub(crate) fn change(mut self, change: impl Fn(&[u8], usize, usize) -> Result<Vec<u8>, DocumentError>) -> Result<Self, DocumentError> {
        let pages = std::mem::take(&mut self.pages);
        self.bytes = AROUND;
        for (g4, number) in pages.iter().zip(1..) {
            self.push(change(g4, number, pages.len())?)?;
        }
        Ok(self)
    }

    /// The PDF. Its bytes depend on nothing but the pages.
    pub(crate) fn finish(self) -> Result<FaxDocument, DocumentError> {
        let count = u32::try_from(self.pages.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return Err(DocumentError::empty("it has no pages"));
        }
        let mut ids = (1..).map(Ref::new);
        let mut id = || ids.next().unwrap_or(Ref::new(i32::MAX));
        let (catalog, tree, info) = (id(), id(), id());
        let mut pdf = Pdf::with_capacity(self.bytes);
        pdf.catalog(catalog).pages(tree);
        pdf.document_info(info).producer(TextStr(PRODUCER));
        let (width, height) = self.sheet.points();
        let painting = content(&self.sheet);
        let mut kids = Vec::with_capacity(self.pages.len());
        for g4 in self.pages {
            let (page_id, content_id, picture_id) = (id(), id(), id());
            kids.push(page_id);
            let mut page = pdf.page(page_id);
            page.parent(tree).media_box(Rect::new(0.0, 0.0, width, height)).contents(content_id);
            page.resources().x_objects().pair(PICTURE, picture_id);
            page.finish();
            pdf.stream(content_id, &painting);
            let mut picture = pdf.image_xobject(picture_id, &g4);
            picture.width(COLUMNS as i32).height(self.sheet.rows as i32).bits_per_component(1);
            picture.color_space().device_gray();
            picture.filter(Filter::CcittFaxDecode);
            // T.6 white is sample 1, which is DeviceGray white: the default of BlackIs1 (ISO 32000-1, table 11).
            picture.decode_parms().k(-1).columns(COLUMNS as i32).rows(self.sheet.rows as i32).black_is_1(false);
            picture.finish();
        }
        pdf.pages(tree).kids(kids).count(count as i32);
        Ok(FaxDocument { pdf: pdf.finish(), pages: count })
    }
}
