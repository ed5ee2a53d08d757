//! Every request that no other function takes: 404 for an unknown route, 405 for a known one with another method.

use sfm_store::platform::{ConfigError, Platform};
use sfm_web::openapi;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct RejectRoute {
    routes: openapi::Routes,
}

impl Endpoint for RejectRoute {
    const ROUTE: &'static str = "$default";

    fn new(_: &Platform) -> Result<Self, ConfigError> {
        let routes = openapi::Routes::read().map_err(|e| ConfigError { name: "openapi.json".into(), reason: e.to_string() })?;
        Ok(Self { routes })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let methods = self.routes.methods(&request.path);
        if methods.is_empty() {
            return Err(ApiError::no_route());
        }
        Err(ApiError::method_not_allowed(&methods.join(", ")))
    }
}
