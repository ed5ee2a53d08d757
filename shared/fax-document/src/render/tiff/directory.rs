//! A TIFF's directories: what is said of each picture (TIFF 6.0, section 2; BigTIFF by its published design).

use std::collections::HashSet;

use super::damaged;
use crate::error::DocumentError;

// Tags (TIFF 6.0, appendix A).
pub(super) const SUBFILE: u16 = 254;
pub(super) const WIDTH: u16 = 256;
pub(super) const HEIGHT: u16 = 257;
pub(super) const BITS: u16 = 258;
pub(super) const COMPRESSION: u16 = 259;
pub(super) const PHOTOMETRIC: u16 = 262;
pub(super) const FILL_ORDER: u16 = 266;
pub(super) const STRIP_OFFSETS: u16 = 273;
pub(super) const ORIENTATION: u16 = 274;
pub(super) const SAMPLES: u16 = 277;
pub(super) const ROWS_PER_STRIP: u16 = 278;
pub(super) const STRIP_LENGTHS: u16 = 279;
pub(super) const X_RESOLUTION: u16 = 282;
pub(super) const Y_RESOLUTION: u16 = 283;
pub(super) const PLANES: u16 = 284;
pub(super) const T4_OPTIONS: u16 = 292;
pub(super) const PREDICTOR: u16 = 317;
pub(super) const PALETTE: u16 = 320;
pub(super) const TILE_WIDTH: u16 = 322;
pub(super) const TILE_HEIGHT: u16 = 323;
pub(super) const TILE_OFFSETS: u16 = 324;
pub(super) const TILE_LENGTHS: u16 = 325;
pub(super) const EXTRA_SAMPLES: u16 = 338;
pub(super) const SAMPLE_FORMAT: u16 = 339;
pub(super) const JPEG_TABLES: u16 = 347;
pub(super) const OLD_JPEG: u16 = 513;
pub(super) const SUBSAMPLING: u16 = 530;

/// How numbers are written in a file.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Order {
    LittleEndian,
    BigEndian,
}

impl Order {
    /// An unsigned number of at most eight bytes.
    pub(super) fn number(self, bytes: &[u8]) -> u64 {
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match self {
            Self::LittleEndian => bytes.iter().rev().fold(0, fold),
            Self::BigEndian => bytes.iter().fold(0, fold),
        }
    }
}

struct Entry<'a> {
    tag: u16,
    kind: u16,
    value: &'a [u8],
}

/// What is said of one picture.
pub(super) struct Directory<'a> {
    pub(super) file: &'a [u8],
    pub(super) order: Order,
    entries: Vec<Entry<'a>>,
}

impl<'a> Directory<'a> {
    /// All the directories of a file, at most `most`.
    ///
    /// # Errors
    /// When one does not lie wholly within the file, or comes twice.
    pub(super) fn all(file: &'a [u8], most: usize) -> Result<Vec<Self>, DocumentError> {
        let order = if file.starts_with(b"II") { Order::LittleEndian } else { Order::BigEndian };
        let number = |at: usize, length: usize| Some(order.number(file.get(at..at.checked_add(length)?)?));
        let is_big = number(2, 2).ok_or_else(damaged)? == 43;
        // The bytes of an offset, and of the count of a directory's entries.
        let (word, count_size, first) = if is_big { (8, 8, 8) } else { (4, 2, 4) };
        let entry_size = 4 + 2 * word;
        let mut next = number(first, word).ok_or_else(damaged)?;
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        while next != 0 && all.len() < most {
            let at = usize::try_from(next).map_err(|_| damaged())?;
            if !seen.insert(at) {
                return Err(damaged());
            }
            let count = number(at, count_size).and_then(|count| usize::try_from(count).ok()).ok_or_else(damaged)?;
            let start = at + count_size;
            let length = count.checked_mul(entry_size).ok_or_else(damaged)?;
            let body = start.checked_add(length).and_then(|end| file.get(start..end)).ok_or_else(damaged)?;
            let mut entries = Vec::with_capacity(count);
            for entry in body.chunks_exact(entry_size) {
                let (head, value) = entry.split_at(4 + word);
                let (tag, kind) = (order.number(&head[..2]) as u16, order.number(&head[2..4]) as u16);
                let Some(bytes) = size_of(kind).and_then(|size| usize::try_from(order.number(&head[4..])).ok()?.checked_mul(size)) else {
                    continue;
                };
                let elsewhere = || {
                    let at = usize::try_from(order.number(value)).ok()?;
                    file.get(at..at.checked_add(bytes)?)
                };
                let value = value.get(..bytes).or_else(elsewhere);
                // What is of no use to us may be damaged.
                entries.extend(value.map(|value| Entry { tag, kind, value }));
            }
            all.push(Self { file, order, entries });
            next = number(start + length, word).ok_or_else(damaged)?;
        }
        Ok(all)
    }

    fn entry(&self, tag: u16) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    pub(super) fn has(&self, tag: u16) -> bool {
        self.entry(tag).is_some()
    }

    /// The bytes of an entry, as they are.
    pub(super) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.entry(tag).map(|entry| entry.value)
    }

    /// Whole numbers of any size; none if there is no such entry.
    pub(super) fn numbers(&self, tag: u16) -> Vec<u64> {
        let Some(entry) = self.entry(tag) else { return Vec::new() };
        match entry.kind {
            RATIONAL => Vec::new(),
            kind => entry.value.chunks_exact(size_of(kind).unwrap_or(1)).map(|number| self.order.number(number)).collect(),
        }
    }

    /// The first number of an entry.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag).first().copied()
    }

    /// A ratio of two positive numbers.
    pub(super) fn ratio(&self, tag: u16) -> Option<f64> {
        let entry = self.entry(tag).filter(|entry| entry.kind == RATIONAL)?;
        let (dots, per) = entry.value.get(..8)?.split_at(4);
        let (dots, per) = (self.order.number(dots), self.order.number(per));
        (dots > 0 && per > 0).then(|| dots as f64 / per as f64)
    }
}

const RATIONAL: u16 = 5;

/// The bytes of a value of this type, if it is one that we read.
fn size_of(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 13 => Some(4),
        5 | 16..=18 => Some(8),
        _ => None,
    }
}
