//! Batches that are done in part. What is left out comes again by itself within minutes, by the due index, whoever overlooks it; so
//! nothing runs here but what the test invokes, and what was left out must be done, or told of, at once.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sfm_core::due;
use sfm_tests::client::fax;
use sfm_tests::documents::FORM;
use sfm_tests::injector::{Fault, Injector, Point};
use sfm_tests::service::Service;

const RELAY: &[&str] = &["RelayEvents"];
const DISPATCHER: &[&str] = &["DispatchDue"];

/// The calls that were seen and are batches, each of which is to be done in part.
fn in_part(interceptor: &Injector, operation: &str) -> Vec<(Point, Fault)> {
    let batches = interceptor.seen().into_iter().filter(|point| point.operation == operation);
    batches.map(|point| (point, Fault::Partial)).collect()
}

async fn invoke(service: &Service, function: &'static [&'static str], event: Value) -> Result<Value, String> {
    service.stack.invoke(function[0], event).await.unwrap().map_err(|e| e.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_the_queue_did_not_take_are_sent_again_in_the_same_run() {
    let interceptor = Arc::new(Injector::default());
    let service = Service::start_disconnected(interceptor.clone(), &[]).await;
    let client = service.customer().await.client;
    let sqs = service.stack.operator_platform().sqs();
    let queue = sqs.get_queue_url().queue_name("DueQueue").send().await.unwrap().queue_url.unwrap();
    let waiting = async || {
        let counted = sqs.get_queue_attributes().queue_url(&queue).attribute_names("All".into()).send().await.unwrap();
        let counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"];
        counts.map(|name| counted.attributes().unwrap()[&name.into()].parse::<usize>().unwrap()).iter().sum::<usize>()
    };
    for minutes in 16..24 {
        let mut body = fax("+15005550001", FORM, "image/png");
        body["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_mins(minutes)).to_string());
        let made = client.post("/v1/scheduled", &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    service.advance(SignedDuration::from_mins(12));
    let (caller, operation, target) = (DISPATCHER[0].into(), "SendMessageBatch".into(), "DueQueue".into());
    interceptor.arm(DISPATCHER, [(Point { caller, service: "sqs", operation, target, nth: 1 }, Fault::Partial)]);
    invoke(&service, DISPATCHER, json!({})).await.unwrap();
    assert!(interceptor.was_hit(), "{:?}", interceptor.seen());
    assert_eq!(waiting().await, 8, "messages wait: what the queue did not take is sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_the_bus_did_not_take_are_told_of() {
    let interceptor = Arc::new(Injector::default());
    let service = Service::start_disconnected(interceptor.clone(), &[]).await;
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/relay-events.json")).unwrap();
    let mut records: Value = serde_json::from_str(&sample).unwrap();
    let mut second = records["Records"][0].clone();
    second["dynamodb"]["NewImage"]["id"]["S"] = json!("evt_01JZ3NDEKTSV4RRFFQ69G5FAV3");
    second["dynamodb"]["SequenceNumber"] = json!("100000000000000000002");
    records["Records"].as_array_mut().unwrap().push(second);
    interceptor.arm(RELAY, None);
    assert_eq!(invoke(&service, RELAY, records.clone()).await.unwrap(), json!({"batchItemFailures": []}));
    interceptor.arm(RELAY, in_part(&interceptor, "PutEvents"));
    let failed = invoke(&service, RELAY, records).await.unwrap();
    assert!(interceptor.was_hit());
    let left_out = json!({"batchItemFailures": [{"itemIdentifier": "100000000000000000002"}]});
    assert_eq!(failed, left_out, "the stream is to go on at the record whose event the bus did not take");

    // The dispatcher's run fails, so that an alarm tells of it when no run succeeds.
    let customer = service.customer().await;
    let due = service.stack.clock().now().as_millisecond() - 1000;
    let put = service.stack.operator_platform().dynamodb().put_item().table_name("Events");
    let (s, n) = (|text: &str| AttributeValue::S(text.to_owned()), |number: i64| AttributeValue::N(number.to_string()));
    let event = "evt_01JZ3NDEKTSV4RRFFQ69G5FAV2";
    let put = put.item("account_id", s(&customer.account.to_string())).item("id", s(event)).item("type", s("fax.delivered"));
    let put = put.item("created_at", s("2026-07-01T17:00:00.123Z")).item("data", s("{}")).item("expires_at", n(9_999_999_999));
    put.item("due_at", n(due)).item("due_shard", n(due::shard(event).into())).send().await.unwrap();
    interceptor.arm(DISPATCHER, None);
    invoke(&service, DISPATCHER, json!({})).await.unwrap();
    interceptor.arm(DISPATCHER, in_part(&interceptor, "PutEvents"));
    let failed = invoke(&service, DISPATCHER, json!({})).await;
    assert!(interceptor.was_hit());
    assert!(failed.is_err(), "a run that did not publish all events fails");
}
