//! Text in any of the scripts that the faces have: ordered, shaped, and drawn.

use std::collections::HashMap;
use std::ops::Range;

use harfrust::{Buffer, Direction, Font, ShapeOptions, ShaperFont, shape};
use skrifa::{FontRef, GlyphId, MetadataProvider};
use unicode_bidi::BidiInfo;

use crate::error::DocumentError;
use crate::gray::Gray;
use crate::render::font::{self, Glyph};
use crate::sheet::{DPI_X, POINTS, Sheet};

static REGULAR: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/DejaVuSans-Bold.ttf");
/// Of either face.
const UNITS: f64 = 2048.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// A face, as the shaper has it and as it is drawn.
struct Face {
    shaped: Font,
    drawn: FontRef<'static>,
}

impl Face {
    fn new(bytes: &'static [u8]) -> Result<Self, DocumentError> {
        let unreadable = || DocumentError::broken("its typeface cannot be read");
        Ok(Self { shaped: Font::new(bytes, 0).ok_or_else(unreadable)?, drawn: FontRef::new(bytes).map_err(|_| unreadable())? })
    }
}

/// A line of text as it is read on paper, from left to right.
pub(super) struct Line {
    weight: Weight,
    glyphs: Vec<Placed>,
    /// In parts of the size.
    pub(super) width: f64,
    /// Whether its paragraph is read from the right.
    pub(super) is_right_to_left: bool,
}

/// A glyph with its place, in parts of the size; up is positive.
struct Placed {
    glyph: GlyphId,
    x: f64,
    y: f64,
}

/// The faces, with the glyphs drawn so far.
pub(super) struct Typesetter {
    regular: Face,
    bold: Face,
    drawn: HashMap<(Weight, GlyphId, u64), Glyph>,
}

