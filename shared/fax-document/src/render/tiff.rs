//! TIFF: a page a picture, as many as there are. Fax codes of all three kinds, and whatever else the `tiff` crate decodes.

use std::borrow::Cow;
use std::io::Cursor;

use hayro_ccitt::{DecodeSettings, Decoder as Rows, DecoderContext, EncodingMode};
use image::metadata::Orientation;
use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult, Limits as TiffLimits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::Sink;
use super::image::{lay_out, oriented};
use crate::error::DocumentError;
use crate::gray::{Gray, luma};
use crate::options::Limits;
use crate::sheet::Sheet;

type Tiff<'a> = Decoder<Cursor<&'a [u8]>>;

const MODIFIED_HUFFMAN: u16 = 2;
const GROUP_3: u16 = 3;
const GROUP_4: u16 = 4;
/// `T4Options`: rows may refer to the row above them.
const TWO_DIMENSIONAL: u32 = 1;
/// `NewSubfileType`: a small copy of another picture of the file (TIFF 6.0, page 36).
const REDUCED: u32 = 1;

fn damaged() -> DocumentError {
    DocumentError::broken("the TIFF is damaged or cut short")
}

fn refused(error: TiffError) -> DocumentError {
    match error {
        TiffError::UnsupportedError(_) => DocumentError::unsupported("it is a TIFF of a kind that is not read"),
        TiffError::LimitsExceeded => DocumentError::too_large("decoding the TIFF takes too much memory"),
        _ => damaged(),
    }
}

/// Draws each picture as one page, but small copies of others only if there is nothing else. One of exactly the sheet's size is taken
/// pixel by pixel.
pub(crate) fn draw(bytes: &[u8], sheet: &Sheet, limits: &Limits, sink: &mut Sink<'_>) -> Result<(), DocumentError> {
    let mut memory = TiffLimits::default();
    memory.decoding_buffer_size = usize::try_from(limits.image_memory).unwrap_or(usize::MAX);
    memory.intermediate_buffer_size = memory.decoding_buffer_size;
    let bytes = &*without_palettes(bytes, limits);
    let mut tiff = Decoder::new(Cursor::new(bytes)).map_err(refused)?.with_limits(memory);
    let mut pages = 0;
    loop {
        let more = tiff.more_images();
        let subfile = tiff.find_tag_unsigned::<u32>(Tag::NewSubfileType).map_err(|_| damaged())?.unwrap_or(0);
        if subfile & REDUCED != 0 && (more || pages > 0) {
            if !more {
                return Ok(());
            }
            tiff.next_image().map_err(refused)?;
            continue;
        }
        pages += 1;
        limits.check_pages(pages)?;
        let (width, height) = tiff.dimensions().map_err(|_| damaged())?;
        limits.check_pixels(width.into(), height.into())?;
        let picture = match tiff.find_tag_unsigned::<u16>(Tag::Compression).map_err(|_| damaged())? {
            Some(code @ (MODIFIED_HUFFMAN | GROUP_3 | GROUP_4)) => decode_fax(bytes, &mut tiff, code, width, height)?,
            _ => decode(&mut tiff, width, height)?,
        };
        let (picture, aspect) = upright(picture, aspect(&mut tiff), orientation(&mut tiff)?);
        lay_out(picture, aspect, sheet, sink)?;
        if !more {
            return Ok(());
        }
        tiff.next_image().map_err(refused)?;
    }
}

/// Where the first row and column lie; of a value that means nothing, as usual.
fn orientation(tiff: &mut Tiff<'_>) -> Result<Orientation, DocumentError> {
    let value = tiff.find_tag_unsigned::<u16>(Tag::Orientation).map_err(|_| damaged())?;
    let value = value.and_then(|value| u8::try_from(value).ok()).and_then(Orientation::from_exif);
    Ok(value.unwrap_or(Orientation::NoTransforms))
}

/// The picture as it is to be seen. A pixel that lies on its side is as wide as it was high.
fn upright(picture: Gray, aspect: f64, orientation: Orientation) -> (Gray, f64) {
    let is_turned =
        matches!(orientation, Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH);
    (oriented(picture, orientation), if is_turned { aspect.recip() } else { aspect })
}

