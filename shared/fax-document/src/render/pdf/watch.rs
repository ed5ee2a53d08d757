//! What a page asked for and did not get: a fax must not silently lack part of the page.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hayro::hayro_interpret::font::{FontQuery, GlyphId, OutlineGlyph};
use hayro::hayro_interpret::hayro_cmap::BfString;
use hayro::hayro_interpret::{InterpreterSettings, InterpreterWarning};
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, Name, Object, ObjectIdentifier, Stream};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::Affine;
use rustc_hash::{FxBuildHasher, FxHashSet};
use skrifa::FontRef;
use skrifa::raw::TableProvider as _;

use super::faces::{Faces, Wanted};
use super::{whole, winansi};
use crate::render::{font, text};

/// Fonts of many bytes a character that the file names but does not hold.
pub(super) type Lent = FxHashSet<String>;

/// What a page lacks.
#[derive(Debug, Clone)]
pub(super) enum Missing {
    /// Some or all of a picture.
    Picture,
    /// A font that cannot be read, by its name if that is known.
    Font(Option<String>),
    /// Letters of a font that is not in the file, by its name if that is known.
    Letters(Option<String>),
}

impl Missing {
    /// What is wrong with page `number`, as a clause.
    pub(super) fn on(self, number: usize) -> String {
        match self {
            Self::Picture => format!("a picture on page {number} is damaged or cut short"),
            Self::Font(None) => format!("a font on page {number} is damaged or of an unknown kind"),
            Self::Font(Some(name)) => format!("the font {name} on page {number} is damaged or of an unknown kind"),
            Self::Letters(name) => {
                let name = name.map(|name| format!(" {name}")).unwrap_or_default();
                format!(
                    "text on page {number} is in a font{name} that the file does not hold, and no other has its letters; embed the fonts"
                )
            }
        }
    }
}

/// Notes the first thing that a page lacks.
#[derive(Default)]
pub(super) struct Watch {
    missing: Mutex<Option<Missing>>,
    lent: Mutex<Lent>,
    sound: Mutex<FxHashSet<ObjectIdentifier>>,
    /// Hashes of the glyphs with which a run of text began, whose fonts have been looked at.
    begun: Mutex<FxHashSet<u64>>,
    faces: Arc<Faces>,
    /// Letters that the faces lack and may yet be given; `None` once they have been.
    wanted: Option<Arc<Mutex<Wanted>>>,
    /// Whether the page wants some of them.
    wants: AtomicBool,
}

impl Watch {
    pub(super) fn new(lent: &Lent, faces: &Arc<Faces>, wanted: Option<&Arc<Mutex<Wanted>>>) -> Self {
        Self { lent: Mutex::new(lent.clone()), faces: Arc::clone(faces), wanted: wanted.cloned(), ..Self::default() }
    }

    /// Whether letters were wanted since this was last asked.
    pub(super) fn wanted_letters(&self) -> bool {
        self.wants.swap(false, Ordering::Relaxed)
    }

    pub(super) fn missing(&self) -> Option<Missing> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn miss(&self, what: Missing) {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
    }

    /// Settings that tell `self` what the interpreter leaves out.
    pub(super) fn settings(self: &Arc<Self>) -> InterpreterSettings {
        let (warned, asked, faces) = (Arc::clone(self), Arc::clone(self), Arc::clone(&self.faces));
        let defaults = InterpreterSettings::default();
        let resolver = defaults.font_resolver.clone();
        InterpreterSettings {
            warning_sink: Arc::new(move |warning| match warning {
                InterpreterWarning::ImageDecodeFailure => warned.miss(Missing::Picture),
                InterpreterWarning::UnsupportedFont => warned.miss(Missing::Font(None)),
                _ => {}
            }),
            font_resolver: Arc::new(move |query| {
                if let FontQuery::Fallback(wanted) = query
                    && wanted.character_collection.is_some()
                    && let Some(name) = &wanted.post_script_name
                {
                    asked.lent.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
                }
                match query {
                    FontQuery::Standard(face) => Some((faces.get(*face), 0)),
                    FontQuery::Fallback(_) => resolver(query),
                }
            }),
            ..defaults
        }
    }

