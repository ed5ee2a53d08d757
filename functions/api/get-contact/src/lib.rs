//! `GET /v1/contacts/{id}`, scope `contacts:read`: one contact.

use http::StatusCode;
use sfm_core::scope::Scope;
use sfm_service::contacts::ContactService;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct GetContact {
    auth: KeyAuth,
    contacts: ContactService,
}

impl Endpoint for GetContact {
    const ROUTE: &'static str = "GET /v1/contacts/{id}";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, contacts: ContactService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::ContactsRead).await?;
        let contact = self.contacts.get(who.account(), request.path_id()?).await?.ok_or_else(ApiError::not_found)?;
        Response::json(StatusCode::OK, &contact.resource())
    }
}
