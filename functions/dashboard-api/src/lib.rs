//! `/dashboard/api/…`: what the dashboard's pages ask for. One file per group of routes; the gateway's authorizer has checked the
//! token, and who may see which account is asked of table `members` for every request.

mod account;
mod book;
mod deliveries;
mod faxes;
mod keys;
mod webhooks;

use http::StatusCode;
use serde::Serialize;
use sfm_core::documents::Documents;
use sfm_core::http::membership::{Doorkeeper, Visitor};
use sfm_core::http::{Endpoint, ListBody, Problem, Request, Response};
use sfm_core::list::Page;
use sfm_core::platform::{ConfigError, Platform};
use sfm_core::store::accounts::Accounts;
use sfm_core::store::audit::Audit;
use sfm_core::store::contacts::Contacts;
use sfm_core::store::faxes::{FaxRemoval, Faxes};
use sfm_core::store::key_uses::KeyUses;
use sfm_core::store::keyring::Keyring;
use sfm_core::store::lists::Lists;
use sfm_core::store::numbers::Numbers;
use sfm_core::store::scheduled::ScheduledFaxes;
use sfm_core::webhook::desk::WebhookDesk;

#[derive(Debug)]
pub struct DashboardApi {
    door: Doorkeeper,
    accounts: Accounts,
    audit: Audit,
    keyring: Keyring,
    key_uses: KeyUses,
    desk: WebhookDesk,
    lists: Lists,
    faxes: Faxes,
    removal: FaxRemoval,
    documents: Documents,
    contacts: Contacts,
    numbers: Numbers,
    scheduled: ScheduledFaxes,
}

impl Endpoint for DashboardApi {
    const ROUTE: &'static str = "/dashboard/api";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            door: Doorkeeper::new(platform)?,
            accounts: Accounts::new(platform)?,
            audit: Audit::new(platform)?,
            keyring: Keyring::new(platform)?,
            key_uses: KeyUses::new(platform)?,
            desk: WebhookDesk::new(platform)?,
            lists: Lists::new(platform)?,
            faxes: Faxes::new(platform)?,
            removal: FaxRemoval::new(platform)?,
            documents: Documents::new(platform)?,
            contacts: Contacts::new(platform)?,
            numbers: Numbers::new(platform)?,
            scheduled: ScheduledFaxes::new(platform)?,
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let path = request.path.strip_prefix("/dashboard/api/").ok_or_else(Problem::no_route)?;
        let segments: Vec<&str> = path.split('/').collect();
        match segments.as_slice() {
            ["session"] => self.session(request).await,
            ["accounts", account, rest @ ..] => {
                let visitor = self.door.admit(request, account).await?;
                self.of_account(&visitor, request, rest).await
            }
            _ => Err(Problem::no_route()),
        }
    }
}

impl DashboardApi {
    async fn of_account(&self, visitor: &Visitor, request: &Request, path: &[&str]) -> Result<Response, Problem> {
        match (request.method.as_str(), path) {
            ("GET", []) => self.account(visitor, request).await,
            ("GET", ["audit"]) => self.audit(visitor, request).await,
            ("GET", ["keys"]) => self.list_keys(visitor, request).await,
            ("POST", ["keys"]) => self.create_key(visitor, request).await,
            ("DELETE", ["keys", id]) => self.revoke_key(visitor, id).await,
            ("GET", ["webhooks"]) => self.list_webhooks(visitor).await,
            ("POST", ["webhooks"]) => self.create_webhook(visitor, request).await,
            ("GET", ["webhooks", id]) => self.webhook(visitor, id).await,
            ("PATCH", ["webhooks", id]) => self.change_webhook(visitor, request, id).await,
            ("DELETE", ["webhooks", id]) => self.delete_webhook(visitor, id).await,
            ("POST", ["webhooks", id, "rotate"]) => self.rotate_secret(visitor, id).await,
            ("POST", ["webhooks", id, "expire-old-secret"]) => self.expire_old_secret(visitor, id).await,
            ("POST", ["webhooks", id, "test"]) => self.test_webhook(visitor, id).await,
            ("POST", ["webhooks", id, "recover"]) => self.recover(visitor, request, id).await,
            ("GET", ["webhooks", id, "deliveries"]) => self.list_deliveries(visitor, request, id).await,
            ("GET", ["events"]) => self.list_events(visitor, request).await,
            ("GET", ["events", id, "deliveries"]) => self.deliveries_of_event(visitor, id).await,
            ("POST", ["deliveries", id, "redeliver"]) => self.redeliver(visitor, id).await,
            ("GET", ["faxes"]) => self.list_faxes(visitor, request).await,
            ("GET", ["faxes", id]) => self.fax(visitor, id).await,
            ("DELETE", ["faxes", id]) => self.delete_fax(visitor, request, id).await,
            ("GET", ["faxes", id, "document"]) => self.document(visitor, request, id).await,
            ("GET", ["contacts"]) => self.list_contacts(visitor, request).await,
            ("POST", ["contacts"]) => self.create_contact(visitor, request).await,
            ("DELETE", ["contacts", id]) => self.delete_contact(visitor, request, id).await,
            ("GET", ["numbers"]) => self.list_numbers(visitor, request).await,
            ("GET", ["scheduled"]) => self.list_scheduled(visitor, request).await,
            ("GET", ["scheduled", id]) => self.scheduled(visitor, id).await,
            ("DELETE", ["scheduled", id]) => self.cancel_scheduled(visitor, request, id).await,
            _ => Err(Problem::no_route()),
        }
    }

    /// Keys and webhooks are for the plans that have the API.
    async fn api_plan(&self, visitor: &Visitor) -> Result<(), Problem> {
        if self.load(visitor).await?.plan.includes_api() { Ok(()) } else { Err(Problem::plan_upgrade_required()) }
    }

    async fn owner_with_api(&self, visitor: &Visitor) -> Result<(), Problem> {
        visitor.owners_only()?;
        self.api_plan(visitor).await
    }
}

/// An id of the path. A malformed one names nothing.
fn path_id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// The id after which a list that is read backwards goes on.
fn before<T: std::str::FromStr>(request: &Request) -> Result<Option<T>, Problem> {
    let wrong = || Problem::invalid("before must be an id of this list.").param("before");
    request.query_param("before")?.map(|text| text.parse().map_err(|_| wrong())).transpose()
}

/// A list that is short enough to be shown whole.
fn whole_list<T: Serialize>(data: Vec<T>) -> Result<Response, Problem> {
    let total = data.len() as u64;
    let page = Page { limit: Page::MAX_LIMIT, page: 1 };
    Response::json(StatusCode::OK, &ListBody::new(data, page, total))
}
