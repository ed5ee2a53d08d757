//! `POST /v1/scheduled`, scope `scheduled:write`: accepts a fax to be sent later, as [`ScheduleService`] does for the dashboard too.

use sfm_core::scope::Scope;
use sfm_store::platform::{ConfigError, Platform};
use sfm_submission::{Deadline, Precheck, ScheduleService};
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct ScheduleFax(ScheduleService);

impl Endpoint for ScheduleFax {
    const ROUTE: &'static str = "POST /v1/scheduled";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        ScheduleService::new(platform).map(Self)
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let deadline = Deadline::start();
        match self.0.door.admit(request, Scope::ScheduledWrite, Self::ROUTE, "schedules").await? {
            Precheck::Replay(response) => Ok(response),
            Precheck::New(admitted) => admitted.told(self.0.schedule(request, &admitted, deadline).await),
        }
    }
}
