//! A fax as a body asks for it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sfm_core::scheduled::SendAt;
use sfm_core::submission::{Document, NewFax, Resend, ResentPages};

use crate::body::Object;
use crate::{ApiError, Request};

/// Lambda takes 6 MB of request, base64 and all.
const LARGEST_INLINE: usize = 4_000_000;
/// Standard base64, padded or not.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// # Errors
/// When a field is missing, or not as the API reference says.
pub fn new_fax(request: &Request) -> Result<NewFax, ApiError> {
    let body = request.json()?;
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
    Ok(NewFax { to, from, document })
}

/// How a fax is to be sent again. A request without a body asks for nothing in particular.
///
/// # Errors
/// When a field is not as it must be.
pub fn resend(request: &Request) -> Result<Resend, ApiError> {
    if request.body.is_empty() {
        return Ok(Resend::default());
    }
    let body = request.json()?;
    let pages = match body.text("pages", "pages")? {
        None | Some("all") => ResentPages::All,
        Some("unsent") => ResentPages::Unsent,
        Some(_) => return Err(ApiError::invalid("pages must be all or unsent.").param("pages")),
    };
    Ok(Resend { to: body.parsed("to", "to")?, from: body.parsed("from", "from")?, pages })
}

/// When a fax is to be sent.
///
/// # Errors
/// When `send_at` is missing, no time, or not within the time that schedules may be ahead.
pub fn send_at(request: &Request) -> Result<SendAt, ApiError> {
    let text = request.json()?.required_text("send_at", "send_at")?.to_owned();
    SendAt::parse(&text, request.now).map_err(|e| ApiError::invalid(format!("send_at {e}.")).param("send_at"))
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
    let is_broken = content.bytes().any(|byte| byte.is_ascii_whitespace());
    let compact = if is_broken { content.split_ascii_whitespace().collect::<String>().into() } else { Cow::Borrowed(content) };
    if compact.len() / 4 * 3 > LARGEST_INLINE + 2 {
        return Err(too_large());
    }
    let bytes = BASE64.decode(compact.as_bytes()).map_err(|_| ApiError::invalid("document.content is not valid base64.").param(PARAM))?;
    if bytes.len() > LARGEST_INLINE {
        return Err(too_large());
    }
    Ok(Document::Inline { bytes, declared: declared.to_owned() })
}
