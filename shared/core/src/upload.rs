//! Documents that are uploaded first and sent later.

use jiff::Timestamp;
use serde::Serialize;

use crate::clock::ApiTime;
use crate::id::{AccountId, UploadId};

/// Most bytes of an upload.
pub const LARGEST: u64 = 50_000_000;
/// Longest media type, in characters.
const LONGEST_TYPE: usize = 255;

/// How many bytes will be uploaded: 1 to [`LARGEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadSize(u64);

/// Why a size is none. The message goes on from the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of bytes from 1 to {LARGEST}")]
pub struct WrongSize;

impl UploadSize {
    /// # Errors
    /// When nothing, or more than may be, is to be uploaded.
    pub fn new(bytes: u64) -> Result<Self, WrongSize> {
        if (1..=LARGEST).contains(&bytes) { Ok(Self(bytes)) } else { Err(WrongSize) }
    }

    pub fn bytes(self) -> u64 {
        self.0
    }
}

/// A media type as a header can carry it: 1 to 255 printable ASCII characters, with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaTypeText(String);

/// The text is no media type. The message goes on from the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a media type such as application/pdf, of at most {LONGEST_TYPE} printable ASCII characters")]
pub struct NotAMediaType;

impl std::str::FromStr for MediaTypeText {
    type Err = NotAMediaType;

    fn from_str(text: &str) -> Result<Self, NotAMediaType> {
        let text = text.trim();
        let fits = text.len() <= LONGEST_TYPE && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if fits && text.contains('/') { Ok(Self(text.to_owned())) } else { Err(NotAMediaType) }
    }
}

impl MediaTypeText {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where an upload lies in the documents bucket: under a prefix that is kept for a day.
pub fn document_key(account: AccountId, id: UploadId) -> String {
    format!("uploads/{account}/{id}")
}

/// The upload resource of the API: how to upload.
#[derive(Debug, Clone, Serialize)]
pub struct UploadResource<'a> {
    pub id: UploadId,
    pub object: &'static str,
    pub method: &'static str,
    pub url: &'a str,
    pub headers: UploadHeaders<'a>,
    pub size: u64,
    pub expires_at: ApiTime,
}

/// The headers that the request must have, or it is refused.
#[derive(Debug, Clone, Serialize)]
pub struct UploadHeaders<'a> {
    #[serde(rename = "Content-Length")]
    pub content_length: String,
    #[serde(rename = "Content-Type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<&'a str>,
}

/// An upload that may be made until `expires_at`.
#[derive(Debug)]
pub struct Upload {
    pub id: UploadId,
    pub size: UploadSize,
    pub content_type: Option<MediaTypeText>,
    pub url: crate::secret::Secret,
    pub expires_at: Timestamp,
}

impl Upload {
    pub fn resource(&self) -> UploadResource<'_> {
        let content_type = self.content_type.as_ref().map(MediaTypeText::as_str);
        let headers = UploadHeaders { content_length: self.size.bytes().to_string(), content_type };
        let expires_at = self.expires_at.into();
        UploadResource {
            id: self.id,
            object: "upload",
            method: "PUT",
            url: self.url.expose(),
            headers,
            size: self.size.bytes(),
            expires_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_from_one_byte_to_fifty_megabytes() {
        assert_eq!([0, 1, 50_000_000, 50_000_001].map(|bytes| UploadSize::new(bytes).is_ok()), [false, true, true, false]);
    }

    #[test]
    fn a_media_type_is_one_line_that_a_header_can_carry() {
        for text in ["application/pdf", " text/plain; charset=utf-8 ", "image/*"] {
            assert_eq!(text.parse::<MediaTypeText>().map(|found| found.as_str().to_owned()), Ok(text.trim().to_owned()));
        }
        for text in ["", "pdf", "text/plain\r\nx: y", "text/pl\u{e4}in", &format!("a/{}", "b".repeat(254))] {
            assert_eq!(text.parse::<MediaTypeText>(), Err(NotAMediaType), "{text}");
        }
    }
}
