//! `POST /v1/uploads`, scope `faxes:send` or `scheduled:write`: a link by which a document is uploaded, to be sent as part of a fax.

use http::{HeaderValue, StatusCode, header};
use sfm_core::scope::Scope;
use sfm_service::uploads::UploadService;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::auth::KeyAuth;
use sfm_web::new_fax::new_upload;
use sfm_web::{ApiError, Endpoint, Request, Response};

#[derive(Debug)]
pub struct CreateUpload {
    auth: KeyAuth,
    uploads: UploadService,
}

impl Endpoint for CreateUpload {
    const ROUTE: &'static str = "POST /v1/uploads";

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { auth: KeyAuth::new(platform)?, uploads: UploadService::new(platform)? })
    }

    async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let who = self.auth.authorize_any(request, &[Scope::FaxesSend, Scope::ScheduledWrite]).await?;
        let (size, content_type) = new_upload(request)?;
        let upload = self.uploads.create(&who, size, content_type).await?;
        let answer = Response::json(StatusCode::CREATED, &upload.resource())?;
        Ok(answer.with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
    }
}