/// The file with its palette pictures declared as grey ones, whose greys are then the places in the palette: the decoder knows no palettes.
fn without_palettes<'a>(bytes: &'a [u8], limits: &Limits) -> Cow<'a, [u8]> {
    const PHOTOMETRIC: u64 = 262;
    const PALETTE: u64 = 3;
    let little = bytes.starts_with(b"II");
    let number = |at: usize, length: usize| {
        let bytes = bytes.get(at..at.checked_add(length)?)?;
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) })
    };
    let mut changed = Cow::Borrowed(bytes);
    let mut next = number(4, 4);
    // A directory is a count, so many entries of 12 bytes, and where the next one lies.
    // Each page may have a small copy.
    for _ in 0..=limits.pages.saturating_mul(2) {
        let Some((at, entries)) = next.filter(|at| *at != 0).and_then(|at| Some((at as usize, number(at as usize, 2)? as usize))) else {
            break;
        };
        for entry in (0..entries).map(|entry| at + 2 + entry * 12) {
            if number(entry, 2) == Some(PHOTOMETRIC) && number(entry + 8, 2) == Some(PALETTE) {
                let value = changed.to_mut().get_mut(entry + 8..entry + 10).unwrap_or_default();
                let one = if little { [1, 0] } else { [0, 1] };
                value.iter_mut().zip(one).for_each(|(to, from)| *to = from);
            }
        }
        next = number(at + 2 + entries * 12, 4);
    }
    changed
}

/// The luma of each place in the palette, if the picture has one.
fn palette(tiff: &mut Tiff<'_>) -> Option<Vec<u8>> {
    let colors = tiff.get_tag_u16_vec(Tag::ColorMap).ok()?;
    let (red, rest) = colors.split_at_checked(colors.len() / 3)?;
    let (green, blue) = rest.split_at_checked(red.len())?;
    let byte = |color: &u16| (color >> 8) as u8;
    Some(red.iter().zip(green).zip(blue).map(|((r, g), b)| luma(byte(r), byte(g), byte(b))).collect())
}

/// How many times as high as wide a pixel is: fax machines' are not square.
fn aspect(tiff: &mut Tiff<'_>) -> f64 {
    let mut resolution = |tag| match tiff.find_tag(tag) {
        Ok(Some(Value::Rational(dots, per))) if dots > 0 && per > 0 => Some(f64::from(dots) / f64::from(per)),
        _ => None,
    };
    match (resolution(Tag::XResolution), resolution(Tag::YResolution)) {
        // Beyond this it is no resolution but a mistake.
        (Some(across), Some(down)) if (0.2..=5.0).contains(&(across / down)) => across / down,
        _ => 1.0,
    }
}

fn decode(tiff: &mut Tiff<'_>, width: u32, height: u32) -> Result<Gray, DocumentError> {
    let palette = palette(tiff);
    let color = tiff.colortype().map_err(refused)?;
    let samples: Vec<u8> = match tiff.read_image().map_err(refused)? {
        DecodingResult::U8(samples) => match color.bit_depth() {
            depth @ 1..8 => unpack(&samples, depth, width as usize * color.num_samples() as usize),
            _ => samples,
        },
        DecodingResult::U16(samples) => samples.into_iter().map(|sample| (sample >> 8) as u8).collect(),
        _ => return Err(DocumentError::unsupported("it is a TIFF of floating-point or very wide samples")),
    };
    let pixels = match (color, palette) {
        (ColorType::Gray(depth @ 1..=8), Some(palette)) => {
            let places = (1_u32 << depth) - 1;
            let place = |sample: u8| (u32::from(sample) * places + 127) / 255;
            samples.into_iter().map(|sample| palette.get(place(sample) as usize).copied().unwrap_or(255)).collect()
        }
        (color, _) => of_color(color, samples)?,
    };
    Gray::new(width, height, pixels).ok_or_else(damaged)
}

fn of_color(color: ColorType, samples: Vec<u8>) -> Result<Vec<u8>, DocumentError> {
    let on_white = |value: u8, alpha: u8| ((u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127) / 255) as u8;
    let each = |count: usize, pixel: &dyn Fn(&[u8]) -> u8| samples.chunks_exact(count).map(pixel).collect::<Vec<u8>>();
    Ok(match color {
        ColorType::Gray(_) => samples,
        ColorType::GrayA(_) => each(2, &|p| on_white(p[0], p[1])),
        ColorType::RGB(_) => each(3, &|p| luma(p[0], p[1], p[2])),
        ColorType::RGBA(_) => each(4, &|p| on_white(luma(p[0], p[1], p[2]), p[3])),
        ColorType::YCbCr(_) => each(3, &|p| p[0]),
        ColorType::CMYK(_) => each(4, &|p| {
            let ink = |sample: u8| (u32::from(255 - sample) * u32::from(255 - p[3]) / 255) as u8;
            luma(ink(p[0]), ink(p[1]), ink(p[2]))
        }),
        _ => return Err(DocumentError::unsupported("it is a TIFF of unusual colours")),
    })
}

