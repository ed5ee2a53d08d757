//! Paper that is not white: photographed in a shadow, scanned on a coloured sheet, seen through a lens that darkens its corners.
//!
//! The light that falls on paper changes slowly across it, ink and pictures do not. So the page is looked at in tiles: the brightest spot
//! of a tile is paper unless something large lies there. Neighbouring tiles whose paper is nearly alike belong together; a part of the page
//! that is large and has writing on it is paper, and what it reflects is divided out of each pixel: paper becomes white, ink keeps its
//! contrast. What is no paper, such as a photograph in a letter, is divided by what the paper around it reflects, and keeps its shades.

use fearless_simd::{Level, Simd, dispatch};

use super::row::SHADE;
use crate::gray::Gray;

/// Side of a tile, in pixels.
const TILE: usize = 16;
/// Side of a spot, in pixels, of which a tile has 4 by 4: a mean over that many has little noise left, and is narrower than the white
/// between lines of small print.
const SPOT: usize = 4;
const SPOTS: usize = TILE / SPOT;
/// Paper that reflects less than this cannot be told from anything else that is dark.
const DARKEST: u8 = 64;
/// Paper from here on is white enough as it is.
const WHITE: u8 = 250;
/// From tile to tile, the light on paper changes by less than one part in this many.
const SMOOTH: u16 = 16;
/// A spot is paper when it has at least this share of the tile's light, in 1/256, and ink when it has at most that.
const BRIGHT: u16 = 218;
const INK: u16 = 192;
/// What is darker than this is too dark for a shade.
const DARK: u16 = 115;
/// Paper takes at least one part in this many of the tiles that are not white, ...
const LARGE: usize = 12;
/// ... and has writing on one tile in this many.
const WRITTEN: usize = 32;
/// ... and shades on at most one in so many of those.
const SHADED: usize = 6;
/// All paper together takes one part in this many of what is not white, or the page is a photograph of something else.
const ALL: usize = 2;
/// A part is a fill that a program drew when nine tiles in ten have the very same grey, ...
const SAME: (usize, usize) = (9, 10);
/// ... and one tile in this many of those without ink has no grain at all.
const BARE: usize = 2;
/// How often what is unknown is evened out, down the page and up again.
const EVENED: usize = 8;
/// What paper becomes: a little above white, so that its grain is white too. In 1/256.
const GAIN: u32 = 266;

/// Makes the paper white in a page that was photographed or scanned; leaves alone what shows no paper.
pub(crate) fn level(page: &mut Gray) {
    let level = Level::try_detect().unwrap_or(Level::baseline());
    dispatch!(level, simd => simd.vectorize(
        #[inline(always)]
        || {
            if let Some(light) = Tiles::of(page).light() {
                light.divide(page);
            }
        }
    ));
}

/// What is pale on a page that has nothing darker becomes this dark.
const STRONG: u32 = 192;
/// Pale ink takes less than one part in this many of a page, or it is paper.
const INKED: usize = 2;

/// Makes what is pale darker on a page that has nothing else and would go out blank.
pub(crate) fn strengthen(page: &mut Gray) {
    let mut darkest = u8::MAX;
    for row in page.rows() {
        darkest = darkest.min(row.iter().copied().min().unwrap_or(u8::MAX));
        if darkest <= *SHADE.end() {
            return;
        }
    }
    let pale = page.rows().flatten().filter(|pixel| **pixel < WHITE).count();
    if pale == 0 || pale * INKED >= page.width() * page.height() {
        return;
    }
    let (wanted, had) = (255 - STRONG, 255 - u32::from(darkest));
    for y in 0..page.height() {
        page.row_mut(y).iter_mut().for_each(|pixel| *pixel = (255 - (255 - u32::from(*pixel)) * wanted / had) as u8);
    }
}

/// A page's tiles, row by row.
struct Tiles {
    across: usize,
    /// Means of the page's spots, of which each tile has [`SPOTS`] rows of as many.
    spots: Vec<u8>,
    /// What paper reflects in each tile.
    paper: Vec<u8>,
}

impl Tiles {
    #[inline(always)]
    fn of(page: &Gray) -> Self {
        let (across, down) = (page.width().div_ceil(TILE), page.height().div_ceil(TILE));
        let mut spots = Vec::with_capacity(across * down * SPOTS * SPOTS);
        let mut sums = vec![0_u16; across * TILE];
        let last = page.height().saturating_sub(1);
        for y in (0..down * TILE).step_by(SPOT) {
            sums.fill(0);
            for row in y..y + SPOT {
                let row = page.row(row.min(last));
                sums.iter_mut().zip(row).for_each(|(sum, pixel)| *sum += u16::from(*pixel));
                let edge = row.last().copied().map_or(0, u16::from);
                sums.iter_mut().skip(row.len()).for_each(|sum| *sum += edge);
            }
            spots.extend(sums.as_chunks::<SPOT>().0.iter().map(|sums| (sums.iter().sum::<u16>() / (SPOT * SPOT) as u16) as u8));
        }
        let mut tiles = Self { across, spots, paper: Vec::new() };
        let brightest = (0..across * down).map(|at| tiles.spots_of(at).fold(0, |most, spot| most.max(*spot))).collect::<Vec<_>>();
        // Closed: what is dark and not wider than two tiles, such as bold type, is filled with what is around.
        let spread = tiles.around(&brightest, u8::max);
        tiles.paper = tiles.around(&spread, u8::min);
        tiles
    }

