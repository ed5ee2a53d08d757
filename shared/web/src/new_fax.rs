//! A fax as a body asks for it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use sfm_core::metadata::{BadMetadata, Metadata};
use sfm_core::scheduled::SendAt;
use sfm_core::submission::{Content, CoverText, MOST_PARTS, NewFax, PageFormat, Part, Resend, ResentPages, Source};
use sfm_core::upload::{MediaTypeText, UploadSize, WrongSize};

use crate::body::Object;
use crate::{ApiError, Request};

/// Lambda takes 6 MB of request, base64 and all. What is inline in several parts counts together.
const LARGEST_INLINE: usize = 4_000_000;
/// Of a cover, in characters.
const LONGEST_LINE: usize = 200;
const LONGEST_MESSAGE: usize = 4000;
/// Characters of a key that an error repeats.
const LONGEST_NAMED: usize = 40;
/// Standard base64, padded or not.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// # Errors
/// When a field is missing, or not as the API reference says.
pub fn new_fax(request: &Request) -> Result<NewFax, ApiError> {
    let body = request.json()?;
    let to = body.required("to", "to")?;
    let from = body.parsed("from", "from")?;
    let content = content(&body)?;
    let resolution = body.parsed("resolution", "resolution")?.unwrap_or_default();
    let paper = body.parsed("paper", "paper")?;
    let cover = body.object("cover", "cover")?.map(|fields| cover(&fields)).transpose()?;
    let confirm_to = body.parsed("confirm_to", "confirm_to")?;
    let reference = body.parsed("reference", "reference")?;
    let metadata = body.object("metadata", "metadata")?.map(|pairs| metadata(&pairs)).transpose()?.unwrap_or_default();
    Ok(NewFax {
        to,
        from,
        content,
        format: PageFormat { resolution, paper },
        cover,
        confirm_to,
        reference,
        metadata,
        trace: request.trace(),
    })
}

fn metadata(pairs: &Object<'_>) -> Result<Metadata, ApiError> {
    let mut metadata = Metadata::default();
    for (key, value) in pairs.iter() {
        let short: String = key.chars().filter(|c| !c.is_control()).take(LONGEST_NAMED).collect();
        let param = format!("metadata.{short}");
        let text = value.as_str().ok_or_else(|| ApiError::invalid(format!("{param} must be a string.")).param(param.clone()))?;
        metadata.insert(key, text).map_err(|e| match e {
            BadMetadata::Value => ApiError::invalid(format!("{param} {e}.")).param(param.clone()),
            BadMetadata::Key | BadMetadata::TooMany => ApiError::invalid(format!("metadata {e}.")).param("metadata"),
        })?;
    }
    Ok(metadata)
}

/// How a fax is to be sent again. A request without a body asks for nothing in particular.
///
/// # Errors
/// When a field is not as it must be.
pub fn resend(request: &Request) -> Result<Resend, ApiError> {
    if request.body.is_empty() {
        return Ok(Resend { trace: request.trace(), ..Resend::default() });
    }
    let body = request.json()?;
    let pages = match body.text("pages", "pages")? {
        None | Some("all") => ResentPages::All,
        Some("unsent") => ResentPages::Unsent,
        Some(_) => return Err(ApiError::invalid("pages must be all or unsent.").param("pages")),
    };
    Ok(Resend {
        to: body.parsed("to", "to")?,
        from: body.parsed("from", "from")?,
        confirm_to: body.parsed("confirm_to", "confirm_to")?,
        pages,
        trace: request.trace(),
    })
}

/// When a fax is to be sent.
///
/// # Errors
/// When `send_at` is missing, no time, or not within the time that schedules may be ahead.
pub fn send_at(request: &Request) -> Result<SendAt, ApiError> {
    let text = request.json()?.required_text("send_at", "send_at")?.to_owned();
    SendAt::parse(&text, request.now).map_err(|e| ApiError::invalid(format!("send_at {e}.")).param("send_at"))
}

fn cover(fields: &Object<'_>) -> Result<CoverText, ApiError> {
    let text = |name: &str, longest: usize| {
        let param = format!("cover.{name}");
        let text = fields.text(name, param.clone())?.map(str::trim).filter(|text| !text.is_empty());
        match text {
            Some(text) if text.chars().count() > longest => {
                Err(ApiError::invalid(format!("{param} may have at most {longest} characters.")).param(param))
            }
            text => Ok(text.map(str::to_owned)),
        }
    };
    let lines = |text: String| text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
    let confidential = match fields.get("confidential") {
        None => false,
        Some(Value::Bool(confidential)) => *confidential,
        Some(_) => return Err(ApiError::invalid("cover.confidential must be true or false.").param("cover.confidential")),
    };
    Ok(CoverText {
        to_name: text("to_name", LONGEST_LINE)?,
        from_name: text("from_name", LONGEST_LINE)?,
        company: text("company", LONGEST_LINE)?,
        subject: text("subject", LONGEST_LINE)?,
        message: text("message", LONGEST_MESSAGE)?.map(lines),
        confidential,
    })
}

