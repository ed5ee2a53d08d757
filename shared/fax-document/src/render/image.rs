//! PNG, JPEG, GIF and WebP: one picture, one page. Of a moving picture the first one.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::{Sink, jpeg};
use crate::COLUMNS;
use crate::bilevel::level;
use crate::error::DocumentError;
use crate::gray::Gray;
use crate::options::Limits;
use crate::sheet::Sheet;

/// White around a picture, in inches: many machines cannot print to the very edge.
const MARGIN: f64 = 0.125;

/// A picture is enlarged at most until its pixels are this many inches wide, which keeps a small logo small.
const LARGEST_PIXEL: f64 = 1.0 / 72.0;

/// Draws a picture file as one page.
pub(crate) fn draw(bytes: &[u8], format: ImageFormat, sheet: &Sheet, limits: &Limits, sink: &mut Sink<'_>) -> Result<(), DocumentError> {
    let picture = decode(bytes, format, limits)?;
    limits.check_deadline()?;
    lay_out(picture, 1.0, sheet, sink)
}

/// Lays a picture, whose pixels are `aspect` times as high as wide, on a page. One of exactly the sheet's size is taken pixel by pixel.
pub(super) fn lay_out(picture: Gray, aspect: f64, sheet: &Sheet, sink: &mut Sink<'_>) -> Result<(), DocumentError> {
    if sheet.header == 0 && (picture.width(), picture.height()) == (COLUMNS as usize, sheet.rows as usize) {
        let mut picture = picture;
        level(&mut picture);
        return sink(picture);
    }
    let place = sheet.place(picture.width() as f64, picture.height() as f64 * aspect, MARGIN, LARGEST_PIXEL);
    let picture = if place.turned { picture.turned_left() } else { picture };
    let picture = picture.resized(place.width.round() as u32, place.height.round() as u32);
    let mut page = Gray::white(COLUMNS, sheet.rows);
    page.lay(&picture, place.x.round() as usize, place.y.round() as usize);
    level(&mut page);
    sink(page)
}

fn decode(bytes: &[u8], format: ImageFormat, limits: &Limits) -> Result<Gray, DocumentError> {
    let damaged = || DocumentError::broken(format!("the {} data is damaged or cut short", format.to_mime_type()));
    if format == ImageFormat::Jpeg && !jpeg::is_whole(bytes, None) {
        return Err(damaged());
    }
    let refused = |error: ImageError| match error {
        ImageError::Limits(_) => DocumentError::too_large("decoding the picture takes too much memory"),
        _ => damaged(),
    };
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    limits.check_pixels(width.into(), height.into())?;
    let mut memory = image::Limits::no_limits();
    memory.max_alloc = Some(limits.image_memory);
    memory.reserve(decoder.total_bytes()).map_err(refused)?;
    decoder.set_limits(memory).map_err(refused)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let decoded = DynamicImage::from_decoder(decoder).map_err(refused)?;
    let mut decoded = DynamicImage::ImageLuma8(on_white(decoded));
    decoded.apply_orientation(orientation);
    let (width, height) = (decoded.width(), decoded.height());
    Gray::new(width, height, decoded.into_luma8().into_raw()).ok_or_else(damaged)
}

/// The picture turned and mirrored so that it stands upright.
pub(super) fn oriented(picture: Gray, orientation: Orientation) -> Gray {
    if orientation == Orientation::NoTransforms {
        return picture;
    }
    let pixels = picture.rows().flatten().copied().collect();
    let raw = image::GrayImage::from_raw(picture.width() as u32, picture.height() as u32, pixels);
    let Some(raw) = raw else { return picture };
    let mut turned = DynamicImage::ImageLuma8(raw);
    turned.apply_orientation(orientation);
    Gray::new(turned.width(), turned.height(), turned.into_luma8().into_raw()).unwrap_or(picture)
}

fn on_white(decoded: DynamicImage) -> image::GrayImage {
    if !decoded.color().has_alpha() {
        return decoded.into_luma8();
    }
    let with_alpha = decoded.into_luma_alpha8();
    let (width, height) = with_alpha.dimensions();
    let blend = |luma: u8, alpha: u8| {
        let (luma, alpha) = (u32::from(luma), u32::from(alpha));
        ((luma * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let pixels: Vec<u8> = with_alpha.pixels().map(|pixel| blend(pixel.0[0], pixel.0[1])).collect();
    image::GrayImage::from_raw(width, height, pixels).unwrap_or_default()
}
