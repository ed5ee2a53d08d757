//! A form's own font, for values in letters that no face here has (ISO 32000-1, 12.7.2, `DR`).

use std::cell::RefCell;
use std::rc::Rc;

use hayro::hayro_interpret::hayro_cmap::{BfString, CMap};
use hayro::hayro_syntax::object::{Array, Dict, MaybeRef, Name, ObjRef, Object, Stream};
use rustc_hash::FxHashMap;

use super::watch::FILES;

/// A line of text in a font of the document.
pub(super) struct Line {
    pub(super) font: ObjRef,
    /// What shows it: a string in hexadecimal digits.
    pub(super) codes: String,
    /// In parts of the size.
    pub(super) width: f64,
}

/// The fonts of a form that have been looked at.
#[derive(Default)]
pub(super) struct OwnFonts(RefCell<FxHashMap<ObjRef, Option<Rc<OwnFont>>>>);

struct OwnFont {
    /// By character its code and its width in thousandths of the size.
    letters: FxHashMap<char, (u16, f64)>,
}

impl OwnFonts {
    /// A line of text in the font that has this name among `fonts`. `None` if the font is not in the file, is none of two bytes a character,
    /// lacks a letter, or if the letters of this script must be joined or put in another order.
    pub(super) fn line(&self, fonts: &Dict<'_>, name: &str, text: &str) -> Option<Line> {
        let MaybeRef::Ref(reference) = fonts.get_raw::<Object<'_>>(name)? else { return None };
        let known = self.0.borrow().get(&reference).cloned();
        let font = known.unwrap_or_else(|| {
            let font = fonts.get::<Dict<'_>>(name).and_then(|font| OwnFont::of(&font)).map(Rc::new);
            self.0.borrow_mut().insert(reference, font.clone());
            font
        })?;
        let mut line = Line { font: reference, codes: String::new(), width: 0.0 };
        for c in text.chars() {
            let (code, width) = font.letters.get(&c).filter(|_| !is_shaped(c))?;
            line.codes += &format!("{code:04x}");
            line.width += width / 1000.0;
        }
        Some(line)
    }
}

impl OwnFont {
    fn of(font: &Dict<'_>) -> Option<Self> {
        let is = |key: &str, name: &[u8]| font.get::<Name<'_>>(key).as_deref() == Some(name);
        if !is("Subtype", b"Type0") || !is("Encoding", b"Identity-H") {
            return None;
        }
        let descendant = font.get::<Array<'_>>("DescendantFonts")?.iter::<Dict<'_>>().next()?;
        let descriptor = descendant.get::<Dict<'_>>("FontDescriptor")?;
        if !FILES.iter().any(|key| descriptor.contains_key(key)) {
            return None;
        }
        let unicode = CMap::parse(&font.get::<Stream<'_>>("ToUnicode")?.decoded_data().ok()?, |_| None)?;
        let widths = descendant.get::<Array<'_>>("W").map(|widths| widths_of(&widths)).unwrap_or_default();
        let other = descendant.get::<f64>("DW").unwrap_or(1000.0);
        let mut letters = FxHashMap::default();
        for code in 0..=u16::MAX {
            if let Some(BfString::Char(c)) = unicode.lookup_bf_string(code.into()) {
                letters.entry(c).or_insert((code, widths.get(&code).copied().unwrap_or(other)));
            }
        }
        Some(Self { letters })
    }
}

/// Widths by code: `c [w …]`, or `first last w` (ISO 32000-1, 9.7.4.3).
fn widths_of(widths: &Array<'_>) -> FxHashMap<u16, f64> {
    let mut found = FxHashMap::default();
    let number = |object: &Object<'_>| object.clone().into_number().map(|number| number.as_f64());
    let mut entries = widths.iter::<Object<'_>>();
    while let (Some(first), Some(second)) = (entries.next(), entries.next()) {
        let Some(first) = number(&first).filter(|first| (0.0..65536.0).contains(first)).map(|first| first as u16) else { break };
        if let Object::Array(each) = &second {
            found.extend((first..=u16::MAX).zip(each.iter::<f64>()));
        } else if let (Some(last), Some(width)) = (number(&second), entries.next().and_then(|width| number(&width))) {
            found.extend((first..=last.clamp(0.0, 65535.0) as u16).map(|code| (code, width)));
        } else {
            break;
        }
    }
    found
}

/// Whether letters are joined or change places when they are shown: Hebrew to Sinhala, Lao to Myanmar, Khmer and Mongolian.
fn is_shaped(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{DFF}' | '\u{E80}'..='\u{109F}' | '\u{1780}'..='\u{18AF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
}
