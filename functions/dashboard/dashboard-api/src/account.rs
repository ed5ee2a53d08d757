//! `session`, `accounts/{account_id}` and its audit log.

use http::StatusCode;
use serde_json::json;
use sfm_core::account::Account;
use sfm_core::audit::Action;
use sfm_core::clock::ApiTime;
use sfm_core::month::Month;
use sfm_core::principal::Principal;
use sfm_web::account::account_settings;
use sfm_web::membership::owners_only;
use sfm_web::{ApiError, ListBody, Request, Response};

use crate::{DashboardApi, before};

impl DashboardApi {
    pub(crate) async fn session(&self, request: &Request) -> Result<Response, ApiError> {
        let mut accounts = Vec::new();
        for member in self.members.memberships(request).await? {
            if let Some(account) = self.accounts.get(member.account_id).await? {
                accounts.push(json!({"id": account.id, "name": account.name, "role": member.role}));
            }
        }
        let email = request.claims.get("email");
        Response::json(StatusCode::OK, &json!({"object": "session", "email": email, "accounts": accounts}))
    }

    pub(crate) async fn account(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        let account = self.usage.without_open(self.load(who).await?).await?;
        let month = Month::of(request.now);
        let body = json!({
            "object": "account",
            "id": account.id,
            "name": account.name,
            "role": who.role(),
            "plan": account.plan,
            "api_access": account.plan.includes_api(),
            "monthly_pages": account.page_limit(),
            "used_pages": account.used_in(month),
            "period_start": ApiTime::from(month.start()),
            "period_end": ApiTime::from(month.end()),
            "requires_baa": account.requires_baa,
            "baa_signed_at": account.baa_signed_at.map(ApiTime::from),
            "recipients": account.recipients,
            "header": account.settings.header,
            "header_name": account.settings.header_name,
            "station_id": account.settings.station_id,
            "time_zone": account.settings.time_zone,
            "paper": account.settings.paper,
        });
        Response::json(StatusCode::OK, &body)
    }

    pub(crate) async fn change_account(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        owners_only(who)?;
        let settings = account_settings(request)?;
        let audit = self.audit.of(who, Action::AccountUpdated, who.account(), request.now)?;
        if !self.accounts.change(who.account(), &settings, audit).await? {
            return Err(ApiError::not_found());
        }
        self.account(who, request).await
    }

    pub(crate) async fn audit(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        owners_only(who)?;
        let page = request.page()?;
        let before = before(request)?;
        // One more than is shown tells whether there are more.
        let mut entries = self.audit.list(who.account(), before, page.limit + 1).await?;
        let shown = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let has_more = entries.len() > shown;
        entries.truncate(shown);
        let data: Vec<_> = entries.iter().map(|entry| entry.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::filtered(data, page, has_more))
    }

    pub(crate) async fn load(&self, who: &Principal) -> Result<Account, ApiError> {
        self.accounts.get(who.account()).await?.ok_or_else(ApiError::not_found)
    }
}
