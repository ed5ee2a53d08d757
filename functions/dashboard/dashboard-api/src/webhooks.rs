//! `…/webhooks`: endpoints and what is done with them.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};
use sfm_core::clock::{ApiTime, parse_time};
use sfm_core::event::EventType;
use sfm_core::id::EndpointId;
use sfm_core::principal::Principal;
use sfm_core::webhook::{Endpoint, EndpointStatus};
use sfm_service::webhooks::Change;
use sfm_web::body::Object;
use sfm_web::{ApiError, Request, Response};

use crate::{DashboardApi, path_id, whole_list};

fn shown(endpoint: &Endpoint) -> Value {
    let mut value = json!(endpoint.resource());
    let old = endpoint.secrets.iter().filter_map(|secret| secret.until).max();
    value["old_secret_expires_at"] = json!(old.map(ApiTime::from));
    value
}

fn events(body: &Object<'_>) -> Result<Option<BTreeSet<EventType>>, ApiError> {
    let wrong = || {
        let message = "events must be a list of fax.delivered, fax.failed, fax.received, fax.canceled or scheduled.failed.";
        ApiError::invalid(message).param("events")
    };
    let Some(value) = body.get("events") else { return Ok(None) };
    if value.as_array().is_some_and(Vec::is_empty) {
        let message = "events must name at least one event. Leave it out for fax.delivered, fax.failed and fax.received.";
        return Err(ApiError::invalid(message).param("events"));
    }
    let types = value.as_array().ok_or_else(wrong)?.iter().map(|kind| EventType::for_endpoint(kind.as_str()?).ok());
    types.collect::<Option<_>>().map(Some).ok_or_else(wrong)
}

impl DashboardApi {
    pub(crate) async fn list_webhooks(&self, who: &Principal) -> Result<Response, ApiError> {
        self.api_plan(who).await?;
        let endpoints = self.webhooks.list(who.account()).await?;
        whole_list(endpoints.iter().rev().map(shown).collect())
    }

    pub(crate) async fn create_webhook(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        self.owner_with_api(who).await?;
        let body = request.json()?;
        let url = body.required_text("url", "url")?;
        let description = body.text("description", "description")?.filter(|text| !text.is_empty()).map(str::to_owned);
        let events = events(&body)?.unwrap_or_default();
        let (endpoint, secret) = self.webhooks.add(who, url, events, description).await?;
        let mut value = shown(&endpoint);
        value["secret"] = secret.expose().into();
        Response::json(StatusCode::CREATED, &value)
    }

    pub(crate) async fn webhook(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        self.api_plan(who).await?;
        Response::json(StatusCode::OK, &shown(&self.webhooks.get(who.account(), path_id(id)?).await?))
    }

    pub(crate) async fn change_webhook(&self, who: &Principal, request: &Request, id: &str) -> Result<Response, ApiError> {
        self.owner_with_api(who).await?;
        let id: EndpointId = path_id(id)?;
        let body = request.json()?;
        let status = match body.text("status", "status")? {
            None => None,
            Some("enabled") => Some(EndpointStatus::Enabled),
            Some("disabled") => Some(EndpointStatus::Disabled),
            Some(_) => return Err(ApiError::invalid("status must be enabled or disabled.").param("status")),
        };
        let change = Change {
            url: body.text("url", "url")?.map(str::to_owned),
            events: events(&body)?,
            description: body.text("description", "description")?.map(str::to_owned),
            status,
        };
        let endpoint = self.webhooks.update(who, id, change).await?;
        Response::json(StatusCode::OK, &shown(&endpoint))
    }

    pub(crate) async fn delete_webhook(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        self.owner_with_api(who).await?;
        let id: EndpointId = path_id(id)?;
        self.webhooks.delete(who, id).await?;
        Response::deleted("webhook_endpoint", id)
    }

    pub(crate) async fn rotate_secret(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        self.owner_with_api(who).await?;
        let (endpoint, secret) = self.webhooks.rotate(who, path_id(id)?, false).await?;
        let mut value = shown(&endpoint);
        value["secret"] = secret.expose().into();
        Response::json(StatusCode::OK, &value)
    }

    pub(crate) async fn expire_old_secret(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        self.owner_with_api(who).await?;
        let endpoint = self.webhooks.expire_old_secret(who, path_id(id)?).await?;
        Response::json(StatusCode::OK, &shown(&endpoint))
    }

    pub(crate) async fn test_webhook(&self, who: &Principal, id: &str) -> Result<Response, ApiError> {
        self.owner_with_api(who).await?;
        let delivery = self.webhooks.test(who, path_id(id)?).await?;
        Response::json(StatusCode::ACCEPTED, &delivery.resource())
    }

    pub(crate) async fn recover(&self, who: &Principal, request: &Request, id: &str) -> Result<Response, ApiError> {
        self.owner_with_api(who).await?;
        let body = request.json()?;
        let wrong = || ApiError::invalid("since must be a time in RFC 3339, such as 2026-07-01T17:00:00Z.").param("since");
        let since = parse_time(body.required_text("since", "since")?).ok_or_else(wrong)?;
        let recovery = self.webhooks.recover(who, path_id(id)?, since).await?;
        Response::json(StatusCode::OK, &recovery.resource())
    }
}
