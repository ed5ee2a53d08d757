//! `…/contacts`, `…/numbers` and `…/scheduled`: what the account keeps.

use http::StatusCode;
use serde_json::json;
use sfm_core::audit::{Action, AuditEntry};
use sfm_core::contact::{Contact, Name};
use sfm_core::http::membership::Visitor;
use sfm_core::http::{ListBody, Problem, Request, Response};
use sfm_core::id::{ContactId, ScheduledId};
use sfm_core::list::Head;
use sfm_core::phone::E164;
use sfm_core::scheduled::Status;
use sfm_core::store::lists::List;

use crate::{DashboardApi, path_id};

impl DashboardApi {
    pub(crate) async fn list_contacts(&self, visitor: &Visitor, request: &Request) -> Result<Response, Problem> {
        let page = request.page()?;
        let start = self.lists.find(List::Contacts, visitor.account, page).await?;
        let contacts = match start.first {
            Some(first) => self.contacts.list_from(visitor.account, first, page.limit).await?,
            None => Vec::new(),
        };
        let data = contacts.iter().map(|contact| contact.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::new(data, page, start.total))
    }

    pub(crate) async fn create_contact(&self, visitor: &Visitor, request: &Request) -> Result<Response, Problem> {
        let body = request.json()?;
        let name: Name = body.required("name", "name")?;
        let fax_number: E164 = body.required("fax_number", "fax_number")?;
        let company: Option<Name> = body.parsed("company", "company")?;
        let id = ContactId::generate(request.now);
        let draft = |place: Head| Contact {
            account_id: visitor.account,
            id,
            seq: place.last,
            name: name.clone(),
            fax_number: fax_number.clone(),
            company: company.clone(),
            created_at: place.last_at,
        };
        let entry = AuditEntry::new(visitor.account, &visitor.actor(), Action::ContactCreated, id, request.now);
        let contact = self.contacts.create(visitor.account, request.now, draft, Some(self.audit.write(&entry)?)).await?;
        Response::json(StatusCode::CREATED, &contact.resource())
    }

    pub(crate) async fn delete_contact(&self, visitor: &Visitor, request: &Request, id: &str) -> Result<Response, Problem> {
        let id: ContactId = path_id(id)?;
        let entry = AuditEntry::new(visitor.account, &visitor.actor(), Action::ContactDeleted, id, request.now);
        if !self.contacts.delete(visitor.account, id, Some(self.audit.write(&entry)?)).await? {
            return Err(Problem::not_found());
        }
        Response::json(StatusCode::OK, &json!({"id": id, "object": "contact", "deleted": true}))
    }

    pub(crate) async fn list_numbers(&self, visitor: &Visitor, request: &Request) -> Result<Response, Problem> {
        let page = request.page()?;
        let oldest_first = self.numbers.active(visitor.account).await?;
        let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let data = oldest_first.iter().rev().skip(skip).take(page.limit as usize).map(|number| number.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::new(data, page, oldest_first.len() as u64))
    }

    pub(crate) async fn list_scheduled(&self, visitor: &Visitor, request: &Request) -> Result<Response, Problem> {
        let page = request.page()?;
        let start = self.lists.find(List::Scheduled, visitor.account, page).await?;
        let scheduled = match start.first {
            Some(first) => self.scheduled.list_from(visitor.account, first, page.limit).await?,
            None => Vec::new(),
        };
        let data = scheduled.iter().map(|fax| fax.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::new(data, page, start.total))
    }

    pub(crate) async fn scheduled(&self, visitor: &Visitor, id: &str) -> Result<Response, Problem> {
        let fax = self.scheduled.get(visitor.account, path_id(id)?).await?.ok_or_else(Problem::not_found)?;
        Response::json(StatusCode::OK, &fax.resource())
    }

    pub(crate) async fn cancel_scheduled(&self, visitor: &Visitor, request: &Request, id: &str) -> Result<Response, Problem> {
        let id: ScheduledId = path_id(id)?;
        let fax = self.scheduled.get(visitor.account, id).await?.ok_or_else(Problem::not_found)?;
        if fax.status == Status::Pending {
            let entry = AuditEntry::new(visitor.account, &visitor.actor(), Action::ScheduledCanceled, id, request.now);
            self.audit.record(&entry).await?;
        }
        let canceled = self.scheduled.cancel(visitor.account, id, request.id).await?;
        // It will never be sent: nobody needs its document any more.
        self.documents.discard(&canceled.document_key()).await;
        Response::json(StatusCode::OK, &canceled.resource())
    }
}
