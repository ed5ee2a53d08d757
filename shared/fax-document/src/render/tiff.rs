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
    let bytes = &*completed(bytes, limits);
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

const PALETTE: u32 = 3;
const CIE_LAB: u32 = 8;
const ICC_LAB: u32 = 9;
/// What we write where nothing is said of fax code: a mask, of which either may be black.
const UNSAID: u16 = 4;

/// An entry of a directory: tag, type, count, and the four bytes that are its value or say where that lies.
type Entry = (u16, u16, u32, [u8; 4]);

/// The file with its directories written anew at its end, where the decoder wants to be told what the format has a default for, or everybody
/// guesses: palette pictures are declared as grey ones, whose greys are then the places in the palette (the decoder knows no palettes), and so are those in L*a*b*; how
/// samples are to be read; and how many bytes a picture of one strip has. BigTIFF, which such writers do not know, is left as it is.
fn completed<'a>(bytes: &'a [u8], limits: &Limits) -> Cow<'a, [u8]> {
    let little = bytes.starts_with(b"II");
    let whole = |number: &[u8]| {
        let fold = |sum: u32, byte: &u8| sum << 8 | u32::from(*byte);
        if little { number.iter().rev().fold(0, fold) } else { number.iter().fold(0, fold) }
    };
    let number = |at: usize, length: usize| bytes.get(at..at.checked_add(length)?).map(whole);
    if number(2, 2) != Some(42) {
        return Cow::Borrowed(bytes);
    }
    let (mut directories, mut changed) = (Vec::new(), false);
    let mut next = number(4, 4);
    // A directory is a count, so many entries of 12 bytes, and where the next one lies. Each page may have a small copy.
    for _ in 0..=limits.pages.saturating_mul(2) {
        let Some((at, count)) = next.filter(|at| *at != 0).and_then(|at| Some((at as usize, number(at as usize, 2)? as usize))) else {
            break;
        };
        let entry = |at: usize| {
            let value = bytes.get(at + 8..at + 12)?.first_chunk::<4>()?;
            Some((number(at, 2)? as u16, number(at + 2, 2)? as u16, number(at + 4, 4)?, *value))
        };
        // A directory that is cut short is for the decoder to refuse.
        let Some(mut entries) = (0..count).map(|index| entry(at + 2 + index * 12)).collect::<Option<Vec<Entry>>>() else {
            return Cow::Borrowed(bytes);
        };
        changed |= complete(&mut entries, bytes.len(), little, &whole);
        directories.push(entries);
        next = number(at + 2 + count * 12, 4);
    }
    if !changed {
        return Cow::Borrowed(bytes);
    }
    let written = |number: u32, length: usize| {
        let all = if little { number.to_le_bytes() } else { number.to_be_bytes() };
        if little { all[..length].to_vec() } else { all[4 - length..].to_vec() }
    };
    let mut file = bytes.to_vec();
    // Where the next directory's place is told.
    let mut link = 4;
    for entries in directories {
        file.resize(file.len().next_multiple_of(2), 0);
        let at = written(file.len() as u32, 4);
        file.get_mut(link..link + 4).into_iter().for_each(|place| place.copy_from_slice(&at));
        file.extend(written(entries.len() as u32, 2));
        for (tag, kind, count, value) in entries {
            file.extend([written(tag.into(), 2), written(kind.into(), 2), written(count, 4), value.to_vec()].concat());
        }
        link = file.len();
        file.extend([0; 4]);
    }
    Cow::Owned(file)
}

