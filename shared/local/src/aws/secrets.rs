//! Secrets Manager: secrets of text, in memory; each start of a stack makes them anew.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html>

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};
use sfm_core::clock::Clock;
use uuid::Uuid;

use super::{ACCOUNT, REGION, response};

struct Secret {
    arn: String,
    text: String,
    version: String,
    created_at: i64,
}

pub(super) struct Secrets {
    clock: Clock,
    by_name: Mutex<HashMap<String, Secret>>,
}

impl Secrets {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, by_name: Mutex::default() }
    }

    pub(super) fn answer(&self, operation: &str, body: &[u8]) -> Response<Bytes> {
        let refuse = |name: &str, message: &str| response::json(400, &json!({"__type": name, "Message": message}));
        let Ok(asked) = serde_json::from_slice::<Value>(body) else { return refuse("SerializationException", "This is no JSON.") };
        let text = |field: &str| asked[field].as_str().unwrap_or_default().to_owned();
        let mut secrets = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        match operation {
            "CreateSecret" => {
                let name = text("Name");
                if secrets.contains_key(&name) {
                    return refuse("ResourceExistsException", "A resource with the ID you requested already exists.");
                }
                // AWS hangs six letters of its own on the name.
                let (arn, version) =
                    (format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-000000"), Uuid::new_v4().to_string());
                let answer = json!({"ARN": arn, "Name": name, "VersionId": version});
                let created_at = self.clock.now().as_second();
                secrets.insert(name, Secret { arn, text: text("SecretString"), version, created_at });
                response::json(200, &answer)
            }
            "GetSecretValue" => {
                let id = text("SecretId");
                match secrets.iter().find(|(name, secret)| **name == id || secret.arn == id) {
                    None => refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
                    Some((name, secret)) => response::json(
                        200,
                        &json!({
                            "ARN": secret.arn,
                            "Name": name,
                            "SecretString": secret.text,
                            "VersionId": secret.version,
                            "VersionStages": ["AWSCURRENT"],
                            "CreatedDate": secret.created_at,
                        }),
                    ),
                }
            }
            _ => refuse("UnknownOperationException", &format!("Secrets Manager has no {operation} here.")),
        }
    }
}
