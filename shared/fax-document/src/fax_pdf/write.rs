//! Writing the PDF of a fax.

use pdf_writer::{Filter, Finish, Pdf, Rect, Ref, TextStr};

use super::{FaxPage, HEADER_BITS, PICTURE, PRODUCER, content};
use crate::COLUMNS;
use crate::error::{DocumentError, ReadError};
use crate::options::Limits;
use crate::sheet::Sheet;

/// Bytes of PDF around each page's picture, at most, and around the whole.
const PER_PAGE: usize = 700;
const AROUND: usize = 700;

/// A fax in the making.
pub(crate) struct FaxPdf<'a> {
    limits: &'a Limits,
    pages: Vec<FaxPage>,
    bytes: usize,
}

impl<'a> FaxPdf<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, pages: Vec::new(), bytes: AROUND }
    }

    /// Adds a page, unless the PDF would then be too large.
    pub(crate) fn push(&mut self, page: FaxPage) -> Result<(), DocumentError> {
        self.bytes += page.g4.len() + PER_PAGE;
        if self.bytes > self.limits.pdf_bytes {
            let (page, most) = (self.pages.len() + 1, self.limits.pdf_bytes / 1_000_000);
            return Err(DocumentError::too_large(format!("with page {page} the fax passes {most} million bytes")));
        }
        self.pages.push(page);
        Ok(())
    }

    /// Pages so far.
    pub(crate) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// These pages, and then those so far.
    pub(crate) fn after(mut self, first: Vec<FaxPage>) -> Result<Self, DocumentError> {
        let rest = std::mem::take(&mut self.pages);
        self.bytes = AROUND;
        first.into_iter().chain(rest).try_for_each(|page| self.push(page))?;
        Ok(self)
    }

    /// The PDF. Its bytes depend on nothing but the pages.
    pub(crate) fn finish(self) -> Result<Vec<u8>, DocumentError> {
        if self.pages.is_empty() {
            return Err(DocumentError::empty("it has no pages"));
        }
        write_fax_pdf(&self.pages).map_err(|_| DocumentError::broken("one of its pages came out damaged"))
    }
}

/// Writes fax pages as a PDF that [`read_fax_pdf`](crate::read_fax_pdf) takes apart again.
///
/// # Errors
/// [`ReadError::Damaged`] when a page has another size than a fax page, [`ReadError::NotFaxPdf`] when there is none.
pub fn write_fax_pdf(pages: &[FaxPage]) -> Result<Vec<u8>, ReadError> {
    if pages.is_empty() {
        return Err(ReadError::NotFaxPdf("it has no pages"));
    }
    let mut ids = (1..).map(Ref::new);
    let mut id = || ids.next().unwrap_or(Ref::new(i32::MAX));
    let (catalog, tree, info) = (id(), id(), id());
    let mut pdf = Pdf::with_capacity(pages.iter().map(|page| page.g4.len() + PER_PAGE).sum::<usize>() + AROUND);
    pdf.catalog(catalog).pages(tree);
    pdf.document_info(info).producer(TextStr(PRODUCER));
    let mut kids = Vec::with_capacity(pages.len());
    for FaxPage { width, height, g4, header_bits } in pages {
        let sheet = Sheet::of_size(*width, *height).ok_or(ReadError::Damaged)?;
        let (width, height) = sheet.points();
        let (page_id, content_id, picture_id) = (id(), id(), id());
        kids.push(page_id);
        let mut page = pdf.page(page_id);
        page.parent(tree).media_box(Rect::new(0.0, 0.0, width, height)).contents(content_id);
        page.resources().x_objects().pair(PICTURE, picture_id);
        page.finish();
        pdf.stream(content_id, &content(&sheet));
        let mut picture = pdf.image_xobject(picture_id, g4);
        picture.width(COLUMNS as i32).height(sheet.rows as i32).bits_per_component(1);
        picture.color_space().device_gray();
        picture.filter(Filter::CcittFaxDecode);
        // T.6 white is sample 1, which is DeviceGray white: the default of BlackIs1 (ISO 32000-1, table 11).
        picture.decode_parms().k(-1).columns(COLUMNS as i32).rows(sheet.rows as i32).black_is_1(false);
        if let Some(bits) = header_bits.and_then(|bits| i32::try_from(bits).ok()) {
            picture.pair(HEADER_BITS, bits);
        }
        picture.finish();
    }
    let count = i32::try_from(kids.len()).unwrap_or(i32::MAX);
    pdf.pages(tree).kids(kids).count(count);
    Ok(pdf.finish())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::bitmap::Bitmap;
    use crate::{ccitt, read_fax_pdf};

    fn page(height: u32) -> FaxPage {
        let mut bitmap = Bitmap::white(COLUMNS, height);
        (0..height).for_each(|y| bitmap.blacken(y % COLUMNS, y));
        FaxPage { width: COLUMNS, height, g4: ccitt::encode_g4(&bitmap), header_bits: height.checked_sub(2000) }
    }

    #[test]
    fn pages_of_any_fax_size_are_read_back_as_they_were() {
        let pages = [page(2156), page(1145), page(2291), page(2744), page(1372)];
        assert_eq!(read_fax_pdf(&write_fax_pdf(&pages).unwrap()).unwrap(), pages);
    }

    #[test]
    fn no_page_and_a_page_of_another_size_are_refused() {
        assert!(write_fax_pdf(&[]).is_err());
        assert_eq!(write_fax_pdf(&[page(2156), page(100)]), Err(ReadError::Damaged));
    }

    #[test]
    fn the_upper_part_of_a_page_is_a_page_with_white_below() {
        let whole = page(2156);
        let part = whole.upper_part(whole.g4.len() / 2).unwrap();
        let (before, after) = (whole.decode().unwrap(), part.decode().unwrap());
        let rows = (0..2156).take_while(|y| before.row(*y) == after.row(*y)).count() as u32;
        assert!((1000..1200).contains(&rows), "{rows}");
        assert!((rows..2156).all(|y| after.row(y).iter().all(|byte| *byte == 0)));
        assert_eq!(whole.upper_part(usize::MAX).unwrap().g4, whole.g4);
    }
}
