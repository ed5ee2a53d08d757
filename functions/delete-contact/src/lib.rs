//! `DELETE /v1/contacts/{id}`, scope `contacts:write`: deletes one contact.

use http::StatusCode;
use serde_json::json;
use sfm_core::http::auth::Authenticator;
use sfm_core::http::{Endpoint, Problem, Request, Response};
use sfm_core::id::ContactId;
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::scope::Scope;
use sfm_core::store::contacts::Contacts;

#[derive(Debug)]
pub struct DeleteContact {
    auth: Authenticator,
    contacts: Contacts,
}

impl Endpoint for DeleteContact {
    const ROUTE: &'static str = "DELETE /v1/contacts/{id}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(platform)?, contacts: Contacts::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let caller = self.auth.authorize(request, Scope::ContactsWrite).await?;
        let id: ContactId = request.path_id()?;
        if !self.contacts.delete(caller.account, id, None).await? {
            return Err(Problem::not_found());
        }
        Response::json(StatusCode::OK, &json!({"id": id, "object": "contact", "deleted": true}))
    }
}
