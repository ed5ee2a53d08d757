//! `PATCH /v1/contacts/{id}`, scope `contacts:write`: changes what the request names of a contact.

use http::StatusCode;
use sfm_core::scope::Scope;
use sfm_service::contacts::ContactService;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::contact::contact_change;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct UpdateContact {
    auth: KeyAuth,
    contacts: ContactService,
}

impl Endpoint for UpdateContact {
    const ROUTE: &'static str = "PATCH /v1/contacts/{id}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, contacts: ContactService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::ContactsWrite).await?;
        let change = contact_change(request)?;
        let contact = self.contacts.update(&who, request.path_id()?, change).await?;
        Response::json(StatusCode::OK, &contact.resource())
    }
}