    fn spots_of(&self, at: usize) -> impl Iterator<Item = &u8> {
        let (x, y) = (at % self.across.max(1), at / self.across.max(1));
        let width = self.across * SPOTS;
        (y * SPOTS..(y + 1) * SPOTS).flat_map(move |y| self.spots.iter().skip(y * width + x * SPOTS).take(SPOTS))
    }

    /// Each tile joined with the eight around it.
    fn around(&self, of: &[u8], join: impl Fn(u8, u8) -> u8) -> Vec<u8> {
        let mut wide = Vec::with_capacity(of.len());
        for row in of.chunks_exact(self.across.max(1)) {
            let at = |x: Option<usize>, own: u8| x.and_then(|x| row.get(x)).copied().unwrap_or(own);
            wide.extend((0..).zip(row).map(|(x, own): (usize, &u8)| join(join(*own, at(x.checked_sub(1), *own)), at(Some(x + 1), *own))));
        }
        let at = |at: Option<usize>, own: u8| at.and_then(|at| wide.get(at)).copied().unwrap_or(own);
        (0..)
            .zip(&wide)
            .map(|(i, own)| join(join(*own, at(usize::checked_sub(i, self.across), *own)), at(Some(i + self.across), *own)))
            .collect()
    }

    /// Whether there is ink on the paper of a tile.
    fn is_written(&self, at: usize) -> bool {
        let paper = u16::from(self.paper.get(at).copied().unwrap_or(0));
        let (bright, ink) = (paper * BRIGHT / 256, paper * INK / 256);
        let spots = |is: &dyn Fn(u16) -> bool| self.spots_of(at).filter(|spot| is(u16::from(**spot))).count();
        spots(&|spot| spot >= bright) * 4 >= SPOTS * SPOTS && spots(&|spot| spot <= ink) > 0
    }

    /// Whether spots beside each other have one and the same middle grey: a shade, which neither paper nor writing has.
    fn is_shaded(&self, at: usize) -> bool {
        let paper = u16::from(self.paper.get(at).copied().unwrap_or(0));
        let (darkest, lightest) = (paper * DARK / 256, paper * BRIGHT / 256);
        let rows: Vec<&u8> = self.spots_of(at).collect();
        let groups = rows.windows(SPOTS + 2).enumerate().filter(|(i, _)| i % SPOTS < SPOTS - 1).filter(|(_, group)| {
            let four = [0, 1, SPOTS, SPOTS + 1].map(|i| group.get(i).map_or(0, |spot| u16::from(**spot)));
            let (low, high) = (four.into_iter().min().unwrap_or(0), four.into_iter().max().unwrap_or(0));
            low >= darkest && high <= lightest && (high - low) * SMOOTH <= paper
        });
        groups.count() >= 2
    }

    /// Which tiles are paper.
    fn are_paper(&self) -> Vec<bool> {
        let colored = self.paper.iter().filter(|paper| **paper < WHITE).count();
        let mut seen: Vec<bool> = self.paper.iter().map(|paper| !(DARKEST..WHITE).contains(paper)).collect();
        // Where white meets paper, it is a margin that the paper ends at, in the middle of a tile.
        let inner = self.around(&self.around(&self.paper, u8::min), u8::min);
        let mut are_paper: Vec<bool> = inner.iter().map(|paper| *paper >= WHITE).collect();
        let (mut part, mut all) = (Vec::new(), 0);
        for start in 0..self.paper.len() {
            part.clear();
            self.grow(start, &mut seen, &mut part);
            if part.is_empty() || part.len() * LARGE < colored || self.is_drawn(&part) {
                continue;
            }
            let written = part.iter().filter(|at| self.is_written(**at)).count();
            let shaded = part.iter().filter(|at| self.is_shaded(**at)).count();
            if written * WRITTEN >= part.len() && shaded * SHADED <= written {
                all += part.len();
                part.iter().for_each(|at| are_paper.get_mut(*at).into_iter().for_each(|is_paper| *is_paper = true));
            }
        }
        if all * ALL < colored { Vec::new() } else { are_paper }
    }