/// Samples of fewer than eight bits, each row from a new byte, spread over all of a byte.
fn unpack(packed: &[u8], depth: u8, per_row: usize) -> Vec<u8> {
    let (depth, most) = (usize::from(depth), (1u16 << depth) - 1);
    let stride = (per_row * depth).div_ceil(8).max(1);
    let sample = |row: &[u8], at: usize| {
        let bit = at * depth;
        let pair = u16::from(row[bit / 8]) << 8 | u16::from(row.get(bit / 8 + 1).copied().unwrap_or(0));
        let value = pair >> (16 - depth - bit % 8) & most;
        (u32::from(value) * 255 / u32::from(most)) as u8
    };
    packed.chunks_exact(stride).flat_map(|row| (0..per_row).map(move |at| sample(row, at))).collect()
}

/// A picture in fax code, strip by strip.
fn decode_fax(bytes: &[u8], tiff: &mut Tiff<'_>, code: u16, width: u32, height: u32) -> Result<Gray, DocumentError> {
    let mut number = |tag, default: u32| tiff.find_tag_unsigned::<u32>(tag).map(|value| value.unwrap_or(default)).map_err(|_| damaged());
    let options = number(Tag::Unknown(292), 0)?;
    let lowest_bit_first = number(Tag::FillOrder, 1)? == 2;
    let black_is_zero = number(Tag::PhotometricInterpretation, 0)? == 1;
    let rows_per_strip = number(Tag::RowsPerStrip, height)?.clamp(1, height.max(1));
    let offsets = tiff.get_tag_u64_vec(Tag::StripOffsets).map_err(|_| damaged())?;
    let lengths = tiff.get_tag_u64_vec(Tag::StripByteCounts).map_err(|_| damaged())?;
    let mut page = Page { width: width as usize, pixels: Vec::new() };
    for ((offset, length), from) in offsets.into_iter().zip(lengths).zip((0..height).step_by(rows_per_strip as usize)) {
        let range = usize::try_from(offset).ok().zip(usize::try_from(length).ok()).and_then(|(at, n)| Some(at..at.checked_add(n)?));
        let strip = range.and_then(|range| bytes.get(range)).ok_or_else(damaged)?;
        let strip: Vec<u8> = if lowest_bit_first { strip.iter().map(|byte| byte.reverse_bits()).collect() } else { strip.to_vec() };
        let rows = rows_per_strip.min(height - from);
        let settings = DecodeSettings {
            columns: width,
            rows,
            end_of_block: false,
            end_of_line: false,
            rows_are_byte_aligned: code == MODIFIED_HUFFMAN,
            encoding: match code {
                GROUP_4 => EncodingMode::Group4,
                GROUP_3 if options & TWO_DIMENSIONAL != 0 => EncodingMode::Group3_2D,
                _ => EncodingMode::Group3_1D,
            },
            strict: false,
        };
        hayro_ccitt::decode(&strip, &mut page, &mut DecoderContext::new(settings)).map_err(|_| damaged())?;
        if page.pixels.len() != (from + rows) as usize * page.width {
            return Err(damaged());
        }
    }
    if black_is_zero {
        page.pixels.iter_mut().for_each(|pixel| *pixel = !*pixel);
    }
    Gray::new(width, height, page.pixels).ok_or_else(damaged)
}

struct Page {
    width: usize,
    pixels: Vec<u8>,
}

impl Rows for Page {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.pixels.len();
        self.pixels.resize(start + self.width, 255);
        for run in changes.chunks(2) {
            let from = (run.first().copied().unwrap_or(0) as usize).min(self.width);
            let to = run.get(1).map_or(self.width, |to| (*to as usize).min(self.width));
            if let Some(black) = self.pixels.get_mut(start + from..start + to.max(from)) {
                black.fill(0);
            }
        }
    }
}
