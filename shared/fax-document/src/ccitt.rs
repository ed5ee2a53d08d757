//! The codes of a fax line: Group 4 (ITU-T T.6) and one-dimensional Group 3 (ITU-T T.4, modified Huffman).

use fax::Bits;
use fax::maps::{EDFB_HALF, EOL, black, white};
use fearless_simd::{Level, Simd, dispatch};
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};

use crate::bitmap::Bitmap;
use crate::error::ReadError;

/// The page's T.6 code, closed by an EOFB.
pub(crate) fn encode_g4(bitmap: &Bitmap) -> Vec<u8> {
    let mut code = encode(bitmap);
    code.make_room(bitmap.width());
    code.put(EDFB_HALF);
    code.put(EDFB_HALF);
    code.finish()
}

/// A page's T.6 code with other upper rows, and the bits that these take. The first `bits` bits of the page's are those of the rows that `upper`
/// takes the place of. The last row of both is white: the code of all rows below then stays as it is.
pub(crate) fn replace_upper(g4: &[u8], bits: usize, upper: &Bitmap) -> Result<(Vec<u8>, usize), ReadError> {
    let mut code = encode(upper);
    let taken = code.bits();
    let (whole, some) = (bits / 8, bits % 8);
    let (first, rest) = g4.get(whole..).and_then(<[u8]>::split_first).ok_or(ReadError::Damaged)?;
    code.bytes.resize(code.at + rest.len() + 2 * size_of::<u64>(), 0);
    code.put_long(u64::from(first & (0xFF >> some)), 8 - some as u32);
    let (sixes, last) = rest.as_chunks::<6>();
    for [a, b, c, d, e, f] in sixes {
        code.put_long(u64::from_be_bytes([0, 0, *a, *b, *c, *d, *e, *f]), 48);
    }
    last.iter().for_each(|byte| code.put_long((*byte).into(), 8));
    let mut g4 = code.finish();
    // An EOFB ends in a one.
    g4.truncate(g4.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    Ok((g4, taken))
}

/// Whether so many upper rows are white. Each of them takes one bit.
pub(crate) fn begins_white(g4: &[u8], rows: u32) -> bool {
    let (bytes, bits) = (rows as usize / 8, rows % 8);
    let is_full = |byte: &u8| *byte == 0xFF;
    g4.get(..bytes).is_some_and(|whole| whole.iter().all(is_full)) && g4.get(bytes).is_some_and(|byte| byte.leading_ones() >= bits)
}

fn encode(bitmap: &Bitmap) -> Code {
    // Newer processors shift and count bits in fewer steps.
    let level = Level::try_detect().unwrap_or(Level::baseline());
    dispatch!(level, simd => simd.vectorize(
        #[inline(always)]
        || encode_rows(bitmap)
    ))
}

#[inline(always)]
fn encode_rows(bitmap: &Bitmap) -> Code {
    let width = bitmap.width();
    let mut code = Code::default();
    let (mut reference, mut current) = (Changes::none(width), Changes::none(width));
    let mut above: &[u8] = &[];
    for y in 0..bitmap.height() {
        let row = bitmap.row(y);
        code.make_room(width);
        if row == above {
            // Each change lies right below one, and so does the end of the row.
            code.ones(reference.count + 1);
            continue;
        }
        current.find(row, width);
        encode_row(&mut code, reference.closed(), current.closed(), width);
        std::mem::swap(&mut reference, &mut current);
        above = row;
    }
    code
}

/// The page's T.4 code by modified Huffman: each row after an EOL, and no RTC, as TIFF wants it (RFC 2306, §2.2.3).
pub(crate) fn encode_g3(bitmap: &Bitmap) -> Vec<u8> {
    let mut code = Code::default();
    let mut changes = Changes::none(bitmap.width());
    for y in 0..bitmap.height() {
        code.make_room(bitmap.width());
        code.put(EOL);
        changes.find(bitmap.row(y), bitmap.width());
        let mut from = 0;
        for (&to, is_black) in changes.closed().iter().zip([false, true].into_iter().cycle()) {
            code.run(to - from, is_black);
            from = to;
            if to == bitmap.width() {
                break;
            }
        }
    }
    code.finish()
}

/// How often a row's width stands behind its changes, so that nobody need ask whether there is another.
const CLOSED: usize = 4;

/// Where the colour changes along a row that begins white.
struct Changes {
    /// The changes, and behind them the row's width; what is behind that is left over from other rows.
    places: Vec<u32>,
    count: usize,
}

impl Changes {
    /// Those of a white row.
    fn none(width: u32) -> Self {
        // The last word of a row may seem to have changes in the pixels that fill it up.
        Self { places: vec![width; width as usize + 64 + CLOSED], count: 0 }
    }

    /// The changes, closed by the row's width.
    #[inline(always)]
    fn closed(&self) -> &[u32] {
        self.places.get(..self.count + CLOSED).unwrap_or_default()
    }

    #[inline(always)]
    fn find(&mut self, row: &[u8], width: u32) {
        let mut places = self.places.iter_mut();
        let (mut at, mut last) = (0, 0);
        let (words, rest) = row.as_chunks::<8>();
        let mut filled = [0; 8];
        filled.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        for bits in words.iter().chain([&filled]).map(|word| u64::from_be_bytes(*word)) {
            // A one wherever a pixel differs from the one before it.
            let mut flips = bits ^ (bits >> 1 | last << 63);
            last = bits & 1;
            while flips != 0 {
                let first = flips.leading_zeros();
                flips &= !(1 << 63 >> first);
                if let Some(place) = places.next() {
                    *place = at + first;
                }
            }
            at += 64;
        }
        let left = places.len();
        self.count = self.places.len() - left;
        while self.count > 0 && self.places.get(self.count - 1).is_some_and(|last| *last >= width) {
            self.count -= 1;
        }
        self.places.iter_mut().skip(self.count).take(CLOSED).for_each(|place| *place = width);
    }
}

/// One row by T.6, 2.2: `reference` is the row above it.
#[inline(always)]
fn encode_row(code: &mut Code, reference: &[u32], current: &[u32], width: u32) {
    let (mut a0, mut is_black) = (0, false);
    // The next change in each row: a1 in `current`; in `reference` b1, the first change to the other colour right of a0, which lies left
    // of the row's first pixel in the beginning.
    let (mut a, mut b) = (0, 0_usize);
    let at = |changes: &[u32], index: usize| changes.get(index).copied().unwrap_or(width);
    while a0 < width {
        let (a1, b1, b2) = (at(current, a), at(reference, b), at(reference, b + 1));
        if b2 < a1 {
            code.put(PASS);
            a0 = b2;
            b += 2;
        } else if let Some(vertical) = vertical(a1, b1) {
            code.put(vertical);
            a0 = a1;
            a += 1;
            is_black = !is_black;
            // The change before b1 is one to the other colour, too, and it may lie right of a0, as a1 may lie left of b1.
            let before = reference.get(b.wrapping_sub(1)).copied().unwrap_or(0);
            b = if before > a0 { b - 1 } else { b + 1 };
            while at(reference, b) <= a0 && a0 < width {
                b += 2;
            }
        } else {
            let a2 = at(current, a + 1);
            code.horizontal(a1 - a0, a2 - a1, is_black);
            a0 = a2;
            a += 2;
            while at(reference, b) <= a0 && a0 < width {
                b += 2;
            }
        }
    }
}

const PASS: Bits = Bits { data: 0b0001, len: 4 };
const HORIZONTAL: Bits = Bits { data: 0b001, len: 3 };

/// The codes for a change that lies 3 pixels left of the one above it, 2 left, and so on to 3 right.
const VERTICAL: [Bits; 7] = [
    Bits { data: 0b000_0010, len: 7 },
    Bits { data: 0b00_0010, len: 6 },
    Bits { data: 0b010, len: 3 },
    Bits { data: 0b1, len: 1 },
    Bits { data: 0b011, len: 3 },
    Bits { data: 0b00_0011, len: 6 },
    Bits { data: 0b000_0011, len: 7 },
];

#[inline(always)]
fn vertical(a1: u32, b1: u32) -> Option<Bits> {
    VERTICAL.get(a1.wrapping_add(3).wrapping_sub(b1) as usize).copied()
}

/// Code in the making, the first bit in the highest place.
#[derive(Default)]
struct Code {
    /// The code, and room behind it.
    bytes: Vec<u8>,
    /// Bytes that are whole.
    at: usize,
    /// What comes behind them, from its highest place.
    pending: u64,
    /// Bits in `pending`: fewer than 8 between calls.
    count: u32,
}

impl Code {
    /// Makes room for the code of a row, of which no pixel takes two bytes, and for the end of the page.
    fn make_room(&mut self, width: u32) {
        let needed = self.at + width as usize * 2 + 64;
        if self.bytes.len() < needed {
            self.bytes.resize(needed * 2, 0);
        }
    }

    #[inline(always)]
    fn put(&mut self, bits: Bits) {
        self.put_long(bits.data.into(), bits.len.into());
    }

    /// At most 56 bits.
    #[inline(always)]
    fn put_long(&mut self, data: u64, len: u32) {
        self.count += len;
        self.pending |= data << (64 - self.count);
        // Written with every code, whole bytes or not: when a byte is full cannot be foreseen.
        if let Some(to) = self.bytes.get_mut(self.at..self.at + size_of::<u64>()) {
            to.copy_from_slice(&self.pending.to_be_bytes());
        }
        self.at += self.count as usize / 8;
        self.pending <<= self.count & !7;
        self.count %= 8;
    }

    /// So many ones.
    #[inline(always)]
    fn ones(&mut self, mut count: usize) {
        const MOST: usize = 48;
        while count > 0 {
            let some = count.min(MOST);
            self.put_long((1 << some) - 1, some as u32);
            count -= some;
        }
    }

    /// Two runs, the first of the colour given.
    #[inline(always)]
    fn horizontal(&mut self, first: u32, second: u32, is_black: bool) {
        if first >= LONGEST || second >= LONGEST {
            self.put(HORIZONTAL);
            self.run(first, is_black);
            self.run(second, !is_black);
            return;
        }
        let ((first, first_len), (second, second_len)) = (run_code(first, is_black), run_code(second, !is_black));
        let data = (u64::from(HORIZONTAL.data) << first_len | first) << second_len | second;
        self.put_long(data, u32::from(HORIZONTAL.len) + first_len + second_len);
    }

    /// A run of one colour: make-up codes for its multiples of 64, then the terminating code.
    #[inline(always)]
    fn run(&mut self, mut length: u32, is_black: bool) {
        let longest = entry(63 + LONGEST / 64, is_black);
        while length >= LONGEST {
            self.put(longest);
            length -= LONGEST;
        }
        let (data, len) = run_code(length, is_black);
        self.put_long(data, len);
    }

    fn bits(&self) -> usize {
        self.at * 8 + self.count as usize
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.at + usize::from(self.count > 0));
        self.bytes
    }
}

