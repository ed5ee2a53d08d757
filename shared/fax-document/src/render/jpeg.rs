//! Whether a JPEG is whole.
//!
//! Decoders fill what is missing with grey and go on after damage with streaks, and say nothing. Here the codes of its blocks are counted,
//! without making pixels of them (ITU-T T.81, annexes B, F and G).

const START_OF_SCAN: u8 = 0xDA;
const END: u8 = 0xD9;
const TABLES: u8 = 0xC4;
const RESTARTS: u8 = 0xDD;

/// Whether the blocks of all rows of pixels are there, of at most `rows`. The last row of blocks may be left out as a whole, and the
/// end-of-image marker too: both are common mistakes of programs, and other viewers draw such pictures. Of lossless and arithmetic coding, which
/// hardly anybody reads, the end-of-image marker is looked for.
pub(crate) fn is_whole(bytes: &[u8], rows: Option<usize>) -> bool {
    Checker { rows, ..Checker::default() }.check(bytes).unwrap_or(false)
}

#[derive(Default)]
struct Checker {
    rows: Option<usize>,
    frame: Option<Frame>,
    /// By class (0 for DC, 1 for AC) and number.
    codes: [[Option<Codes>; 4]; 2],
    /// Blocks between restart markers; 0 where there are none.
    interval: usize,
}

struct Frame {
    is_progressive: bool,
    width: usize,
    height: usize,
    components: Vec<Component>,
}

struct Component {
    id: u8,
    across: usize,
    down: usize,
    /// Coefficients that whole scans have given, a bit each.
    given: u64,
}

/// What a scan has of one component.
struct Part {
    component: usize,
    dc: usize,
    ac: usize,
}

/// Why no more blocks can be read.
enum Stop {
    /// The data end.
    End,
    /// There is no such code.
    Damage,
}

impl Checker {
    /// `None` where a segment is cut short or makes no sense.
    fn check(mut self, bytes: &[u8]) -> Option<bool> {
        let mut rest = bytes.get(2..)?;
        loop {
            let (marker, after) = match rest {
                [0xFF, 0xFF, ..] => {
                    rest = rest.get(1..)?;
                    continue;
                }
                [0xFF, marker, after @ ..] if *marker != 0 => (*marker, after),
                // Stray bytes between segments: decoders look for the next marker.
                [_, after @ ..] => {
                    rest = after;
                    continue;
                }
                [] => return Some(self.is_complete()),
            };
            if marker == END {
                return Some(self.frame.as_ref().is_some_and(|frame| frame.components.iter().any(|component| component.given != 0)));
            }
            if matches!(marker, 0xD0..=0xD8 | 0x01) {
                rest = after;
                continue;
            }
            let length = usize::from(u16::from_be_bytes([*after.first()?, *after.get(1)?]));
            let (segment, after) = match after.split_at_checked(length) {
                Some((segment, after)) => (segment.get(2..)?, after),
                // Cut short behind the last scan, or in the middle.
                None => return Some(self.is_complete()),
            };
            rest = after;
            match marker {
                TABLES => self.read_codes(segment)?,
                RESTARTS => self.interval = usize::from(u16::from_be_bytes([*segment.first()?, *segment.get(1)?])),
                0xC0..=0xC2 => self.frame = Some(Frame::read(segment, marker == 0xC2)?),
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => return Some(after.windows(2).any(|pair| pair == [0xFF, END])),
                START_OF_SCAN => rest = self.scan(segment, after)?,
                _ => {}
            }
        }
    }

    /// Whether all coefficients have come.
    fn is_complete(&self) -> bool {
        self.frame.as_ref().is_some_and(|frame| frame.components.iter().all(|component| component.given == u64::MAX))
    }

    fn read_codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [head, rest @ ..] = segment {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(total)?;
            let place = self.codes.get_mut(usize::from(head >> 4))?.get_mut(usize::from(head & 15))?;
            *place = Some(Codes::new(counts, symbols));
            segment = rest;
        }
        Some(())
    }

    /// Reads a scan, and gives what follows it. `None` where it has less than a whole picture.
    fn scan<'d>(&mut self, head: &[u8], data: &'d [u8]) -> Option<&'d [u8]> {
        let rows = self.rows;
        let frame = self.frame.as_mut()?;
        let (count, rest) = head.split_first()?;
        let (selected, rest) = rest.split_at_checked(usize::from(*count) * 2)?;
        let [first, last, precision, ..] = *rest else { return None };
        let parts: Vec<Part> = selected
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[id, tables]| {
                let component = frame.components.iter().position(|component| component.id == *id)?;
                Some(Part { component, dc: usize::from(tables >> 4), ac: usize::from(tables & 15) })
            })
            .collect::<Option<_>>()?;
        let (first, last) = if frame.is_progressive { (usize::from(first), usize::from(last).min(63)) } else { (0, 63) };
        let mut bits = Bits { data, at: 0, hold: 0, count: 0 };
        // How a coefficient is made finer depends on those before: such a scan adds nothing that is missed.
        let is_refinement = frame.is_progressive && precision >> 4 != 0;
        if !is_refinement {
            let (across, down) = frame.units(&parts, frame.height)?;
            let needed = frame.units(&parts, rows.unwrap_or(usize::MAX).min(frame.height))?.1;
            let scan = Scan { frame, parts: &parts, codes: &self.codes, first, last };
            if !bits.read(&scan, across, across * down, across * needed, self.interval) {
                return None;
            }
            let given = (u64::MAX >> (63 - last)) & (u64::MAX << first.min(63));
            parts.iter().for_each(|part| {
                frame.components.get_mut(part.component).into_iter().for_each(|component| component.given |= given);
            });
        }
        let rest = data.get(bits.at..)?;
        // What follows the scan begins with a marker other than one within it.
        let next = rest.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF | 0xD0..=0xD7));
        rest.get(next.unwrap_or(rest.len())..)
    }
}

