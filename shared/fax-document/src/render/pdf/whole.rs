//! Whether the data of a picture in a PDF are all there.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;
use hayro::hayro_syntax::object::{Dict, Name, Object, Stream};
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use rustc_hash::FxHashSet;

use crate::render::jpeg;

/// Bytes of packed picture data that are unpacked at most to be looked at.
const LONGEST: u64 = 128 << 20;

/// Whether the data of a picture give all its rows. One row less is a common mistake of programs. Entries have short names in pictures
/// that stand in the page's content.
pub(super) fn is_whole(picture: &Stream<'_>) -> bool {
    let dict = picture.dict();
    let filters: Vec<Name<'_>> = match object(dict, "Filter", "F") {
        Some(Object::Name(filter)) => vec![filter],
        Some(Object::Array(filters)) => filters.iter::<Name<'_>>().collect(),
        _ => Vec::new(),
    };
    // Filters of unknown names are left out by the parser.
    if filters.len() != picture.filters().len() {
        return false;
    }
    let side = |long: &str, short: &str| dict.get::<u32>(long).or_else(|| dict.get(short)).unwrap_or(0) as usize;
    let (columns, rows) = (side("Width", "W"), side("Height", "H"));
    let coded = |is_whole: &dyn Fn(&[u8]) -> bool| {
        let before = filters.get(..filters.len() - 1).unwrap_or_default();
        unwrapped(&picture.raw_data(), before).is_none_or(|data| is_whole(&data))
    };
    match filters.last().map(|filter| &**filter) {
        Some(b"DCTDecode" | b"DCT") => coded(&|data| jpeg::is_whole(data, Some(rows))),
        Some(b"CCITTFaxDecode" | b"CCF") => coded(&|data| is_whole_fax(picture, data, rows)),
        Some(b"JPXDecode") => coded(&has_all_tiles),
        Some(b"JBIG2Decode") => coded(&has_all_segments),
        _ => {
            let Some(samples) = samples(dict) else { return true };
            let row = (columns * samples).div_ceil(8);
            picture.decoded().is_ok_and(|data| data.len() >= row * rows.saturating_sub(1))
        }
    }
}

/// What is left of data when these filters are undone, in their order; `None` where that is not known here.
fn unwrapped<'d>(data: &'d [u8], filters: &[Name<'_>]) -> Option<Cow<'d, [u8]>> {
    filters.iter().try_fold(Cow::Borrowed(data), |data, filter| {
        let undone = match &**filter {
            b"FlateDecode" | b"Fl" => {
                let mut bytes = Vec::new();
                // What comes before damage is what viewers see too.
                let _ = ZlibDecoder::new(&*data).take(LONGEST).read_to_end(&mut bytes);
                bytes
            }
            b"ASCIIHexDecode" | b"AHx" => {
                let digits = data.iter().take_while(|byte| **byte != b'>').filter_map(|byte| char::from(*byte).to_digit(16));
                let digits: Vec<u8> = digits.map(|digit| digit as u8).collect();
                digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
            }
            _ => return None,
        };
        Some(Cow::Owned(undone))
    })
}

fn object<'a>(dict: &Dict<'a>, long: &str, short: &str) -> Option<Object<'a>> {
    dict.get::<Object<'a>>(long).or_else(|| dict.get(short))
}

/// Bits to a pixel, where that is plain.
fn samples(dict: &Dict<'_>) -> Option<usize> {
    if dict.get::<bool>("ImageMask").or_else(|| dict.get("IM")).unwrap_or(false) {
        return Some(1);
    }
    let bits = usize::from(dict.get::<u8>("BitsPerComponent").or_else(|| dict.get("BPC"))?);
    let (family, profile) = match object(dict, "ColorSpace", "CS")? {
        Object::Name(family) => (family, None),
        Object::Array(array) => {
            let mut entries = array.flex_iter();
            (entries.next::<Name<'_>>()?, entries.next::<Object<'_>>())
        }
        _ => return None,
    };
    let components = match &*family {
        b"DeviceGray" | b"CalGray" | b"G" | b"Indexed" | b"I" | b"Separation" => 1,
        b"DeviceRGB" | b"CalRGB" | b"RGB" | b"Lab" => 3,
        b"DeviceCMYK" | b"CMYK" => 4,
        b"ICCBased" => usize::from(profile?.into_stream()?.dict().get::<u8>("N")?),
        _ => return None,
    };
    Some(components * bits)
}

