//! Pictures of samples: what they are packed as, how many bits each has, and which grey they make.

use super::damaged;
use super::directory::{self as tag, Directory, Order};
use super::parts::{Packing, Parts, Unpacker, jpeg};
use crate::error::DocumentError;
use crate::gray::{Gray, luma};
use crate::options::Limits;

/// `PhotometricInterpretation` (TIFF 6.0, page 37).
mod photometric {
    pub(super) const WHITE_IS_ZERO: u64 = 0;
    pub(super) const BLACK_IS_ZERO: u64 = 1;
    pub(super) const RGB: u64 = 2;
    pub(super) const PALETTE: u64 = 3;
    pub(super) const MASK: u64 = 4;
    pub(super) const CMYK: u64 = 5;
    pub(super) const Y_CB_CR: u64 = 6;
    pub(super) const CIE_LAB: u64 = 8;
    pub(super) const ICC_LAB: u64 = 9;
    pub(super) const ITU_LAB: u64 = 10;
}

const OLD_JPEG: u64 = 6;
/// `PlanarConfiguration`: all of a colour's samples together.
const PLANAR: u64 = 2;
/// `SampleFormat`: whole numbers without sign, floating point, and nobody knows what (TIFF 6.0, page 80).
const UNSIGNED: u64 = 1;
const FLOAT: u64 = 3;
const UNDEFINED: u64 = 4;
/// `Predictor`: differences of samples, or of the bytes of floating-point samples (TIFF 6.0, section 14; TIFF Technical Note 3).
const DIFFERENCES: u64 = 2;
const FLOAT_DIFFERENCES: u64 = 3;

/// Draws the picture of a directory whose pixels are coded as `code`.
pub(super) fn decode(directory: &Directory<'_>, code: u64, width: u32, height: u32, limits: &Limits) -> Result<Gray, DocumentError> {
    let (wide, high) = (width as usize, height as usize);
    let format = Format::of(directory)?;
    if code == OLD_JPEG
        && let Some(at) = directory.number(tag::OLD_JPEG)
    {
        let stream = usize::try_from(at).ok().and_then(|at| directory.file.get(at..)).filter(|stream| stream.starts_with(b"\xFF\xD8"));
        // Only a whole stream says by itself what it is.
        if let Some((columns, rows, count, samples)) = stream.and_then(|stream| jpeg(stream, limits).ok())
            && (columns, rows) == (wide, high)
        {
            let pixels = samples.chunks_exact(count.max(1)).map(|pixel| format.gray(pixel)).collect();
            return Gray::new(width, height, pixels).ok_or_else(damaged);
        }
    }
    let unpacker = Unpacker {
        packing: Packing::of(code)?,
        reversed: directory.number(tag::FILL_ORDER) == Some(2) && !Packing::of(code)?.is_picture(),
        jpeg_tables: directory.bytes(tag::JPEG_TABLES),
        limits,
    };
    if format.photometric == photometric::Y_CB_CR && !unpacker.packing.is_picture() && !format.is_planar {
        return subsampled(directory, &unpacker, wide, high);
    }
    let parts = Parts::of(directory, wide, high)?;
    let planes = if format.is_planar { format.needed() } else { 1 };
    let mut page = vec![255_u8; wide * high * planes];
    for plane in 0..planes {
        for row in 0..parts.rows {
            for column in 0..parts.columns {
                limits.check_deadline()?;
                let index = (plane * parts.rows + row) * parts.columns + column;
                let rows = parts.rows_in(row, high);
                let (stride, count, samples) = format.samples(&unpacker, &parts, index, rows)?;
                let (x, y) = (column * parts.across, row * parts.down);
                let seen = (parts.across.min(wide - x), rows.min(high - y));
                if stride < seen.0 * count || samples.len() < stride * seen.1 || count == 0 {
                    return Err(damaged());
                }
                for (line, from) in samples.chunks_exact(stride).take(seen.1).enumerate() {
                    let start = ((y + line) * wide + x) * planes + plane;
                    let to = page.get_mut(start..).unwrap_or_default().iter_mut().step_by(planes);
                    let pixels = from.chunks_exact(count).take(seen.0);
                    to.zip(pixels).for_each(|(to, pixel)| *to = if planes > 1 { pixel[0] } else { format.gray(pixel) });
                }
            }
        }
    }
    let pixels = if planes > 1 { page.chunks_exact(planes).map(|pixel| format.gray(pixel)).collect() } else { page };
    Gray::new(width, height, pixels).ok_or_else(damaged)
}