/// The longest run that has a make-up code.
const LONGEST: u32 = 2560;

/// The code of a run shorter than [`LONGEST`] and its length: the make-up code, if it takes one, and the terminating code.
#[inline(always)]
fn run_code(length: u32, is_black: bool) -> (u64, u32) {
    let end = entry(length % 64, is_black);
    let (data, len) = (u64::from(end.data), u32::from(end.len));
    if length < 64 {
        return (data, len);
    }
    let make_up = entry(63 + length / 64, is_black);
    (u64::from(make_up.data) << len | data, len + u32::from(make_up.len))
}

#[inline(always)]
fn entry(index: u32, is_black: bool) -> Bits {
    let codes = if is_black { &black::ENTRIES } else { &white::ENTRIES };
    codes.get(index as usize).map_or(Bits { data: 0, len: 0 }, |entry| entry.1)
}

/// The page behind T.6 code: exactly `height` rows, no more and no fewer.
pub(crate) fn decode(g4: &[u8], width: u32, height: u32) -> Result<Bitmap, ReadError> {
    let mut rows = Rows::new(width, height);
    let used = hayro_ccitt::decode(g4, &mut rows, &mut DecoderContext::new(group4(width, height))).map_err(|_| ReadError::Damaged)?;
    if rows.next == height && used == g4.len() { Ok(rows.bitmap) } else { Err(ReadError::Damaged) }
}

