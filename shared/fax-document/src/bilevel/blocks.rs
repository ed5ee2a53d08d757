//! Where on a page shades are.

use std::ops::Range;

use super::grey_type::{GreyType, Thinned};
use super::row::{INK, SHADE};
use crate::gray::Gray;

/// Side of the blocks, in pixels: a twelfth of an inch, about the height of a line of small print.
const BLOCK: usize = 16;
/// A block of which three in four pixels of shade are exactly like their neighbours is a fill.
const FILL_SHARE: (u32, u32) = (3, 4);
/// A block in which one pixel in two is smooth shade is all shade; with one in eight it is mixed, and so are the blocks around
/// both. With one in 64 it may be type.
const SHADE_SHARE: u32 = 2;
const MIXED_SHARE: u32 = 8;
const TYPE_SHARE: u32 = 64;
/// Strokes are thick, and have a shade inside, when so many of the pixels that are neither paper nor black are smooth shade.
const THICK: (u32, u32) = (2, 3);
/// Type that is paler than this cannot be told from a pale fill.
const PALEST: u8 = 212;
/// Greys of type that belong together differ by at most this.
const ALIKE: u8 = 16;

/// What the pixels of a block become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Dots: all pixels or, in a mixed block, those that are smooth shade or beside it.
    Shade { is_mixed: bool, is_fill: bool },
    /// Grey or coloured type.
    Type(Thinned),
}

/// What becomes of a part of blocks that has no block of all shade.
enum Part {
    /// It is cut well as it is.
    Dark,
    Type(Thinned),
    /// It has thick strokes, or stands on black.
    Shade,
}

/// How many pixels of each block are smooth shade.
pub(super) struct Counts {
    across: usize,
    down: usize,
    counts: Vec<u32>,
    /// Of them exactly like their neighbours.
    fills: Vec<u32>,
}

impl Counts {
    pub(super) fn new(page: &Gray) -> Self {
        let (across, down) = (page.width().div_ceil(BLOCK), page.height().div_ceil(BLOCK));
        Self { across, down, counts: vec![0; across * down], fills: vec![0; across * down] }
    }

    /// Counts those of a row. `columns` begins with a block.
    #[inline(always)]
    pub(super) fn add(&mut self, y: usize, columns: &Range<usize>, smooth: &[u8]) {
        let smooth = smooth.get(columns.clone()).unwrap_or_default();
        let from = y / BLOCK * self.across + columns.start / BLOCK;
        let (counts, fills) = (self.counts.get_mut(from..).unwrap_or_default(), self.fills.get_mut(from..).unwrap_or_default());
        for ((count, fill), marks) in counts.iter_mut().zip(fills).zip(smooth.chunks(BLOCK)) {
            *count += u32::from(marks.iter().fold(0_u8, |sum, mark| sum + u8::from(*mark != 0)));
            *fill += u32::from(marks.iter().fold(0_u8, |sum, mark| sum + mark / 2));
        }
    }

    fn has(&self, at: usize, share: u32) -> bool {
        self.counts.get(at).is_some_and(|count| count * share >= (BLOCK * BLOCK) as u32)
    }

    /// The block and those around it.
    fn around(&self, at: usize) -> impl Iterator<Item = usize> + use<> {
        let (across, down) = (self.across, self.down);
        let (x, y) = (at % across.max(1), at / across.max(1));
        let columns = x.saturating_sub(1)..(x + 2).min(across);
        (y.saturating_sub(1)..(y + 2).min(down)).flat_map(move |y| columns.clone().map(move |x| y * across + x))
    }

    fn is_fill(&self, at: usize) -> bool {
        let sum = |of: &[u32]| -> u32 { self.around(at).filter_map(|at| of.get(at)).sum() };
        sum(&self.fills) * FILL_SHARE.1 >= sum(&self.counts) * FILL_SHARE.0
    }

    /// The blocks with such a share of smooth shade that one touches, each alike the one before it, as far as not seen before.
    fn part(&self, start: usize, share: u32, seen: &mut [bool], are_alike: impl Fn(usize, usize) -> bool) -> Vec<usize> {
        let mut part = Vec::new();
        let mut take = |at: usize, part: &mut Vec<usize>| {
            if let Some(seen) = seen.get_mut(at).filter(|seen| !**seen && self.has(at, share)) {
                *seen = true;
                part.push(at);
            }
        };
        take(start, &mut part);
        let mut next = 0;
        while let Some(at) = part.get(next).copied() {
            next += 1;
            self.around(at).filter(|other| are_alike(at, *other)).for_each(|other| take(other, &mut part));
        }
        part
    }

