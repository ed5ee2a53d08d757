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
use s3s::{HttpError, HttpResponse, S3 as _, S3Error, S3Request, S3Response, S3Result, dto, s3_error};
use s3s_fs::FileSystem;
use sfm_core::clock::Clock;

use super::EndpointError;
use super::lifecycle::{Lifecycle, LifecycleRule};
use super::request::{header, query};

/// How far ahead of the server's time AWS lets a link be dated.
const SKEW: SignedDuration = SignedDuration::from_mins(15);
/// The longest life of a link.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) struct S3 {
    service: S3Service,
    lifecycle: Lifecycle,
}

impl S3 {
    pub(super) fn open(dir: &Path, clock: Clock, secret: String, rules: Vec<LifecycleRule>) -> Result<Self, EndpointError> {
        let lifecycle = Lifecycle::new(dir, clock.clone(), rules);
        let files = FileSystem::new(dir).map_err(|error| EndpointError::Objects(format!("{error:?}").into()))?;
        let mut config = S3Config::default();
        // It compares with the system's time; the stack's may be days ahead. `Links` compares with the stack's.
        config.presigned_url_max_skew_time_secs = u32::MAX;
        let mut service = S3ServiceBuilder::new(Objects { files, lifecycle: lifecycle.clone() });
        service.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        service.set_auth(OneSecret(secret.into()));
        service.set_access(Links(clock));
        Ok(Self { service: service.build(), lifecycle })
    }

    /// What removes old objects.
    pub(super) fn lifecycle(&self) -> Lifecycle {
        self.lifecycle.clone()
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        self.service.call(request.map(s3s::Body::from)).await
    }
}

/// The operations that the product and its tests use. A copy is whole or not there, as S3's is: `s3s-fs` writes it over the object that
/// another may be reading.
#[derive(Debug)]
struct Objects {
    files: FileSystem,
    lifecycle: Lifecycle,
}

impl Objects {
    async fn put(&self, request: S3Request<dto::PutObjectInput>) -> S3Result<S3Response<dto::PutObjectOutput>> {
        let writing = self.lifecycle.write(&request.input.bucket, &request.input.key);
        let put = self.files.put_object(request).await?;
        writing.done().map_err(S3Error::internal_error)?;
        Ok(put)
    }
}

#[async_trait::async_trait]
impl s3s::S3 for Objects {
    async fn copy_object(&self, request: S3Request<dto::CopyObjectInput>) -> S3Result<S3Response<dto::CopyObjectOutput>> {
        let dto::CopySource::Bucket { bucket, key, .. } = &request.input.copy_source else { return Err(s3_error!(NotImplemented)) };
        if request.input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() != dto::MetadataDirective::COPY) {
            return Err(s3_error!(NotImplemented));
        }
        let source = dto::GetObjectInput { bucket: bucket.to_string(), key: key.to_string(), ..dto::GetObjectInput::default() };
        let (to_bucket, to_key) = (request.input.bucket.clone(), request.input.key.clone());
        let got = self.files.get_object(of(&request, source)).await?.output;
        let put = dto::PutObjectInput {
            bucket: to_bucket,
            key: to_key,
            body: got.body,
            content_length: got.content_length,
            content_type: got.content_type,
            metadata: got.metadata,
            ..dto::PutObjectInput::default()
        };
        let put = self.put(of(&request, put)).await?.output;
        let copied = dto::CopyObjectResult { e_tag: put.e_tag, ..dto::CopyObjectResult::default() };
        Ok(S3Response::new(dto::CopyObjectOutput { copy_object_result: Some(copied), ..dto::CopyObjectOutput::default() }))
    }

    async fn create_bucket(&self, request: S3Request<dto::CreateBucketInput>) -> S3Result<S3Response<dto::CreateBucketOutput>> {
        self.files.create_bucket(request).await
    }

    async fn head_bucket(&self, request: S3Request<dto::HeadBucketInput>) -> S3Result<S3Response<dto::HeadBucketOutput>> {
        self.files.head_bucket(request).await
    }

    async fn list_buckets(&self, request: S3Request<dto::ListBucketsInput>) -> S3Result<S3Response<dto::ListBucketsOutput>> {
        self.files.list_buckets(request).await
    }

    async fn get_object(&self, request: S3Request<dto::GetObjectInput>) -> S3Result<S3Response<dto::GetObjectOutput>> {
        self.files.get_object(request).await
    }

    async fn head_object(&self, request: S3Request<dto::HeadObjectInput>) -> S3Result<S3Response<dto::HeadObjectOutput>> {
        self.files.head_object(request).await
    }

    async fn put_object(&self, request: S3Request<dto::PutObjectInput>) -> S3Result<S3Response<dto::PutObjectOutput>> {
        self.put(request).await
    }

    async fn delete_object(&self, request: S3Request<dto::DeleteObjectInput>) -> S3Result<S3Response<dto::DeleteObjectOutput>> {
        self.files.delete_object(request).await
    }

    async fn delete_objects(&self, request: S3Request<dto::DeleteObjectsInput>) -> S3Result<S3Response<dto::DeleteObjectsOutput>> {
        self.files.delete_objects(request).await
    }

    async fn list_objects_v2(&self, request: S3Request<dto::ListObjectsV2Input>) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        self.files.list_objects_v2(request).await
    }
}

/// A request that stands behind another one.
fn of<T, U>(request: &S3Request<U>, input: T) -> S3Request<T> {
    S3Request {
        input,
        method: request.method.clone(),
        uri: request.uri.clone(),
        headers: http::HeaderMap::new(),
        extensions: http::Extensions::new(),
        credentials: request.credentials.clone(),
        region: request.region.clone(),
        service: request.service.clone(),
        trailing_headers: None,
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
