//! A customer: an API key and an HTTP client.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::contract::Contract;

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    key: Option<String>,
}

/// A client without TLS, which nothing on this machine needs. It follows no redirect.
pub fn http() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .no_proxy()
        .build()
        .unwrap()
}

/// The body of a send.
pub fn fax(to: &str, document: &[u8], content_type: &str) -> Value {
    json!({"to": to, "document": {"content": STANDARD.encode(document), "content_type": content_type}})
}

impl Client {
    pub fn new(base_url: &str, key: &str) -> Self {
        Self { http: http(), base_url: base_url.to_owned(), key: Some(key.to_owned()) }
    }

    pub fn anonymous(base_url: &str) -> Self {
        Self { http: http(), base_url: base_url.to_owned(), key: None }
    }

    /// One request; an error is a connection that gave no answer. An answer must be one that `openapi.json` describes.
    pub async fn try_call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer, reqwest::Error> {
        let url = Url::parse(&format!("{}{path}", self.base_url)).unwrap();
        let mut request = self.http.request(method.clone(), url);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await?;
        let answer = Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), text: answer.text().await? };
        Contract::get().check(method.as_str(), path, &answer);
        Ok(answer)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.try_call(Method::GET, path, &[], None).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_call(Method::POST, path, &[], Some(body.to_string().into_bytes())).await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.try_call(Method::DELETE, path, &[], None).await.unwrap()
    }

    /// Sends the sample letter and returns the fax resource.
    pub async fn send_letter(&self, to: &str) -> Value {
        let answer = self.post("/v1/faxes", &fax(to, crate::documents::LETTER, "application/pdf")).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    pub async fn fax(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/faxes/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Waits until a fax is `delivered`, `failed` or `canceled`.
    pub async fn completed(&self, id: &str) -> Value {
        crate::eventually("the fax to be final", || async {
            let fax = self.fax(id).await;
            ["delivered", "failed", "canceled"].iter().any(|status| fax["status"] == *status).then_some(fax)
        })
        .await
    }
}
