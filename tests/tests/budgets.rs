//! What requests cost, counted from the capacity that the database reports and the calls that are made.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use serde_json::Value;
use sfm::tap::{Call, Tap};
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
