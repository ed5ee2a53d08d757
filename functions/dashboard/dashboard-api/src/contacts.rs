//! `…/contacts`: the address book.

use http::StatusCode;
use sfm_core::contact::Contact;
use sfm_core::id::ContactId;
use sfm_core::principal::Principal;
use sfm_web::contact::{contact_change, contact_query, new_contact};
use sfm_web::{ApiError, ListBody, Request, Response};

use crate::{DashboardApi, path_id};

impl DashboardApi {
    pub(crate) async fn list_contacts(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        let contacts = match contact_query(request)? {
            Some(query) => self.contacts.search(who.account(), &query, request.page()?).await?,
            None => self.contacts.list(who.account(), request.page()?).await?,
        };
        Response::json(StatusCode::OK, &ListBody::of(&contacts, Contact::resource))
    }

    pub(crate) async fn create_contact(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        let contact = self.contacts.create(who, new_contact(request)?).await?;
        Response::json(StatusCode::CREATED, &contact.resource())
    }

    pub(crate) async fn update_contact(&self, who: &Principal, request: &Request, id: &str) -> Result<Response, ApiError> {
        let contact = self.contacts.update(who, path_id(id)?, contact_change(request)?).await?;
        Response::json(StatusCode::OK, &contact.resource())
    }

    pub(crate) async fn delete_contact(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        let id: ContactId = path_id(id)?;
        if !self.contacts.delete(who, id).await? {
            return Err(ApiError::not_found());
        }
        Response::deleted("contact", id)
    }
}
