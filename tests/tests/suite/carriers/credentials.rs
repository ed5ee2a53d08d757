//! What we are known to the carrier by: how often Secrets Manager is asked, and who waits for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::json;
use sfm_core::clock::Clock;
use sfm_store::credentials::{CredentialStore, Credentials, CredentialsError};
use sfm_store::platform::Platform;
use sfm_tests::adapters::serve;
use sfm_tests::eventually;
use tokio::sync::Semaphore;

/// A Secrets Manager that counts its questions, answers each only when it may, and may have no secret.
struct Secrets {
    asked: Arc<AtomicUsize>,
    may_answer: Arc<Semaphore>,
    key: Arc<Mutex<Option<&'static str>>>,
    clock: Clock,
    store: CredentialStore,
}

async fn secrets() -> Secrets {
    let (asked, may_answer, key) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(1000)), Arc::new(Mutex::new(Some("one"))));
    let (asks, may, has) = (asked.clone(), may_answer.clone(), key.clone());
    let router = Router::new().fallback(move || {
        asks.fetch_add(1, Ordering::Relaxed);
        let (may, has) = (may.clone(), has.clone());
        async move {
            may.acquire().await.unwrap().forget();
            let secret = *has.lock().unwrap();
            match secret {
                Some(key) => {
                    let secret = json!({ "telnyx_api_key": key }).to_string();
                    (StatusCode::OK, json!({"ARN": "arn", "Name": "carrier", "SecretString": secret}).to_string())
                }
                None => (StatusCode::BAD_REQUEST, json!({"__type": "ResourceNotFoundException", "Message": "none"}).to_string()),
            }
        }
    });
    let clock = Clock::default();
    let variables = HashMap::from([("CARRIER_SECRET".to_owned(), "carrier".to_owned())]);
    let platform = Platform::local("t", &serve(router).await, "secret", "us-east-1", variables, clock.clone());
    Secrets { asked, may_answer, key, clock, store: CredentialStore::new(&platform).unwrap() }
}

fn key(credentials: Result<Credentials, CredentialsError>) -> Option<String> {
    credentials.ok()?.telnyx_api_key.map(|key| key.expose().to_owned())
}

impl Secrets {
    async fn key(&self) -> Option<String> {
        key(self.store.get().await)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_asks_for_all_and_who_has_old_credentials_does_not_wait() {
    let secrets = secrets().await;
    let all = join_all((0..50).map(|_| secrets.key())).await;
    assert!(all.iter().all(|key| key.as_deref() == Some("one")), "{all:?}");
    assert_eq!(secrets.asked(), 1);
    // They grow old, and Secrets Manager does not answer: one waits, the others use the old ones.
    secrets.may_answer.forget_permits(1000);
    *secrets.key.lock().unwrap() = Some("two");
    secrets.clock.advance(SignedDuration::from_mins(6));
    let asking = tokio::spawn({
        let store = secrets.store.clone();
        async move { key(store.get().await) }
    });
    eventually("the question", || async { (secrets.asked() == 2).then_some(()) }).await;
    for _ in 0..20 {
        assert_eq!(secrets.key().await.as_deref(), Some("one"));
    }
    secrets.may_answer.add_permits(1000);
    assert_eq!(asking.await.unwrap().as_deref(), Some("two"));
    assert_eq!((secrets.key().await.as_deref(), secrets.asked()), (Some("two"), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_failed_is_not_repeated_by_every_caller() {
    let secrets = secrets().await;
    *secrets.key.lock().unwrap() = None;
    for _ in 0..20 {
        assert_eq!(secrets.key().await, None);
    }
    assert_eq!(secrets.asked(), 1);
    *secrets.key.lock().unwrap() = Some("three");
    secrets.clock.advance(SignedDuration::from_secs(11));
    assert_eq!((secrets.key().await.as_deref(), secrets.asked()), (Some("three"), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_the_carrier_refuses_are_read_anew_but_not_for_each_refusal() {
    let secrets = secrets().await;
    assert_eq!(secrets.key().await.as_deref(), Some("one"));
    *secrets.key.lock().unwrap() = Some("mended");
    for _ in 0..20 {
        secrets.store.forget();
        secrets.key().await;
    }
    assert_eq!(secrets.asked(), 1);
    secrets.clock.advance(SignedDuration::from_secs(11));
    for _ in 0..20 {
        secrets.store.forget();
        assert_eq!(secrets.key().await.as_deref(), Some("mended"));
    }
    assert_eq!(secrets.asked(), 2);
}
