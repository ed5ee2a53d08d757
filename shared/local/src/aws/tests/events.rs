use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{BusRule, EndpointError, Stack, client};

fn rule(queue: &str, pattern: Value) -> BusRule {
    BusRule { name: format!("to-{queue}"), event_bus_name: "faxes".to_owned(), pattern, target_queue_name: queue.to_owned() }
}

fn entry(source: &str, detail_type: &str, detail: &str) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder().event_bus_name("faxes").source(source).detail_type(detail_type).detail(detail).build()
}

async fn put(client: &Client, entries: Vec<PutEventsRequestEntry>) -> Vec<PutEventsResultEntry> {
    let answer = client.put_events().set_entries(Some(entries)).send().await.unwrap();
    let failed = answer.entries().iter().filter(|entry| entry.error_code().is_some()).count();
    assert_eq!(usize::try_from(answer.failed_entry_count()).unwrap(), failed);
    answer.entries.unwrap()
}

/// The events on a queue.
async fn events(stack: &Stack, queue: &str) -> Vec<Value> {
    let client = client!(aws_sdk_sqs, stack);
    let url = client.get_queue_url().queue_name(queue).send().await.unwrap().queue_url.unwrap();
    let messages = client.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap().messages;
    let messages = messages.unwrap_or_default();
    messages.iter().map(|message| serde_json::from_str(message.body().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn an_event_is_put_on_the_queues_of_the_rules_that_it_matches() {
    let rules = vec![
        rule("webhooks", json!({ "source": ["sfm"], "detail": { "state": [{ "anything-but": ["queued"] }] } })),
        rule("invoices", json!({ "detail-type": ["FaxSent"] })),
    ];
    let stack = Stack::with_rules(rules).await.unwrap();
    let sqs = client!(aws_sdk_sqs, stack);
    for queue in ["webhooks", "invoices"] {
        sqs.create_queue().queue_name(queue).send().await.unwrap();
    }
    let client = client!(aws_sdk_eventbridge, stack);
    let before = stack.clock.now();
    let sent = entry("sfm", "FaxSent", r#"{"state":"sent","pages":3}"#);
    let queued = entry("sfm", "FaxQueued", r#"{"state":"queued"}"#);
    let results = put(&client, vec![sent, queued]).await;

    let webhooks = events(&stack, "webhooks").await;
    assert_eq!(webhooks, events(&stack, "invoices").await);
    let [event] = &webhooks[..] else { panic!("{webhooks:?}") };
    let time: Timestamp = event["time"].as_str().unwrap().parse().unwrap();
    assert!(time.as_second() >= before.as_second() && time <= stack.clock.now());
    let expected = json!({
        "version": "0",
        "id": results[0].event_id().unwrap(),
        "detail-type": "FaxSent",
        "source": "sfm",
        "account": "000000000000",
        "time": event["time"],
        "region": "eu-central-1",
        "resources": [],
        "detail": { "state": "sent", "pages": 3 }
    });
    assert_eq!(event, &expected);
}

#[tokio::test]
async fn a_bad_entry_is_refused_alone() {
    let stack = Stack::with_rules(vec![rule("webhooks", json!({ "source": ["sfm"] }))]).await.unwrap();
    let client = client!(aws_sdk_eventbridge, stack);
    let results = put(
        &client,
        vec![
            entry("sfm", "FaxSent", "{}"),
            entry("sfm", "FaxSent", "[]"),
            entry("sfm", "FaxSent", "{"),
            entry("", "FaxSent", "{}"),
            entry("aws.s3", "FaxSent", "{}"),
            PutEventsRequestEntry::builder().source("sfm").detail_type("FaxSent").build(),
            PutEventsRequestEntry::builder().source("sfm").detail_type("FaxSent").detail("{}").event_bus_name("other").build(),
            PutEventsRequestEntry::builder().source("sfm").detail_type("FaxSent").detail("{}").build(),
        ],
    )
    .await;
    let codes: Vec<_> = results.iter().map(|entry| entry.error_code().unwrap_or("")).collect();
    let expected = [
        "",
        "MalformedDetail",
        "MalformedDetail",
        "InvalidArgument",
        "NotAuthorizedForSourceException",
        "InvalidArgument",
        "ResourceNotFoundException",
        "",
    ];
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn a_request_with_too_many_entries_or_too_much_in_them_is_refused() {
    let stack = Stack::start().await;
    let client = client!(aws_sdk_eventbridge, stack);
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(1024 * 1024));
    for entries in [vec![entry("sfm", "FaxSent", "{}"); 11], vec![entry("sfm", "FaxSent", &large)]] {
        let refused = client.put_events().set_entries(Some(entries)).send().await.unwrap_err();
        assert_eq!(refused.into_service_error().meta().code(), Some("ValidationException"));
    }
}

#[tokio::test]
async fn a_rule_that_is_not_understood_stops_the_start() {
    let refused = Stack::with_rules(vec![rule("webhooks", json!({ "source": [{ "wildcard": "s*m" }] }))]).await;
    let Err(EndpointError::Rule { rule, source }) = refused.map(drop) else { panic!() };
    assert_eq!((rule.as_str(), source.at.as_str()), ("to-webhooks", "/source/wildcard"));
}
