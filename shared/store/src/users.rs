//! The Cognito user pool in which the dashboard's users sign in. An operator invites them.
//!
//! Two calls of a service that nothing else calls: they are signed with the SDK's own signer, so that the whole client of Cognito need not be built.

use std::time::SystemTime;

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use http::Method;
use serde_json::{Value, json};
use sfm_core::member::Email;
use sfm_http_client::{Client, Tls, request};
use url::Url;

use crate::platform::{ConfigError, Platform};

const SERVICE: &str = "cognito-idp";
/// Bytes of an answer that are read.
const LONGEST_ANSWER: usize = 64 * 1024;

#[derive(Debug)]
pub struct Users {
    pool: String,
    region: String,
    url: Url,
    credentials: SharedCredentialsProvider,
    http: Client,
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invitation {
    /// Cognito sent an address and a first password, which holds for seven days unless the pool says otherwise.
    Sent,
    /// Somebody who has signed in, or was invited before: nothing was sent.
    Known,
}

/// Why the user pool did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UserPoolError {
    /// It may have done it all the same.
    #[error("The user pool does not answer: {0}")]
    Unavailable(String),
    #[error("The user pool refuses: {code} {message}")]
    Refused { code: String, message: String },
    #[error("The call of the user pool could not be made: {0}")]
    Unmade(String),
}

impl Users {
    /// None where the stack has no user pool of its own: `USER_POOL_ID` is not set.
    ///
    /// # Errors
    /// When region or credentials are missing, or TLS cannot be made ready.
    pub fn new(platform: &Platform) -> Result<Option<Self>, ConfigError> {
        let Ok(pool) = platform.var("USER_POOL_ID") else { return Ok(None) };
        let wrong = |name: &str, reason: String| ConfigError { name: name.into(), reason };
        let missing = |name: &'static str| move || wrong(name, "is not set".into());
        let region = platform.region().ok_or_else(missing("AWS_REGION"))?;
        // https://docs.aws.amazon.com/general/latest/gr/cognito_identity.html
        let url = platform.endpoint_url().map_or_else(|| format!("https://{SERVICE}.{region}.amazonaws.com/"), str::to_owned);
        let url = url.parse().map_err(|e: url::ParseError| wrong("AWS_ENDPOINT_URL", e.to_string()))?;
        let credentials = platform.credentials().ok_or_else(missing("AWS_ACCESS_KEY_ID"))?;
        let tls = Tls::new().map_err(|e| wrong("TLS", e.to_string()))?;
        Ok(Some(Self { pool, region, url, credentials, http: Client::new(tls.config().clone()) }))
    }

    /// Makes a user whose address counts as verified, since the invitation goes there; the dashboard believes no other. With `again` somebody who has
    /// not signed in yet gets a new invitation, as the first password ends. It may be repeated: nobody is made twice.
    ///
    /// # Errors
    /// [`UserPoolError`], with Cognito's words when it refuses.
    pub async fn invite(&self, email: &Email, again: bool) -> Result<Invitation, UserPoolError> {
        let mut user = json!({
            "UserPoolId": self.pool,
            "Username": email,
            "UserAttributes": [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
            "DesiredDeliveryMediums": ["EMAIL"],
        });
        if again {
            user["MessageAction"] = "RESEND".into();
        }
        match self.call("AdminCreateUser", &user).await {
            Ok(()) => Ok(Invitation::Sent),
            // Who was made by other means may be one whom the dashboard does not believe.
            Err(UserPoolError::Refused { code, .. }) if code == "UsernameExistsException" => {
                let verified = json!([{"Name": "email_verified", "Value": "true"}]);
                let verify = json!({"UserPoolId": self.pool, "Username": email, "UserAttributes": verified});
                self.call("AdminUpdateUserAttributes", &verify).await?;
                Ok(Invitation::Known)
            }
            Err(other) => Err(other),
        }
    }

    async fn call(&self, operation: &str, body: &Value) -> Result<(), UserPoolError> {
        let body = body.to_string();
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let credentials = self.credentials.provide_credentials().await.map_err(|e| unmade(&e))?.into();
        let signing = SigningParams::builder().identity(&credentials).region(&self.region).name(SERVICE).time(SystemTime::now());
        let signing = signing.settings(SigningSettings::default()).build().map_err(|e| unmade(&e))?.into();
        let signable = SignableRequest::new("POST", self.url.as_str(), headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let (signature, _) = sign(signable.map_err(|e| unmade(&e))?, &signing).map_err(|e| unmade(&e))?.into_parts();
        let mut call = request(Method::POST, &self.url);
        for (name, value) in headers.into_iter().chain(signature.headers()) {
            call = call.header(name, value);
        }
        let mut answer = self.http.send(call, body).await.map_err(|e| unavailable(&e))?;
        let told = answer.body(LONGEST_ANSWER).await.map_err(|e| unavailable(&e))?;
        if answer.status.is_success() {
            return Ok(());
        }
        if answer.status.is_server_error() {
            return Err(UserPoolError::Unavailable(answer.status.to_string()));
        }
        let told: Value = serde_json::from_slice(&told).unwrap_or_default();
        // A namespace may stand before it: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
        let code = told["__type"].as_str().and_then(|code| code.rsplit('#').next()).unwrap_or_default();
        Err(UserPoolError::Refused { code: code.into(), message: told["message"].as_str().unwrap_or_default().into() })
    }
}

fn unavailable(error: &dyn std::error::Error) -> UserPoolError {
    UserPoolError::Unavailable(error.to_string())
}

fn unmade(error: &dyn std::error::Error) -> UserPoolError {
    UserPoolError::Unmade(error.to_string())
}
