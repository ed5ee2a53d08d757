//! `/dashboard/api/…`: what the dashboard's pages ask for. One file per group of routes; the gateway's authorizer has checked the
//! token, and who may see which account is asked of table `members` for every request.

mod account;
mod contacts;
mod deliveries;
mod faxes;
mod keys;
mod numbers;
mod scheduled;
mod webhooks;

use std::borrow::Cow;

use http::StatusCode;
use serde::Serialize;
use sfm_carriers::chosen::can_stop;
use sfm_core::list::Page;
use sfm_core::principal::Principal;
use sfm_service::api_keys::ApiKeyService;
use sfm_service::contacts::ContactService;
use sfm_service::deletion::FaxRemoval;
use sfm_service::export::FaxExport;
use sfm_service::faxes::{FaxCancellation, FaxDocuments, FaxReader};
use sfm_service::numbers::NumberService;
use sfm_service::scheduled::{Cancellation, ScheduledReader};
use sfm_service::uploads::UploadService;
use sfm_service::webhooks::WebhookService;
use sfm_store::accounts::Accounts;
use sfm_store::audit::Audit;
use sfm_store::faxes::Faxes;
use sfm_store::key_uses::KeyUses;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::membership::{MemberAuth, owners_only};
use sfm_web::{ApiError, Endpoint, ListBody, Request, Response};

#[derive(Debug)]
pub struct DashboardApi {
    members: MemberAuth,
    accounts: Accounts,
    audit: Audit,
    keys: ApiKeyService,
    key_uses: KeyUses,
    webhooks: WebhookService,
    usage: Faxes,
    faxes: FaxReader,
    removal: FaxRemoval,
    stop: FaxCancellation,
    export: FaxExport,
    uploads: UploadService,
    documents: FaxDocuments,
    contacts: ContactService,
    numbers: NumberService,
    scheduled: ScheduledReader,
    cancellation: Cancellation,
}

impl Endpoint for DashboardApi {
    const ROUTE: &'static str = "/dashboard/api";

    fn route(request: &Request) -> Cow<'static, str> {
        operation(request.method.as_str(), &request.path).into()
    }

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            members: MemberAuth::new(platform)?,
            accounts: Accounts::new(platform)?,
            audit: Audit::new(platform)?,
            keys: ApiKeyService::new(platform)?,
            key_uses: KeyUses::new(platform)?,
            webhooks: WebhookService::new(platform)?,
            usage: Faxes::new(platform)?,
            faxes: FaxReader::new(platform)?,
            removal: FaxRemoval::new(platform)?,
            stop: FaxCancellation::new(platform, can_stop(platform)?)?,
            export: FaxExport::new(platform)?,
            uploads: UploadService::new(platform)?,
            documents: FaxDocuments::new(platform)?,
            contacts: ContactService::new(platform)?,
            numbers: NumberService::new(platform)?,
            scheduled: ScheduledReader::new(platform)?,
            cancellation: Cancellation::new(platform)?,
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let path = request.path.strip_prefix("/dashboard/api/").ok_or_else(ApiError::no_route)?;
        let segments: Vec<&str> = path.split('/').collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["session"]) => self.session(request).await,
            (_, ["accounts", account, rest @ ..]) => {
                let who = self.members.admit(request, account).await?;
                self.of_account(&who, request, rest).await
            }
            _ => Err(ApiError::no_route()),
        }
    }
}

