//! A member of an account, signed in to the dashboard through the whole of the issuer's flow.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{StatusCode, Url};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::client::{Client, http};

/// What the page keeps while somebody is at the issuer's.
#[derive(Debug)]
pub struct Flow {
    pub config: Value,
    pub discovered: Value,
    pub redirect_uri: String,
    pub verifier: String,
    pub code: String,
}

async fn json(url: &str) -> Value {
    serde_json::from_str(&http().get(url).send().await.unwrap().text().await.unwrap()).unwrap()
}

/// Goes to the issuer as the page does, chooses `email` from its list, and comes back with a code.
pub async fn authorize(base_url: &str, email: &str) -> Flow {
    let config = json(&format!("{base_url}/dashboard/config.json")).await;
    let issuer = config["issuer"].as_str().unwrap();
    let discovered = json(&format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(discovered["issuer"], config["issuer"]);
    let (verifier, redirect_uri) = ("v".repeat(43), format!("{base_url}/dashboard/"));
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let mut url = Url::parse(discovered["authorization_endpoint"].as_str().unwrap()).unwrap();
    url.query_pairs_mut().extend_pairs([
        ("client_id", config["client_id"].as_str().unwrap()),
        ("redirect_uri", &redirect_uri),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", "a state"),
        ("nonce", "a nonce"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let page = http().get(url.clone()).send().await.unwrap().text().await.unwrap();
    assert!(page.contains(&format!("value=\"{email}\"")), "{page}");
    url.query_pairs_mut().append_pair("login", email);
    let back = http().get(url).send().await.unwrap();
    assert_eq!(back.status(), StatusCode::FOUND);
    let back = Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
    assert!(back.as_str().starts_with(&redirect_uri), "{back}");
    let given = |name: &str| back.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned()).unwrap();
    assert_eq!(given("state"), "a state");
    Flow { redirect_uri, verifier, code: given("code"), config, discovered }
}

/// Gives the code for tokens: the status, and the answer.
pub async fn exchange(flow: &Flow, verifier: &str) -> (u16, Value) {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", &flow.code),
            ("redirect_uri", &flow.redirect_uri),
            ("client_id", flow.config["client_id"].as_str().unwrap()),
            ("code_verifier", verifier),
        ])
        .finish();
    let request = http().post(flow.discovered["token_endpoint"].as_str().unwrap());
    let answer = request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// The ID token of a member.
pub async fn id_token(base_url: &str, email: &str) -> String {
    let flow = authorize(base_url, email).await;
    let (status, tokens) = exchange(&flow, &flow.verifier).await;
    assert_eq!(status, 200, "{tokens}");
    tokens["id_token"].as_str().unwrap().to_owned()
}

pub async fn sign_in(base_url: &str, email: &str) -> Client {
    Client::new(base_url, &id_token(base_url, email).await)
}