/// The rows that are whole in the beginning of a page's T.6 code; what is below them is white.
pub(crate) fn decode_beginning(g4: &[u8], width: u32, height: u32) -> Bitmap {
    let mut rows = Rows::new(width, height);
    // That the code ends early is what it is called for.
    let _ = hayro_ccitt::decode(g4, &mut rows, &mut DecoderContext::new(group4(width, height)));
    rows.bitmap
}

fn group4(columns: u32, rows: u32) -> DecodeSettings {
    DecodeSettings {
        columns,
        rows,
        end_of_block: true,
        end_of_line: false,
        rows_are_byte_aligned: false,
        encoding: EncodingMode::Group4,
        strict: true,
    }
}

struct Rows {
    bitmap: Bitmap,
    next: u32,
}

impl Rows {
    fn new(width: u32, height: u32) -> Self {
        Self { bitmap: Bitmap::white(width, height), next: 0 }
    }
}

impl Decoder for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        for run in changes.chunks(2) {
            let start = run.first().copied().unwrap_or(0);
            let end = run.get(1).copied().unwrap_or(self.bitmap.width()).min(self.bitmap.width());
            (start..end).for_each(|x| self.bitmap.blacken(x, self.next));
        }
        self.next += 1;
    }
}

#[cfg(test)]
mod tests;