/// What the samples of a picture are.
struct Format {
    bits: usize,
    is_float: bool,
    /// Of a pixel.
    count: usize,
    is_planar: bool,
    predictor: u64,
    order: Order,
    photometric: u64,
    /// The luma of each place in the palette.
    palette: Vec<u8>,
    alpha: Option<Alpha>,
}

#[derive(Clone, Copy)]
struct Alpha {
    /// Which of a pixel's samples it is.
    place: usize,
    /// The colours are multiplied by it already (TIFF 6.0, page 31).
    is_associated: bool,
}

impl Format {
    fn of(directory: &Directory<'_>) -> Result<Self, DocumentError> {
        let unusual = |what: &str| DocumentError::unsupported(format!("it is a TIFF of {what}, which is not read"));
        let count = directory.number(tag::SAMPLES).unwrap_or(1);
        let count = usize::try_from(count).ok().filter(|count| (1..=64).contains(count)).ok_or_else(damaged)?;
        let depths = directory.numbers(tag::BITS);
        let bits = depths.first().copied().unwrap_or(1);
        if depths.iter().take(count).any(|depth| *depth != bits) {
            return Err(unusual("samples of several depths"));
        }
        let kind = directory.number(tag::SAMPLE_FORMAT).unwrap_or(UNSIGNED);
        let is_float = kind == FLOAT;
        match (kind, bits) {
            (UNSIGNED | UNDEFINED, 1..=32 | 64) | (FLOAT, 16 | 32 | 64) => {}
            (UNSIGNED | UNDEFINED | FLOAT, _) => return Err(unusual(&format!("samples of {bits} bits"))),
            _ => return Err(unusual("signed or complex samples")),
        }
        // Nothing said, three samples are red, green and blue.
        let guess = if count < 3 { photometric::BLACK_IS_ZERO } else { photometric::RGB };
        let photometric = directory.number(tag::PHOTOMETRIC).unwrap_or(guess);
        let extra = directory.numbers(tag::EXTRA_SAMPLES);
        let colors = match photometric {
            photometric::WHITE_IS_ZERO | photometric::BLACK_IS_ZERO | photometric::PALETTE | photometric::MASK => 1,
            photometric::RGB | photometric::Y_CB_CR | photometric::CIE_LAB | photometric::ICC_LAB | photometric::ITU_LAB => 3,
            photometric::CMYK => 4,
            other => return Err(unusual(&format!("colours of kind {other}"))),
        };
        if count < colors && photometric != photometric::Y_CB_CR {
            return Err(damaged());
        }
        let place = count.saturating_sub(extra.len()).max(colors);
        let alpha = match extra.first() {
            Some(kind @ (1 | 2)) if place < count => Some(Alpha { place, is_associated: *kind == 1 }),
            // A fourth sample of which nothing is said.
            None if photometric == photometric::RGB && count == 4 => Some(Alpha { place: 3, is_associated: false }),
            _ => None,
        };
        let palette = if photometric == photometric::PALETTE { palette(directory) } else { Vec::new() };
        if photometric == photometric::PALETTE && (bits > 8 || palette.is_empty()) {
            return Err(if bits > 8 { unusual(&format!("palettes of {bits} bits")) } else { damaged() });
        }
        Ok(Self {
            bits: usize::try_from(bits).unwrap_or(0),
            is_float,
            count,
            is_planar: directory.number(tag::PLANES) == Some(PLANAR) && count > 1,
            predictor: directory.number(tag::PREDICTOR).unwrap_or(1),
            order: directory.order,
            photometric,
            palette,
            alpha,
        })
    }

    /// How many of a pixel's samples its grey takes.
    fn needed(&self) -> usize {
        let colors = match self.photometric {
            photometric::RGB => 3,
            photometric::CMYK => 4,
            _ => 1,
        };
        self.alpha.map_or(colors, |alpha| alpha.place + 1)
    }

