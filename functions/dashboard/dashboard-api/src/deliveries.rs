//! `…/webhooks/{id}/deliveries`, `…/events` and `…/deliveries`: what was told, and how that went.

use http::StatusCode;
use serde_json::Value;
use sfm_core::principal::Principal;
use sfm_web::{ApiError, ListBody, Request, Response};

use crate::{DashboardApi, before, path_id, whole_list};

impl DashboardApi {
    /// Newest first; `before` is the id of the last one seen.
    pub(crate) async fn list_deliveries(&self, who: &Principal, request: &Request, endpoint: &str) -> Result<Response, ApiError> {
        self.api_plan(who).await?;
        let (page, before) = (request.page()?, before(request)?);
        let endpoint = self.webhooks.get(who.account(), path_id(endpoint)?).await?;
        let (found, has_more) = self.webhooks.deliveries(who.account(), endpoint.id, before, page.limit).await?;
        let data = found.iter().map(|delivery| delivery.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::filtered(data, page, has_more))
    }

    pub(crate) async fn list_events(&self, who: &Principal, request: &Request) -> Result<Response, ApiError> {
        self.api_plan(who).await?;
        let (page, before) = (request.page()?, before(request)?);
        // One more than is shown tells whether there are more.
        let shown = page.limit as usize;
        let mut found = self.webhooks.events(who.account(), before, shown + 1).await?;
        let has_more = found.len() > shown;
        found.truncate(shown);
        let bodies = found.iter().filter_map(|event| event.body()).map(|body| serde_json::from_str(&body));
        let data = bodies.collect::<Result<Vec<Value>, _>>().map_err(ApiError::internal)?;
        Response::json(StatusCode::OK, &ListBody::filtered(data, page, has_more))
    }

    pub(crate) async fn deliveries_of_event(&self, who: &Principal, event: &str) -> Result<Response, ApiError> {
        self.api_plan(who).await?;
        let found = self.webhooks.deliveries_of_event(who.account(), path_id(event)?).await?;
        whole_list(found.iter().map(|delivery| delivery.resource()).collect())
    }

    pub(crate) async fn redeliver(&self, who: &Principal, delivery: &str) -> Result<Response, ApiError> {
        self.owner_with_api(who).await?;
        let delivery = self.webhooks.redeliver(who, path_id(delivery)?).await?;
        Response::json(StatusCode::ACCEPTED, &delivery.resource())
    }
}
