//! S3: `s3s` on a directory.
//!
//! An object is written beside its place and renamed into it; its content type and metadata follow in a second file. A process
//! that dies between the two has acknowledged nothing, but leaves the new bytes with the old metadata or none.

use std::path::Path;
use std::sync::Arc;

use http::{Request, Uri};
use hyper::body::Incoming;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{HttpError, HttpResponse, S3Result, s3_error};
use s3s_fs::FileSystem;
use sfm_core::clock::Clock;

use super::EndpointError;
use super::request::{header, query};

/// How far ahead of the server's time AWS lets a link be dated.
const SKEW: SignedDuration = SignedDuration::from_mins(15);
/// The longest life of a link.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) struct S3(S3Service);

impl S3 {
    pub(super) fn open(dir: &Path, clock: Clock, secret: String) -> Result<Self, EndpointError> {
        let files = FileSystem::new(dir).map_err(|error| EndpointError::Objects(format!("{error:?}").into()))?;
        let mut config = S3Config::default();
        // It compares with the system's time; the stack's may be days ahead. `Links` compares with the stack's.
        config.presigned_url_max_skew_time_secs = u32::MAX;
        let mut service = S3ServiceBuilder::new(files);
        service.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        service.set_auth(OneSecret(secret.into()));
        service.set_access(Links(clock));
        Ok(Self(service.build()))
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        self.0.call(request.map(s3s::Body::from)).await
    }
}

struct OneSecret(SecretKey);

#[async_trait::async_trait]
impl S3Auth for OneSecret {
    async fn get_secret_key(&self, _access_key: &str) -> S3Result<SecretKey> {
        Ok(self.0.clone())
    }
}

/// Lets in whoever signed, with links as long as they live on the stack's clock. The signature itself is checked by then.
struct Links(Clock);

#[async_trait::async_trait]
impl S3Access for Links {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        if cx.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let uri = cx.uri();
        if header(cx.headers(), "authorization").starts_with("AWS ") || query(uri, "AWSAccessKeyId").is_some() {
            return Err(s3_error!(
                InvalidRequest,
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
            ));
        }
        if query(uri, "X-Amz-Signature").is_none() {
            return Ok(());
        }
        let Some((signed_at, life)) = link(uri) else {
            return Err(s3_error!(AuthorizationQueryParametersError));
        };
        let age = self.0.now().duration_since(signed_at);
        if age > life {
            return Err(s3_error!(AccessDenied, "Request has expired"));
        }
        if age < -SKEW {
            return Err(s3_error!(AccessDenied, "Request is not valid yet"));
        }
        Ok(())
    }
}

/// When a link was signed and how long it lives.
fn link(uri: &Uri) -> Option<(Timestamp, SignedDuration)> {
    let signed_at = DateTime::strptime("%Y%m%dT%H%M%SZ", query(uri, "X-Amz-Date")?).ok()?;
    let signed_at = Offset::UTC.to_timestamp(signed_at).ok()?;
    let life = SignedDuration::from_secs(query(uri, "X-Amz-Expires")?.parse().ok()?);
    (SignedDuration::ZERO..=WEEK).contains(&life).then_some((signed_at, life))
}