    /// Looks whether the face that stands in for a font that is not in the file has these glyphs, which are shown so.
    pub(super) fn glyphs<'g>(&self, glyphs: impl Iterator<Item = (&'g OutlineGlyph, Affine)>) {
        let mut glyphs = glyphs.peekable();
        if let Some((first, _)) = glyphs.peek()
            && self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(FxBuildHasher.hash_one(first.identifier()))
            && let Some(font) = first.font_data().filter(|font| !says_where_its_glyphs_are((*font.data).as_ref()))
        {
            self.miss(Missing::Font(font.postscript_name));
        }
        let lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        for (glyph, transform) in glyphs {
            let is_unknown = glyph.glyph_id() == GlyphId::NOTDEF;
            if lent.is_empty() && !is_unknown {
                continue;
            }
            let text = || glyph.as_unicode();
            match glyph.font_data() {
                None if is_unknown && text().is_some_and(|text| self.want(glyph, &text, transform)) => {}
                // A simple font that is in the file has its own reasons for leaving a character out, unless that is a letter.
                None if is_unknown && text().is_some_and(|text| all(&text, char::is_alphanumeric)) => {
                    self.miss(Missing::Letters(None));
                }
                Some(font) if font.postscript_name.as_ref().is_some_and(|name| lent.contains(name)) => {
                    let is_had = text().is_some_and(|text| all(&text, |c| is_blank(c) || !is_unknown && winansi::byte(c).is_some()));
                    if !is_had {
                        self.miss(Missing::Letters(font.postscript_name));
                    }
                }
                _ => {}
            }
        }
    }

    /// Asks for a letter that the face standing in for a simple font lacks. False if it cannot be had.
    fn want(&self, glyph: &OutlineGlyph, text: &BfString, transform: Affine) -> bool {
        let (Some(wanted), BfString::Char(letter), Some(advance)) = (&self.wanted, text, glyph.advance_width()) else { return false };
        // Where the file says no width, letters would lie on each other.
        let is_had = font::has(*letter) && !is_blank(*letter) && !text::is_right_to_left(*letter) && advance > 0.0;
        // A font that is in the file draws something for what it lacks.
        if !is_had || !glyph.outline().elements().is_empty() {
            return false;
        }
        // The interpreter stretches what it knows the width of: by as much the letter is made narrower.
        let [a, b, c, d, ..] = transform.as_coeffs();
        let stretch = (a.hypot(b) / c.hypot(d)) as f32;
        let width = if stretch.is_finite() && stretch > 0.0 { advance / stretch } else { advance };
        wanted.lock().unwrap_or_else(PoisonError::into_inner).add(glyph.identifier().cache_key(), *letter, width);
        self.wants.store(true, Ordering::Relaxed);
        true
    }

    /// Looks whether a picture's data are all there.
    pub(super) fn picture(&self, picture: &Stream<'_>) {
        let is_new = self.sound.lock().unwrap_or_else(PoisonError::into_inner).insert(picture.obj_id());
        let is_inline = picture.obj_id() == ObjectIdentifier::new(0, 0);
        if (is_new || is_inline) && !whole::is_whole(picture) {
            self.miss(Missing::Picture);
        }
        if is_new && let Some(mask) = picture.dict().get::<Stream<'_>>("SMask") {
            self.picture(&mask);
        }
    }
}

/// The names of the simple fonts of a page that are not in the file (ISO 32000-1, 9.6), as a clause names them; `None` if there are none.
pub(super) fn unembedded(page: &Page<'_>) -> Option<String> {
    let mut node = Some(page.raw().clone());
    let mut resources = None;
    for _ in 0..DEEPEST_PAGE {
        let Some(here) = node else { break };
        resources = here.get::<Dict<'_>>("Resources");
        if resources.is_some() {
            break;
        }
        node = here.get::<Dict<'_>>("Parent");
    }
    let fonts = resources?.get::<Dict<'_>>("Font")?;
    let mut names: Vec<String> = fonts
        .keys()
        .filter_map(|key| fonts.get::<Dict<'_>>(key))
        .filter(|font| matches!(font.get::<Name<'_>>("Subtype").as_deref(), Some(b"Type1" | b"TrueType" | b"MMType1")))
        .filter(|font| {
            let descriptor = font.get::<Dict<'_>>("FontDescriptor").unwrap_or_default();
            !FILES.iter().any(|key| descriptor.contains_key(key))
        })
        .filter_map(|font| Some(font.get::<Name<'_>>("BaseFont")?.as_str().chars().filter(char::is_ascii_graphic).take(60).collect()))
        .collect();
    names.sort();
    names.dedup();
    (1..=NAMED).contains(&names.len()).then(|| names.join(" or "))
}

/// Where a descriptor has the font itself.
pub(super) const FILES: [&str; 3] = ["FontFile", "FontFile2", "FontFile3"];
/// Fonts that are named at most, where it may be any of them.
const NAMED: usize = 3;
/// How deep the page tree is looked up for a page's resources.
const DEEPEST_PAGE: usize = 64;

/// Whether a font says how its table of glyphs is to be read, if it is one that must: where `indexToLocFormat` is neither 0 nor 1 (OpenType,
/// `head`), one program takes other places for the glyphs than another.
fn says_where_its_glyphs_are(font: &[u8]) -> bool {
    let head = FontRef::new(font).ok().filter(|font| font.loca(None).is_ok()).and_then(|font| font.head().ok());
    head.is_none_or(|head| matches!(head.index_to_loc_format(), 0 | 1))
}

fn all(text: &BfString, is: impl Fn(char) -> bool) -> bool {
    match text {
        BfString::Char(c) => is(*c),
        BfString::String(text) => text.chars().all(is),
    }
}

/// Characters that leave no ink.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

/// The fonts that a document lends: composite ones without a font file (ISO 32000-1, 9.7).
pub(super) fn lent(pdf: &Pdf) -> Lent {
    let mut lent = Lent::default();
    for object in pdf.objects() {
        let Object::Dict(font) = object else { continue };
        if font.get::<Name<'_>>("Subtype").as_deref() != Some(b"Type0") {
            continue;
        }
        let descendant = font.get::<Array<'_>>("DescendantFonts").and_then(|fonts| fonts.iter::<Dict<'_>>().next());
        let descriptor = descendant.and_then(|font| font.get::<Dict<'_>>("FontDescriptor")).unwrap_or_default();
        if !FILES.iter().any(|key| descriptor.contains_key(key))
            && let Some(name) = font.get::<Name<'_>>("BaseFont")
        {
            let name = name.as_str();
            lent.insert(name.split_once('+').filter(|(tag, _)| tag.len() == 6).map_or(name, |(_, name)| name).to_owned());
        }
    }
    lent
}
