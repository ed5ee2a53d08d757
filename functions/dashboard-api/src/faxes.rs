//! `…/faxes`: the list, with the filters of the API, one fax, its document, and its deletion.

use std::time::Duration;

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::ApiTime;
use sfm_core::fax::Fax;
use sfm_core::http::membership::Visitor;
use sfm_core::http::{ListBody, Problem, Request, Response};
use sfm_core::id::FaxId;
use sfm_core::store::faxes::{FaxFilter, FaxKey};
use sfm_core::store::lists::List;

use crate::{DashboardApi, path_id};

/// Long enough to open a document, too short to be worth passing on.
const LINK_SECONDS: u64 = 300;

impl DashboardApi {
    pub(crate) async fn list_faxes(&self, visitor: &Visitor, request: &Request) -> Result<Response, Problem> {
        let page = request.page()?;
        let account = visitor.account;
        if let Some(filter) = FaxFilter::of(request)? {
            let (faxes, has_more) = self.faxes.list_filtered(account, &filter, page).await?;
            let data = faxes.iter().map(|fax| fax.resource()).collect();
            return Response::json(StatusCode::OK, &ListBody::filtered(data, page, has_more));
        }
        let start = self.lists.find(List::Faxes, account, page).await?;
        let faxes = match start.first {
            Some(first) => self.faxes.list_from(account, first, page.limit).await?,
            None => Vec::new(),
        };
        let data = faxes.iter().map(|fax| fax.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::new(data, page, start.total))
    }

    pub(crate) async fn fax(&self, visitor: &Visitor, id: &str) -> Result<Response, Problem> {
        Response::json(StatusCode::OK, &self.find_fax(visitor, path_id(id)?).await?.resource())
    }

    pub(crate) async fn delete_fax(&self, visitor: &Visitor, request: &Request, id: &str) -> Result<Response, Problem> {
        visitor.owners_only()?;
        let id: FaxId = path_id(id)?;
        let key = FaxKey { account_id: visitor.account, fax_id: id };
        if !self.removal.delete(key, &visitor.actor(), request.now).await? {
            return Err(Problem::not_found());
        }
        Response::json(StatusCode::OK, &json!({"id": id, "object": "fax", "deleted": true}))
    }

    /// A link to the document. Who asked for it is written down first.
    pub(crate) async fn document(&self, visitor: &Visitor, request: &Request, id: &str) -> Result<Response, Problem> {
        let fax = self.find_fax(visitor, path_id(id)?).await?;
        let key = fax.document_key();
        if !self.documents.exists(&key).await? {
            return Err(Problem::document_expired());
        }
        let entry = AuditEntry::new(visitor.account, &visitor.actor(), Action::FaxViewed, fax.id, request.now);
        self.audit.record(&entry).await?;
        let link = self.documents.link(&key, Duration::from_secs(LINK_SECONDS)).await?;
        let expires_at = ApiTime::from(request.now + SignedDuration::from_secs(LINK_SECONDS as i64));
        Response::json(StatusCode::OK, &json!({"url": link.expose(), "expires_at": expires_at}))
    }

    async fn find_fax(&self, visitor: &Visitor, id: FaxId) -> Result<Fax, Problem> {
        self.faxes.get(visitor.account, id).await?.filter(|fax| fax.deleted_at.is_none()).ok_or_else(Problem::not_found)
    }
}
