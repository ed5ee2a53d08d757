//! What a page asked for and did not get: a fax must not silently lack part of the page.

use std::sync::{Arc, Mutex, PoisonError};

use hayro::hayro_interpret::font::{FontQuery, GlyphId, OutlineGlyph};
use hayro::hayro_interpret::hayro_cmap::BfString;
use hayro::hayro_interpret::{InterpreterSettings, InterpreterWarning};
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, Name, Object, ObjectIdentifier, Stream};
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use rustc_hash::FxHashSet;

use super::winansi;
use crate::render::image::jpeg_has_an_end;

/// Fonts of many bytes a character that the file names but does not hold.
pub(super) type Lent = FxHashSet<String>;

/// What a page lacks.
#[derive(Debug, Clone)]
pub(super) enum Missing {
    /// Some or all of a picture.
    Picture,
    /// A font that cannot be read.
    Font,
    /// Letters of a font that is not in the file, by its name if that is known.
    Letters(Option<String>),
}

impl Missing {
    /// What is wrong with page `number`, as a clause.
    pub(super) fn on(self, number: usize) -> String {
        match self {
            Self::Picture => format!("a picture on page {number} is damaged or cut short"),
            Self::Font => format!("a font on page {number} is damaged or of an unknown kind"),
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
}

impl Watch {
    pub(super) fn new(lent: &Lent) -> Self {
        Self { lent: Mutex::new(lent.clone()), ..Self::default() }
    }

    pub(super) fn missing(&self) -> Option<Missing> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn miss(&self, what: Missing) {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
    }

    /// Settings that tell `self` what the interpreter leaves out.
    pub(super) fn settings(self: &Arc<Self>) -> InterpreterSettings {
        let (warned, asked) = (Arc::clone(self), Arc::clone(self));
        let defaults = InterpreterSettings::default();
        let resolver = defaults.font_resolver.clone();
        InterpreterSettings {
            warning_sink: Arc::new(move |warning| match warning {
                InterpreterWarning::ImageDecodeFailure => warned.miss(Missing::Picture),
                InterpreterWarning::UnsupportedFont => warned.miss(Missing::Font),
                _ => {}
            }),
            font_resolver: Arc::new(move |query| {
                if let FontQuery::Fallback(wanted) = query
                    && wanted.character_collection.is_some()
                    && let Some(name) = &wanted.post_script_name
                {
                    asked.lent.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
                }
                resolver(query)
            }),
            ..defaults
        }
    }

    /// Looks whether the face that stands in for a font that is not in the file has these glyphs.
    pub(super) fn glyphs<'g>(&self, glyphs: impl Iterator<Item = &'g OutlineGlyph>) {
        let lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        for glyph in glyphs {
            let is_unknown = glyph.glyph_id() == GlyphId::NOTDEF;
            if lent.is_empty() && !is_unknown {
                continue;
            }
            let text = || glyph.as_unicode();
            match glyph.font_data() {
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

    /// Looks whether a picture's data are all there.
    pub(super) fn picture(&self, picture: &Stream<'_>) {
        let is_new = self.sound.lock().unwrap_or_else(PoisonError::into_inner).insert(picture.obj_id());
        let is_inline = picture.obj_id() == ObjectIdentifier::new(0, 0);
        if (is_new || is_inline) && !is_whole(picture) {
            self.miss(Missing::Picture);
        }
        if is_new && let Some(mask) = picture.dict().get::<Stream<'_>>("SMask") {
            self.picture(&mask);
        }
    }
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
        if !["FontFile", "FontFile2", "FontFile3"].iter().any(|key| descriptor.contains_key(key))
            && let Some(name) = font.get::<Name<'_>>("BaseFont")
        {
            let name = name.as_str();
            lent.insert(name.split_once('+').filter(|(tag, _)| tag.len() == 6).map_or(name, |(_, name)| name).to_owned());
        }
    }
    lent
}

/// Whether the data of a picture give all its rows. One row less is a common mistake of programs. Entries have short names in pictures
/// that stand in the page's content.
fn is_whole(picture: &Stream<'_>) -> bool {
    let dict = picture.dict();
    let filters: Vec<Name<'_>> = match object(dict, "Filter", "F") {
        Some(Object::Name(filter)) => vec![filter],
        Some(Object::Array(filters)) => filters.iter::<Name<'_>>().collect(),
        _ => Vec::new(),
    };
    // Filters of unknown names are left out by the parser.
    if filters.len() != picture.filters().len() {
        return false;
    }
    let side = |long: &str, short: &str| dict.get::<u32>(long).or_else(|| dict.get(short)).unwrap_or(0) as usize;
    let (columns, rows) = (side("Width", "W"), side("Height", "H"));
    match filters.last().map(|filter| &**filter) {
        Some(b"DCTDecode" | b"DCT") => filters.len() > 1 || jpeg_has_an_end(&picture.raw_data()),
        Some(b"CCITTFaxDecode" | b"CCF") => filters.len() > 1 || is_whole_fax(picture, rows),
        Some(b"JPXDecode" | b"JBIG2Decode") => true,
        _ => {
            let Some(samples) = samples(dict) else { return true };
            let row = (columns * samples).div_ceil(8);
            picture.decoded().is_ok_and(|data| data.len() >= row * rows.saturating_sub(1))
        }
    }
}

fn object<'a>(dict: &Dict<'a>, long: &str, short: &str) -> Option<Object<'a>> {
    dict.get::<Object<'a>>(long).or_else(|| dict.get(short))
}

