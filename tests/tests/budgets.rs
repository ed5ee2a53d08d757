//! What requests cost, counted from the capacity that the database reports and the calls that are made.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sfm::tap::{Call, Tap};
use sfm_tests::client::{Client, fax};
use sfm_tests::documents::FORM;
use sfm_tests::eventually;
use sfm_tests::service::Service;

/// What was spent since the last reset, by anybody but operators and pollers.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Spent {
    round_trips: u32,
    read_units: f64,
    write_units: f64,
    s3_puts: u32,
    sqs: u32,
}

/// All that was spent, and each database call with its caller.
#[derive(Debug, Default)]
struct Counter(Mutex<Spent>, Mutex<Vec<(String, String, f64)>>);

impl Counter {
    fn take(&self) -> Spent {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Tap for Counter {
    fn performed(&self, call: &Call, _: &[u8], _: u16, response: &[u8]) {
        if call.caller == "operator" || call.caller == "DispatchScheduled" {
            return;
        }
        let mut spent = self.0.lock().unwrap();
        match call.service {
            // The queue's poller pays for its receives and deletes too.
            "sqs" => spent.sqs += 1,
            "s3" if call.operation == "PutObject" => spent.s3_puts += 1,
            "dynamodb" => {
                let answer: Value = serde_json::from_slice(response).unwrap_or_default();
                let capacity = match &answer["ConsumedCapacity"] {
                    Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
                    table => table["CapacityUnits"].as_f64().unwrap_or(0.0),
                };
                spent.round_trips += 1;
                self.1.lock().unwrap().push((call.caller.clone(), call.operation.clone(), capacity));
                let reads = ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&call.operation.as_str());
                if reads { spent.read_units += capacity } else { spent.write_units += capacity }
            }
            _ => {}
        }
    }
}

/// What each read and write of the API costs, in round trips and units.
#[tokio::test(flavor = "multi_thread")]
async fn reads_of_one_resource_take_two_round_trips_whether_it_is_there_or_somebody_elses_or_not() {
    let counter = Arc::new(Counter::default());
    let service = Service::start_tapped(counter.clone()).await;
    let (owner, stranger) = (service.customer().await.client, service.customer().await.client);
    let contact = owner.post("/v1/contacts", &json!({"name": "Dr. Smith", "fax_number": "+12125551234"})).await.json();
    let mut scheduled = fax("+15005550001", FORM, "image/png");
    scheduled["send_at"] = json!((jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string());
    counter.take();
    let scheduled = owner.post("/v1/scheduled", &scheduled).await.json();
    let spent = counter.take();
    println!("POST /v1/scheduled: {spent:?}");
    assert!(spent.round_trips <= 5 && spent.write_units <= 18.0 && spent.s3_puts == 1, "{spent:?}");
    // Its faxes go nowhere, so that nothing of theirs is counted here.
    let test_key = service.key(service.customer().await.account, sfm_core::scope::Scope::ALL.to_vec(), true).await;
    let sender = service.client(&test_key);
    let sent = sender.send_letter("+15005550001").await;
    sender_is_done(&service, &sender, &sent).await;

    for (client, path) in [
        (&owner, format!("/v1/contacts/{}", text(&contact))),
        (&owner, format!("/v1/scheduled/{}", text(&scheduled))),
        (&sender, format!("/v1/faxes/{}", text(&sent))),
    ] {
        let absent = format!("{}01ARZ3NDEKTSV4RRFFQ69G5FAV", path.split_inclusive('_').next().unwrap());
        for (asker, path, status) in [(client, &path, 200), (&stranger, &path, 404), (client, &absent, 404)] {
            counter.take();
            assert_eq!(asker.get(path).await.status, status);
            let spent = counter.take();
            println!("GET {path}, {status}: {} round trips, {:.1} RRU", spent.round_trips, spent.read_units);
            assert!(spent.round_trips == 2 && spent.read_units <= 2.5, "{spent:?}");
        }
    }
    for path in ["/v1/contacts", "/v1/scheduled", "/v1/numbers"] {
        counter.take();
        assert_eq!(owner.get(path).await.status, 200);
        let spent = counter.take();
        println!("GET {path}: {} round trips, {:.1} RRU", spent.round_trips, spent.read_units);
        assert!(spent.round_trips <= 4 && spent.read_units <= 5.0, "{spent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_the_rate_limit_refuses_costs_one_conditional_write() {
    let counter = Arc::new(Counter::default());
    let service = Service::start_tapped(counter.clone()).await;
    let client = service.customer().await.client;
    for _ in 0..60 {
        assert_eq!(client.post("/v1/faxes", &json!({})).await.status, 400);
    }
    counter.take();
    assert_eq!(client.post("/v1/faxes", &json!({})).await.status, 429);
    let spent = counter.take();
    // The key is read, and one write finds the window full.
    assert!(spent.round_trips == 2 && spent.read_units <= 1.0, "{spent:?}");
}

fn text(resource: &Value) -> &str {
    resource["id"].as_str().unwrap()
}

/// Waits until nothing is written for a fax any more.
async fn sender_is_done(service: &Service, client: &Client, fax: &Value) {
    eventually("the fax's end", || async {
        service.advance(jiff::SignedDuration::from_secs(3));
        (client.fax(text(fax)).await["status"] == "delivered").then_some(())
    })
    .await;
    eventually("its event to be published", || async {
        let events = service.stack.operator_platform().dynamodb().scan().table_name("Events").filter_expression("attribute_exists(due_at)");
        (events.send().await.unwrap().count == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_a_whole_fax_stay_within_their_budgets() {
    let counter = Arc::new(Counter::default());
    let service = Service::start_tapped(counter.clone()).await;
    let customer = service.customer().await;

    counter.take();
    let id = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&id).await;
    // The polling above is not the fax's: only its writes, queue requests and objects are.
    let account = customer.account.to_string();
    eventually("the event to be published", || async {
        let item = service.stack.operator_platform().dynamodb().query().table_name("Events");
        let item = item.key_condition_expression("account_id = :a").filter_expression("attribute_exists(due_at)");
        let item = item.expression_attribute_values(":a", aws_sdk_dynamodb::types::AttributeValue::S(account.clone()));
        (item.send().await.unwrap().count == 0).then_some(())
    })
    .await;
    let whole = counter.take();
    let calls = counter.1.lock().unwrap().clone();
    for (caller, operation, units) in calls.iter().filter(|(caller, ..)| !caller.starts_with("GetFax")) {
        println!("  {caller} {operation} {units:.1}");
    }
    let of_send: Vec<_> = calls.iter().filter(|(caller, ..)| caller == "SendFax").collect();
    let written: f64 = of_send.iter().filter(|(_, operation, _)| operation == "TransactWriteItems").map(|(.., units)| units).sum();
    println!("POST /v1/faxes: {} round trips in all, {written:.1} WRU", of_send.len());
    assert!(of_send.last().is_some_and(|(_, operation, _)| operation == "TransactWriteItems"), "{of_send:?}");
    assert!(written > 0.0 && written <= 18.0, "{of_send:?}");
    println!("a delivered fax: {:.1} WRU, {} S3 PUT", whole.write_units, whole.s3_puts);
    assert!(whole.write_units > 10.0 && whole.write_units <= 36.0, "{whole:?}");
    assert_eq!(whole.s3_puts, 1);

    counter.take();
    assert_eq!(customer.client.get(&format!("/v1/faxes/{id}")).await.status, 200);
    let get = counter.take();
    println!("GET one fax: {} round trips, {:.1} RRU", get.round_trips, get.read_units);
    assert!(get.round_trips == 2 && get.read_units <= 2.5, "{get:?}");

    assert_eq!(customer.client.get("/v1/faxes").await.status, 200);
    let list = counter.take();
    println!("GET a page of faxes: {} round trips, {:.1} RRU", list.round_trips, list.read_units);
    assert!(list.round_trips <= 4, "{list:?}");
}
