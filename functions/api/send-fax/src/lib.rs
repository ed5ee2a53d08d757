//! `POST /v1/faxes`, scope `faxes:send`: accepts a fax, as [`Sending`] does for the dashboard too.

use sfm_core::scope::Scope;
use sfm_store::platform::{ConfigError, Platform};
use sfm_submission::{Deadline, Precheck, Sending};
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct SendFax(Sending);

impl Endpoint for SendFax {
    const ROUTE: &'static str = "POST /v1/faxes";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Sending::new(platform).map(Self)
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let deadline = Deadline::start();
        match self.0.door.admit(request, Scope::FaxesSend, Self::ROUTE, "sends").await? {
            Precheck::Replay(response) => Ok(response),
            Precheck::New(admitted) => admitted.told(self.0.send(request, &admitted, deadline).await),
        }
    }
}
