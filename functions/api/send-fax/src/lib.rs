//! `POST /v1/faxes`, scope `faxes:send`: accepts a fax, as [`Sending`] does for the dashboard too.

use sfm_core::scope::Scope;
use sfm_store::platform::{ConfigError, Platform};
use sfm_submission::{Admission, Deadline, Sending};
use sfm_web::{Endpoint, Problem, Request, Response};

#[derive(Debug)]
pub struct SendFax(Sending);

impl Endpoint for SendFax {
    const ROUTE: &'static str = "POST /v1/faxes";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Sending::new(platform).map(Self)
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let deadline = Deadline::start();
        match self.0.door.admit(request, Scope::FaxesSend, Self::ROUTE, "sends").await? {
            Admission::Replay(response) => Ok(response),
            Admission::New(admitted) => admitted.told(self.0.send(request, &admitted, deadline).await),
        }
    }
}
