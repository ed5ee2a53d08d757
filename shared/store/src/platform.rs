//! What a function stands on: the SDK's configuration, its environment variables, the clock, and what resolves names.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;

use sfm_core::clock::Clock;
use sfm_http_client::ssrf::{Names, SafeHttp, SystemResolver};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// One call of one client, its own retries not included.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);
/// A call with its retries: less than the 25 s that a send may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// An environment variable that a function needs is missing or makes no sense. Every `new` that takes a [`Platform`] may fail with it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("environment variable {name}: {reason}")]
pub struct ConfigError {
    pub name: String,
    pub reason: String,
}

#[derive(Debug, Clone)]
pub struct Platform {
    sdk: SdkConfig,
    vars: HashMap<String, String>,
    clock: Clock,
    names: Arc<dyn Names>,
}

/// One connector for all SDK clients of a process, made with the first of them: the roots of the system, which take a few milliseconds to read, are read
/// once. By itself the SDK reads them for each of its clients to try it out, and again for the first request.
#[derive(Debug)]
struct OneConnector {
    tls: TlsContext,
    made: OnceLock<SharedHttpConnector>,
}

impl OneConnector {
    fn connector(&self) -> SharedHttpConnector {
        let make = || {
            let connector = Connector::builder()
                .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build())
                .sleep_impl(TokioSleep::new())
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .tls_context(self.tls.clone());
            SharedHttpConnector::new(connector.build())
        };
        self.made.get_or_init(make).clone()
    }
}

impl HttpClient for OneConnector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.connector()
    }

    /// The SDK calls it for each client that is made.
    fn validate_base_client_config(&self, _: &RuntimeComponentsBuilder, _: &ConfigBag) -> Result<(), BoxError> {
        self.connector();
        Ok(())
    }
}

fn http_client(roots: TrustStore) -> SharedHttpClient {
    // Only a certificate that is none fails here.
    #[allow(clippy::expect_used)]
    let tls = TlsContext::builder().with_trust_store(roots).build().expect("a trust store without certificates of its own");
    SharedHttpClient::new(OneConnector { tls, made: OnceLock::new() })
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build()
}

fn sdk_config(region: String, credentials: SharedCredentialsProvider, roots: TrustStore) -> aws_types::sdk_config::Builder {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client(roots))
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .region(Region::new(region))
        .credentials_provider(credentials)
}

impl Platform {
    /// The platform of a Lambda function, whose environment has region and credentials. Nothing else is looked for: so the SDK's
    /// other ways to credentials (profiles, instance metadata, STS) are not linked.
    ///
    /// # Errors
    /// When `AWS_REGION` is not set.
    pub fn from_env() -> Result<Self, ConfigError> {
        let vars = std::env::vars().collect();
        let mut platform = Self { sdk: SdkConfig::builder().build(), vars, clock: Clock::default(), names: Arc::new(SystemResolver) };
        let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
        let mut sdk = sdk_config(platform.var("AWS_REGION")?, credentials, TrustStore::default());
        sdk.set_endpoint_url(platform.var("AWS_ENDPOINT_URL").ok());
        platform.sdk = sdk.build();
        Ok(platform)
    }

    /// The platform of an operator's shell: whatever the AWS command line would find.
    pub async fn of_operator() -> Self {
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(TrustStore::default()))
            .timeout_config(timeouts())
            .retry_config(RetryConfig::standard())
            .load()
            .await;
        Self { sdk, vars: std::env::vars().collect(), clock: Clock::default(), names: Arc::new(SystemResolver) }
    }

    /// A platform in a process that hosts many: own variables, one emulated endpoint, and `name` as the access key id, by which
    /// the endpoint tells callers apart.
    pub fn local(name: &str, endpoint: &str, secret: &str, region: &str, vars: HashMap<String, String>, clock: Clock) -> Self {
        let credentials = SharedCredentialsProvider::new(Credentials::new(name, secret, None, None, "local stack"));
        // The endpoint is not behind TLS.
        let sdk = sdk_config(region.to_owned(), credentials, TrustStore::empty()).endpoint_url(endpoint).build();
        Self { sdk, vars, clock, names: Arc::new(SystemResolver) }
    }

    pub fn var(&self, name: &str) -> Result<String, ConfigError> {
        let value = self.vars.get(name).filter(|value| !value.trim().is_empty());
        value.cloned().ok_or_else(|| ConfigError { name: name.into(), reason: "is not set".into() })
    }

    /// The same with another resolver for the hosts that customers name: a test's, whose answers change.
    pub fn with_names(self, names: Arc<dyn Names>) -> Self {
        Self { names, ..self }
    }

    /// Connects to customers' URLs. `ALLOW_LOOPBACK=true`, which the template never sets, lets loopback addresses through.
    ///
    /// # Errors
    /// When the system has no roots that a certificate could be held against.
    pub fn guard(&self) -> Result<SafeHttp, ConfigError> {
        let allow_loopback = self.var("ALLOW_LOOPBACK").is_ok_and(|value| value == "true");
        SafeHttp::new(self.names.clone(), allow_loopback).map_err(|e| ConfigError { name: "TLS".into(), reason: e.to_string() })
    }

    pub(crate) fn region(&self) -> Option<String> {
        self.sdk.region().map(ToString::to_string)
    }

    pub(crate) fn endpoint_url(&self) -> Option<&str> {
        self.sdk.endpoint_url()
    }

    pub(crate) fn credentials(&self) -> Option<SharedCredentialsProvider> {
        self.sdk.credentials_provider()
    }

    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.sdk)
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk)
    }

    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.sdk)
    }

    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.sdk)
    }

    pub fn s3(&self) -> aws_sdk_s3::Client {
        // An endpoint of one's own has no host name per bucket.
        let path_style = self.sdk.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&self.sdk)
            .force_path_style(path_style)
            .request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(aws_sdk_s3::config::ResponseChecksumValidation::WhenRequired)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }
}
