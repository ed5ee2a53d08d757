//! The whole way of a fax, on whichever stack is under test: this process's, or a deployed one (`.ci/deploy/run`).

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sfm::commands::fax::trace;
use sfm::commands::webhook;
use sfm_core::member::Role;
use sfm_core::scope::Scope;
use sfm_core::secret::Secret;
use sfm_core::webhook::signature;
use sfm_simulator::Incoming;
use sfm_store::log_lines::LogLines;
use sfm_tests::client::{Client, fax, http};
use sfm_tests::documents::{LETTER, LETTER_PAGES, TEXT};
use sfm_tests::receiver::{Receiver, Reply, Request};
use sfm_tests::service::Customer;
use sfm_tests::target::Target;

/// A customer, the receiver of the customer's webhooks, and its secret.
async fn customer_with_webhook(target: &Target) -> (Customer, Receiver, String) {
    let customer = target.customer().await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let made = webhook::add(&target.operator_platform(), customer.account, &receiver.url("/hook"), vec![], None).await.unwrap();
    (customer, receiver, made["secret"].as_str().unwrap().to_owned())
}

async fn told(target: &Target, receiver: &Receiver) -> Request {
    target.until("a webhook", || async { receiver.requests().first().cloned() }).await
}

/// Both signatures are over what arrived, with the secret that was shown.
fn assert_signed(request: &Request, secret: &str) {
    let at = Timestamp::from_second(request.header("webhook-timestamp").parse().unwrap()).unwrap();
    let secret = Secret::new(secret);
    for (name, value) in signature::sign([&secret].into_iter(), request.header("webhook-id").parse().unwrap(), at, &request.body) {
        assert_eq!(request.header(&name.to_lowercase()), value, "{name}");
    }
}

async fn ended(target: &Target, client: &Client, id: &str) -> Value {
    target
        .until("the fax to end", || async {
            let fax = client.fax(id).await;
            (fax["status"] == "delivered" || fax["status"] == "failed").then_some(fax)
        })
        .await
}

/// The document of a fax, by the link that the API gives.
async fn download(client: &Client, id: &str) -> Vec<u8> {
    let link = client.get(&format!("/v1/faxes/{id}/document")).await;
    assert_eq!(link.status, 302, "{}", link.text);
    let answer = http().get(link.header("location").unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_is_delivered_and_its_webhook_is_signed() {
    let target = Target::start().await;
    let (customer, receiver, secret) = customer_with_webhook(&target).await;
    let id = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    let delivered = ended(&target, &customer.client, &id).await;
    assert_eq!((&delivered["status"], &delivered["pages_sent"]), (&json!("delivered"), &json!(LETTER_PAGES)), "{delivered}");
    let request = told(&target, &receiver).await;
    assert_signed(&request, &secret);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&body["type"], &body["data"]), (&json!("fax.delivered"), &delivered));
    assert_eq!(sfm_simulator::fax_pages(&download(&customer.client, &id).await).unwrap().len(), LETTER_PAGES as usize);
    assert_eq!(target.used_pages(customer.account).await, LETTER_PAGES);
    is_traced(&target, &id).await;
}

