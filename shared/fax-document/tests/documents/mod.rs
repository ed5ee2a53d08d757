//! Documents made for the tests, and ways to look at the fax that comes of them.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::io::Cursor;

use fax_document::{Bitmap, DocumentError, Options, convert, read_fax_pdf};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};

pub const LETTER: (f32, f32) = (612.0, 792.0);

/// The pages of the fax that the document becomes.
pub fn fax(bytes: &[u8], options: &Options) -> Vec<Bitmap> {
    let fax = convert(bytes, None, options).unwrap();
    let pages: Vec<Bitmap> = read_fax_pdf(&fax.pdf).unwrap().iter().map(|page| page.decode().unwrap()).collect();
    assert_eq!(pages.len(), fax.pages as usize);
    pages
}

/// The one page of the fax, at the default options.
pub fn page(bytes: &[u8]) -> Bitmap {
    let mut pages = fax(bytes, &Options::default());
    assert_eq!(pages.len(), 1);
    pages.remove(0)
}

pub fn refusal(bytes: &[u8]) -> DocumentError {
    convert(bytes, None, &Options::default()).unwrap_err()
}

/// Left, top, right and bottom of all that is black, the latter two exclusive.
pub fn ink(bitmap: &Bitmap) -> (u32, u32, u32, u32) {
    let mut ink = (u32::MAX, u32::MAX, 0, 0);
    for y in 0..bitmap.height() {
        for x in (0..bitmap.width()).filter(|x| bitmap.is_black(*x, y)) {
            ink = (ink.0.min(x), ink.1.min(y), ink.2.max(x + 1), ink.3.max(y + 1));
        }
    }
    ink
}

pub fn near(found: u32, wanted: f64) -> bool {
    (f64::from(found) - wanted).abs() <= 1.5
}

/// Black pixels within a rectangle, as a share of it.
pub fn darkness(bitmap: &Bitmap, (left, top, right, bottom): (u32, u32, u32, u32)) -> f64 {
    let black = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y))).filter(|(x, y)| bitmap.is_black(*x, *y)).count();
    black as f64 / f64::from((right - left) * (bottom - top))
}

/// A PDF with one page for each painter, all of one size in points.
pub fn pdf(size: (f32, f32), rotate: i32, painters: &[fn(&mut Content)]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let (catalog, tree, font) = (Ref::new(1), Ref::new(2), Ref::new(3));
    pdf.catalog(catalog).pages(tree);
    pdf.type1_font(font).base_font(Name(b"Helvetica"));
    let ids: Vec<(Ref, Ref)> = (0..painters.len() as i32).map(|n| (Ref::new(4 + 2 * n), Ref::new(5 + 2 * n))).collect();
    pdf.pages(tree).kids(ids.iter().map(|id| id.0)).count(ids.len() as i32);
    for ((page_id, content_id), paint) in ids.into_iter().zip(painters) {
        let mut page = pdf.page(page_id);
        page.parent(tree).media_box(Rect::new(0.0, 0.0, size.0, size.1)).contents(content_id);
        if rotate != 0 {
            page.rotate(rotate);
        }
        page.resources().fonts().pair(Name(b"F"), font);
        page.finish();
        let mut content = Content::new();
        paint(&mut content);
        pdf.stream(content_id, &content.finish());
    }
    pdf.finish()
}

/// A line of 12-point Helvetica near the top of a letter page.
pub fn type_a_line(content: &mut Content) {
    content.begin_text().set_font(Name(b"F"), 12.0).next_line(72.0, 700.0).show(Str(b"The quick brown fox jumps over the lazy dog"));
    content.end_text();
}

/// A black rectangle one inch square whose lower left corner is one inch from the left and two from the bottom.
pub fn paint_a_square(content: &mut Content) {
    content.rect(72.0, 144.0, 72.0, 72.0).fill_nonzero();
}

/// A file of the objects given, numbered from 1, of which the first is the catalogue.
pub fn raw_pdf(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.7\n".to_owned();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(objects) {
        offsets.push(file.len());
        file += &format!("{number} 0 obj\n{object}\nendobj\n");
    }
    let start = file.len();
    file += &format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    offsets.iter().for_each(|offset| file += &format!("{offset:010} 00000 n \n"));
    file += &format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    file.into_bytes()
}

/// A one-page file whose page has these extra entries and this content; `more` are objects from number 5 on.
pub fn raw_page(entries: &str, content: &str, more: &[String]) -> Vec<u8> {
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R {entries} >>"),
        raw_stream("", content),
    ];
    objects.extend_from_slice(more);
    raw_pdf(&objects)
}

pub fn raw_stream(entries: &str, content: &str) -> String {
    format!("<< {entries} /Length {} >>\nstream\n{content}\nendstream", content.len())
}

pub fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.into().write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

/// A JPEG, with an EXIF orientation if one is given.
pub fn jpeg(picture: &image::GrayImage, orientation: Option<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    if let Some(orientation) = orientation {
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        encoder.set_exif_metadata(exif).unwrap();
    }
    encoder.write_image(picture, picture.width(), picture.height(), image::ExtendedColorType::L8).unwrap();
    bytes
}
