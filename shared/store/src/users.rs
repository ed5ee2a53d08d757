//! The Cognito user pool in which the dashboard's users sign in. An operator invites them.

use serde_json::json;
use sfm_core::member::Email;

use crate::aws_json::{AwsJson, CallError};
use crate::platform::{ConfigError, Platform};

#[derive(Debug)]
pub struct Users {
    pool: String,
    cognito: AwsJson,
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invitation {
    /// Cognito sent an address and a first password, which holds for seven days unless the pool says otherwise.
    Sent,
    /// Somebody who has signed in, or was invited before: nothing was sent.
    Known,
}

impl Users {
    /// None where the stack has no user pool of its own: `USER_POOL_ID` is not set.
    ///
    /// # Errors
    /// When region or credentials are missing, or TLS cannot be made ready.
    pub fn new(platform: &Platform) -> Result<Option<Self>, ConfigError> {
        let Ok(pool) = platform.var("USER_POOL_ID") else { return Ok(None) };
        let cognito = AwsJson::new(platform, "cognito-idp", "AWSCognitoIdentityProviderService")?;
        Ok(Some(Self { pool, cognito }))
    }

    /// Makes a user whose address counts as verified, since the invitation goes there; the dashboard believes no other. With `again` somebody who has
    /// not signed in yet gets a new invitation, as the first password ends. It may be repeated: nobody is made twice.
    ///
    /// # Errors
    /// [`CallError`], with Cognito's words when it refuses.
    pub async fn invite(&self, email: &Email, again: bool) -> Result<Invitation, CallError> {
        let mut user = json!({
            "UserPoolId": self.pool,
            "Username": email,
            "UserAttributes": [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
            "DesiredDeliveryMediums": ["EMAIL"],
        });
        if again {
            user["MessageAction"] = "RESEND".into();
        }
        match self.cognito.call("AdminCreateUser", &user).await {
            Ok(_) => Ok(Invitation::Sent),
            // Who was made by other means may be one whom the dashboard does not believe.
            Err(CallError::Refused { code, .. }) if code == "UsernameExistsException" => {
                let verified = json!([{"Name": "email_verified", "Value": "true"}]);
                let verify = json!({"UserPoolId": self.pool, "Username": email, "UserAttributes": verified});
                self.cognito.call("AdminUpdateUserAttributes", &verify).await?;
                Ok(Invitation::Known)
            }
            Err(other) => Err(other),
        }
    }
}
