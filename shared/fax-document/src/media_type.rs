//! What the bytes are.

use std::borrow::Cow;
use std::fmt;

use crate::error::DocumentError;

pub(crate) const ACCEPTED: &str = "Send a PDF, PNG, JPEG, TIFF, GIF, WebP or plain text (UTF-8) document.";

/// A type of document that can be faxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `application/pdf`
    Pdf,
    /// `image/png`
    Png,
    /// `image/jpeg`
    Jpeg,
    /// `image/tiff`
    Tiff,
    /// `image/gif`
    Gif,
    /// `image/webp`
    WebP,
    /// `text/plain`: UTF-8, UTF-16 with a byte order mark, or UTF-16, Windows-1252, ISO 8859-1 and ISO 8859-15 where the type's `charset` says so
    Text,
}

/// Texts that are the source of something else: faxed as they are, they would be no use to anyone.
const MARKUP: [&str; 6] = ["<!doctype html", "<html", "<?xml", "<svg", "{\\rtf", "%!ps"];

/// How far into a file a PDF's header may be (ISO 32000-1, Annex H, note 13).
const PDF_HEADER_WITHIN: usize = 1024;

/// How far into a file a header is looked for where a trailer ends it.
const PDF_JUNK_WITHIN: usize = 64 << 10;

impl MediaType {
    /// Tells the type by the bytes themselves.
    ///
    /// Text is UTF-8, or UTF-16 with a byte order mark, without control characters other than tab, line feed, vertical tab, carriage return and form feed, that is not the source of a
    /// web page or the like. Looks only at the first bytes for the other types, which says nothing of whether the rest is sound.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Self::Png);
        }
        if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
            return Some(Self::Jpeg);
        }
        if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") || bytes.starts_with(b"II+\0") || bytes.starts_with(b"MM\0+") {
            return Some(Self::Tiff);
        }
        if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
            return Some(Self::Gif);
        }
        if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            return Some(Self::WebP);
        }
        let head = bytes.get(..PDF_HEADER_WITHIN).unwrap_or(bytes);
        // Never text, whatever stands before the header: readers look for it here, and a PDF's source is no use to anyone.
        if head.windows(5).any(|window| window == b"%PDF-") {
            return Some(Self::Pdf);
        }
        if has_objects(bytes, head) {
            return Some(Self::Pdf);
        }
        let text = text_of(bytes, None).filter(|text| !text.contains(is_stray_control))?;
        let start = text.trim_start_matches('\u{FEFF}').trim_start().as_bytes();
        let is_markup = MARKUP.iter().any(|mark| start.get(..mark.len()).is_some_and(|s| s.eq_ignore_ascii_case(mark.as_bytes())));
        (!bytes.is_empty() && !is_markup).then_some(Self::Text)
    }

    /// The type that a `Content-Type` names, in any case and with any parameters; also by the names that older programs use.
    #[must_use]
    pub fn from_mime(mime: &str) -> Option<Self> {
        match essence(mime).as_str() {
            "application/pdf" | "application/x-pdf" => Some(Self::Pdf),
            "image/png" | "image/x-png" => Some(Self::Png),
            "image/jpeg" | "image/jpg" | "image/pjpeg" => Some(Self::Jpeg),
            "image/tiff" | "image/tif" | "image/tiff-fx" | "image/x-tiff" => Some(Self::Tiff),
            "image/gif" => Some(Self::Gif),
            "image/webp" => Some(Self::WebP),
            "text/plain" => Some(Self::Text),
            _ => None,
        }
    }

    /// The type's registered name, such as `application/pdf`.
    #[must_use]
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Tiff => "image/tiff",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Text => "text/plain",
        }
    }

    /// The type of `bytes`, if it is one that can be faxed and `declared` does not say otherwise. Names that claim nothing
    /// (`application/octet-stream`, an empty one) count as not declared.
    pub(crate) fn decide(bytes: &[u8], declared: Option<&str>) -> Result<Self, DocumentError> {
        if bytes.is_empty() {
            return Err(DocumentError::empty("it has no bytes"));
        }
        let sniffed = Self::sniff(bytes);
        let Some(name) =
            declared.map(essence).filter(|name| !matches!(name.as_str(), "" | "application/octet-stream" | "binary/octet-stream"))
        else {
            return sniffed.ok_or_else(|| DocumentError::unsupported("it is none of the types that can be faxed"));
        };
        let Some(declared) = Self::from_mime(&name) else {
            return Err(DocumentError::unsupported(format!("it was declared as {}", quotable(&name))));
        };
        match sniffed {
            Some(found) if found == declared => Ok(found),
            Some(found) => Err(DocumentError::unsupported(format!("it was declared as {declared} but is {found}"))),
            // The text renderer says which byte is wrong.
            None if declared == Self::Text => Ok(declared),
            None => Err(DocumentError::broken(format!("it was declared as {declared} but does not begin like one"))),
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mime())
    }
}