/// Adds what a directory lacks. Whether anything was changed.
fn complete(entries: &mut Vec<Entry>, size: usize, little: bool, whole: &dyn Fn(&[u8]) -> u32) -> bool {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let before = entries.clone();
    let short = |number: u16| {
        let [a, b] = if little { number.to_le_bytes() } else { number.to_be_bytes() };
        [a, b, 0, 0]
    };
    let value = |entries: &[Entry], tag: Tag| {
        let (_, kind, count, value) = entries.iter().find(|entry| entry.0 == tag.to_u16())?;
        (*count == 1).then(|| whole(if *kind == SHORT { &value[..2] } else { value }))
    };
    let compression = value(entries, Tag::Compression).unwrap_or(1);
    let samples = value(entries, Tag::SamplesPerPixel).unwrap_or(1);
    let photometric = value(entries, Tag::PhotometricInterpretation);
    if matches!(photometric, Some(PALETTE | CIE_LAB | ICC_LAB)) {
        entries.iter_mut().filter(|entry| entry.0 == Tag::PhotometricInterpretation.to_u16()).for_each(|entry| entry.3 = short(1));
    }
    if photometric.is_none() {
        // Three samples are red, green and blue.
        let guess = match (compression, samples) {
            (2..=4, _) => UNSAID,
            (_, 3..) => 2,
            _ => 1,
        };
        entries.push((Tag::PhotometricInterpretation.to_u16(), SHORT, 1, short(guess)));
    }
    let has = |entries: &[Entry], tag: Tag| entries.iter().any(|entry| entry.0 == tag.to_u16());
    if has(entries, Tag::StripOffsets) && !has(entries, Tag::StripByteCounts) {
        let side = |tag| value(entries, tag).unwrap_or(0);
        let offset = side(Tag::StripOffsets) as usize;
        let bits = value(entries, Tag::BitsPerSample).unwrap_or(if samples > 1 { 8 } else { 1 });
        let row = (u64::from(side(Tag::ImageWidth)) * u64::from(samples) * u64::from(bits)).div_ceil(8);
        // Of packed data, all that follows: the decoder stops by itself.
        let rest = size.saturating_sub(offset) as u64;
        let length = if compression == 1 { row.saturating_mul(side(Tag::ImageLength).into()) } else { rest };
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if value(entries, Tag::StripOffsets).is_some() {
            let length = if little { length.to_le_bytes() } else { length.to_be_bytes() };
            entries.push((Tag::StripByteCounts.to_u16(), LONG, 1, length));
        }
    }
    entries.sort_by_key(|entry| entry.0);
    *entries != before
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
    let planes = tiff.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(|_| damaged())?;
    let samples = if planes == Some(PLANAR) && color.num_samples() > 1 {
        interleaved(tiff, color, width as usize, height as usize)?
    } else {
        bytes_of(tiff.read_image().map_err(refused)?, color, width as usize * color.num_samples() as usize)?
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

/// One byte a sample. Samples of fewer than 8 bits are spread over all of a byte, longer ones cut to their first 8 bits.
fn bytes_of(decoded: DecodingResult, color: ColorType, per_row: usize) -> Result<Vec<u8>, DocumentError> {
    let share = |share: f64| (share.clamp(0.0, 1.0) * 255.0).round() as u8;
    Ok(match decoded {
        DecodingResult::U8(samples) => match color.bit_depth() {
            depth @ 1..8 => unpack(&samples, depth, per_row),
            _ => samples,
        },
        DecodingResult::U16(samples) => samples.into_iter().map(|sample| (sample >> 8) as u8).collect(),
        DecodingResult::U32(samples) => samples.into_iter().map(|sample| (sample >> 24) as u8).collect(),
        DecodingResult::U64(samples) => samples.into_iter().map(|sample| (sample >> 56) as u8).collect(),
        // From 0 to 1, as programs write them.
        DecodingResult::F32(samples) => samples.into_iter().map(|sample| share(sample.into())).collect(),
        DecodingResult::F64(samples) => samples.into_iter().map(share).collect(),
        _ => return Err(DocumentError::unsupported("it is a TIFF of signed or otherwise unusual samples")),
    })
}

/// `PlanarConfiguration`: all of a colour's samples together.
const PLANAR: u16 = 2;

/// The samples of a picture that is stored one colour after the other, pixel by pixel.
fn interleaved(tiff: &mut Tiff<'_>, color: ColorType, width: usize, height: usize) -> Result<Vec<u8>, DocumentError> {
    let count = usize::from(color.num_samples());
    let (across, down) = tiff.chunk_dimensions();
    let (columns, rows) = (width.div_ceil((across as usize).max(1)), height.div_ceil((down as usize).max(1)));
    let mut samples = vec![0; width * height * count];
    for plane in 0..count {
        for index in 0..columns * rows {
            let chunk = u32::try_from(plane * columns * rows + index).map_err(|_| damaged())?;
            let (wide, high) = tiff.chunk_data_dimensions(chunk);
            let part = bytes_of(tiff.read_chunk(chunk).map_err(refused)?, color, wide as usize)?;
            let (x, y) = (index % columns * across as usize, index / columns * down as usize);
            for (row, line) in part.chunks_exact((wide as usize).max(1)).take(high as usize).enumerate() {
                for (column, sample) in line.iter().enumerate() {
                    let at = ((y + row) * width + x + column) * count + plane;
                    samples.get_mut(at).into_iter().for_each(|place| *place = *sample);
                }
            }
        }
    }
    Ok(samples)
}

fn of_color(color: ColorType, samples: Vec<u8>) -> Result<Vec<u8>, DocumentError> {
    let on_white = |value: u8, alpha: u8| ((u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127) / 255) as u8;
    let each = |count: usize, pixel: &dyn Fn(&[u8]) -> u8| samples.chunks_exact(count).map(pixel).collect::<Vec<u8>>();
    Ok(match color {
        ColorType::Gray(_) => samples,
        ColorType::GrayA(_) => each(2, &|p| on_white(p[0], p[1])),
        ColorType::RGB(_) => each(3, &|p| luma(p[0], p[1], p[2])),
        ColorType::RGBA(_) => each(4, &|p| on_white(luma(p[0], p[1], p[2]), p[3])),
        // Grey and more, or the lightness of L*a*b*, which is nearly the grey of sRGB.
        ColorType::Multiband { num_samples: count @ 1.., .. } => each(count.into(), &|p| p[0]),
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

/// A picture in fax code, strip by strip or tile by tile.
fn decode_fax(bytes: &[u8], tiff: &mut Tiff<'_>, code: u16, width: u32, height: u32) -> Result<Gray, DocumentError> {
    let mut number = |tag, default: u32| tiff.find_tag_unsigned::<u32>(tag).map(|value| value.unwrap_or(default)).map_err(|_| damaged());
    let options = number(Tag::Unknown(292), 0)?;
    let lowest_bit_first = number(Tag::FillOrder, 1)? == 2;
    let photometric = number(Tag::PhotometricInterpretation, 0)?;
    let (across, down) = (number(Tag::TileWidth, width)?, number(Tag::RowsPerStrip, height)?);
    let is_tiled = tiff.find_tag(Tag::TileOffsets).map_err(|_| damaged())?.is_some();
    let down = if is_tiled { tiff.find_tag_unsigned::<u32>(Tag::TileLength).map_err(|_| damaged())?.unwrap_or(0) } else { down };
    let across = if is_tiled { across } else { width };
    // A tile is whole at the edges of the picture too, a strip is not.
    let (across, down) = if is_tiled { (across, down) } else { (across, down.clamp(1, height.max(1))) };
    if across == 0 || down == 0 || u64::from(across) * u64::from(down) > (u64::from(width) + 4096) * (u64::from(height) + 4096) {
        return Err(damaged());
    }
    let (offsets, lengths) = if is_tiled { (Tag::TileOffsets, Tag::TileByteCounts) } else { (Tag::StripOffsets, Tag::StripByteCounts) };
    let offsets = tiff.get_tag_u64_vec(offsets).map_err(|_| damaged())?;
    let lengths = tiff.get_tag_u64_vec(lengths).map_err(|_| damaged())?;
    let columns = width.div_ceil(across);
    let mut page = Page { width: width as usize, pixels: vec![255; width as usize * height as usize] };
    for row in 0..height.div_ceil(down) {
        for column in 0..columns {
            let index = row as usize * columns as usize + column as usize;
            let part = offsets.get(index).zip(lengths.get(index));
            let range = part.and_then(|(at, length)| {
                let (at, length) = (usize::try_from(*at).ok()?, usize::try_from(*length).ok()?);
                Some(at..at.checked_add(length)?)
            });
            let part = range.and_then(|range| bytes.get(range)).ok_or_else(damaged)?;
            let part: Cow<'_, [u8]> =
                if lowest_bit_first { part.iter().map(|byte| byte.reverse_bits()).collect::<Vec<u8>>().into() } else { part.into() };
            let rows = if is_tiled { down } else { down.min(height - row * down) };
            let settings = DecodeSettings {
                columns: across,
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
            let mut decoded = Page { width: across as usize, pixels: Vec::new() };
            hayro_ccitt::decode(&part, &mut decoded, &mut DecoderContext::new(settings)).map_err(|_| damaged())?;
            if decoded.pixels.len() != rows as usize * decoded.width {
                return Err(damaged());
            }
            page.lay(&decoded, (column * across) as usize, (row * down) as usize);
        }
    }
    let black = page.pixels.iter().filter(|pixel| **pixel == 0).count();
    // Paper is mostly white.
    if photometric == 1 || photometric == u32::from(UNSAID) && black > page.pixels.len() / 2 {
        page.pixels.iter_mut().for_each(|pixel| *pixel = !*pixel);
    }
    Gray::new(width, height, page.pixels).ok_or_else(damaged)
}

struct Page {
    width: usize,
    pixels: Vec<u8>,
}

impl Page {
    /// Copies another's pixels, as far as there is room, from (`x`, `y`) on.
    fn lay(&mut self, other: &Self, x: usize, y: usize) {
        let rows = self.pixels.chunks_exact_mut(self.width.max(1)).skip(y);
        for (to, from) in rows.zip(other.pixels.chunks_exact(other.width.max(1))) {
            to.iter_mut().skip(x).zip(from).for_each(|(to, from)| *to = *from);
        }
    }
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
