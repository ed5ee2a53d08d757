//! `POST /v1/faxes/{id}/cancel`, scope `faxes:send`: cancels a fax that is not final. 202 where its carrier is asked to stop it.

use http::StatusCode;
use sfm_carriers::chosen::can_stop;
use sfm_core::fax::FaxStatus;
use sfm_core::scope::Scope;
use sfm_service::faxes::FaxCancellation;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct CancelFax {
    auth: KeyAuth,
    cancellation: FaxCancellation,
}

impl Endpoint for CancelFax {
    const ROUTE: &'static str = "POST /v1/faxes/{id}/cancel";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, cancellation: FaxCancellation::new(platform, can_stop(platform)?)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize(request, Scope::FaxesSend).await?;
        let fax = self.cancellation.cancel(&who, request.path_id()?).await?;
        let status = if fax.status == FaxStatus::Canceled { StatusCode::OK } else { StatusCode::ACCEPTED };
        Response::json(status, &fax.resource())
    }
}
