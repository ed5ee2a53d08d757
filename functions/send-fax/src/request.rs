//! The body of a send, parsed.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use sfm_core::account::Number;
use sfm_core::http::body::{Object, parse};
use sfm_core::http::{Problem, Request};
use sfm_core::phone::E164;

use crate::document::Document;

/// Lambda takes 6 MB of request, base64 and all.
const LARGEST_INLINE: usize = 4_000_000;
/// Standard base64, padded or not.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

#[derive(Debug)]
pub(crate) struct SendRequest {
    pub(crate) to: E164,
    from: Option<E164>,
    pub(crate) document: Document,
}

impl SendRequest {
    pub(crate) fn parse(request: &Request) -> Result<Self, Problem> {
        let fields = parse(request)?;
        let body = Object::new(&fields);
        let number = |text: &str, param| text.parse().map_err(|e| Problem::invalid(format!("{param} {e}.")).param(param));
        let to = number(body.required_text("to", "to")?, "to")?;
        let from = body.text("from", "from")?.map(|text| number(text, "from")).transpose()?;
        let document = match (body.object("document", "document")?, body.text("document_url", "document_url")?) {
            (Some(document), None) => inline(&document)?,
            (None, Some(_)) => {
                return Err(Problem::invalid("Sending by link is not available here. Send document.content.").param("document_url"));
            }
            (Some(_), Some(_)) => return Err(Problem::invalid("Send either document or document_url, not both.").param("document_url")),
            (None, None) => {
                return Err(Problem::invalid("A document is required: document.content and document.content_type.").param("document"));
            }
        };
        Ok(Self { to, from, document })
    }

    /// The number to send from: the one asked for, else the oldest. None when the account has no number at all.
    pub(crate) fn sender<'n>(&self, active: &'n [Number]) -> Result<Option<&'n Number>, Problem> {
        let Some(from) = &self.from else { return Ok(active.first()) };
        let owned = active.iter().find(|number| number.number == *from);
        let message = "from must be one of this account's active numbers. GET /v1/numbers lists them.";
        owned.map(Some).ok_or_else(|| Problem::invalid(message).param("from"))
    }
}

fn inline(document: &Object<'_>) -> Result<Document, Problem> {
    const PARAM: &str = "document.content";
    let content = document.required_text("content", PARAM)?;
    let declared = document.required_text("content_type", "document.content_type")?;
    let too_large = || {
        let message = "The document is larger than 4 MB. Send larger ones, up to 20 MB, by document_url.";
        Problem::invalid(message).code("document_too_large").param(PARAM)
    };
    // Line breaks, as base64 tools make them, mean nothing.
    let compact: String = content.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if compact.len() / 4 * 3 > LARGEST_INLINE + 2 {
        return Err(too_large());
    }
    let bytes = BASE64.decode(compact).map_err(|_| Problem::invalid("document.content is not valid base64.").param(PARAM))?;
    if bytes.len() > LARGEST_INLINE {
        return Err(too_large());
    }
    Ok(Document { bytes: Bytes::from(bytes), declared: Some(declared.to_owned()) })
}
