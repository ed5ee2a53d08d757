//! The body of a send, parsed.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use sfm_core::account::Number;
use sfm_core::phone::E164;
use sfm_web::ApiError;
use sfm_web::body::Object;

/// Lambda takes 6 MB of request, base64 and all.
const LARGEST_INLINE: usize = 4_000_000;
/// Standard base64, padded or not.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// What is to be sent, and where to.
#[derive(Debug)]
pub struct SubmitRequest {
    pub to: E164,
    pub from: Option<E164>,
    pub document: Document,
}

/// The document as the caller gave it.
#[derive(Debug)]
pub enum Document {
    /// The bytes, with the type that the caller says they have.
    Inline { bytes: Bytes, declared: String },
    /// Where it can be fetched.
    Link(String),
}

impl Document {
    /// The field that it came in.
    pub(crate) fn param(&self) -> &'static str {
        match self {
            Self::Inline { .. } => "document.content",
            Self::Link(_) => "document_url",
        }
    }
}

impl SubmitRequest {
    pub fn parse(body: &Object<'_>) -> Result<Self, ApiError> {
        let to = body.required("to", "to")?;
        let from = body.parsed("from", "from")?;
        let document = match (body.object("document", "document")?, body.text("document_url", "document_url")?) {
            (Some(document), None) => inline(&document)?,
            (None, Some(url)) => Document::Link(url.to_owned()),
            (Some(_), Some(_)) => return Err(ApiError::invalid("Send either document or document_url, not both.").param("document_url")),
            (None, None) => {
                let message = "A document is required: document with content and content_type, or document_url.";
                return Err(ApiError::invalid(message).param("document"));
            }
        };
        Ok(Self { to, from, document })
    }

    /// The number to send from: the one asked for, else the oldest. None when the account has no number at all.
    pub fn sender<'n>(&self, active: &'n [Number]) -> Result<Option<&'n Number>, ApiError> {
        let Some(from) = &self.from else { return Ok(active.first()) };
        let owned = active.iter().find(|number| number.number == *from);
        let message = "from must be one of this account's active numbers. GET /v1/numbers lists them.";
        owned.map(Some).ok_or_else(|| ApiError::invalid(message).param("from"))
    }
}

fn inline(document: &Object<'_>) -> Result<Document, ApiError> {
    const PARAM: &str = "document.content";
    let content = document.required_text("content", PARAM)?;
    let declared = document.text("content_type", "document.content_type")?.filter(|text| !text.trim().is_empty());
    let missing = || ApiError::invalid("document.content_type is required.").param("document.content_type");
    let declared = declared.ok_or_else(missing)?;
    let too_large = || {
        let message = "The document is larger than 4 MB. Send larger ones, up to 20 MB, by document_url.";
        ApiError::invalid(message).code("document_too_large").param(PARAM)
    };
    // Line breaks, as base64 tools make them, mean nothing.
    let compact: String = content.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if compact.len() / 4 * 3 > LARGEST_INLINE + 2 {
        return Err(too_large());
    }
    let bytes = BASE64.decode(compact).map_err(|_| ApiError::invalid("document.content is not valid base64.").param(PARAM))?;
    if bytes.len() > LARGEST_INLINE {
        return Err(too_large());
    }
    Ok(Document::Inline { bytes: Bytes::from(bytes), declared: declared.to_owned() })
}
