//! Reading the PDF of a fax back.

use hayro::hayro_syntax::object::{Array, Dict, Name, Stream};
use hayro::hayro_syntax::page::{Page, Rotation};
use hayro::hayro_syntax::{Filter, Pdf};

use super::{HEADER_BITS, PICTURE, PRODUCER, content};
use crate::bitmap::Bitmap;
use crate::ccitt;
use crate::error::{DocumentError, ReadError};
use crate::fence::fenced;
use crate::sheet::Sheet;

/// One page of a fax, as it stands in the PDF.
#[derive(Clone, PartialEq, Eq)]
pub struct FaxPage {
    /// Pixels across: [`COLUMNS`](crate::COLUMNS).
    pub width: u32,
    /// Pixels down: 2156, 2291 or 2744 at 196 to the inch, 1078, 1145 or 1372 at 98.
    pub height: u32,
    /// The picture by ITU-T T.6, closed by an EOFB.
    pub g4: Vec<u8>,
    /// Bits that the upper fifth of an inch takes of it, where that is kept for a [header](crate::Header); its last row is white.
    pub header_bits: Option<u32>,
}

impl FaxPage {
    /// The page's pixels, or [`ReadError::Damaged`].
    pub fn decode(&self) -> Result<Bitmap, ReadError> {
        // The fields are public, so the size may be anyone's.
        if Sheet::of_size(self.width, self.height).is_none() {
            return Err(ReadError::Damaged);
        }
        ccitt::decode(&self.g4, self.width, self.height)
    }

    /// The page as it is known when no more than the first `bytes` bytes of its code have come: the rows that are whole in them, and white
    /// to the foot of the sheet. [`ReadError::Damaged`] when the size is not a fax page's.
    pub fn upper_part(&self, bytes: usize) -> Result<Self, ReadError> {
        if Sheet::of_size(self.width, self.height).is_none() {
            return Err(ReadError::Damaged);
        }
        let come = self.g4.get(..bytes).unwrap_or(&self.g4);
        let g4 = ccitt::encode_g4(&ccitt::decode_beginning(come, self.width, self.height));
        Ok(Self { g4, header_bits: None, ..*self })
    }
}

impl std::fmt::Debug for FaxPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FaxPage({} by {}, {} bytes)", self.width, self.height, self.g4.len())
    }
}

/// Takes apart a PDF that [`convert`](crate::convert) wrote.
///
/// Anything else is an error, however like one it looks: a page must be one Group 4 picture of a fax page's size, painted over the whole
/// page, and nothing besides. The pictures are not decoded; see [`FaxPage::decode`].
pub fn read_fax_pdf(pdf: &[u8]) -> Result<Vec<FaxPage>, ReadError> {
    let pages = fenced(|| {
        let pdf = Pdf::new(pdf.to_vec()).map_err(|_| DocumentError::broken(""))?;
        Ok(read(&pdf))
    });
    pages.unwrap_or(Err(ReadError::NotFaxPdf("it cannot be parsed")))
}

pub(crate) fn read(pdf: &Pdf) -> Result<Vec<FaxPage>, ReadError> {
    if pdf.metadata().producer.as_deref() != Some(PRODUCER.as_bytes()) {
        return Err(ReadError::NotFaxPdf("another program wrote it"));
    }
    let size = pdf.data().as_ref().len();
    let mut pages = Vec::new();
    let mut total = 0;
    for (page, number) in pdf.pages().iter().zip(1..) {
        let page = read_page(page).map_err(|reason| ReadError::NotFaxPage { page: number, reason })?;
        total += page.g4.len();
        // Each of our pages has a picture of its own, so together they are no longer than the file.
        if total > size {
            return Err(ReadError::NotFaxPdf("pages share a picture"));
        }
        pages.push(page);
    }
    if pages.is_empty() { Err(ReadError::NotFaxPdf("it has no pages")) } else { Ok(pages) }
}

fn read_page(page: &Page<'_>) -> Result<FaxPage, &'static str> {
    if !has_only(page.raw(), &["Type", "Parent", "MediaBox", "Contents", "Resources"]) || !matches!(page.rotation(), Rotation::None) {
        return Err("it has more than a picture");
    }
    let pictures = &page.resources().x_objects;
    let picture: Stream<'_> = pictures.get(PICTURE.0).ok_or("it has no picture of ours")?;
    let (width, height) = describe(&picture).ok_or("its picture is not plain Group 4")?;
    let sheet = Sheet::of_size(width, height).ok_or("its picture has another size than a fax page")?;
    let (across, down) = sheet.points();
    let is = |side: f64, wanted: f32| (side - f64::from(wanted)).abs() < 0.01;
    let boxed = [page.media_box(), page.crop_box()]
        .iter()
        .all(|area| is(area.x0, 0.0) && is(area.y0, 0.0) && is(area.x1, across) && is(area.y1, down));
    if !boxed {
        return Err("it has another size on paper than its picture");
    }
    if page.page_stream().map(<[u8]>::trim_ascii_end) != Some(content(&sheet).trim_ascii_end()) {
        return Err("it paints something else than its picture");
    }
    let header_bits = picture.dict().get::<u32>(HEADER_BITS.0);
    Ok(FaxPage { width, height, g4: picture.raw_data().into_owned(), header_bits })
}

/// The picture's size, if it is Group 4 in the form we write.
fn describe(picture: &Stream<'_>) -> Option<(u32, u32)> {
    const KEYS: [&str; 9] = ["Type", "Subtype", "Length", "Width", "Height", "BitsPerComponent", "ColorSpace", "Filter", "DecodeParms"];
    let dict = picture.dict();
    let known = |key: &str| KEYS.contains(&key) || key.as_bytes() == HEADER_BITS.0;
    let parms: Dict<'_> = dict.get("DecodeParms")?;
    let (width, height) = (dict.get::<u32>("Width")?, dict.get::<u32>("Height")?);
    let plain = dict.keys().all(|key| known(key.as_str()))
        && has_only(&parms, &["K", "Columns", "Rows", "BlackIs1"])
        && dict.get::<Array<'_>>("Filter").is_none()
        && matches!(picture.filters().as_slice(), [Filter::CcittFaxDecode])
        && dict.get::<Name<'_>>("Subtype").is_some_and(|name| name.as_str() == "Image")
        && dict.get::<Name<'_>>("ColorSpace").is_some_and(|name| name.as_str() == "DeviceGray")
        && dict.get::<u32>("BitsPerComponent") == Some(1)
        && parms.get::<i32>("K") == Some(-1)
        && parms.get::<u32>("Columns") == Some(width)
        && parms.get::<u32>("Rows") == Some(height)
        && parms.get::<bool>("BlackIs1") == Some(false);
    plain.then_some((width, height))
}

fn has_only(dict: &Dict<'_>, keys: &[&str]) -> bool {
    dict.keys().all(|key| keys.contains(&key.as_str()))
}
