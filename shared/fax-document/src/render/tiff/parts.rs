//! Where the strips or tiles of a picture lie, and what they unpack to.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use flate2::read::ZlibDecoder;
use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use weezl::BitOrder;
use weezl::decode::Decoder as Lzw;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::damaged;
use super::directory::{self as tag, Directory};
use crate::error::DocumentError;
use crate::options::Limits;
use crate::render::jpeg::is_whole;

/// How the bytes of a strip or tile are packed (TIFF 6.0, page 30; the numbers above 8 by their makers).
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Packing {
    None,
    Lzw,
    Deflate,
    PackBits,
    Zstandard,
    Xz,
    Jpeg,
    Jpeg2000,
    WebP,
}

impl Packing {
    /// # Errors
    /// Names a code that is not read.
    pub(super) fn of(code: u64) -> Result<Self, DocumentError> {
        Ok(match code {
            1 => Self::None,
            5 => Self::Lzw,
            7 => Self::Jpeg,
            8 | 32_946 => Self::Deflate,
            32_773 => Self::PackBits,
            // 33003 and 33005 are those of Aperio's slides: YCbCr and RGB.
            33_003 | 33_005 | 34_712 => Self::Jpeg2000,
            34_925 => Self::Xz,
            50_000 => Self::Zstandard,
            50_001 => Self::WebP,
            code => {
                let name = match code {
                    6 => "old-style JPEG",
                    9 | 10 | 34_661 => "JBIG",
                    32_766 => "NeXT runs",
                    32_771 => "CCITT runs of whole words",
                    32_809 => "ThunderScan runs",
                    34_676 | 34_677 => "SGI LogLuv",
                    22_610 | 34_934 | 48_124 => "JPEG XR",
                    34_887 => "LERC",
                    34_892 => "lossy JPEG of DNG",
                    34_933 => "PNG",
                    50_002 | 52_546 => "JPEG XL",
                    _ => {
                        return Err(DocumentError::unsupported(format!(
                            "it is a TIFF whose pixels are coded as number {code}, which is not read"
                        )));
                    }
                };
                return Err(DocumentError::unsupported(format!("it is a TIFF whose pixels are coded as {name}, which is not read")));
            }
        })
    }

    /// Whether what is packed are samples of a byte, as a codec of pictures gives them.
    pub(super) fn is_picture(self) -> bool {
        matches!(self, Self::Jpeg | Self::Jpeg2000 | Self::WebP)
    }

    /// Whether samples may be stored as differences (libtiff knows them in these only).
    pub(super) fn predicts(self) -> bool {
        matches!(self, Self::Lzw | Self::Deflate | Self::Zstandard | Self::Xz)
    }
}

