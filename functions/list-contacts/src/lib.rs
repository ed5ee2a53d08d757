//! `GET /v1/contacts`, scope `contacts:read`: the account's address book, newest first.

use http::StatusCode;
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, ListBody, Problem, Request, Response};
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::contacts::Contacts;
use sfm_core::store::lists::{List, Lists};

#[derive(Debug)]
pub struct ListContacts {
    auth: Authenticator,
    lists: Lists,
    contacts: Contacts,
}

impl Endpoint for ListContacts {
    const ROUTE: &'static str = "GET /v1/contacts";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, lists: Lists::new(platform)?, contacts: Contacts::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let caller = self.auth.authorize(request, Scope::ContactsRead).await?;
        let page = request.page()?;
        let start = self.lists.find(List::Contacts, caller.account, page).await?;
        let contacts = match start.first {
            Some(first) => self.contacts.list_from(caller.account, first, page.limit).await?,
            None => Vec::new(),
        };
        let data = contacts.iter().map(|contact| contact.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::new(data, page, start.total))
    }
}
