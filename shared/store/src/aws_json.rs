//! Calls of services of which an operator's command needs one or two operations: they are signed with the SDK's own signer, so that no whole client of
//! the service need be built. The protocol is AWS JSON 1.1: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>

use std::time::SystemTime;

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use http::Method;
use serde_json::Value;
use sfm_http_client::{Client, Tls, request};
use url::Url;

use crate::platform::{ConfigError, Platform};

/// Bytes of an answer that are read: CloudWatch Logs answers with up to 1 MB.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Why a service did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// It may have done it all the same.
    #[error("{service} does not answer: {reason}")]
    Unavailable { service: &'static str, reason: String },
    #[error("{service} refuses: {code} {message}")]
    Refused { service: &'static str, code: String, message: String },
    #[error("{service} could not be called: {reason}")]
    Unmade { service: &'static str, reason: String },
}

#[derive(Debug)]
pub(crate) struct AwsJson {
    /// As signatures and host names spell it: `cognito-idp`.
    service: &'static str,
    /// What stands before the operation's name: `AWSCognitoIdentityProviderService`.
    target: &'static str,
    region: String,
    url: Url,
    credentials: SharedCredentialsProvider,
    http: Client,
}

impl AwsJson {
    /// # Errors
    /// When region or credentials are missing, or TLS cannot be made ready.
    pub(crate) fn new(platform: &Platform, service: &'static str, target: &'static str) -> Result<Self, ConfigError> {
        let wrong = |name: &str, reason: String| ConfigError { name: name.into(), reason };
        let missing = |name: &'static str| move || wrong(name, "is not set".into());
        let region = platform.region().ok_or_else(missing("AWS_REGION"))?;
        let url = platform.endpoint_url().map_or_else(|| format!("https://{service}.{region}.amazonaws.com/"), str::to_owned);
        let url = url.parse().map_err(|e: url::ParseError| wrong("AWS_ENDPOINT_URL", e.to_string()))?;
        let credentials = platform.credentials().ok_or_else(missing("AWS_ACCESS_KEY_ID"))?;
        let tls = Tls::new().map_err(|e| wrong("TLS", e.to_string()))?;
        Ok(Self { service, target, region, url, credentials, http: Client::new(tls.config().clone()) })
    }

    /// # Errors
    /// [`CallError`], with the service's words when it refuses.
    pub(crate) async fn call(&self, operation: &str, body: &Value) -> Result<Value, CallError> {
        let body = body.to_string();
        let target = format!("{}.{operation}", self.target);
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let credentials = self.credentials.provide_credentials().await.map_err(|e| self.unmade(&e))?.into();
        let signing = SigningParams::builder().identity(&credentials).region(&self.region).name(self.service).time(SystemTime::now());
        let signing = signing.settings(SigningSettings::default()).build().map_err(|e| self.unmade(&e))?.into();
        let signable = SignableRequest::new("POST", self.url.as_str(), headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let (signature, _) = sign(signable.map_err(|e| self.unmade(&e))?, &signing).map_err(|e| self.unmade(&e))?.into_parts();
        let mut call = request(Method::POST, &self.url);
        for (name, value) in headers.into_iter().chain(signature.headers()) {
            call = call.header(name, value);
        }
        let mut answer = self.http.send(call, body).await.map_err(|e| self.unavailable(e.text()))?;
        let told = answer.body(LONGEST_ANSWER).await.map_err(|e| self.unavailable(e.text()))?;
        if answer.status.is_server_error() {
            return Err(self.unavailable(answer.status.to_string()));
        }
        let told: Value = serde_json::from_slice(&told).unwrap_or_default();
        if answer.status.is_success() {
            return Ok(told);
        }
        // A namespace may stand before it.
        let code = told["__type"].as_str().and_then(|code| code.rsplit('#').next()).unwrap_or_default();
        let message = told["message"].as_str().unwrap_or_default();
        Err(CallError::Refused { service: self.service, code: code.into(), message: message.into() })
    }

    fn unavailable(&self, reason: String) -> CallError {
        CallError::Unavailable { service: self.service, reason }
    }

    fn unmade(&self, error: &dyn std::error::Error) -> CallError {
        CallError::Unmade { service: self.service, reason: error.to_string() }
    }
}