/// Whether this is a PDF that ends with a trailer and whose header is damaged or missing, so that it begins with a comment or an object, or
/// stands behind more than readers must put up with.
fn has_objects(bytes: &[u8], head: &[u8]) -> bool {
    let tail = bytes.get(bytes.len().saturating_sub(PDF_HEADER_WITHIN)..).unwrap_or(bytes);
    let has = |part: &[u8], what: &[u8]| part.windows(what.len()).any(|window| window == what);
    if !has(tail, b"startxref") {
        return false;
    }
    let begins = head.trim_ascii_start().first().is_some_and(|first| *first == b'%' || first.is_ascii_digit());
    let junk = bytes.get(..PDF_JUNK_WITHIN).unwrap_or(bytes);
    let late = junk.windows(5).position(|window| window == b"%PDF-").and_then(|at| bytes.get(at..));
    begins && has(head, b" 0 obj") || late.is_some_and(|rest| has(rest.get(..PDF_HEADER_WITHIN).unwrap_or(rest), b" 0 obj"))
}

/// Control characters that no plain text has.
pub(crate) fn is_stray_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\u{B}' | '\r' | '\u{C}' | '\u{85}')
}

/// Which of the two orders of UTF-16 a text is in, if it is: by its byte order mark, else by the charset of the type `declared`. Of plain
/// `utf-16` without a mark, the order in which more of it is Latin.
pub(crate) fn utf16_order(bytes: &[u8], declared: Option<&str>) -> Option<fn([u8; 2]) -> u16> {
    if bytes.starts_with(b"\xFF\xFE") {
        return Some(u16::from_le_bytes);
    }
    if bytes.starts_with(b"\xFE\xFF") {
        return Some(u16::from_be_bytes);
    }
    match declared.and_then(charset)?.as_str() {
        "utf-16le" => Some(u16::from_le_bytes),
        "utf-16be" => Some(u16::from_be_bytes),
        "utf-16" | "ucs-2" => {
            let zeros = |first: usize| bytes.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
            Some(if zeros(1) > zeros(0) { u16::from_le_bytes } else { u16::from_be_bytes })
        }
        _ => None,
    }
}

/// What the bytes say as text, or `None` if they are no text: UTF-16 by its byte order mark or what `declared` names, else UTF-8, else again
/// what `declared` names. What some programs leave at the end (NUL padding, Ctrl-Z, VT, ESC) is left out.
pub(crate) fn text_of<'a>(bytes: &'a [u8], declared: Option<&str>) -> Option<Cow<'a, str>> {
    if let Some(unit) = utf16_order(bytes, declared) {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let decoded =
            char::decode_utf16(pairs.iter().copied().map(unit)).collect::<Result<String, _>>().ok().filter(|_| rest.is_empty())?;
        return Some(Cow::Owned(decoded.trim_start_matches('\u{FEFF}').trim_end_matches(PADDING).to_owned()));
    }
    let bytes = without_padding(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let character = match declared.and_then(charset).as_deref() {
        Some(charset) if is_windows_1252(charset) => windows_1252,
        Some("iso-8859-15" | "latin9" | "latin-9" | "l9") => latin_9,
        None if is_plausibly_windows_1252(bytes) => windows_1252,
        _ => return None,
    };
    Some(Cow::Owned(bytes.iter().map(|byte| character(*byte)).collect()))
}

/// Whether bytes of which nobody says what they are read as Western text: nearly all are ASCII, no control characters, and those that are
/// not ASCII are letters within words, or signs that such text has. UTF-8 that is damaged or cut short is not.
fn is_plausibly_windows_1252(bytes: &[u8]) -> bool {
    const SIGNS: &str = "\u{A0}€‚„…‘’“”•–—™§°£«»®©±µ·¿¡¼½¾²³";
    let has_utf8 = bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    let is_cut = std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none());
    if has_utf8 || is_cut {
        return false;
    }
    let (mut letters, mut others) = (0_usize, 0_usize);
    for (before, byte) in std::iter::once(&b' ').chain(bytes).zip(bytes).filter(|(_, byte)| !byte.is_ascii()) {
        let c = windows_1252(*byte);
        match () {
            () if c.is_control() => return false,
            () if SIGNS.contains(c) => {}
            () if c.is_alphabetic() && (before.is_ascii_alphabetic() || before.is_ascii_whitespace()) => letters += 1,
            () => others += 1,
        }
    }
    let wide = letters + others;
    let has_control = bytes.iter().any(|byte| byte.is_ascii() && is_stray_control(char::from(*byte)));
    !has_control && wide * 10 <= bytes.len() && others * 4 <= wide
}

/// What programs fill the end of a text with: NUL, Ctrl-Z (the end of a DOS file), VT, ESC.
const PADDING: [char; 4] = ['\0', '\u{1A}', '\u{B}', '\u{1B}'];

pub(crate) fn without_padding(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !PADDING.contains(&char::from(*byte))).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

/// The `charset` of a type, in small letters.
fn charset(mime: &str) -> Option<String> {
    let parameters = mime.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charset = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charset.next().map(|(_, value)| value.trim().trim_matches('"').to_ascii_lowercase())
}

/// Whether a charset is Windows-1252 or a part of it (WHATWG Encoding, 4.2, has all these for one).
fn is_windows_1252(charset: &str) -> bool {
    matches!(
        charset,
        "windows-1252" | "cp1252" | "x-cp1252" | "iso-8859-1" | "iso8859-1" | "latin1" | "latin-1" | "l1" | "us-ascii" | "ascii"
    )
}

