//! Parses `POST /v2/faxes`.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::error::ApiError;
use super::id::Id;
use super::types::{Direction, E164, Fax, Link, Quality};

const LONGEST_DISPLAY_NAME: usize = 128;

/// The body as it comes. Options that change nothing here (`monochrome`, `t38_enabled`, …) are accepted and ignored.
#[derive(Deserialize)]
struct Body {
    connection_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    media_url: Option<String>,
    media_name: Option<String>,
    quality: Option<Quality>,
    #[serde(default)]
    store_media: bool,
    from_display_name: Option<String>,
    client_state: Option<String>,
    webhook_url: Option<String>,
}

/// The fax, and the request for the log: without the link to the document, which is a key to it and part of the fax already.
pub(crate) fn parse(body: &[u8], now: Timestamp) -> Result<(Fax, Value), ApiError> {
    let mut request: Value = serde_json::from_slice(body).map_err(|_| ApiError::unreadable())?;
    let body: Body = Body::deserialize(&request).map_err(|error| ApiError::invalid("", &error.to_string()))?;
    let connection_id = body.connection_id.filter(|id| !id.is_empty()).ok_or_else(|| ApiError::missing("connection_id"))?;
    let from = number("from", body.from)?;
    let to = number("to", body.to)?;
    let media_url = match (body.media_url, body.media_name) {
        (Some(url), None) => link("media_url", url)?,
        (Some(_), Some(_)) => return Err(ApiError::invalid("media_name", "media_url and media_name cannot be submitted together.")),
        (None, Some(_)) => return Err(ApiError::invalid("media_name", "This carrier stores no media: submit media_url instead.")),
        (None, None) => return Err(ApiError::missing("media_url")),
    };
    let webhook_url = body.webhook_url.map(|url| link("webhook_url", url)).transpose()?;
    if body.from_display_name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_DISPLAY_NAME) {
        return Err(ApiError::invalid("from_display_name", "At most 128 characters."));
    }
    if let Some(members) = request.as_object_mut() {
        members.remove("media_url");
    }
    let fax = Fax {
        id: Id::fresh(),
        direction: Direction::Outbound,
        connection_id,
        from,
        to,
        media_url: Some(media_url),
        quality: body.quality.unwrap_or_default(),
        store_media: body.store_media,
        from_display_name: body.from_display_name,
        client_state: body.client_state,
        webhook_url,
        partial: false,
        created_at: now,
    };
    Ok((fax, request))
}

fn number(field: &str, value: Option<String>) -> Result<E164, ApiError> {
    let text = value.ok_or_else(|| ApiError::missing(field))?;
    E164::try_from(text).map_err(|_| ApiError::not_e164(field))
}

fn link(field: &str, text: String) -> Result<Link, ApiError> {
    Link::parse(text).ok_or_else(|| ApiError::invalid_url(field))
}