/// The operator is told the way of a fax, with what was logged of it where logs are kept, and metrics are lines of that log.
async fn is_traced(target: &Target, id: &str) {
    let operator = target.operator_platform();
    let traced = async || trace(&operator, id.parse().unwrap()).await.unwrap();
    let steps = traced().await["steps"].to_string();
    for step in ["accepted", "attempt_began", "attempt_ended", "ended", "event", "told"] {
        assert!(steps.contains(&format!(r#""what":"{step}""#)), "{step}: {steps}");
    }
    let Some(log) = LogLines::new(&operator).unwrap() else {
        assert!(traced().await["logs"].is_null(), "nobody keeps the local stack's lines");
        return;
    };
    for message in ["fax accepted", "handed over", "webhook delivered"] {
        let logged = async || traced().await["logs"].to_string().contains(message).then_some(());
        target.until(message, logged).await;
    }
    let since = Timestamp::now() - SignedDuration::from_mins(10);
    let metrics = async || {
        let lines = log.with("FaxesDelivered", since).await.unwrap();
        lines.iter().any(|line| line.line["_aws"]["CloudWatchMetrics"].is_array()).then_some(())
    };
    target.until("a metric", metrics).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_fails_says_why_and_costs_nothing() {
    let target = Target::start().await;
    let (customer, receiver, secret) = customer_with_webhook(&target).await;
    let id = customer.client.send_letter("+15005550007").await["id"].as_str().unwrap().to_owned();
    let failed = ended(&target, &customer.client, &id).await;
    assert_eq!((&failed["status"], &failed["failure"]["code"]), (&json!("failed"), &json!("number_invalid")), "{failed}");
    let request = told(&target, &receiver).await;
    assert_signed(&request, &secret);
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap()["type"], "fax.failed");
    assert_eq!(target.used_pages(customer.account).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_of_a_test_key_ends_without_a_carrier() {
    let target = Target::start().await;
    let customer = target.customer().await;
    let client = target.client(&target.key(customer.account, Scope::ALL.to_vec(), true).await);
    let id = client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    assert_eq!(ended(&target, &client, &id).await["status"], "delivered");
    assert_eq!(target.used_pages(customer.account).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_was_put_off_is_sent_in_its_time_or_canceled_before() {
    let target = Target::start().await;
    let customer = target.customer().await;
    let later = async |seconds: i64| {
        let mut body = fax("+15005550001", TEXT, "text/plain");
        body["send_at"] = json!((Timestamp::now() + SignedDuration::from_secs(seconds)).to_string());
        let made = customer.client.post("/v1/scheduled", &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        format!("/v1/scheduled/{}", made.json()["id"].as_str().unwrap())
    };
    let (sent, canceled) = (later(62).await, later(3600).await);
    assert_eq!(customer.client.delete(&canceled).await.json()["status"], "canceled");
    assert_eq!(customer.client.delete(&canceled).await.status, 409);
    let fax_id = target
        .until("the fax of the schedule", || async { customer.client.get(&sent).await.json()["fax_id"].as_str().map(str::to_owned) })
        .await;
    assert_eq!(ended(&target, &customer.client, &fax_id).await["status"], "delivered");
    assert_eq!(customer.client.get("/v1/faxes").await.json()["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_comes_in_is_received_with_its_document_and_told() {
    let target = Target::start().await;
    let (customer, receiver, secret) = customer_with_webhook(&target).await;
    let number = customer.client.get("/v1/numbers").await.json()["data"][0]["number"].as_str().unwrap().to_owned();
    let document = fax_document::convert(LETTER, None, &fax_document::Options::default()).unwrap().pdf;
    target.send_in(Incoming { to: number, from: "+12125550100".into(), document });
    let id = target
        .until("a fax to come in", || async {
            let list = customer.client.get("/v1/faxes?direction=inbound").await.json();
            list["data"][0]["id"].as_str().map(str::to_owned)
        })
        .await;
    assert_eq!(sfm_simulator::fax_pages(&download(&customer.client, &id).await).unwrap().len(), LETTER_PAGES as usize);
    let request = told(&target, &receiver).await;
    assert_signed(&request, &secret);
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap()["type"], "fax.received");
}

/// A route that the deployment forgot would be 404, or 405 where another method of the path is there.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_description_is_there() {
    let target = Target::start().await;
    let anonymous = target.anonymous();
    let description = anonymous.get("/v1/openapi.json").await.json();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let url = path.replace("{id}", "x");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = anonymous.try_call(method.clone(), &url, &[], None).await.unwrap();
            let open = ["/v1/openapi.json", "/v1/receipts/key"].contains(&path.as_str());
            let expected = if open { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{method} {path}: {}", answer.text);
        }
    }
    let unsigned = anonymous.try_call(Method::POST, "/carrier/telnyx", &[], Some(b"{}".to_vec())).await.unwrap();
    assert_eq!(unsigned.status, 401, "POST /carrier/telnyx: {}", unsigned.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_makes_a_key_on_the_dashboard_and_sends_with_it_and_revokes_it() {
    let target = Target::start().await;
    let customer = target.customer().await;
    let owner = target.member(customer.account, Role::Owner).await;
    for path in ["/dashboard", "/dashboard/"] {
        let page = target.anonymous().get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'"), "{policy}");
    }
    for stranger in
        [target.anonymous(), customer.client.clone(), target.client("eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFubkBleGFtcGxlLmNvbSJ9.")]
    {
        assert_eq!(stranger.get("/dashboard/api/session").await.status, 401);
    }
    let session = owner.get("/dashboard/api/session").await;
    let account = customer.account.to_string();
    assert!(session.status == 200 && session.text.contains(&account), "{}", session.text);

    let base = format!("/dashboard/api/accounts/{account}");
    let wanted = json!({"name": "Front desk", "scopes": ["faxes:read", "faxes:send"]});
    let made = owner.post(&format!("{base}/keys"), &wanted).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, key) = (made.json()["id"].as_str().unwrap().to_owned(), target.client(made.json()["key"].as_str().unwrap()));
    let fax = key.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    assert_eq!(ended(&target, &key, &fax).await["status"], "delivered");
    let seen = owner.get(&format!("{base}/faxes/{fax}")).await.json();
    assert_eq!(seen["status"], "delivered", "{seen}");
    let picture = owner.get(&format!("{base}/faxes/{fax}/pages/1")).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
    let keys = owner.get(&format!("{base}/keys")).await.json();
    let used = keys["data"].as_array().unwrap().iter().find(|key| key["id"] == id.as_str()).unwrap();
    assert!(used["last_used_at"].is_string(), "{used}");
    assert_eq!(owner.try_call(Method::DELETE, &format!("{base}/keys/{id}"), &[], None).await.unwrap().status, 200);
    assert_eq!(key.get("/v1/faxes").await.status, 401);

    let elsewhere = target.customer().await;
    assert_eq!(owner.get(&format!("/dashboard/api/accounts/{}/faxes", elsewhere.account)).await.status, 404);
    let told = owner.get(&format!("{base}/audit")).await.text;
    assert!(["key.created", "key.revoked", "fax.viewed"].iter().all(|action| told.contains(action)), "{told}");
}
