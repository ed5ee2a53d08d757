//! A receipt as it is answered.

use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use http::{HeaderValue, StatusCode};
use sfm_service::receipts::IssuedReceipt;

use crate::{ApiError, Request, Response};

/// The receipt as JSON for who asks for that, else as the page that `draw` makes of it and its JSON.
///
/// # Errors
/// When it cannot be written.
pub fn receipt(request: &Request, issued: &IssuedReceipt, draw: fn(&IssuedReceipt, &str) -> Vec<u8>) -> Result<Response, ApiError> {
    let json = issued.json().map_err(ApiError::internal)?;
    let answer = if wants_json(request.header("accept")?) {
        Response::json_text(StatusCode::OK, json)
    } else {
        let name = format!("inline; filename=\"receipt-{}.pdf\"", issued.receipt.fax_id);
        let name = HeaderValue::from_str(&name).map_err(ApiError::internal)?;
        Response::bytes("application/pdf", draw(issued, &json)).with_header(CONTENT_DISPOSITION, name)
    };
    Ok(answer.with_header(CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

/// Who names JSON and not PDF gets JSON; everybody else the page.
fn wants_json(accept: Option<&str>) -> bool {
    let named = |media_type: &str| {
        accept.is_some_and(|accept| accept.split(',').any(|range| range.split(';').next().unwrap_or_default().trim() == media_type))
    };
    named("application/json") && !named("application/pdf")
}

#[cfg(test)]
mod tests {
    use super::wants_json;

    #[test]
    fn json_is_for_who_asks_for_it() {
        for accept in ["application/json", "text/plain, application/json;q=0.9"] {
            assert!(wants_json(Some(accept)), "{accept}");
        }
        for accept in [None, Some("*/*"), Some("application/pdf"), Some("application/json, application/pdf")] {
            assert!(!wants_json(accept), "{accept:?}");
        }
    }
}
