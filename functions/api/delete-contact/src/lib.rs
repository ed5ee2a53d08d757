//! `DELETE /v1/contacts/{id}`, scope `contacts:write`: deletes one contact.

use sfm_core::id::ContactId;
use sfm_core::scope::Scope;
use sfm_service::contacts::ContactService;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::Authenticator;
use sfm_web::{Endpoint, Problem, Request, Response};

#[derive(Debug)]
pub struct DeleteContact {
    auth: Authenticator,
    contacts: ContactService,
}

impl Endpoint for DeleteContact {
    const ROUTE: &'static str = "DELETE /v1/contacts/{id}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, contacts: ContactService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let who = self.auth.authorize(request, Scope::ContactsWrite).await?;
        let id: ContactId = request.path_id()?;
        if !self.contacts.delete(&who, id).await? {
            return Err(Problem::not_found());
        }
        Response::deleted("contact", id)
    }
}