impl Frame {
    fn read(segment: &[u8], is_progressive: bool) -> Option<Self> {
        let height = usize::from(u16::from_be_bytes([*segment.get(1)?, *segment.get(2)?]));
        let width = usize::from(u16::from_be_bytes([*segment.get(3)?, *segment.get(4)?]));
        let components = segment.get(6..6 + usize::from(*segment.get(5)?) * 3)?.as_chunks::<3>().0;
        let components: Vec<Component> = components
            .iter()
            .map(|[id, sampling, _]| Component { id: *id, across: usize::from(sampling >> 4), down: usize::from(sampling & 15), given: 0 })
            .collect();
        let is_sound = width > 0 && components.iter().all(|c| (1..=4).contains(&c.across) && (1..=4).contains(&c.down));
        is_sound.then_some(Self { is_progressive, width, height, components })
    }

    /// Units across and down of a scan of these parts, where the picture has so many rows: blocks of one component, or of several those
    /// that go together (T.81, A.2).
    fn units(&self, parts: &[Part], rows: usize) -> Option<(usize, usize)> {
        let most = |side: fn(&Component) -> usize| self.components.iter().map(side).max();
        let (most_across, most_down) = (most(|c| c.across)?, most(|c| c.down)?);
        Some(match parts {
            [part] => {
                let component = self.components.get(part.component)?;
                let side = |pixels: usize, own: usize, most: usize| (pixels * own).div_ceil(most).div_ceil(8);
                (side(self.width, component.across, most_across), side(rows, component.down, most_down))
            }
            _ => (self.width.div_ceil(8 * most_across), rows.div_ceil(8 * most_down)),
        })
    }
}

/// What it takes to read the units of a scan.
struct Scan<'a> {
    frame: &'a Frame,
    parts: &'a [Part],
    codes: &'a [[Option<Codes>; 4]; 2],
    first: usize,
    last: usize,
}

/// The bits of a scan, up to a marker.
struct Bits<'d> {
    data: &'d [u8],
    at: usize,
    hold: u64,
    count: u32,
}

