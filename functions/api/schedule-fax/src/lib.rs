//! `POST /v1/scheduled`, scope `scheduled:write`: accepts a fax to be sent later, as [`Planning`] does for the dashboard too.

use sfm_core::scope::Scope;
use sfm_store::platform::{ConfigError, Platform};
use sfm_submission::{Admission, Deadline, Planning};
use sfm_web::{Endpoint, Problem, Request, Response};

#[derive(Debug)]
pub struct ScheduleFax(Planning);

impl Endpoint for ScheduleFax {
    const ROUTE: &'static str = "POST /v1/scheduled";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Planning::new(platform).map(Self)
    }

    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let deadline = Deadline::start();
        match self.0.door.admit(request, Scope::ScheduledWrite, Self::ROUTE, "schedules").await? {
            Admission::Replay(response) => Ok(response),
            Admission::New(admitted) => admitted.told(self.0.schedule(request, &admitted, deadline).await),
        }
    }
}