    /// Whether tiles are a fill: light on paper is never that even.
    fn is_drawn(&self, part: &[usize]) -> bool {
        let mut of_value = [0_usize; 256];
        for paper in part.iter().filter_map(|at| self.paper.get(*at)) {
            of_value.get_mut(usize::from(*paper)).into_iter().for_each(|count| *count += 1);
        }
        if of_value.iter().all(|count| count * SAME.1 < part.len() * SAME.0) {
            return false;
        }
        let has_grain = |at: usize| self.spots_of(at).max() != self.spots_of(at).min();
        let (grained, even): (Vec<usize>, Vec<usize>) = part.iter().filter(|at| !self.is_written(**at)).partition(|at| has_grain(**at));
        even.len() * BARE >= even.len() + grained.len() && !even.is_empty()
    }

    /// Collects the tiles that can be reached from one by small steps of light.
    fn grow(&self, start: usize, seen: &mut [bool], part: &mut Vec<usize>) {
        let mut take = |at: usize, part: &mut Vec<usize>| {
            if let Some(seen) = seen.get_mut(at).filter(|seen| !**seen) {
                *seen = true;
                part.push(at);
            }
        };
        take(start, part);
        let mut next = 0;
        while let Some(at) = part.get(next).copied() {
            next += 1;
            for other in beside(at, self.across) {
                let (Some(one), Some(two)) = (self.paper.get(at), self.paper.get(other)) else { continue };
                if u16::from(one.abs_diff(*two)) * SMOOTH <= u16::from(*one.max(two)) {
                    take(other, part);
                }
            }
        }
    }

    /// What paper reflects all over the page, if it shows any that is not white.
    fn light(self) -> Option<Light> {
        if self.paper.iter().all(|paper| *paper >= WHITE) {
            return None;
        }
        let are_paper = self.are_paper();
        if are_paper.is_empty() {
            return None;
        }
        let known = self.paper.iter().zip(are_paper).map(|(paper, is_paper)| is_paper.then_some(f32::from(*paper)));
        let mut light = Light { across: self.across, paper: known.collect() };
        light.fill();
        Some(light)
    }
}

/// The tiles left and right of one, above and below; the last may be beyond the page.
fn beside(at: usize, across: usize) -> impl Iterator<Item = usize> {
    let x = at % across.max(1);
    [(x > 0).then(|| at - 1), (x + 1 < across).then_some(at + 1), at.checked_sub(across), Some(at + across)].into_iter().flatten()
}

/// What paper reflects, tile by tile.
struct Light {
    across: usize,
    paper: Vec<Option<f32>>,
}

impl Light {
    /// Carries what is known to where it is not, and evens that out: light goes evenly from paper to paper.
    fn fill(&mut self) {
        let unknown: Vec<usize> = (0..self.paper.len()).filter(|at| self.paper.get(*at).is_some_and(Option::is_none)).collect();
        for _ in 0..EVENED {
            unknown.iter().for_each(|at| self.look(*at));
            unknown.iter().rev().for_each(|at| self.look(*at));
        }
    }

    /// Makes a tile the mean of those beside it that are known.
    fn look(&mut self, at: usize) {
        let known = beside(at, self.across).filter_map(|at| self.paper.get(at).copied().flatten());
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), paper| (sum + paper, count + 1.0));
        if count > 0.0
            && let Some(paper) = self.paper.get_mut(at)
        {
            *paper = Some(sum / count);
        }
    }

    /// Divides each pixel by the paper's light, which goes evenly from the middle of one tile to that of the next.
    #[inline(always)]
    fn divide(&self, page: &mut Gray) {
        let down = self.paper.len() / self.across.max(1);
        let factor = |x: usize, y: usize| {
            let paper = self.paper.get(y * self.across + x).copied().flatten().unwrap_or(255.0);
            255.0 * GAIN as f32 / paper.max(1.0)
        };
        let middle = |at: usize, count: usize| {
            let at = (at as f32 + 0.5) / TILE as f32 - 0.5;
            let first = (at.max(0.0) as usize).min(count.saturating_sub(1));
            (first, (first + 1).min(count.saturating_sub(1)), (at - first as f32).clamp(0.0, 1.0))
        };
        let columns: Vec<_> = (0..page.width()).map(|x| middle(x, self.across)).collect();
        let mut factors = vec![0.0_f32; self.across];
        let mut row_factors = vec![0_u32; page.width()];
        for y in 0..page.height() {
            let (above, below, share) = middle(y, down);
            for (x, out) in factors.iter_mut().enumerate() {
                let (above, below) = (factor(x, above), factor(x, below));
                *out = above + (below - above) * share;
            }
            for (out, (left, right, share)) in row_factors.iter_mut().zip(&columns) {
                let at = |x: usize| factors.get(x).copied().unwrap_or(0.0);
                *out = (at(*left) + (at(*right) - at(*left)) * share) as u32;
            }
            page.row_mut(y)
                .iter_mut()
                .zip(&row_factors)
                .for_each(|(pixel, factor)| *pixel = ((u32::from(*pixel) * factor) >> 8).min(255) as u8);
        }
    }
}
