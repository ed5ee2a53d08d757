//! The rate limit and what takes a slot of it.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;
use sfm_tests::client::{Answer, Client, fax};
use sfm_tests::documents::TEXT;
use sfm_tests::target::Target;

use crate::assert_problem;

/// What a `RateLimit` header says: what remains, and in how many seconds there is more.
fn remaining(answer: &Answer) -> (u32, u32) {
    let (name, rest) = answer.header("ratelimit").unwrap().split_once(";r=").unwrap();
    assert!(["\"sends\"", "\"schedules\""].contains(&name));
    let (remaining, seconds) = rest.split_once(";t=").unwrap();
    (remaining.parse().unwrap(), seconds.parse().unwrap())
}

/// A request that is no send, and takes a slot all the same.
async fn broken(client: &Client, path: &str) -> Answer {
    client.post(path, &json!({})).await
}

async fn fill(client: &Client, path: &str, requests: usize) -> Vec<Answer> {
    let all: Vec<_> = (0..requests)
        .map(|_| {
            let (client, path) = (client.clone(), path.to_owned());
            tokio::spawn(async move { broken(&client, &path).await })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in all {
        answers.push(answer.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_parallel_sends_sixty_take_a_slot_and_forty_are_told_how_long_to_wait() {
    let Some(service) = Target::local("it moves the clock").await else { return };
    let customer = service.customer().await;
    let body = fax("+15005550001", TEXT, "text/plain");
    let all: Vec<_> = (0..100)
        .map(|_| {
            let (client, body) = (customer.client.clone(), body.clone());
            tokio::spawn(async move { client.post("/v1/faxes", &body).await })
        })
        .collect();
    let (mut sent, mut unavailable, mut waits) = (0, 0, Vec::new());
    for answer in all {
        let answer = answer.await.unwrap();
        assert_eq!(answer.header("ratelimit-policy"), Some("\"sends\";q=60;w=60"), "{}", answer.text);
        if answer.status == 201 {
            assert!(remaining(&answer).0 < 60);
            sent += 1;
        } else if answer.status == 503 {
            // All of them write one account's item: a slow machine may not get through with every one in time. It had its slot.
            unavailable += 1;
        } else {
            assert_problem(&answer, 429, "rate_limited");
            let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
            assert_eq!(remaining(&answer), (0, wait));
            waits.push(wait);
        }
    }
    assert_eq!((sent + unavailable, waits.len()), (60, 40));
    assert!(waits.iter().all(|wait| (1..=61).contains(wait)), "{waits:?}");
    assert_eq!(customer.client.get("/v1/faxes").await.json()["total"], sent);

    let refused = broken(&customer.client, "/v1/faxes").await;
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    service.advance(SignedDuration::from_secs(wait));
    assert_eq!(customer.client.post("/v1/faxes", &body).await.status, 201, "Retry-After is true");
}

/// Time is the stack's: it passes by itself while requests run, and in leaps when it is moved.
#[tokio::test(flavor = "multi_thread")]
async fn the_window_rolls_and_slots_come_back_in_the_order_they_were_taken() {
    let Some(service) = Target::local("it moves the clock").await else { return };
    let client = service.customer().await.client;
    let accepted = |answers: Vec<Answer>| answers.iter().filter(|answer| answer.status == 400).count();
    let started = tokio::time::Instant::now();
    assert_eq!(accepted(fill(&client, "/v1/faxes", 25).await), 25);
    let first_batch = started.elapsed();
    service.advance(SignedDuration::from_secs(40));
    assert_eq!(accepted(fill(&client, "/v1/faxes", 40).await), 35);
    // The first 25 come back 60 s after they were taken, the other 35 do not: moving on by 20 s frees the first alone, unless this
    // test itself took as long as the 40 s between them.
    service.advance(SignedDuration::from_secs(20) + SignedDuration::try_from(first_batch + Duration::from_secs(1)).unwrap());
    let again = accepted(fill(&client, "/v1/faxes", 60).await);
    if started.elapsed() < Duration::from_secs(30) {
        assert_eq!(again, 25);
    }
    let refused = broken(&client, "/v1/faxes").await;
    assert_problem(&refused, 429, "rate_limited");
    service.advance(SignedDuration::from_secs(61));
    assert_eq!(accepted(fill(&client, "/v1/faxes", 70).await), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_and_each_route_has_a_window_of_its_own_and_replays_take_no_slot() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let body = fax("+15005550001", TEXT, "text/plain").to_string().into_bytes();
    let send = async |key: &str| client.try_call(Method::POST, "/v1/faxes", &[("idempotency-key", key)], Some(body.clone())).await;
    let first = send("one").await.unwrap();
    assert_eq!((first.status, remaining(&first).0), (201, 59));
    // A malformed key, a reused key, an empty body: each takes a slot, whatever comes of it.
    assert_problem(&send("").await.unwrap(), 400, "invalid_request");
    let reused = client.try_call(Method::POST, "/v1/faxes", &[("idempotency-key", "one")], Some(b"{}".to_vec())).await.unwrap();
    assert_eq!(assert_problem(&reused, 400, "invalid_request")["code"], "idempotency_key_reused");
    assert_eq!(remaining(&reused).0, 57);
    fill(client, "/v1/faxes", 57).await;
    let refused = send("two").await.unwrap();
    assert_problem(&refused, 429, "rate_limited");
    for _ in 0..3 {
        let replayed = send("one").await.unwrap();
        assert_eq!((replayed.status, replayed.header("idempotent-replayed"), &replayed.text), (201, Some("true"), &first.text));
        assert_ne!(replayed.header("x-request-id"), first.header("x-request-id"));
    }
    let scheduled = broken(client, "/v1/scheduled").await;
    assert_eq!((scheduled.status, remaining(&scheduled).0), (400, 59), "schedules are counted apart");
    assert_eq!(scheduled.header("ratelimit-policy"), Some("\"schedules\";q=60;w=60"));
    let other = service.client(&service.key(customer.account, sfm_core::scope::Scope::ALL.to_vec(), false).await);
    assert_eq!(remaining(&broken(&other, "/v1/faxes").await).0, 59, "each key is counted apart");
    let unscoped = service.client(&service.key(customer.account, vec![sfm_core::scope::Scope::FaxesRead], false).await);
    assert_eq!(broken(&unscoped, "/v1/faxes").await.header("ratelimit"), None, "what is refused before takes no slot");
    assert_eq!(client.get("/v1/faxes").await.status, 200, "reading is not limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_keys_answer_is_never_a_live_keys() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let test = service.client(&service.key(customer.account, sfm_core::scope::Scope::ALL.to_vec(), true).await);
    for (route, live) in [("/v1/faxes", false), ("/v1/faxes", true), ("/v1/scheduled", false), ("/v1/scheduled", true)] {
        let client = if live { &customer.client } else { &test };
        let mut body = fax("+15005550001", TEXT, "text/plain");
        // The same text each time: another would be another request.
        body["send_at"] = json!((service_start() + SignedDuration::from_hours(1)).to_string());
        let body = body.to_string().into_bytes();
        let sent = client.try_call(Method::POST, route, &[("idempotency-key", "invoice-4711")], Some(body)).await.unwrap();
        assert_eq!((sent.status, sent.header("idempotent-replayed")), (201, None), "{route} {live}: {}", sent.text);
        if route == "/v1/faxes" {
            assert_eq!(sent.json()["live"], live, "{}", sent.text);
        }
    }
}

/// One moment for all calls of a test run.
fn service_start() -> jiff::Timestamp {
    static START: std::sync::OnceLock<jiff::Timestamp> = std::sync::OnceLock::new();
    *START.get_or_init(jiff::Timestamp::now)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_has_1_to_255_characters_and_is_kept_for_30_days() {
    let Some(service) = Target::local("it moves the clock").await else { return };
    let client = service.customer().await.client;
    let body = fax("+15005550001", TEXT, "text/plain").to_string().into_bytes();
    let send = |key: String| {
        let (client, body) = (client.clone(), body.clone());
        async move { client.try_call(Method::POST, "/v1/faxes", &[("idempotency-key", &key)], Some(body)).await.unwrap() }
    };
    assert_problem(&send("k".repeat(256)).await, 400, "invalid_request");
    assert_problem(&send(String::new()).await, 400, "invalid_request");
    let first = send("k".repeat(255)).await;
    assert_eq!(first.status, 201);
    service.advance(SignedDuration::from_hours(29 * 24));
    assert_eq!(send("k".repeat(255)).await.text, first.text);
    service.advance(SignedDuration::from_hours(25));
    let after = send("k".repeat(255)).await;
    assert_eq!((after.status, after.header("idempotent-replayed")), (201, None), "forgotten, whether the row is still there or not");
    // A refusal is not kept: the same key may be used for the request that is put right.
    let wrong = client.try_call(Method::POST, "/v1/faxes", &[("idempotency-key", "x")], Some(b"{}".to_vec())).await.unwrap();
    assert_problem(&wrong, 400, "invalid_request");
    assert_eq!(send("x".into()).await.status, 201);
}