impl Bits<'_> {
    fn fill(&mut self) {
        while self.count <= 48 {
            let byte = match self.data.get(self.at..) {
                Some([0xFF, 0x00, ..]) => {
                    self.at += 1;
                    0xFF
                }
                Some([0xFF, 0xFF, ..]) => {
                    self.at += 1;
                    continue;
                }
                Some([0xFF, ..] | []) | None => return,
                Some([byte, ..]) => *byte,
            };
            self.at += 1;
            self.hold = self.hold << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// Whether nothing is left before the next marker but what fills the last byte.
    fn is_at_end(&mut self) -> bool {
        self.fill();
        self.count < 8
    }

    fn skip(&mut self, count: u32) -> Result<u64, Stop> {
        if self.count < count {
            self.fill();
        }
        self.count = self.count.checked_sub(count).ok_or(Stop::End)?;
        Ok(self.hold >> self.count & ((1 << count) - 1))
    }

    fn symbol(&mut self, codes: Option<&Codes>) -> Result<u8, Stop> {
        let codes = codes.ok_or(Stop::Damage)?;
        if self.count < 16 {
            self.fill();
        }
        let next = if self.count >= 16 { self.hold >> (self.count - 16) } else { self.hold << (16 - self.count) };
        match codes.find((next & 0xFFFF) as u16) {
            Some((length, symbol)) => self.skip(length).map(|_| symbol),
            None if self.count < 16 => Err(Stop::End),
            None => Err(Stop::Damage),
        }
    }

    /// Whether a scan has all its `total` units, `across` in a row, or whole rows of them and at least `needed` less one row.
    fn read(&mut self, scan: &Scan<'_>, across: usize, total: usize, needed: usize, interval: usize) -> bool {
        let mut done = 0;
        let mut expected = 0xD0;
        loop {
            let mut run = 0;
            let end = if interval == 0 { usize::MAX } else { interval };
            let mut blocks_to_skip = 0;
            while run < end {
                let is_last = self.is_at_end();
                if is_last && self.hold & ((1 << self.count) - 1) == (1 << self.count) - 1 && blocks_to_skip == 0
                    || done >= total && self.is_padding()
                {
                    break;
                }
                match self.unit(scan, &mut blocks_to_skip) {
                    Ok(()) => (run, done) = (run + 1, done + 1),
                    Err(Stop::End) if is_last => break,
                    Err(_) => return false,
                }
            }
            let marker = match self.data.get(self.at..) {
                Some([0xFF, marker, ..]) => *marker,
                _ => 0,
            };
            let is_restart = interval != 0 && matches!(marker, 0xD0..=0xD7);
            if !is_restart || done >= total {
                break;
            }
            if run < end || marker != expected {
                return false;
            }
            expected = 0xD0 | (expected + 1) & 7;
            (self.at, self.count) = (self.at + 2, 0);
        }
        // Rows beyond the last are for nothing, but rows that do not come out even tell of damage.
        done == total || done.is_multiple_of(across.max(1)) && done + across >= needed
    }

    /// Whether what is left before the next marker says nothing: zeros, or a few bytes too many, which viewers draw nothing of either.
    fn is_padding(&mut self) -> bool {
        /// What part of a scan those few bytes are at most.
        const FEW: usize = 256;
        self.fill();
        let rest = self.data.get(self.at..).unwrap_or_default();
        let left = rest.windows(2).position(|pair| pair[0] == 0xFF && pair[1] != 0).unwrap_or(rest.len());
        let is_zero = self.hold & ((1 << (self.count / 8 * 8)) - 1) == 0;
        left + self.count as usize / 8 <= self.at / FEW || is_zero && rest.iter().take(left).all(|byte| *byte == 0)
    }

    fn unit(&mut self, scan: &Scan<'_>, blocks_to_skip: &mut u64) -> Result<(), Stop> {
        for part in scan.parts {
            let component = scan.frame.components.get(part.component).ok_or(Stop::Damage)?;
            let blocks = if scan.parts.len() == 1 { 1 } else { component.across * component.down };
            let codes = |class: usize, number: usize| scan.codes.get(class)?.get(number)?.as_ref();
            for _ in 0..blocks {
                if scan.first == 0 {
                    let size = self.symbol(codes(0, part.dc))?;
                    self.skip(size.min(16).into())?;
                }
                if scan.last > 0 {
                    if *blocks_to_skip > 0 {
                        *blocks_to_skip -= 1;
                    } else {
                        self.coefficients(codes(1, part.ac), scan, blocks_to_skip)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The coefficients of a block but the first.
    fn coefficients(&mut self, codes: Option<&Codes>, scan: &Scan<'_>, blocks_to_skip: &mut u64) -> Result<(), Stop> {
        let mut place = scan.first.max(1);
        while place <= scan.last {
            let symbol = self.symbol(codes)?;
            let (zeros, size) = (symbol >> 4, symbol & 15);
            match (zeros, size) {
                (15, 0) => place += 16,
                (zeros, 0) => {
                    // Of several blocks nothing more comes (T.81, G.1.2.2).
                    if scan.frame.is_progressive {
                        *blocks_to_skip = (1 << zeros) - 1 + self.skip(zeros.into())?;
                    }
                    return Ok(());
                }
                (zeros, size) => {
                    place += usize::from(zeros) + 1;
                    self.skip(size.into())?;
                }
            }
        }
        if place > scan.last + 1 { Err(Stop::Damage) } else { Ok(()) }
    }
}

/// A table of Huffman codes (T.81, annex C).
struct Codes {
    /// By the first bits of what comes: length and symbol, 0 where the code is longer.
    short: Vec<(u8, u8)>,
    /// By length: codes below this, left-aligned, and what leads from them to their symbols.
    ends: [(u32, u32); 17],
    symbols: Vec<u8>,
}

/// Bits of codes that are found at once.
const SHORT: u32 = 9;

impl Codes {
    fn new(counts: &[u8; 16], symbols: &[u8]) -> Self {
        let mut short = vec![(0, 0); 1 << SHORT];
        let mut ends = [(0, 0); 17];
        let (mut code, mut place) = (0_u32, 0_u32);
        for (length, count) in (1_u32..).zip(counts) {
            let first = code;
            for _ in 0..*count {
                if length <= SHORT {
                    let start = (code << (SHORT - length)) as usize;
                    let symbol = symbols.get((place + code - first) as usize).copied().unwrap_or(0);
                    let all = short.get_mut(start..start + (1 << (SHORT - length))).unwrap_or_default();
                    all.fill((length as u8, symbol));
                }
                code += 1;
            }
            ends[length as usize] = (code << (16 - length), place.wrapping_sub(first));
            place += code - first;
            code <<= 1;
        }
        Self { short, ends, symbols: symbols.to_vec() }
    }

    /// The code that the next 16 bits begin with: its length and symbol.
    fn find(&self, next: u16) -> Option<(u32, u8)> {
        if let Some((length @ 1.., symbol)) = self.short.get(usize::from(next >> (16 - SHORT))) {
            return Some((u32::from(*length), *symbol));
        }
        let (length, (_, shift)) = (0_u32..).zip(self.ends).skip(SHORT as usize + 1).find(|(_, (end, _))| u32::from(next) < *end)?;
        let symbol = self.symbols.get((u32::from(next) >> (16 - length)).wrapping_add(shift) as usize)?;
        Some((length, *symbol))
    }
}
