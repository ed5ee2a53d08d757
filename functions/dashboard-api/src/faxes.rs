//! `…/faxes`: the list, with the filters of the API, and one fax.

use http::StatusCode;
use sfm_core::http::membership::Visitor;
use sfm_core::http::{ListBody, Problem, Request, Response};
use sfm_core::store::faxes::FaxFilter;
use sfm_core::store::lists::List;

use crate::DashboardApi;

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
        let id = id.parse().map_err(|_| Problem::not_found())?;
        let fax = self.faxes.get(visitor.account, id).await?.filter(|fax| fax.deleted_at.is_none()).ok_or_else(Problem::not_found)?;
        Response::json(StatusCode::OK, &fax.resource())
    }
}
