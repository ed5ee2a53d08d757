//! What the bytes are.

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
    /// `text/plain`, always UTF-8
    Text,
}

/// Texts that are the source of something else: faxed as they are, they would be no use to anyone.
const MARKUP: [&str; 6] = ["<!doctype html", "<html", "<?xml", "<svg", "{\\rtf", "%!ps"];

/// How far into a file a PDF's header may be (ISO 32000-1, Annex H, note 13).
const PDF_HEADER_WITHIN: usize = 1024;

impl MediaType {
    /// Tells the type by the bytes themselves.
    ///
    /// Text is UTF-8 without control characters other than tab, line feed, carriage return and form feed, that is not the source of a
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
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains(is_stray_control));
        let has_header = || head.windows(5).any(|window| window == b"%PDF-");
        // Junk before the header and not a byte that text could not have: a line begins with the header, and there are objects.
        let is_written_out = |text: &str| text.contains("\n%PDF-") && text.contains(" obj") && text.contains("endobj");
        if bytes.starts_with(b"%PDF-") || (has_header() && text.is_none_or(is_written_out)) {
            return Some(Self::Pdf);
        }
        let start = text?.trim_start_matches('\u{FEFF}').trim_start().as_bytes();
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

/// Control characters that no plain text has.
pub(crate) fn is_stray_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{C}')
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
            (b"Dear Sir,\r\n\tthe file begins with %PDF-1.4\x0C", Some(MediaType::Text)),
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
