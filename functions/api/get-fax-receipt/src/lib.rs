//! `GET /v1/faxes/{id}/receipt`, scope `faxes:read`: the signed receipt of a fax that is final, as a PDF or as JSON.

mod page;

use fax_document::{FaxPage, read_fax_pdf};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use http::{HeaderValue, StatusCode};
use sfm_core::id::FaxId;
use sfm_core::scope::Scope;
use sfm_service::receipts::{IssuedReceipt, ReceiptIssuer};
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct GetFaxReceipt {
    auth: KeyAuth,
    issuer: ReceiptIssuer,
}

impl Endpoint for GetFaxReceipt {
    const ROUTE: &'static str = "GET /v1/faxes/{id}/receipt";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, issuer: ReceiptIssuer::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::FaxesRead).await?;
        let id: FaxId = request.path_id()?;
        let issued = self.issuer.issue(&who, id).await?;
        let json = issued.json().map_err(ApiError::internal)?;
        let answer = if wants_json(request.header("accept")?) {
            Response::json_text(StatusCode::OK, json)
        } else {
            let name = HeaderValue::from_str(&format!("inline; filename=\"receipt-{id}.pdf\"")).map_err(ApiError::internal)?;
            let pdf = page::pdf(&issued, &json, first_page(&issued).as_ref(), &issued.time_zone);
            Response::bytes("application/pdf", pdf).with_header(CONTENT_DISPOSITION, name)
        };
        Ok(answer.with_header(CACHE_CONTROL, HeaderValue::from_static("no-store")))
    }
}

/// Who names JSON and not PDF gets JSON; everybody else the page.
fn wants_json(accept: Option<&str>) -> bool {
    let named = |media_type: &str| {
        accept.is_some_and(|accept| accept.split(',').any(|range| range.split(';').next().unwrap_or_default().trim() == media_type))
    };
    named("application/json") && !named("application/pdf")
}

fn first_page(issued: &IssuedReceipt) -> Option<FaxPage> {
    read_fax_pdf(issued.document.as_ref()?).ok()?.into_iter().next()
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
