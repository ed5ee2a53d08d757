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

/// Symbol and ZapfDingbats are those that come with the interpreter; the others are TeX Gyre's, whose letters are those of the Nimbus fonts that most
/// other programs stand in with (`assets/faces`).
fn stand_in(face: StandardFont) -> FontData {
    let data: &'static [u8] = match face {
        StandardFont::Helvetica => include_bytes!("../../../assets/faces/StandInSans-Regular.cff"),
        StandardFont::HelveticaBold => include_bytes!("../../../assets/faces/StandInSans-Bold.cff"),
        StandardFont::HelveticaOblique => include_bytes!("../../../assets/faces/StandInSans-Italic.cff"),
        StandardFont::HelveticaBoldOblique => include_bytes!("../../../assets/faces/StandInSans-BoldItalic.cff"),
        StandardFont::Courier => include_bytes!("../../../assets/faces/StandInMono-Regular.cff"),
        StandardFont::CourierBold => include_bytes!("../../../assets/faces/StandInMono-Bold.cff"),
        StandardFont::CourierOblique => include_bytes!("../../../assets/faces/StandInMono-Italic.cff"),
        StandardFont::CourierBoldOblique => include_bytes!("../../../assets/faces/StandInMono-BoldItalic.cff"),
        StandardFont::TimesRoman => include_bytes!("../../../assets/faces/StandInSerif-Regular.cff"),
        StandardFont::TimesBold => include_bytes!("../../../assets/faces/StandInSerif-Bold.cff"),
        StandardFont::TimesItalic => include_bytes!("../../../assets/faces/StandInSerif-Italic.cff"),
        StandardFont::TimesBoldItalic => include_bytes!("../../../assets/faces/StandInSerif-BoldItalic.cff"),
        StandardFont::ZapfDingBats | StandardFont::Symbol => return face.get_font_data().0,
    };
    Arc::new(data)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use hayro::kurbo::Shape as _;

    use super::*;

    #[test]
    fn a_stand_in_has_each_letter_of_the_standard_encoding_and_capitals_as_high_as_the_font_it_stands_for() {
        let resolver: FontResolverFn = Arc::new(|query| match query {
            hayro_font::FontQuery::Standard(face) => Some((stand_in(*face), 0)),
            hayro_font::FontQuery::Fallback(_) => None,
        });
        for face in ALL {
            let fonts = FontCache::new();
            let font = fonts.standard_font(face, &resolver).unwrap();
            let is_symbol = matches!(face, StandardFont::Symbol | StandardFont::ZapfDingBats);
            for code in (0x21..0x7F).chain(if is_symbol { 0..0 } else { 0xA1..0xB0 }) {
                let glyph = font.map_code(code);
                assert!(glyph != GlyphId::NOTDEF, "{} lacks {code:#x}", face.postscript_name());
            }
            let code = u32::from(b'H');
            if let (false, FontGlyph::Outline(capital)) = (is_symbol, font.glyph(font.map_code(code), code)) {
                let height = capital.outline().bounding_box().height();
                assert!((height - Style::of(face).capitals).abs() < 24.0, "{}: {height}", face.postscript_name());
            }
        }
    }
}
