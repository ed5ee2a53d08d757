//! A slow endpoint of one account beside a healthy one of another. `EVENTS=10000` makes it the measured run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use jiff::Timestamp;
use serde_json::json;
use sfm::commands::webhook;
use sfm_core::id::EventId;
use sfm_tests::eventually;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::{Customer, Service};

/// Writes events as if so many faxes had been delivered just now, and returns their ids in order.
async fn happen(service: &Service, customer: &Customer, count: usize) -> Vec<String> {
    let database = service.stack.operator_platform().dynamodb();
    let s = AttributeValue::S;
    let mut ids = Vec::new();
    let now = service.stack.clock().now();
    let rows = (0..count).map(|_| {
        let id = EventId::generate(now).to_string();
        ids.push(id.clone());
        let data = json!({"object": "fax", "status": "delivered"}).to_string();
        let item = [
            ("account_id", s(customer.account.to_string())),
            ("id", s(id)),
            ("type", s("fax.delivered".into())),
            ("created_at", s(now.to_string())),
            ("data", s(data)),
            ("expires_at", AttributeValue::N((now.as_second() + 2_592_000).to_string())),
            ("due_at", AttributeValue::N((now.as_millisecond() + 120_000).to_string())),
            ("due_shard", AttributeValue::N("0".into())),
        ];
        let item = item.map(|(name, value)| (name.to_owned(), value)).into();
        WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().unwrap()).build()
    });
    let rows: Vec<_> = rows.collect();
    for batch in rows.chunks(25) {
        database.batch_write_item().request_items("Events", batch.to_vec()).send().await.unwrap();
    }
    ids
}

/// Milliseconds from an event to its first attempt, sorted.
async fn first_attempts(service: &Service, ids: &[String], customer: &Customer) -> Vec<i64> {
    let operator = service.stack.operator_platform();
    let mut waited = Vec::new();
    for id in ids {
        let log = webhook::deliveries(&operator, id, Some(customer.account), None).await.unwrap();
        let delivery = &log["data"][0];
        let attempt: Timestamp = delivery["attempts"][0]["at"].as_str().unwrap().parse().unwrap();
        let event: EventId = delivery["event_id"].as_str().unwrap().parse().unwrap();
        let at = ulid_ms(&event.to_string());
        waited.push(attempt.as_millisecond() - at);
    }
    waited.sort_unstable();
    waited
}

/// The time in an id: 48 bits in the first ten characters (Crockford's base 32).
fn ulid_ms(id: &str) -> i64 {
    let digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let value = id[4..14].chars().map(|c| digits.find(c).unwrap());
    value.fold(0, |ms, digit| ms * 32 + i64::try_from(digit).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_does_not_keep_another_accounts_events_waiting() {
    let count: usize = std::env::var("EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    let service = Service::start().await;
    let operator = service.stack.operator_platform();
    for beside_a_hanging_one in [false, true] {
        let healthy = service.customer().await;
        let told = Arc::new(AtomicUsize::new(0));
        let receiver = Receiver::start({
            let told = told.clone();
            move |_| {
                told.fetch_add(1, Ordering::SeqCst);
                Reply::status(200)
            }
        })
        .await;
        webhook::add(&operator, healthy.account, &receiver.url("/"), vec![], None).await.unwrap();
        let hanging = Receiver::start(|_| Reply::Hang).await;
        if beside_a_hanging_one {
            let slow = service.customer().await;
            webhook::add(&operator, slow.account, &hanging.url("/"), vec![], None).await.unwrap();
            happen(&service, &slow, count).await;
        }
        let ids = happen(&service, &healthy, count).await;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(3600);
        while told.load(Ordering::SeqCst) < count {
            assert!(std::time::Instant::now() < deadline, "{} of {count} were told", told.load(Ordering::SeqCst));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        // Each was told at its first attempt: none had to wait for the slow one's.
        let waited = eventually("the log", || async {
            let log = webhook::deliveries(&operator, ids.last().unwrap(), Some(healthy.account), None).await.unwrap();
            (log["data"][0]["status"] == "succeeded").then_some(())
        });
        waited.await;
        let waited = first_attempts(&service, &ids, &healthy).await;
        let at = |part: f64| waited[((waited.len() - 1) as f64 * part) as usize];
        println!(
            "{count} events, beside a hanging endpoint: {beside_a_hanging_one}: first attempt after {} ms (p50), {} ms (p99)",
            at(0.5),
            at(0.99)
        );
        assert_eq!(told.load(Ordering::SeqCst), count, "once each");
        // The count that shows it: of the slow one's events only so many are under way at a time.
        assert!(hanging.most_at_a_time() <= 10, "{} at a time", hanging.most_at_a_time());
        assert_eq!(hanging.most_at_a_time() > 0, beside_a_hanging_one);
    }
}
