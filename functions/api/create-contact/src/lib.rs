//! `POST /v1/contacts`, scope `contacts:write`: adds a contact. A number is in an address book once.

use http::StatusCode;
use sfm_core::scope::Scope;
use sfm_service::contacts::ContactService;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::contact::new_contact;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct CreateContact {
    auth: KeyAuth,
    contacts: ContactService,
}

impl Endpoint for CreateContact {
    const ROUTE: &'static str = "POST /v1/contacts";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, contacts: ContactService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::ContactsWrite).await?;
        let contact = self.contacts.create(&who, new_contact(request)?).await?;
        Response::json(StatusCode::CREATED, &contact.resource())
    }
}