    /// Decides what each block is. Blocks of shade that touch belong together: if none of them is all shade, they are type on paper, and
    /// the letters of a line are alike.
    pub(super) fn blocks(&self, page: &Gray, grey_type: &GreyType<'_>) -> Blocks {
        let mut kinds: Vec<Option<Kind>> = vec![None; self.counts.len()];
        let shade = |at: usize| Kind::Shade { is_mixed: !self.has(at, SHADE_SHARE), is_fill: self.is_fill(at) };
        let mut set = |at: usize, kind: Kind| kinds.get_mut(at).into_iter().for_each(|of| *of = Some(kind));
        let mut seen = vec![false; self.counts.len()];
        let mut shaded = seen.clone();
        for start in (0..self.counts.len()).filter(|at| self.has(*at, MIXED_SHARE)) {
            let part = self.part(start, MIXED_SHARE, &mut seen, |_, _| true);
            if part.iter().any(|at| self.has(*at, SHADE_SHARE)) {
                part.iter().for_each(|at| set(*at, shade(*at)));
                part.iter().for_each(|at| shaded.get_mut(*at).into_iter().for_each(|shaded| *shaded = true));
            }
        }
        let has_type = |at: usize| self.has(at, TYPE_SHARE) && !shaded.get(at).is_some_and(|shaded| *shaded);
        let inks: Vec<u8> = (0..self.counts.len()).map(|at| if has_type(at) { ink_of(&self.values(&[at], page)) } else { 0 }).collect();
        let ink = |at: usize| inks.get(at).copied().unwrap_or(0);
        for start in (0..self.counts.len()).filter(|at| self.has(*at, TYPE_SHARE)) {
            let part = self.part(start, TYPE_SHARE, &mut shaded, |one, two| ink(one).abs_diff(ink(two)) <= ALIKE);
            if part.is_empty() {
                continue;
            }
            let becomes = self.look(&part, page, grey_type);
            for at in part {
                match becomes {
                    Part::Dark => {}
                    Part::Type(thinned) => set(at, Kind::Type(thinned)),
                    Part::Shade if self.has(at, MIXED_SHARE) => set(at, shade(at)),
                    Part::Shade => {}
                }
            }
        }
        if kinds.iter().all(Option::is_none) {
            return Blocks { across: self.across, kinds: Vec::new() };
        }
        let beside = |at: usize| {
            let mut around = self.around(at).filter_map(|at| kinds.get(at).copied().flatten());
            let first = around.next()?;
            let is_type = |kind: &Kind| matches!(kind, Kind::Type(_));
            if is_type(&first) && around.all(|kind| is_type(&kind)) {
                return Some(first);
            }
            Some(Kind::Shade { is_mixed: true, is_fill: self.is_fill(at) })
        };
        let all = (0..kinds.len()).map(|at| kinds.get(at).copied().flatten().or_else(|| beside(at))).collect();
        Blocks { across: self.across, kinds: all }
    }

    /// How many pixels in these blocks have each value.
    fn values(&self, part: &[usize], page: &Gray) -> [u32; 256] {
        let mut of_value = [0_u32; 256];
        for at in part {
            let (columns, rows) = self.area(*at);
            for y in rows {
                let pixels = page.row(y).iter().skip(columns.start).take(BLOCK);
                pixels.for_each(|value| of_value.get_mut(usize::from(*value)).into_iter().for_each(|count| *count += 1));
            }
        }
        of_value
    }

    /// Looks at what is in these blocks.
    fn look(&self, part: &[usize], page: &Gray, grey_type: &GreyType<'_>) -> Part {
        let of_value = self.values(part, page);
        let count = |values: Range<u8>| -> u32 {
            (0..=u8::MAX).zip(of_value).filter(|(value, _)| values.contains(value)).map(|(_, count)| count).sum()
        };
        let (black, shades) = (count(0..*SHADE.start()), count(*SHADE.start()..SHADE.end() + 1));
        let paper = of_value.iter().sum::<u32>() - black - shades;
        let smooth: u32 = part.iter().filter_map(|at| self.counts.get(*at)).sum();
        if black >= paper || smooth * THICK.1 >= shades * THICK.0 {
            return Part::Shade;
        }
        let ink = ink_of(&of_value);
        let below = ink.midpoint(255);
        if below <= INK || ink > PALEST {
            return Part::Dark;
        }
        grey_type.thinned(part.iter().map(|at| self.area(*at)), ink, below.min(*SHADE.end()), &of_value).map_or(Part::Shade, Part::Type)
    }

    /// The columns and rows of a block.
    fn area(&self, at: usize) -> (Range<usize>, Range<usize>) {
        let (x, y) = (at % self.across.max(1) * BLOCK, at / self.across.max(1) * BLOCK);
        (x..x + BLOCK, y..y + BLOCK)
    }
}

/// The grey of which there is most among the shades: that inside of strokes, where their soft edges have all others.
fn ink_of(of_value: &[u32; 256]) -> u8 {
    let (shades, _) = of_value.as_chunks::<{ ALIKE as usize / 2 }>();
    let most = (0..).zip(shades).map(|(at, counts)| (counts.iter().sum::<u32>(), at * (ALIKE / 2) + ALIKE / 4));
    most.filter(|(_, value)| SHADE.contains(value)).max().map_or(0, |(_, value)| value)
}

/// Which blocks have shade.
pub(super) struct Blocks {
    across: usize,
    kinds: Vec<Option<Kind>>,
}

impl Blocks {
    pub(super) fn has_none(&self) -> bool {
        self.kinds.iter().all(Option::is_none)
    }

    /// The columns of row `y` that have shade, as far as it is inked; neighbours of a kind together.
    pub(super) fn shades(&self, y: usize, inked: &Range<usize>) -> impl Iterator<Item = (Kind, Range<usize>)> {
        let start = y / BLOCK * self.across;
        let row = self.kinds.get(start..start + self.across).unwrap_or_default();
        let inked = inked.clone();
        let mut at = 0;
        row.chunk_by(|a, b| a == b).filter_map(move |run| {
            let from = at;
            at += run.len();
            let columns = (from * BLOCK).max(inked.start)..(at * BLOCK).min(inked.end);
            run.first().copied().flatten().filter(|_| !columns.is_empty()).map(|kind| (kind, columns))
        })
    }
}
