//! The faces that stand in for fonts which the file does not hold, with letters that they lack.

use std::collections::BTreeMap;
use std::sync::Arc;

use hayro::hayro_interpret::font::{FontData, GlyphId, StandardFont};
use hayro_font::{FontCache, FontGlyph, FontResolverFn};
use rustc_hash::FxHashMap;

use super::cff::{self, Added};
use crate::render::font;

/// Letters that stand-in faces lack, by the faces' `.notdef` (see [`Faces::with`]), each with the width in thousandths of the size that the
/// file wants it to have; the smallest where it wants several.
#[derive(Default)]
pub(super) struct Wanted(FxHashMap<u128, BTreeMap<char, f32>>);

impl Wanted {
    pub(super) fn add(&mut self, face: u128, letter: char, width: f32) {
        let least = self.0.entry(face).or_default().entry(letter).or_insert(width);
        *least = least.min(width);
    }
}

/// Stand-in faces that have been given more letters, by name; the others are as they come.
#[derive(Default)]
pub(super) struct Faces(FxHashMap<&'static str, FontData>);

impl Faces {
    /// The faces with the letters that are wanted, drawn as the face of plain text has them.
    pub(super) fn with(wanted: &Wanted) -> Self {
        let mut faces = Self::default();
        for face in ALL {
            let data = stand_in(face);
            let key = key(face, &data);
            let Some(letters) = key.and_then(|key| wanted.0.get(&key)) else { continue };
            let style = Style::of(face);
            let added: Vec<Added> = letters
                .iter()
                .filter_map(|(letter, width)| {
                    Some(Added { name: format!("uni{:04X}", u32::from(*letter)), charstring: style.charstring(*letter, *width)? })
                })
                .collect();
            if let Some(made) = cff::with_glyphs((*data).as_ref(), &added) {
                faces.0.insert(face.postscript_name(), Arc::new(made));
            }
        }
        faces
    }

    pub(super) fn get(&self, face: StandardFont) -> FontData {
        self.0.get(face.postscript_name()).cloned().unwrap_or_else(|| stand_in(face))
    }
}

/// What the `.notdef` of a face is known by.
fn key(face: StandardFont, data: &FontData) -> Option<u128> {
    let data = data.clone();
    let resolver: FontResolverFn = Arc::new(move |_| Some((data.clone(), 0)));
    let font = FontCache::new().standard_font(face, &resolver)?;
    match font.glyph(GlyphId::NOTDEF, 0) {
        FontGlyph::Outline(glyph) => Some(glyph.identifier().cache_key()),
        FontGlyph::Type3(_) => None,
    }
}

/// The face that comes with the interpreter.
fn stand_in(face: StandardFont) -> FontData {
    let (data, _) = face.get_font_data();
    if !matches!(face, StandardFont::TimesBoldItalic) {
        return data;
    }
    let mut mended = (*data).as_ref().to_vec();
    let (wrong, right) = (DISC.map(operand), RING.map(operand));
    if let Some(at) = mended.windows(wrong.len()).position(|window| window == wrong)
        && let Some(place) = mended.get_mut(at..at + right.len())
    {
        place.copy_from_slice(&right);
    }
    Arc::new(mended)
}

/// The inner circle of the degree sign of bold italic Times goes round as the outer one does, which makes a dot of it; the other way round it is a hole.
const DISC: [i16; 16] = [-58, 46, -48, 58, 58, 47, 44, 58, 58, -47, 49, -58, -58, -46, -45, -58];
const RING: [i16; 16] = [58, 46, 45, 58, 58, 47, -49, -58, -58, -47, -44, -58, -58, -46, 48, 58];

/// A number of at most 107 in a charstring (Adobe Technical Note 5177, 3.2).
fn operand(number: i16) -> u8 {
    (number + 139) as u8
}

const ALL: [StandardFont; 14] = [
    StandardFont::Helvetica,
    StandardFont::HelveticaBold,
    StandardFont::HelveticaOblique,
    StandardFont::HelveticaBoldOblique,
    StandardFont::Courier,
    StandardFont::CourierBold,
    StandardFont::CourierOblique,
    StandardFont::CourierBoldOblique,
    StandardFont::TimesRoman,
    StandardFont::TimesBold,
    StandardFont::TimesItalic,
    StandardFont::TimesBoldItalic,
    StandardFont::ZapfDingBats,
    StandardFont::Symbol,
];

/// How letters are changed to go with a face.
struct Style {
    /// Height of the capitals in thousandths of the size (Adobe's metrics of the fonts).
    capitals: f64,
    slant: f64,
    /// How far apart, in thousandths of the size, each letter is drawn twice.
    bold: f64,
}

/// Height of the capitals of the face of plain text, in its units.
const CAPITALS: f64 = 1493.0;
/// Letters are not made narrower or wider than this many times what they are.
const STRETCH: std::ops::RangeInclusive<f64> = 0.3..=2.0;

impl Style {
    fn of(face: StandardFont) -> Self {
        let name = face.postscript_name();
        let has = |part: &str| name.contains(part);
        Self {
            capitals: if has("Times") {
                662.0
            } else if has("Courier") {
                562.0
            } else {
                718.0
            },
            slant: if has("Oblique") || has("Italic") { 0.21 } else { 0.0 },
            bold: if has("Bold") { 40.0 } else { 0.0 },
        }
    }

    /// A letter so many thousandths of the size wide, as a Type 2 charstring (Adobe Technical Note 5177).
    fn charstring(&self, letter: char, width: f32) -> Option<Vec<u8>> {
        let own = f64::from(font::ADVANCE) * 1000.0;
        let stretch = (f64::from(width) / own).clamp(*STRETCH.start(), *STRETCH.end());
        let curves = font::outline(letter)?;
        let mut pen = Pen::default();
        for shift in if self.bold > 0.0 { vec![-self.bold / 2.0, self.bold / 2.0] } else { vec![0.0] } {
            let place = |at: ab_glyph_rasterizer::Point| {
                let (x, y) = (f64::from(at.x) * stretch * 1000.0 / font::UNITS, f64::from(at.y) * self.capitals / CAPITALS);
                ((x + shift + y * self.slant).round() as i16, y.round() as i16)
            };
            for curve in &curves {
                let [first, second] = font::cubic(curve);
                pen.curve(place(curve[0]), [place(first), place(second), place(curve[2])]);
            }
            pen.last = None;
        }
        pen.operators.push(ENDCHAR);
        Some(pen.operators)
    }
}

const RRCURVETO: u8 = 8;
const ENDCHAR: u8 = 14;
const RMOVETO: u8 = 21;

/// Writes a charstring.
#[derive(Default)]
struct Pen {
    operators: Vec<u8>,
    at: (i16, i16),
    /// Where the last curve ended; a contour goes on from there.
    last: Option<(i16, i16)>,
}

impl Pen {
    fn curve(&mut self, from: (i16, i16), through: [(i16, i16); 3]) {
        if self.last != Some(from) {
            self.go_to(from);
            self.operators.push(RMOVETO);
        }
        through.into_iter().for_each(|to| self.go_to(to));
        self.operators.push(RRCURVETO);
        self.last = Some(self.at);
    }

    fn go_to(&mut self, to: (i16, i16)) {
        for number in [to.0.saturating_sub(self.at.0), to.1.saturating_sub(self.at.1)] {
            self.operators.push(28);
            self.operators.extend(number.to_be_bytes());
        }
        self.at = to;
    }
}
