//! `DELETE /v1/contacts/{id}`, scope `contacts:write`: deletes one contact.

use sfm_core::id::ContactId;
use sfm_core::scope::Scope;
use sfm_service::contacts::ContactService;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct DeleteContact {
    auth: KeyAuth,
    contacts: ContactService,
}

impl Endpoint for DeleteContact {
    const ROUTE: &'static str = "DELETE /v1/contacts/{id}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, contacts: ContactService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::ContactsWrite).await?;
        let id: ContactId = request.path_id()?;
        if !self.contacts.delete(&who, id).await? {
            return Err(ApiError::not_found());
        }
        Response::deleted("contact", id)
    }
}
