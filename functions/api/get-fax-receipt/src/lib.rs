//! `GET /v1/faxes/{id}/receipt`, scope `faxes:read`: the signed receipt of a fax that is final, as a PDF or as JSON.

use sfm_core::scope::Scope;
use sfm_service::receipts::ReceiptIssuer;
use sfm_store::platform::{ConfigError, Platform};
use sfm_submission::receipt_page;
use sfm_web::auth::KeyAuth;
use sfm_web::receipt::receipt;
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
        let issued = self.issuer.issue(&who, request.path_id()?).await?;
        receipt(request, &issued, receipt_page)
    }
}