/// Bits to a pixel, where that is plain.
fn samples(dict: &Dict<'_>) -> Option<usize> {
    if dict.get::<bool>("ImageMask").or_else(|| dict.get("IM")).unwrap_or(false) {
        return Some(1);
    }
    let bits = usize::from(dict.get::<u8>("BitsPerComponent").or_else(|| dict.get("BPC"))?);
    let (family, profile) = match object(dict, "ColorSpace", "CS")? {
        Object::Name(family) => (family, None),
        Object::Array(array) => {
            let mut entries = array.flex_iter();
            (entries.next::<Name<'_>>()?, entries.next::<Object<'_>>())
        }
        _ => return None,
    };
    let components = match &*family {
        b"DeviceGray" | b"CalGray" | b"G" | b"Indexed" | b"I" | b"Separation" => 1,
        b"DeviceRGB" | b"CalRGB" | b"RGB" | b"Lab" => 3,
        b"DeviceCMYK" | b"CMYK" => 4,
        b"ICCBased" => usize::from(profile?.into_stream()?.dict().get::<u8>("N")?),
        _ => return None,
    };
    Some(components * bits)
}

/// Whether fax data decode, up to their own end or to the last row.
fn is_whole_fax(picture: &Stream<'_>, height: usize) -> bool {
    struct Count(usize);
    impl Decoder for Count {
        fn push_row(&mut self, _: &[u32]) {
            self.0 += 1;
        }
    }
    let dict = picture.dict();
    let params = match object(dict, "DecodeParms", "DP") {
        Some(Object::Dict(params)) => params,
        Some(Object::Array(params)) => params.iter::<Dict<'_>>().next().unwrap_or_default(),
        _ => Dict::empty(),
    };
    let k = params.get::<i32>("K").unwrap_or(0);
    let settings = DecodeSettings {
        columns: params.get::<u32>("Columns").unwrap_or(1728),
        rows: height as u32,
        end_of_block: params.get::<bool>("EndOfBlock").unwrap_or(true),
        end_of_line: params.get::<bool>("EndOfLine").unwrap_or(false),
        rows_are_byte_aligned: params.get::<bool>("EncodedByteAlign").unwrap_or(false),
        encoding: match k {
            ..0 => EncodingMode::Group4,
            0 => EncodingMode::Group3_1D,
            1.. => EncodingMode::Group3_2D,
        },
        strict: false,
    };
    let mut count = Count(0);
    let is_sound = hayro_ccitt::decode(&picture.raw_data(), &mut count, &mut DecoderContext::new(settings)).is_ok();
    is_sound || count.0 + 1 >= height
}
