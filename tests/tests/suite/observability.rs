//! What operators and callers see of a fax's way: metrics, and the trace that its webhooks carry on.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use sfm::commands::webhook;
use sfm_core::fax::FaxStatus;
use sfm_core::id::FaxId;
use sfm_core::scope::Scope;
use sfm_core::trace::{TRACEPARENT, TraceParent};
use sfm_simulator::Incoming;
use sfm_tests::client::fax;
use sfm_tests::documents::{LETTER, LETTER_PAGES, TEXT};
use sfm_tests::errors::Errors;
use sfm_tests::eventually;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::{Customer, Service};

/// The far end answers, and is of an invalid number: docs/simulated-carrier.md.
const ANSWERS: &str = "+15005550001";
const INVALID: &str = "+15005550007";
const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The sums of metrics, and of those that are told apart by a code; durations are counted.
fn sums(lines: &[String]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["target"] != "metrics" {
            continue;
        }
        let document: Value = serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
        let directive = &document["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "local", "{document}");
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            let value = match &document[name] {
                Value::Array(durations) => durations.len() as f64,
                _ if metric["Unit"] == "Milliseconds" => 1.0,
                count => count.as_f64().unwrap(),
            };
            *sums.entry(name.to_owned()).or_default() += value;
            if let Some(code) = document["Code"].as_str() {
                *sums.entry(format!("{name} {code}")).or_default() += value;
            }
        }
    }
    sums
}

#[test]
fn the_metrics_count_what_live_faxes_and_webhooks_do() {
    let log = Errors::default();
    let of_a_thread = log.clone();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().on_thread_start(move || of_a_thread.all_of_this_thread()).build().unwrap();
    runtime.block_on(runtime.spawn(count(log))).unwrap();
}

async fn count(log: Errors) {
    let service = Service::start().await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|request| {
        let failed = String::from_utf8_lossy(&request.body).contains("fax.failed");
        Reply::status(if failed { 410 } else { 200 })
    });
    let receiver = receiver.await;
    webhook::add(&service.stack.operator_platform(), customer.account, &receiver.url("/"), vec![], None).await.unwrap();
    for to in [ANSWERS, ANSWERS] {
        let sent = customer.client.send_letter(to).await;
        assert_eq!(customer.client.completed(sent["id"].as_str().unwrap()).await["status"], FaxStatus::Delivered.as_str());
    }
    // What a test key does is no figure of the service.
    let of_tests = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    let played = of_tests.send_letter(ANSWERS).await;
    of_tests.completed(played["id"].as_str().unwrap()).await;
    let number = customer.client.get("/v1/numbers").await.json()["data"][0]["number"].as_str().unwrap().to_owned();
    let document = fax_document::convert(LETTER, None, &fax_document::Options::default()).unwrap().pdf;
    service.stack.carrier().send_in(Incoming { to: number, from: "+12125550100".into(), document }).unwrap();
    eventually("the webhooks of what went well", || async {
        service.advance(SignedDuration::from_secs(20));
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        (receiver.requests().len() >= 4).then_some(())
    })
    .await;
    let sent = customer.client.send_letter(INVALID).await;
    customer.client.completed(sent["id"].as_str().unwrap()).await;
    let mut lines = Vec::new();
    let expected = [
        ("CarrierLatency", 3.0),
        ("FaxesAccepted", 3.0),
        ("FaxesDelivered", 2.0),
        ("FaxesFailed", 1.0),
        ("FaxesFailed number_invalid", 1.0),
        ("FaxesReceived", 1.0),
        ("PagesReceived", LETTER_PAGES as f64),
        ("PagesSent", (2 * LETTER_PAGES) as f64),
        ("TimeToDelivery", 2.0),
        ("WebhookLatency", 5.0),
        ("WebhooksDelivered", 4.0),
        ("WebhooksFailed", 1.0),
    ];
    let expected: BTreeMap<String, f64> = expected.into_iter().map(|(name, sum)| (name.to_owned(), sum)).collect();
    eventually("the metrics", || {
        lines.extend(log.take());
        let sums = sums(&lines);
        async move { sums.get("WebhooksFailed").is_some_and(|failed| *failed > 0.0).then_some(()) }
    })
    .await;
    assert_eq!(sums(&lines), expected);
}

/// What the webhook of a fax carries.
async fn trace_of(receiver: &Receiver, fax: &str) -> TraceParent {
    let request = eventually("the webhook", || async {
        receiver.requests().into_iter().find(|request| String::from_utf8_lossy(&request.body).contains(fax))
    });
    request.await.header(TRACEPARENT).parse().unwrap()
}

/// Sends with these headers and returns the trace of the webhook, and what the fax's own would be.
async fn traced(customer: &Customer, receiver: &Receiver, path: &str, body: &Value, headers: &[(&str, &str)]) -> (String, String) {
    let sent = customer.client.try_call(Method::POST, path, headers, Some(body.to_string().into_bytes())).await.unwrap();
    assert_eq!(sent.status, 201, "{}", sent.text);
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    let trace = trace_of(receiver, &id).await;
    assert_ne!(trace.to_string()[36..52], GIVEN[36..52], "each webhook is a span of its own");
    (trace.trace_id(), TraceParent::begun(id.parse::<FaxId>().unwrap().bits()).trace_id())
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_go_on_with_the_callers_trace_or_begin_one_for_each_fax() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    webhook::add(&service.stack.operator_platform(), customer.account, &receiver.url("/"), vec![], None).await.unwrap();
    let body = fax(ANSWERS, TEXT, "text/plain");
    let given = &GIVEN[3..35];
    let (trace, _) = traced(&customer, &receiver, "/v1/faxes", &body, &[(TRACEPARENT, GIVEN)]).await;
    assert_eq!(trace, given);
    let upper = GIVEN.to_uppercase();
    let none: [&[(&str, &str)]; 3] = [&[], &[(TRACEPARENT, &upper)], &[(TRACEPARENT, GIVEN), (TRACEPARENT, GIVEN)]];
    for headers in none {
        let (trace, own) = traced(&customer, &receiver, "/v1/faxes", &body, headers).await;
        assert_eq!(trace, own, "{headers:?}");
    }
    // Whoever sends a fax again has a trace of their own.
    let first = customer.client.get("/v1/faxes").await.json()["data"][3]["id"].as_str().unwrap().to_owned();
    let again = format!("/v1/faxes/{first}/resend");
    let (trace, own) = traced(&customer, &receiver, &again, &json!({}), &[]).await;
    assert_eq!(trace, own);
    let (trace, _) = traced(&customer, &receiver, &again, &json!({}), &[(TRACEPARENT, GIVEN)]).await;
    assert_eq!(trace, given);
    // A fax that is put off keeps it.
    let mut later = body.clone();
    later["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_hours(1)).to_string());
    let put_off =
        customer.client.try_call(Method::POST, "/v1/scheduled", &[(TRACEPARENT, GIVEN)], Some(later.to_string().into_bytes())).await;
    let path = format!("/v1/scheduled/{}", put_off.unwrap().json()["id"].as_str().unwrap());
    service.advance(SignedDuration::from_mins(61));
    let id =
        eventually("the fax of the schedule", || async { customer.client.get(&path).await.json()["fax_id"].as_str().map(str::to_owned) })
            .await;
    assert_eq!(trace_of(&receiver, &id).await.trace_id(), given);
}