/// The characters of Windows-1252 from 0x80 to 0x9F; those it does not have are left controls, which no text has.
const WINDOWS_1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8D}Ž\u{8F}\u{90}‘’“”•–—˜™š›œ\u{9D}žŸ";

fn windows_1252(byte: u8) -> char {
    let own = usize::from(byte).checked_sub(0x80).and_then(|at| WINDOWS_1252.chars().nth(at));
    own.unwrap_or(char::from(byte))
}

/// ISO 8859-15, which has eight characters where ISO 8859-1 has others.
fn latin_9(byte: u8) -> char {
    match byte {
        0xA4 => '€',
        0xA6 => 'Š',
        0xA8 => 'š',
        0xB4 => 'Ž',
        0xB8 => 'ž',
        0xBC => 'Œ',
        0xBD => 'œ',
        0xBE => 'Ÿ',
        other => windows_1252(other),
    }
}

fn essence(mime: &str) -> String {
    mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A name fit to repeat in a message: short and printable.
fn quotable(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(80).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn types_are_told_by_their_bytes() {
        for (bytes, wanted) in [
            (&b"%PDF-1.7\n"[..], Some(MediaType::Pdf)),
            (b"\xEF\xBB\xBFjunk\0%PDF-1.4", Some(MediaType::Pdf)),
            (b"\x89PNG\r\n\x1a\n", Some(MediaType::Png)),
            (b"\xFF\xD8\xFF\xE0", Some(MediaType::Jpeg)),
            (b"junk\n%PDF-1.1\n1 0 obj\n<<>>\nendobj\n", Some(MediaType::Pdf)),
            (b"Dear Sir,\r\n\tthe file begins with %PDF-1.4\x0C", Some(MediaType::Pdf)),
            (b"Note..\n__%PDF-1.1\n1 0 obj\n", Some(MediaType::Pdf)),
            (b"%PDF.1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\nstartxref\n9\n%%EOF", Some(MediaType::Pdf)),
            (b"Object 7 0 obj is written before startxref.", Some(MediaType::Text)),
            (b"Dear Sir,\r\n\tit is done.\x0C", Some(MediaType::Text)),
            (b"DOS\r\n\x1A\0\0", Some(MediaType::Text)),
            (b"\xFF\xFEG\0r\0\xFC\0", Some(MediaType::Text)),
            (b"\xFE\xFF\0G\0\xFC", Some(MediaType::Text)),
            (b"\xEF\xBB\xBFGr\xC3\xBC\xC3\x9Fe", Some(MediaType::Text)),
            (b"Gr\xFC\xDFe", None),
            (b"PK\x03\x04", None),
            (b"GIF89a\x01\0", Some(MediaType::Gif)),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some(MediaType::WebP)),
            (b"RIFF\x24\0\0\0WAVEfmt ", None),
            (b"II*\0\x08\0\0\0", Some(MediaType::Tiff)),
            (b"MM\0*\0\0\0\x08", Some(MediaType::Tiff)),
            (b" \n<!DOCTYPE HTML>", None),
            (b"{\\rtf1\\ansi}", None),
            (b"", None),
        ] {
            assert_eq!(MediaType::sniff(bytes), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn declared_types_may_have_parameters_case_and_old_names() {
        assert_eq!(MediaType::from_mime("Application/PDF; charset=x"), Some(MediaType::Pdf));
        assert_eq!(MediaType::from_mime("image/jpg"), Some(MediaType::Jpeg));
        assert_eq!(MediaType::from_mime("text/html"), None);
    }

    #[test]
    fn a_declared_type_that_the_bytes_contradict_is_refused_with_both_names() {
        let error = MediaType::decide(b"%PDF-1.7\n", Some("image/png")).unwrap_err();
        assert_eq!(error.code(), "document_type_unsupported");
        let text = error.to_string();
        assert!(text.contains("image/png") && text.contains("application/pdf"), "{text}");
    }

    #[test]
    fn an_unknown_type_is_refused_with_the_list_of_those_accepted() {
        for error in [
            MediaType::decide(b"PK\x03\x04\xFF", None).unwrap_err(),
            MediaType::decide(b"PK\x03\x04\xFF", Some("application/msword")).unwrap_err(),
        ] {
            assert_eq!(error.code(), "document_type_unsupported");
            assert!(error.to_string().contains("PDF, PNG, JPEG, TIFF, GIF, WebP or plain text"), "{error}");
        }
    }

    #[test]
    fn a_declaration_that_claims_nothing_is_not_held_against_the_document() {
        for claim in [None, Some(""), Some("application/octet-stream"), Some("text/plain; charset=utf-8")] {
            assert_eq!(MediaType::decide(b"hello", claim), Ok(MediaType::Text));
        }
    }

    #[test]
    fn garbage_declared_as_pdf_is_broken() {
        assert_eq!(MediaType::decide(b"\xFFgarbage", Some("application/pdf")).unwrap_err().code(), "document_broken");
    }
}
