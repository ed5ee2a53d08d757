//! Carriers' adapters by themselves, against a URL: the platform that they need, and a secret that is there to be read.

use std::collections::HashMap;

use axum::Router;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use sfm_carriers::{AttemptRef, HeaderText, Submission};
use sfm_core::clock::Clock;
use sfm_core::id::{AccountId, FaxId};
use sfm_core::secret::Secret;
use sfm_simulator::SigningKey;
use sfm_store::platform::Platform;
use tokio::net::TcpListener;

use crate::sinch::{CALLBACK_SECRET, KEY_ID, KEY_SECRET, PROJECT};

/// Starts a router on a free port and returns its URL.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A platform whose carriers are at `carrier`, and whose Secrets Manager knows one secret.
pub async fn platform(carrier: &str, clock: Clock) -> Platform {
    let secret = json!({
        "telnyx_api_key": "telnyx-key", "sinch_key_id": KEY_ID, "sinch_key_secret": KEY_SECRET, "callback_secret": CALLBACK_SECRET,
    });
    platform_with(carrier, clock, secret).await
}

pub async fn platform_with(carrier: &str, clock: Clock, secret: Value) -> Platform {
    let answer = json!({"ARN": "arn", "Name": "carrier", "SecretString": secret.to_string()}).to_string();
    let secrets = serve(Router::new().fallback(move || async move { (StatusCode::OK, answer) })).await;
    let vars = HashMap::from(
        [
            ("CARRIER_SECRET", "carrier"),
            ("CARRIER_CALLBACK_URL", "https://api.example.com/carrier"),
            ("TELNYX_API_URL", carrier),
            ("TELNYX_CONNECTION_ID", "connection"),
            ("TELNYX_PUBLIC_KEY", &telnyx_public_key()),
            ("SINCH_API_URL", carrier),
            ("SINCH_PROJECT_ID", PROJECT),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    Platform::local("carriers", &secrets, "secret", "us-east-1", vars, clock)
}

/// The key with which Telnyx signs callbacks.
pub fn telnyx_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn telnyx_public_key() -> String {
    STANDARD.encode(telnyx_key().verifying_key().as_bytes())
}

/// The first attempt of a fax of its own.
pub fn submission(to: &str, media_url: &str) -> Submission {
    let now = Timestamp::now();
    let reference = AttemptRef { account_id: AccountId::generate(now), fax_id: FaxId::generate(now), attempt: 1 };
    Submission {
        reference,
        to: to.parse().unwrap(),
        from: "+12025550100".parse().unwrap(),
        media_url: Secret::new(media_url),
        header: Some(HeaderText { sender: "Clinic  +12025550100".into(), time_zone: "America/New_York".parse().unwrap() }),
        not_after: Timestamp::MAX,
    }
}