/// Whether there is something to print for a character, or it is one that prints nothing anyway.
pub(super) fn has(c: char) -> bool {
    let face = |bytes| FontRef::new(bytes).is_ok_and(|face: FontRef<'_>| face.charmap().map(c).is_some());
    is_silent(c) || !c.is_control() && face(REGULAR)
}

/// What prints nothing: joiners, marks of direction, soft hyphens, variation selectors.
fn is_silent(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

impl Typesetter {
    pub(super) fn new() -> Result<Self, DocumentError> {
        Ok(Self { regular: Face::new(REGULAR)?, bold: Face::new(BOLD)?, drawn: HashMap::new() })
    }

    /// One paragraph in lines at most `width` wide, in parts of the size; broken at spaces, and within words that are longer than that.
    pub(super) fn wrap(&self, text: &str, weight: Weight, width: f64) -> Vec<Line> {
        // A bold face that lacks a letter would leave a hole.
        let lacks = |c: char| !is_silent(c) && self.bold.drawn.charmap().map(c).is_none();
        let weight = if text.chars().any(lacks) { Weight::Regular } else { weight };
        let bidi = BidiInfo::new(text, None);
        let (mut lines, mut start) = (Vec::new(), 0);
        while start < text.len() {
            let end = self.fitting(&bidi, start, weight, width);
            lines.push(self.line(&bidi, trimmed(text, start..end), weight));
            start = end;
        }
        if lines.is_empty() {
            lines.push(self.line(&bidi, 0..0, weight));
        }
        lines
    }

    /// Where the line that begins at `start` ends.
    fn fitting(&self, bidi: &BidiInfo<'_>, start: usize, weight: Weight, width: f64) -> usize {
        let text = bidi.text;
        let fits = |end: usize| self.line(bidi, trimmed(text, start..end), weight).width <= width;
        let rest = text.get(start..).unwrap_or_default();
        let mut last = None;
        for (at, _) in rest.match_indices(' ').chain([(rest.len(), "")]) {
            let end = (start + at + 1).min(text.len());
            if !fits(end) {
                break;
            }
            last = Some(end);
        }
        let mut broken = start;
        if last.is_none() {
            for (at, c) in rest.char_indices() {
                let end = start + at + c.len_utf8();
                if broken > start && !fits(end) {
                    break;
                }
                broken = end;
            }
        }
        last.unwrap_or(broken)
    }

    /// Part of a paragraph as one line.
    fn line(&self, bidi: &BidiInfo<'_>, range: Range<usize>, weight: Weight) -> Line {
        let mut line = Line { weight, glyphs: Vec::new(), width: 0.0, is_right_to_left: false };
        let Some(paragraph) = bidi.paragraphs.first() else { return line };
        line.is_right_to_left = paragraph.level.is_rtl();
        if range.is_empty() {
            return line;
        }
        let (levels, runs) = bidi.visual_runs(paragraph, range);
        for run in runs {
            let is_rtl = levels.get(run.start).is_some_and(|level| level.is_rtl());
            let mut parts = by_script(bidi.text, run);
            if is_rtl {
                parts.reverse();
            }
            for part in parts {
                self.add(&mut line, bidi.text.get(part).unwrap_or_default(), is_rtl);
            }
        }
        line
    }

    /// Adds a run of one direction and one script to the right of a line.
    fn add(&self, line: &mut Line, text: &str, is_rtl: bool) {
        let mut buffer = Buffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(if is_rtl { Direction::RightToLeft } else { Direction::LeftToRight });
        let font = ShaperFont::new(&self.face(line.weight).shaped);
        // Only a plan for other text, or a text shaped twice, is an error.
        if shape(&font, &mut buffer, ShapeOptions::default()).is_err() {
            return;
        }
        for (info, position) in buffer.glyph_infos().iter().zip(buffer.glyph_positions()) {
            let x = line.width + f64::from(position.x_offset) / UNITS;
            line.glyphs.push(Placed { glyph: GlyphId::new(info.glyph_id), x, y: f64::from(position.y_offset) / UNITS });
            line.width += f64::from(position.x_advance) / UNITS;
        }
    }

    fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// Draws a line of type of `size` points with its left end at (`x`, `baseline`), in points from the sheet's upper left corner.
    pub(super) fn draw(&mut self, line: &Line, size: f64, (x, baseline): (f64, f64), page: &mut Gray, sheet: &Sheet) {
        let squeeze = (sheet.dpi_y / DPI_X) as f32;
        let pixels = size * DPI_X / POINTS;
        for placed in &line.glyphs {
            let face = match line.weight {
                Weight::Regular => &self.regular.drawn,
                Weight::Bold => &self.bold.drawn,
            };
            let key = (line.weight, placed.glyph, size.to_bits());
            let glyph = self.drawn.entry(key).or_insert_with(|| font::rasterize(face, Some(placed.glyph), pixels as f32, squeeze));
            let x = ((x + placed.x * size) * DPI_X / POINTS).round() as i64;
            let y = ((baseline - placed.y * size) * sheet.dpi_y / POINTS).round() as i64;
            glyph.lay(page, x, y);
        }
    }
}

/// A range of a text without the spaces at its end.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let length = text.get(range.clone()).map_or(0, |part| part.trim_end().len());
    range.start..range.start + length
}

/// Scripts whose letters are shaped by rules of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shaping {
    Arabic,
    Hebrew,
    Other,
}

/// How a letter is shaped; none for what goes with the letters beside it.
fn shaping(c: char) -> Option<Shaping> {
    match c {
        '\u{600}'..='\u{6FF}' | '\u{750}'..='\u{77F}' | '\u{8A0}'..='\u{8FF}' | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}' => {
            Some(Shaping::Arabic)
        }
        '\u{590}'..='\u{5FF}' | '\u{FB1D}'..='\u{FB4F}' => Some(Shaping::Hebrew),
        c if c.is_alphabetic() => Some(Shaping::Other),
        _ => None,
    }
}

/// A run in parts of one script each.
fn by_script(text: &str, run: Range<usize>) -> Vec<Range<usize>> {
    let (mut parts, mut start, mut current) = (Vec::new(), run.start, None);
    for (at, c) in text.get(run.clone()).unwrap_or_default().char_indices() {
        let Some(next) = shaping(c) else { continue };
        if current.is_some_and(|current| current != next) {
            parts.push(start..run.start + at);
            start = run.start + at;
        }
        current = Some(next);
    }
    parts.push(start..run.end);
    parts
}

impl Line {
    pub(super) fn empty() -> Self {
        Self { weight: Weight::Regular, glyphs: Vec::new(), width: 0.0, is_right_to_left: false }
    }
}