fn content(body: &Object<'_>) -> Result<Content, ApiError> {
    let document = body.object("document", "document")?;
    let url = body.text("document_url", "document_url")?;
    let parts = body.get("documents");
    let too_many = |param: &'static str| {
        let message = "Send one of document, document_url and documents, not several of them.";
        Err(ApiError::invalid(message).param(param))
    };
    match (document, url, parts) {
        (Some(document), None, None) => Ok(Content::single(inline(&document, "document", LARGEST_INLINE)?, "document.content")),
        (None, Some(url), None) => Ok(Content::single(Source::Link(url.to_owned()), "document_url")),
        (None, None, Some(parts)) => several(parts),
        (Some(_), Some(_), None) => Err(ApiError::invalid("Send either document or document_url, not both.").param("document_url")),
        (_, _, Some(_)) => too_many("documents"),
        (None, None, None) => {
            let message = "A document is required: document with content and content_type, or document_url.";
            Err(ApiError::invalid(message).param("document"))
        }
    }
}

fn several(parts: &Value) -> Result<Content, ApiError> {
    let wrong = || ApiError::invalid(format!("documents must be a list of 1 to {MOST_PARTS} documents.")).param("documents");
    let parts = parts.as_array().filter(|parts| (1..=MOST_PARTS).contains(&parts.len())).ok_or_else(wrong)?;
    let mut left = LARGEST_INLINE;
    let mut all = Vec::with_capacity(parts.len());
    for (number, part) in parts.iter().enumerate() {
        let part = one_of_several(part, &format!("documents[{number}]"), left)?;
        if let Source::Inline { bytes, .. } = &part.source {
            left -= bytes.len();
        }
        all.push(part);
    }
    Content::new(all).ok_or_else(wrong)
}

/// What is to be uploaded: how many bytes, of which type.
///
/// # Errors
/// When the size is missing or too large, or the type is none.
pub fn new_upload(request: &Request) -> Result<(UploadSize, Option<MediaTypeText>), ApiError> {
    let body = request.json()?;
    let size = body.get("size").ok_or_else(|| ApiError::invalid("size is required: the bytes that will be uploaded.").param("size"))?;
    // To a JSON schema `4.0` is a whole number too.
    let whole = size.as_u64().or_else(|| size.as_f64().filter(|size| size.fract() == 0.0 && *size >= 0.0).map(|size| size as u64));
    let size = whole.ok_or(WrongSize).and_then(UploadSize::new);
    let size = size.map_err(|e| ApiError::invalid(format!("size {e}.")).param("size"))?;
    Ok((size, body.parsed("content_type", "content_type")?))
}

/// `left` bytes may still be inline.
fn one_of_several(part: &Value, path: &str, left: usize) -> Result<Part, ApiError> {
    const KINDS: [&str; 4] = ["content", "url", "upload_id", "fax_id"];
    let part = Object::of(part, path.to_owned())?;
    let given: Vec<&str> = KINDS.into_iter().filter(|kind| part.get(kind).is_some()).collect();
    let [kind] = given.as_slice() else {
        let message = format!("{path} must have exactly one of content (with content_type), url, upload_id and fax_id.");
        return Err(ApiError::invalid(message).param(path.to_owned()));
    };
    let field = format!("{path}.{kind}");
    let source = match *kind {
        "content" => inline(&part, path, left)?,
        "url" => Source::Link(part.required_text("url", field.clone())?.to_owned()),
        "upload_id" => {
            let unknown = || {
                let message = format!("{field} is no id of an upload. POST /v1/uploads makes one.");
                ApiError::invalid(message).code("document_unreachable").param(field.clone())
            };
            Source::Upload(part.required_text("upload_id", field.clone())?.parse().map_err(|_| unknown())?)
        }
        _ => {
            let unknown =
                || ApiError::invalid(format!("{field} names no fax of this account.")).code("document_unreachable").param(field.clone());
            Source::Fax(part.required_text("fax_id", field.clone())?.parse().map_err(|_| unknown())?)
        }
    };
    Ok(Part { source, field: field.into() })
}

/// `left` bytes may still be inline.
fn inline(document: &Object<'_>, path: &str, left: usize) -> Result<Source, ApiError> {
    let param = || Cow::Owned(format!("{path}.content"));
    let content = document.required_text("content", param())?;
    let type_param = format!("{path}.content_type");
    let declared = document.text("content_type", type_param.clone())?.filter(|text| !text.trim().is_empty());
    let declared = declared.ok_or_else(|| ApiError::invalid(format!("{type_param} is required.")).param(type_param))?;
    let too_large = || {
        let message = if left == LARGEST_INLINE {
            "The document is larger than 4 MB. Send larger ones, up to 20 MB, by document_url."
        } else {
            "With this one the documents in the request are larger than 4 MB together. Send larger ones as uploads (POST /v1/uploads), up to 50 MB each, or by url, up to 20 MB each."
        };
        ApiError::invalid(message).code("document_too_large").param(param())
    };
    // Line breaks, as base64 tools make them, mean nothing.
    let is_broken = content.bytes().any(|byte| byte.is_ascii_whitespace());
    let compact = if is_broken { content.split_ascii_whitespace().collect::<String>().into() } else { Cow::Borrowed(content) };
    if compact.len() / 4 * 3 > left + 2 {
        return Err(too_large());
    }
    let broken = |_| ApiError::invalid(format!("{path}.content is not valid base64.")).param(param());
    let bytes = BASE64.decode(compact.as_bytes()).map_err(broken)?;
    if bytes.len() > left {
        return Err(too_large());
    }
    Ok(Source::Inline { bytes, declared: declared.to_owned() })
}
