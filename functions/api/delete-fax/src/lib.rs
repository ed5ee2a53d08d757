//! `DELETE /v1/faxes/{id}`, scope `faxes:delete`: deletes one fax with its document.

use sfm_core::id::FaxId;
use sfm_core::scope::Scope;
use sfm_service::deletion::FaxRemoval;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct DeleteFax {
    auth: KeyAuth,
    removal: FaxRemoval,
}

impl Endpoint for DeleteFax {
    const ROUTE: &'static str = "DELETE /v1/faxes/{id}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, removal: FaxRemoval::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::FaxesDelete).await?;
        let id: FaxId = request.path_id()?;
        if !self.removal.delete(&who, id, request.now).await? {
            return Err(ApiError::not_found());
        }
        Response::deleted("fax", id)
    }
}
