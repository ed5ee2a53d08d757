//! The documents bucket: fax-ready PDFs, encrypted by the bucket's default, reached from outside only by links that expire.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use crate::StoreError;
use crate::platform::{ConfigError, Platform};
use crate::sdk_error;
use sfm_core::clock::Clock;
use sfm_core::secret::Secret;
use sfm_core::upload::UploadSize;

#[derive(Debug, Clone, thiserror::Error)]
#[error("the document store did not answer: {0}")]
pub struct DocumentStoreError(String);

impl DocumentStoreError {
    fn new<E: ProvideErrorMetadata + std::error::Error + 'static, R>(error: SdkError<E, R>) -> Self {
        Self(sdk_error::summary(&error))
    }
}

#[derive(Debug, Clone)]
pub struct Documents {
    client: Client,
    bucket: String,
    clock: Clock,
}

/// Why there is no link to a document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentLinkError {
    #[error("there is no such fax")]
    NotFound,
    /// Its retention is over.
    #[error("the document is no longer kept")]
    Expired,
    #[error(transparent)]
    Documents(#[from] DocumentStoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Documents {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { client: platform.s3(), bucket: platform.var("DOCUMENTS_BUCKET")?, clock: platform.clock() })
    }

    pub async fn put(&self, key: &str, pdf: impl Into<Bytes>) -> Result<(), DocumentStoreError> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type("application/pdf")
            .body(ByteStream::from(pdf.into()))
            .send()
            .await
            .map(|_| ())
            .map_err(DocumentStoreError::new)
    }

    /// Stores a file that a browser saves under `name`.
    pub async fn put_file(&self, key: &str, content: impl Into<Bytes>, content_type: &str, name: &str) -> Result<(), DocumentStoreError> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        let put = put.content_disposition(format!("attachment; filename=\"{name}\"")).body(ByteStream::from(content.into()));
        put.send().await.map(|_| ()).map_err(DocumentStoreError::new)
    }

    /// Copies a document within the bucket. False when there is none.
    pub async fn copy(&self, from: &str, to: &str) -> Result<bool, DocumentStoreError> {
        let copied = self.client.copy_object().bucket(&self.bucket).copy_source(format!("{}/{from}", self.bucket)).key(to).send().await;
        match copied {
            Ok(_) => Ok(true),
            Err(e) if e.code() == Some("NoSuchKey") => Ok(false),
            Err(e) => Err(DocumentStoreError::new(e)),
        }
    }

    /// Removes a document. One that is not there is no error.
    pub async fn remove(&self, key: &str) -> Result<(), DocumentStoreError> {
        let removed = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        removed.map(|_| ()).map_err(DocumentStoreError::new)
    }

    /// Removes a document that nothing refers to. What this misses the bucket's lifecycle removes.
    pub async fn discard(&self, key: &str) {
        if let Err(e) = self.remove(key).await {
            tracing::warn!(error = %e, "a document that nothing refers to stays until it expires");
        }
    }

    pub async fn exists(&self, key: &str) -> Result<bool, DocumentStoreError> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(_) => Ok(true),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(false),
            Err(e) => Err(DocumentStoreError::new(e)),
        }
    }

    /// A document whole, with the type that it was stored with. None when it is gone.
    pub async fn get_typed(&self, key: &str) -> Result<Option<(Bytes, Option<String>)>, DocumentStoreError> {
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(found) => {
                let content_type = found.content_type;
                Ok(Some((found.body.collect().await.map_err(|e| DocumentStoreError(e.to_string()))?.into_bytes(), content_type)))
            }
            Err(e) if e.code() == Some("NoSuchKey") => Ok(None),
            Err(e) => Err(DocumentStoreError::new(e)),
        }
    }

    /// A document whole. None when it is gone.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, DocumentStoreError> {
        Ok(self.get_typed(key).await?.map(|(bytes, _)| bytes))
    }

    /// A link that lets its holder put an object of exactly `size` bytes, with exactly this type if there is one, until `valid_for` has passed.
    pub async fn upload_link(
        &self,
        key: &str,
        size: UploadSize,
        content_type: Option<&str>,
        valid_for: Duration,
    ) -> Result<Secret, DocumentStoreError> {
        let size = i64::try_from(size.bytes()).map_err(|e| DocumentStoreError(e.to_string()))?;
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_length(size);
        let request = put.set_content_type(content_type.map(str::to_owned)).presigned(self.signing(valid_for)?).await;
        request.map(|r| Secret::new(r.uri())).map_err(DocumentStoreError::new)
    }

    /// A link that lets its holder read the object until `valid_for` has passed.
    pub async fn link(&self, key: &str, valid_for: Duration) -> Result<Secret, DocumentStoreError> {
        let request = self.client.get_object().bucket(&self.bucket).key(key).presigned(self.signing(valid_for)?).await;
        request.map(|r| Secret::new(r.uri())).map_err(DocumentStoreError::new)
    }

    fn signing(&self, valid_for: Duration) -> Result<PresigningConfig, DocumentStoreError> {
        PresigningConfig::builder()
            .start_time(SystemTime::try_from(self.clock.now()).unwrap_or_else(|_| SystemTime::now()))
            .expires_in(valid_for)
            .build()
            .map_err(|e| DocumentStoreError(e.to_string()))
    }
}