    /// The grey of a pixel. A codec of pictures may have given one sample where there should be more.
    fn gray(&self, pixel: &[u8]) -> u8 {
        let gray = match (self.photometric, pixel) {
            (photometric::PALETTE, [place, ..]) => self.palette.get(usize::from(*place)).copied().unwrap_or(255),
            (photometric::WHITE_IS_ZERO, [first, ..]) => !first,
            (photometric::RGB, [r, g, b, ..]) => luma(*r, *g, *b),
            (photometric::CMYK, [c, m, y, k, ..]) => {
                let ink = |sample: &u8| (u32::from(255 - sample) * u32::from(255 - k) / 255) as u8;
                luma(ink(c), ink(m), ink(y))
            }
            // Grey, luma, or the lightness of L*a*b*, which is nearly the grey of sRGB.
            (_, [first, ..]) => *first,
            (_, []) => 255,
        };
        let Some((alpha, covered)) = self.alpha.and_then(|alpha| Some((alpha, *pixel.get(alpha.place)?))) else { return gray };
        let paper = 255 - covered;
        if alpha.is_associated {
            gray.saturating_add(paper)
        } else {
            ((u32::from(gray) * u32::from(covered) + 255 * u32::from(paper) + 127) / 255) as u8
        }
    }

    /// The samples of a part of `rows` rows, a byte each: those of a row, those of a pixel, and all of them.
    fn samples(
        &self,
        unpacker: &Unpacker<'_>,
        parts: &Parts<'_>,
        index: usize,
        rows: usize,
    ) -> Result<(usize, usize, Vec<u8>), DocumentError> {
        if unpacker.packing.is_picture() {
            let (columns, _, count, samples) = unpacker.picture(parts.stored(index, 0)?)?;
            let is_luma_first = self.photometric != photometric::RGB && self.photometric != photometric::CMYK;
            if count != 1 && count < self.needed() && !is_luma_first {
                return Err(damaged());
            }
            return Ok((columns * count, count, samples));
        }
        let count = if self.is_planar { 1 } else { self.count };
        let per_row = parts.across.checked_mul(count).ok_or_else(damaged)?;
        let stride = per_row.checked_mul(self.bits).ok_or_else(damaged)?.div_ceil(8);
        let length = stride.checked_mul(rows).ok_or_else(damaged)?;
        if length.saturating_add(per_row.saturating_mul(rows)) as u64 > unpacker.limits.image_memory {
            return Err(DocumentError::too_large("decoding the TIFF takes too much memory"));
        }
        let least = if unpacker.packing == Packing::None { length } else { 0 };
        let mut bytes = unpacker.bytes(parts.stored(index, least)?, length)?;
        let predictor = if unpacker.packing.predicts() { self.predictor } else { 1 };
        let mut samples = Vec::with_capacity(per_row * rows);
        for row in bytes.chunks_exact_mut(stride.max(1)) {
            match predictor {
                DIFFERENCES if self.bits == 8 => {
                    for at in count..row.len() {
                        row[at] = row[at].wrapping_add(row[at - count]);
                    }
                }
                DIFFERENCES if matches!(self.bits, 16 | 32 | 64) => {}
                FLOAT_DIFFERENCES if self.is_float => {
                    for at in count..row.len() {
                        row[at] = row[at].wrapping_add(row[at - count]);
                    }
                }
                DIFFERENCES | FLOAT_DIFFERENCES => {
                    return Err(DocumentError::unsupported("it is a TIFF whose samples are stored as differences of an unknown kind"));
                }
                _ => {}
            }
            self.spread(row, predictor, count, per_row, &mut samples);
        }
        Ok((per_row, count, samples))
    }

    /// A byte for each sample of a row. Samples of fewer than 8 bits are spread over all of a byte, but for places in a palette; longer ones
    /// are cut to their first 8 bits.
    fn spread(&self, row: &[u8], predictor: u64, count: usize, per_row: usize, to: &mut Vec<u8>) {
        let (bits, start) = (self.bits, to.len());
        match bits {
            8 => to.extend_from_slice(row),
            16 | 32 | 64 => {
                let size = bits / 8;
                let numbers: &mut dyn Iterator<Item = u64> = if predictor == FLOAT_DIFFERENCES {
                    // The first bytes of all samples, then all the second ones, and so on.
                    &mut (0..per_row).map(|at| (0..size).fold(0, |sum, byte| sum << 8 | u64::from(row[byte * per_row + at])))
                } else {
                    &mut row.chunks_exact(size).map(|sample| self.order.number(sample))
                };
                let mut before = vec![0_u64; count];
                for (at, number) in numbers.enumerate() {
                    let number = if predictor == DIFFERENCES {
                        let sum = before[at % count].wrapping_add(number) & (u64::MAX >> (64 - bits));
                        before[at % count] = sum;
                        sum
                    } else {
                        number
                    };
                    to.push(if self.is_float { share(number, bits) } else { (number >> (bits - 8)) as u8 });
                }
            }
            24 => to.extend(row.chunks_exact(3).map(|sample| (self.order.number(sample) >> 16) as u8)),
            _ => {
                let most = (1_u64 << bits) - 1;
                let sample = |at: usize| {
                    let bit = at * bits;
                    let window = row.get(bit / 8..).unwrap_or_default();
                    let number = (0..8).fold(0_u64, |sum, byte| sum << 8 | u64::from(window.get(byte).copied().unwrap_or(0)));
                    let value = number >> (64 - bits - bit % 8) & most;
                    match bits {
                        _ if self.photometric == photometric::PALETTE => value as u8,
                        ..8 => (value * 255 / most) as u8,
                        _ => (value >> (bits - 8)) as u8,
                    }
                };
                to.extend((0..per_row).map(sample));
            }
        }
        to.resize(start + per_row, 0);
    }
}