/// The strips or tiles of a picture.
pub(super) struct Parts<'a> {
    file: &'a [u8],
    offsets: Vec<u64>,
    /// Empty where the file does not say.
    lengths: Vec<u64>,
    pub(super) is_tiled: bool,
    /// Pixels of a part; the last strip may have fewer rows.
    pub(super) across: usize,
    pub(super) down: usize,
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn of(directory: &Directory<'a>, width: usize, height: usize) -> Result<Self, DocumentError> {
        let side = |tag: u16| directory.number(tag).and_then(|side| usize::try_from(side).ok());
        let is_tiled = directory.has(tag::TILE_OFFSETS);
        let (across, down) = if is_tiled {
            (side(tag::TILE_WIDTH).unwrap_or(0), side(tag::TILE_HEIGHT).unwrap_or(0))
        } else {
            (width, side(tag::ROWS_PER_STRIP).unwrap_or(height).min(height))
        };
        // A tile may hang over the picture's edge, but not by more than a tile's usual size.
        if across == 0 || down == 0 || across.saturating_mul(down) > (width + 4096).saturating_mul(height + 4096) {
            return Err(damaged());
        }
        let (offsets, lengths) = if is_tiled { (tag::TILE_OFFSETS, tag::TILE_LENGTHS) } else { (tag::STRIP_OFFSETS, tag::STRIP_LENGTHS) };
        Ok(Self {
            file: directory.file,
            offsets: directory.numbers(offsets),
            lengths: directory.numbers(lengths),
            is_tiled,
            across,
            down,
            columns: width.div_ceil(across),
            rows: height.div_ceil(down),
        })
    }

    /// Rows in the parts of row `row` of a picture of `height` rows. A tile is whole at the picture's edge too, a strip is not.
    pub(super) fn rows_in(&self, row: usize, height: usize) -> usize {
        if self.is_tiled { self.down } else { self.down.min(height.saturating_sub(row * self.down)) }
    }

    /// The bytes of a part as the file has them, at least `least` if there are so many.
    pub(super) fn stored(&self, index: usize, least: usize) -> Result<&'a [u8], DocumentError> {
        let at = self.offsets.get(index).and_then(|at| usize::try_from(*at).ok()).ok_or_else(damaged)?;
        let rest = self.file.get(at..).filter(|rest| !rest.is_empty()).ok_or_else(damaged)?;
        // Where nothing is said of the length, all that follows: a decoder stops by itself.
        match self.lengths.get(index).copied().filter(|length| *length > 0) {
            Some(length) => {
                let length = usize::try_from(length).map_err(|_| damaged())?.max(least);
                // Where less is there than is said, it may still be enough.
                if length > rest.len() && least == 0 { Err(damaged()) } else { Ok(rest.get(..length).unwrap_or(rest)) }
            }
            None => Ok(rest),
        }
    }
}

/// How a picture's strips or tiles are unpacked.
pub(super) struct Unpacker<'a> {
    pub(super) packing: Packing,
    pub(super) reversed: bool,
    pub(super) jpeg_tables: Option<&'a [u8]>,
    pub(super) limits: &'a Limits,
}

impl Unpacker<'_> {
    /// The first `length` bytes that a part unpacks to.
    ///
    /// # Errors
    /// When there are fewer.
    pub(super) fn bytes(&self, stored: &[u8], length: usize) -> Result<Vec<u8>, DocumentError> {
        let stored: Cow<'_, [u8]> =
            if self.reversed { stored.iter().map(|byte| byte.reverse_bits()).collect::<Vec<u8>>().into() } else { stored.into() };
        let stored = &*stored;
        let unpacked = match self.packing {
            Packing::None => stored.get(..length).map(<[u8]>::to_vec),
            Packing::PackBits => unpack_bits(stored, length),
            Packing::Lzw => {
                let mut decoder = Lzw::with_tiff_size_switch(BitOrder::Msb, 8);
                let mut bytes = vec![0; length];
                let mut done = (0, 0);
                // Ends when all is there or nothing comes any more.
                while done.1 < length {
                    let (from, to) = (stored.get(done.0..).unwrap_or_default(), bytes.get_mut(done.1..).unwrap_or_default());
                    let step = decoder.decode_bytes(from, to);
                    done = (done.0 + step.consumed_in, done.1 + step.consumed_out);
                    if step.status.is_err() || step.consumed_out == 0 && step.consumed_in == 0 {
                        break;
                    }
                }
                (done.1 == length).then_some(bytes)
            }
            Packing::Deflate => read(ZlibDecoder::new(stored), length),
            Packing::Zstandard => read(StreamingDecoder::new(stored).map_err(|_| damaged())?, length),
            Packing::Xz => {
                let kibibytes = u32::try_from(self.limits.image_memory / 1024).unwrap_or(u32::MAX - 1);
                read(XzReader::new_mem_limit(stored, true, kibibytes / 2), length)
            }
            Packing::Jpeg | Packing::Jpeg2000 | Packing::WebP => None,
        };
        unpacked.ok_or_else(damaged)
    }

    /// The samples of a part that a codec of pictures has packed, pixel by pixel: columns, rows, samples a pixel, samples of a byte.
    pub(super) fn picture(&self, stored: &[u8]) -> Result<(usize, usize, usize, Vec<u8>), DocumentError> {
        match self.packing {
            Packing::Jpeg => {
                // Tables of all parts stand in a stream of their own, without a picture (TIFF Technical Note 2).
                let tables = self.jpeg_tables.and_then(|tables| tables.strip_suffix(b"\xFF\xD9"));
                match tables.zip(stored.strip_prefix(b"\xFF\xD8")) {
                    Some((tables, rest)) => jpeg(&[tables, rest].concat(), self.limits),
                    None => jpeg(stored, self.limits),
                }
            }
            Packing::Jpeg2000 => jpeg_2000(stored, self.limits),
            _ => webp(stored, self.limits),
        }
    }
}

