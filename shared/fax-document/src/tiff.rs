//! Fax pages as a TIFF of class F (RFC 2306), which fax software of all kinds takes.

use std::io::Cursor;

use tiff::TiffError;
use tiff::encoder::{Rational, TiffEncoder};
use tiff::tags::Tag;

use crate::ccitt;
use crate::error::ReadError;
use crate::fax_pdf::FaxPage;
use crate::sheet::{DPI_X, Sheet};

/// How the pages of a TIFF are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Coding {
    /// ITU-T T.4, one-dimensional: what every reader of TIFF-F knows.
    Group3,
    /// ITU-T T.6: about half the size.
    #[default]
    Group4,
}

/// Writes fax pages as a TIFF of as many pages.
///
/// # Errors
/// [`ReadError::Damaged`] when a page is not what its fields say.
pub fn write_tiff(pages: &[FaxPage], coding: Coding) -> Result<Vec<u8>, ReadError> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).map_err(|_| ReadError::Damaged)?;
    for (number, page) in (0u16..).zip(pages) {
        let sheet = Sheet::of_size(page.width, page.height).ok_or(ReadError::Damaged)?;
        let code = match coding {
            Coding::Group4 => page.g4.clone(),
            Coding::Group3 => ccitt::encode_g3(&page.decode()?),
        };
        let total = u16::try_from(pages.len()).unwrap_or(u16::MAX);
        write_page(&mut encoder, page, &sheet, coding, &code, [number, total]).map_err(|_| ReadError::Damaged)?;
    }
    Ok(file.into_inner())
}

fn write_page(
    encoder: &mut TiffEncoder<&mut Cursor<Vec<u8>>>,
    page: &FaxPage,
    sheet: &Sheet,
    coding: Coding,
    code: &[u8],
    number: [u16; 2],
) -> Result<(), TiffError> {
    let mut directory = encoder.image_directory()?;
    let offset = u32::try_from(directory.write_data(code)?).unwrap_or(u32::MAX);
    directory.write_tag(Tag::NewSubfileType, 2u32)?;
    directory.write_tag(Tag::ImageWidth, page.width)?;
    directory.write_tag(Tag::ImageLength, page.height)?;
    directory.write_tag(Tag::BitsPerSample, 1u16)?;
    directory.write_tag(Tag::PhotometricInterpretation, 0u16)?;
    directory.write_tag(Tag::FillOrder, 1u16)?;
    directory.write_tag(Tag::StripOffsets, offset)?;
    directory.write_tag(Tag::Orientation, 1u16)?;
    directory.write_tag(Tag::SamplesPerPixel, 1u16)?;
    directory.write_tag(Tag::RowsPerStrip, page.height)?;
    directory.write_tag(Tag::StripByteCounts, u32::try_from(code.len()).unwrap_or(u32::MAX))?;
    directory.write_tag(Tag::XResolution, Rational { n: DPI_X as u32, d: 1 })?;
    directory.write_tag(Tag::YResolution, Rational { n: sheet.dpi_y as u32, d: 1 })?;
    directory.write_tag(Tag::ResolutionUnit, 2u16)?;
    directory.write_tag(Tag::Unknown(PAGE_NUMBER), &number[..])?;
    directory.write_tag(Tag::Software, "Send FAX Mail")?;
    match coding {
        Coding::Group3 => {
            directory.write_tag(Tag::Compression, 3u16)?;
            directory.write_tag(Tag::Unknown(T4_OPTIONS), 0u32)?;
        }
        Coding::Group4 => {
            directory.write_tag(Tag::Compression, 4u16)?;
            directory.write_tag(Tag::Unknown(T6_OPTIONS), 0u32)?;
        }
    }
    directory.finish()
}

const T4_OPTIONS: u16 = 292;
const T6_OPTIONS: u16 = 293;
const PAGE_NUMBER: u16 = 297;
