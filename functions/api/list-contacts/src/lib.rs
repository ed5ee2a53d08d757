//! `GET /v1/contacts`, scope `contacts:read`: the account's address book, newest first.

use http::StatusCode;
use sfm_core::contact::Contact;
use sfm_core::scope::Scope;
use sfm_service::contacts::ContactService;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::contact::contact_query;
use sfm_web::{ApiError, Endpoint, ListBody, Request, Response};

#[derive(Debug)]
pub struct ListContacts {
    auth: KeyAuth,
    contacts: ContactService,
}

impl Endpoint for ListContacts {
    const ROUTE: &'static str = "GET /v1/contacts";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, contacts: ContactService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::ContactsRead).await?;
        let contacts = match contact_query(request)? {
            Some(query) => self.contacts.search(who.account(), &query, request.page()?).await?,
            None => self.contacts.list(who.account(), request.page()?).await?,
        };
        Response::json(StatusCode::OK, &ListBody::of(&contacts, Contact::resource))
    }
}