/// The components of a JPEG, not converted to another colour space.
pub(super) fn jpeg(bytes: &[u8], limits: &Limits) -> Result<(usize, usize, usize, Vec<u8>), DocumentError> {
    if !is_whole(bytes, None) {
        return Err(damaged());
    }
    let options = DecoderOptions::default().set_max_width(usize::from(u16::MAX)).set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| damaged())?;
    let info = decoder.info().ok_or_else(damaged)?;
    limits.check_pixels(info.width.into(), info.height.into())?;
    if let Some(space) = decoder.input_colorspace() {
        decoder.set_options(options.jpeg_set_out_colorspace(space));
    }
    let samples = decoder.decode().map_err(|_| damaged())?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    let count = samples.len().checked_div(width * height).ok_or_else(damaged)?;
    Ok((width, height, count, samples))
}

fn jpeg_2000(bytes: &[u8], limits: &Limits) -> Result<(usize, usize, usize, Vec<u8>), DocumentError> {
    let picture = Image::new(bytes, &DecodeSettings { strict: true, ..DecodeSettings::default() }).map_err(|_| damaged())?;
    limits.check_pixels(picture.width().into(), picture.height().into())?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut context = DecoderContext::default();
    let decoded = picture.decode(&mut context).map_err(|_| damaged())?;
    let count = decoded.components().len();
    if decoded.components().iter().any(|component| component.samples().len() != width * height) {
        return Err(damaged());
    }
    Ok((width, height, count, decoded.data_u8()))
}

fn webp(bytes: &[u8], limits: &Limits) -> Result<(usize, usize, usize, Vec<u8>), DocumentError> {
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), ImageFormat::WebP).into_decoder().map_err(|_| damaged())?;
    let (width, height) = decoder.dimensions();
    limits.check_pixels(width.into(), height.into())?;
    let mut memory = image::Limits::no_limits();
    memory.max_alloc = Some(limits.image_memory);
    decoder.set_limits(memory).map_err(|_| damaged())?;
    let decoded = DynamicImage::from_decoder(decoder).map_err(|_| damaged())?;
    let count = if decoded.color().has_alpha() { 4 } else { 3 };
    let samples = if count == 4 { decoded.into_rgba8().into_raw() } else { decoded.into_rgb8().into_raw() };
    Ok((width as usize, height as usize, count, samples))
}

fn read(from: impl Read, length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes).ok()?;
    (bytes.len() == length).then_some(bytes)
}

/// Runs of bytes (TIFF 6.0, section 9).
fn unpack_bits(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    let mut rest = packed;
    while bytes.len() < length {
        let (head, after) = rest.split_first()?;
        rest = match *head as i8 {
            -128 => after,
            count @ 0.. => {
                let (literal, after) = after.split_at_checked(count as usize + 1)?;
                bytes.extend_from_slice(literal);
                after
            }
            count => {
                let (byte, after) = after.split_first()?;
                bytes.extend(std::iter::repeat_n(*byte, 1 + usize::from(count.unsigned_abs())));
                after
            }
        };
    }
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_unpacked_as_the_specification_s_example_has_it() {
        let packed = b"\xFE\xAA\x02\x80\x00\x2A\xFD\xAA\x03\x80\x00\x2A\x22\xF7\xAA";
        let bytes = b"\xAA\xAA\xAA\x80\x00\x2A\xAA\xAA\xAA\xAA\x80\x00\x2A\x22\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA";
        assert_eq!(unpack_bits(packed, 24).as_deref(), Some(&bytes[..]));
        assert_eq!(unpack_bits(packed, 25), None);
    }
}
