//! `…/webhooks/{id}/deliveries`, `…/events` and `…/deliveries`: what was told, and how that went.

use http::StatusCode;
use serde_json::Value;
use sfm_core::http::membership::Visitor;
use sfm_core::http::{ListBody, Problem, Request, Response};
use sfm_core::store::deliveries::DeliveryKey;

use crate::webhooks::problem;
use crate::{DashboardApi, before, path_id, whole_list};

impl DashboardApi {
    /// Newest first; `before` is the id of the last one seen.
    pub(crate) async fn list_deliveries(&self, visitor: &Visitor, request: &Request, endpoint: &str) -> Result<Response, Problem> {
        self.api_plan(visitor).await?;
        let (page, before) = (request.page()?, before(request)?);
        let endpoint = self.desk.get(visitor.account, path_id(endpoint)?).await.map_err(problem)?;
        let (found, has_more) = self.desk.deliveries(visitor.account, endpoint.id, before, page.limit).await.map_err(problem)?;
        let data = found.iter().map(|delivery| delivery.resource()).collect();
        Response::json(StatusCode::OK, &ListBody::filtered(data, page, has_more))
    }

    pub(crate) async fn list_events(&self, visitor: &Visitor, request: &Request) -> Result<Response, Problem> {
        self.api_plan(visitor).await?;
        let (page, before) = (request.page()?, before(request)?);
        // One more than is shown tells whether there are more.
        let shown = page.limit as usize;
        let mut found = self.desk.events(visitor.account, before, shown + 1).await.map_err(problem)?;
        let has_more = found.len() > shown;
        found.truncate(shown);
        let bodies = found.iter().filter_map(|event| event.body()).map(|body| serde_json::from_str(&body));
        let data = bodies.collect::<Result<Vec<Value>, _>>().map_err(Problem::internal)?;
        Response::json(StatusCode::OK, &ListBody::filtered(data, page, has_more))
    }

    pub(crate) async fn deliveries_of_event(&self, visitor: &Visitor, event: &str) -> Result<Response, Problem> {
        self.api_plan(visitor).await?;
        let found = self.desk.deliveries_of_event(visitor.account, path_id(event)?).await.map_err(problem)?;
        whole_list(found.iter().map(|delivery| delivery.resource()).collect())
    }

    pub(crate) async fn redeliver(&self, visitor: &Visitor, delivery: &str) -> Result<Response, Problem> {
        self.owner_with_api(visitor).await?;
        let key = DeliveryKey { account_id: visitor.account, id: path_id(delivery)? };
        let delivery = self.desk.redeliver(key, &visitor.actor()).await.map_err(problem)?;
        Response::json(StatusCode::ACCEPTED, &delivery.resource())
    }
}