impl DashboardApi {
    async fn of_account(&self, who: &Principal, request: &Request, path: &[&str]) -> Result<Response, ApiError> {
        match (request.method.as_str(), path) {
            ("GET", []) => self.account(who, request).await,
            ("PATCH", []) => self.change_account(who, request).await,
            ("GET", ["audit"]) => self.audit(who, request).await,
            ("GET", ["keys"]) => self.list_keys(who, request).await,
            ("POST", ["keys"]) => self.create_key(who, request).await,
            ("DELETE", ["keys", id]) => self.revoke_key(who, id).await,
            ("GET", ["webhooks"]) => self.list_webhooks(who).await,
            ("POST", ["webhooks"]) => self.create_webhook(who, request).await,
            ("GET", ["webhooks", id]) => self.webhook(who, id).await,
            ("PATCH", ["webhooks", id]) => self.change_webhook(who, request, id).await,
            ("DELETE", ["webhooks", id]) => self.delete_webhook(who, id).await,
            ("POST", ["webhooks", id, "rotate"]) => self.rotate_secret(who, id).await,
            ("POST", ["webhooks", id, "expire-old-secret"]) => self.expire_old_secret(who, id).await,
            ("POST", ["webhooks", id, "test"]) => self.test_webhook(who, id).await,
            ("POST", ["webhooks", id, "recover"]) => self.recover(who, request, id).await,
            ("GET", ["webhooks", id, "deliveries"]) => self.list_deliveries(who, request, id).await,
            ("GET", ["events"]) => self.list_events(who, request).await,
            ("GET", ["events", id, "deliveries"]) => self.deliveries_of_event(who, id).await,
            ("POST", ["deliveries", id, "redeliver"]) => self.redeliver(who, id).await,
            ("GET", ["faxes"]) => self.list_faxes(who, request).await,
            ("GET", ["faxes", "export"]) => self.export(who, request).await,
            ("GET", ["faxes", id]) => self.fax(who, id).await,
            ("DELETE", ["faxes", id]) => self.delete_fax(who, request, id).await,
            ("GET", ["faxes", id, "document"]) => self.document(who, id).await,
            ("POST", ["faxes", id, "cancel"]) => self.cancel_fax(who, id).await,
            ("POST", ["uploads"]) => self.create_upload(who, request).await,
            ("GET", ["contacts"]) => self.list_contacts(who, request).await,
            ("POST", ["contacts"]) => self.create_contact(who, request).await,
            ("PATCH", ["contacts", id]) => self.update_contact(who, request, id).await,
            ("DELETE", ["contacts", id]) => self.delete_contact(who, id).await,
            ("GET", ["numbers"]) => self.list_numbers(who, request).await,
            ("GET", ["scheduled"]) => self.list_scheduled(who, request).await,
            ("GET", ["scheduled", id]) => self.scheduled(who, id).await,
            ("DELETE", ["scheduled", id]) => self.cancel_scheduled(who, request, id).await,
            _ => Err(ApiError::no_route()),
        }
    }

    /// Keys and webhooks are for the plans that have the API.
    async fn api_plan(&self, who: &Principal) -> Result<(), ApiError> {
        if self.load(who).await?.plan.includes_api() { Ok(()) } else { Err(ApiError::plan_upgrade_required()) }
    }

    async fn owner_with_api(&self, who: &Principal) -> Result<(), ApiError> {
        owners_only(who)?;
        self.api_plan(who).await
    }
}

/// The words that paths of the API are made of: `webhooks`, `expire-old-secret`.
fn is_word(part: &str) -> bool {
    part.len() <= 20 && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// A method and a path without what is no word of ours: what the log may tell.
fn operation(method: &str, path: &str) -> String {
    let parts = path.split('/').take(9).map(|part| if is_word(part) { part } else { "{id}" });
    format!("{method} {}", parts.collect::<Vec<_>>().join("/"))
}

/// An id of the path. A malformed one names nothing.
fn path_id<T: std::str::FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}

/// The id after which a list that is read backwards goes on.
fn before<T: std::str::FromStr>(request: &Request) -> Result<Option<T>, ApiError> {
    let wrong = || ApiError::invalid("before must be an id of this list.").param("before");
    request.query_param("before")?.map(|text| text.parse().map_err(|_| wrong())).transpose()
}

/// A list that is short enough to be shown whole.
fn whole_list<T: Serialize>(data: Vec<T>) -> Result<Response, ApiError> {
    let total = data.len() as u64;
    let page = Page { limit: Page::MAX_LIMIT, page: 1 };
    Response::json(StatusCode::OK, &ListBody::new(data, page, total))
}

#[cfg(test)]
mod tests {
    use super::operation;

    #[test]
    fn the_log_tells_the_operation_and_nothing_of_the_path_that_a_caller_chose() {
        for (path, told) in [
            ("/dashboard/api/session", "/dashboard/api/session"),
            ("/dashboard/api/accounts/acct_01ARZ3/webhooks/wh_01ARZ3/rotate", "/dashboard/api/accounts/{id}/webhooks/{id}/rotate"),
            ("/dashboard/api/accounts/+12025550111", "/dashboard/api/accounts/{id}"),
            ("/dashboard/api/a%0ab/aaaaaaaaaaaaaaaaaaaaa/1/2/3/4/5/6/7", "/dashboard/api/{id}/{id}/{id}/{id}/{id}/{id}"),
        ] {
            assert_eq!(operation("GET", path), format!("GET {told}"));
        }
    }
}
