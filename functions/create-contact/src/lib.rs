//! `POST /v1/contacts`, scope `contacts:write`: adds a contact. A number is in an address book once.

use http::StatusCode;
use sfm_core::contact::NewContact;
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, Problem, Request, Response};
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_service::contacts::ContactService;

#[derive(Debug)]
pub struct CreateContact {
    auth: Authenticator,
    contacts: ContactService,
}

impl Endpoint for CreateContact {
    const ROUTE: &'static str = "POST /v1/contacts";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, contacts: ContactService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let who = self.auth.authorize(request, Scope::ContactsWrite).await?;
        let contact = self.contacts.create(&who, NewContact::of(request)?).await?;
        Response::json(StatusCode::CREATED, &contact.resource())
    }
}