/// A floating-point sample from 0 to 1, as programs write them, in a byte.
fn share(number: u64, bits: usize) -> u8 {
    let value = match bits {
        16 => half(number as u16),
        32 => f64::from(f32::from_bits(number as u32)),
        _ => f64::from_bits(number),
    };
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// A number of 16 bits (IEEE 754, binary16).
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f64::from(bits & 0x3FF));
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 => f64::INFINITY,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

fn palette(directory: &Directory<'_>) -> Vec<u8> {
    let colors = directory.numbers(tag::PALETTE);
    let third = colors.len() / 3;
    // Some programs write bytes where there should be numbers of 16 bits.
    let shift = if colors.iter().all(|color| *color < 256) { 0 } else { 8 };
    let byte = |at: usize| colors.get(at).map_or(0, |color| (color >> shift) as u8);
    (0..third).map(|at| luma(byte(at), byte(third + at), byte(2 * third + at))).collect()
}

/// A picture in luma and chroma that is not coded as JPEG: blocks of luma, each with the chroma of all of it (TIFF 6.0, page 93).
fn subsampled(directory: &Directory<'_>, unpacker: &Unpacker<'_>, wide: usize, high: usize) -> Result<Gray, DocumentError> {
    let steps = directory.numbers(tag::SUBSAMPLING);
    let step =
        |at: usize| steps.get(at).copied().map_or(Some(2), |step| usize::try_from(step).ok()).filter(|step| matches!(step, 1 | 2 | 4));
    let (across, down) = step(0).zip(step(1)).ok_or_else(damaged)?;
    if directory.numbers(tag::BITS).iter().any(|bits| *bits != 8) {
        return Err(DocumentError::unsupported("it is a TIFF of luma and chroma of other than 8 bits, which is not read"));
    }
    let parts = Parts::of(directory, wide, high)?;
    let differences = unpacker.packing.predicts() && directory.number(tag::PREDICTOR).unwrap_or(1) != 1;
    if differences && (across, down) != (1, 1) {
        return Err(DocumentError::unsupported("it is a TIFF of differences of luma and chroma, which is not read"));
    }
    let mut page = vec![255_u8; wide * high];
    let blocks = parts.across.div_ceil(across);
    let block = across * down + 2;
    for row in 0..parts.rows {
        for column in 0..parts.columns {
            let rows = parts.rows_in(row, high);
            let length = (blocks * block).checked_mul(rows.div_ceil(down)).ok_or_else(damaged)?;
            if length as u64 > unpacker.limits.image_memory {
                return Err(DocumentError::too_large("decoding the TIFF takes too much memory"));
            }
            let least = if unpacker.packing == Packing::None { length } else { 0 };
            let mut bytes = unpacker.bytes(parts.stored(row * parts.columns + column, least)?, length)?;
            if differences {
                for line in bytes.chunks_exact_mut(blocks * block) {
                    for at in block..line.len() {
                        line[at] = line[at].wrapping_add(line[at - block]);
                    }
                }
            }
            for (index, lumas) in bytes.chunks_exact(block).enumerate() {
                let (left, top) = (column * parts.across + index % blocks * across, row * parts.down + index / blocks * down);
                for (at, luma) in lumas.iter().take(across * down).enumerate() {
                    let (x, y) = (left + at % across, top + at / across);
                    let is_own = x < wide && x < (column + 1) * parts.across && y < row * parts.down + rows;
                    if is_own && let Some(pixel) = page.get_mut(y * wide + x) {
                        *pixel = *luma;
                    }
                }
            }
        }
    }
    let (width, height) = (u32::try_from(wide).map_err(|_| damaged())?, u32::try_from(high).map_err(|_| damaged())?);
    Gray::new(width, height, page).ok_or_else(damaged)
}