/// Whether fax data decode, up to their own end or to the last row.
fn is_whole_fax(picture: &Stream<'_>, data: &[u8], height: usize) -> bool {
    struct Count(usize);
    impl Decoder for Count {
        fn push_row(&mut self, _: &[u32]) {
            self.0 += 1;
        }
    }
    let dict = picture.dict();
    let params = match object(dict, "DecodeParms", "DP") {
        Some(Object::Dict(params)) => params,
        Some(Object::Array(params)) => params.iter::<Object<'_>>().last().and_then(Object::into_dict).unwrap_or_default(),
        _ => Dict::empty(),
    };
    let k = params.get::<i32>("K").unwrap_or(0);
    let settings = DecodeSettings {
        columns: params.get::<u32>("Columns").unwrap_or(1728),
        rows: height as u32,
        end_of_block: params.get::<bool>("EndOfBlock").unwrap_or(true),
        end_of_line: params.get::<bool>("EndOfLine").unwrap_or(false),
        rows_are_byte_aligned: params.get::<bool>("EncodedByteAlign").unwrap_or(false),
        encoding: match k {
            ..0 => EncodingMode::Group4,
            0 => EncodingMode::Group3_1D,
            1.. => EncodingMode::Group3_2D,
        },
        strict: false,
    };
    let mut count = Count(0);
    let is_sound = hayro_ccitt::decode(data, &mut count, &mut DecoderContext::new(settings)).is_ok();
    is_sound || count.0 + 1 >= height
}

/// Whether a JPEG 2000 has all its tiles, and of each all the bytes that are promised (ITU-T T.800, annex A). What lies within a tile is not
/// looked at: its code has no check.
fn has_all_tiles(data: &[u8]) -> bool {
    const START: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];
    const TILE: u16 = 0xFF90;
    /// Bytes of the last tile that may lack: its end marker, or what an encoder miscounts.
    const SLACK: usize = 16;
    let code = data.windows(4).position(|window| window == START).and_then(|at| data.get(at..)).unwrap_or_default();
    let short = |at: usize| Some(u16::from_be_bytes(*code.get(at..)?.first_chunk()?));
    let long = |at: usize| Some(u32::from_be_bytes(*code.get(at..)?.first_chunk()?) as usize);
    // Size and origin of the picture and of its tiles.
    let count = |size: usize, tile: usize, origin: usize| {
        let across = long(tile).filter(|across| *across > 0)?;
        Some(long(size)?.saturating_sub(long(origin)?).div_ceil(across))
    };
    let Some(tiles) = count(8, 24, 32).zip(count(12, 28, 36)).map(|(across, down)| across.saturating_mul(down)) else { return false };
    let mut seen = FxHashSet::default();
    let mut at = 2;
    while let Some(marker) = short(at) {
        let Some(length) = short(at + 2) else { break };
        if marker != TILE {
            if seen.is_empty() {
                at += 2 + usize::from(length);
                continue;
            }
            break;
        }
        let (Some(index), Some(size)) = (short(at + 4), long(at + 6)) else { break };
        seen.insert(index);
        match size {
            // The last one, of unknown length.
            0 => break,
            size if at + size > code.len() + SLACK => return false,
            size => at += size.max(12),
        }
    }
    seen.len() >= tiles
}

/// Whether a JBIG2 has all the bytes of its segments, and a region in one of them (ITU-T T.88, 7.2).
fn has_all_segments(data: &[u8]) -> bool {
    let mut at = 0;
    let mut has_region = false;
    let number = |at: usize, length: usize| {
        let bytes = data.get(at..at.checked_add(length)?)?;
        Some(bytes.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    // What is too short to be a segment's head is padding.
    while data.len().saturating_sub(at) >= 11 {
        let head = || {
            let (own, flags, count) = (number(at, 4)?, number(at + 4, 1)?, number(at + 5, 1)? >> 5);
            // Up to four other segments are referred to in the byte of their count, more by a number of their own and a bit for each.
            let (count, after) = if count == 7 {
                let count = number(at + 5, 4)? & 0x1FFF_FFFF;
                (count, at + 9 + (count + 8) / 8)
            } else {
                (count, at + 6)
            };
            let size = if own <= 256 {
                1
            } else if own <= 65_536 {
                2
            } else {
                4
            };
            let after = after.checked_add(count.checked_mul(size)?)? + if flags & 0x40 == 0 { 1 } else { 4 };
            Some((flags & 0x3F, after + 4, number(after, 4)?))
        };
        let Some((kind, start, length)) = head() else { return has_region };
        let is_region = matches!(kind, 4..=43);
        // Only a region may be of unknown length.
        if length == 0xFFFF_FFFF {
            return is_region;
        }
        if start.checked_add(length).is_none_or(|end| end > data.len()) {
            return has_region && !is_region;
        }
        has_region |= is_region;
        at = start + length;
    }
    has_region
}
