//! A deep page of a long list, with deletions: right item by item, and as cheap as the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use jiff::Timestamp;
use serde_json::Value;
use sfm::commands::fax as fax_command;
use sfm_core::id::FaxId;
use sfm_local::interceptor::{Call, CallInterceptor};
use sfm_tests::service::{Customer, Service};

/// With the deletions below, enough for page 4,000 to be a full one.
const FAXES: u64 = 100_300;
const LIMIT: u64 = 25;

/// The round trips and read units of the function that lists faxes.
#[derive(Debug, Default)]
struct Reads(Mutex<(u32, f64)>);

impl CallInterceptor for Reads {
    fn performed(&self, call: &Call, _: &[u8], _: u16, response: &[u8]) {
        if call.service != "dynamodb" || call.caller != "ListFaxes" {
            return;
        }
        let answer: Value = serde_json::from_slice(response).unwrap_or_default();
        let units = match &answer["ConsumedCapacity"] {
            Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
            table => table["CapacityUnits"].as_f64().unwrap_or(0.0),
        };
        let mut spent = self.0.lock().unwrap();
        *spent = (spent.0 + 1, spent.1 + units);
    }
}

/// Gives an account `FAXES` faxes like its only one, written as the table keeps them, and returns their ids, newest first.
async fn seed(service: &Service, customer: &Customer) -> Vec<FaxId> {
    let client = service.stack.operator_platform().dynamodb();
    let account = AttributeValue::S(customer.account.to_string());
    let sent = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&sent).await;
    let model = client.get_item().table_name("Faxes").key("account_id", account.clone()).key("id", AttributeValue::S(sent.clone()));
    let model = model.consistent_read(true).send().await.unwrap().item.unwrap();
    assert!(["seq", "listed_as", "listed_at"].iter().all(|name| model.contains_key(*name)), "{model:?}");
    let first: i64 = model["listed_at"].as_n().unwrap().parse().unwrap();

    let mut ids = vec![sent.parse().unwrap()];
    let mut rows = Vec::new();
    for seq in 2..=FAXES {
        let at = Timestamp::from_millisecond(first + i64::try_from(seq).unwrap() * 1000).unwrap();
        let id = FaxId::generate(at);
        let mut row = model.clone();
        row.insert("id".into(), AttributeValue::S(id.to_string()));
        row.insert("seq".into(), AttributeValue::N(seq.to_string()));
        row.insert("created_at".into(), AttributeValue::S(at.to_string()));
        row.insert("listed_at".into(), AttributeValue::N(at.as_millisecond().to_string()));
        rows.push(WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(row)).build().unwrap()).build());
        ids.push(id);
    }
    for (done, batch) in rows.chunks(25).enumerate() {
        let written = client.batch_write_item().request_items("Faxes", batch.to_vec()).send().await.unwrap();
        assert!(written.unprocessed_items.is_none_or(|left| left.is_empty()));
        if (done + 1) % 800 == 0 {
            println!("  {} of {FAXES} faxes written", (done + 1) * 25);
        }
    }
    let last_at = Timestamp::from_millisecond(first + i64::try_from(FAXES).unwrap() * 1000).unwrap();
    let head = client.update_item().table_name("Accounts").key("account_id", account).key("item", AttributeValue::S("account".into()));
    head.update_expression("SET faxes.#last = :last, faxes.last_at = :at")
        .expression_attribute_names("#last", "last")
        .expression_attribute_values(":last", AttributeValue::N(FAXES.to_string()))
        .expression_attribute_values(":at", AttributeValue::S(last_at.to_string()))
        .send()
        .await
        .unwrap();
    ids.reverse();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn page_4000_of_100000_faxes_is_right_and_as_cheap_as_the_first() {
    let reads = Arc::new(Reads::default());
    let service = Service::start_intercepted(reads.clone()).await;
    let customer = service.customer().await;
    let mut ids = seed(&service, &customer).await;

    // Deletions all over the list: two in each thousand, a whole page near the end, and the newest and the oldest.
    let scattered = (0..FAXES / 500).map(|i| i * 500 + i % 7);
    let block = FAXES - 60..FAXES - 30;
    let mut gone: Vec<usize> = scattered.chain(block).chain([FAXES - 1]).map(|i| usize::try_from(i).unwrap()).collect();
    gone.sort_unstable();
    gone.dedup();
    let operator = service.stack.operator_platform();
    for place in gone.iter().rev() {
        fax_command::delete(&operator, ids.remove(*place)).await.unwrap();
    }

    let mut costs: HashMap<u64, (u32, f64)> = HashMap::new();
    let last = (ids.len() as u64).div_ceil(LIMIT);
    let at_4000: Vec<u64> = [1, 2, 41, 2000, 4000, last - 1, last, last + 1].into();
    for page in at_4000 {
        *reads.0.lock().unwrap() = (0, 0.0);
        let list = customer.client.get(&format!("/v1/faxes?limit={LIMIT}&page={page}")).await.json();
        costs.insert(page, *reads.0.lock().unwrap());
        let listed: Vec<&str> = list["data"].as_array().unwrap().iter().map(|fax| fax["id"].as_str().unwrap()).collect();
        let expected: Vec<String> = ids.iter().skip(((page - 1) * LIMIT) as usize).take(LIMIT as usize).map(FaxId::to_string).collect();
        assert_eq!(listed, expected, "page {page}");
        assert_eq!((list["total"].as_u64(), list["has_more"].as_bool()), (Some(ids.len() as u64), Some(page < last)));
    }
    let mut told: Vec<_> = costs.iter().collect();
    told.sort_unstable_by_key(|(page, _)| **page);
    for (page, (trips, units)) in told {
        println!("page {page}: {trips} round trips, {units:.1} RRU");
    }
    assert!(ids.len() as u64 >= 4000 * LIMIT);
    for page in [2000, 4000, last - 1] {
        let ((trips, units), (_, of_first)) = (costs[&page], costs[&1]);
        assert!(trips <= 4 && units <= 3.0 * of_first, "page {page}: {trips} round trips, {units} RRU; page 1: {of_first} RRU");
    }
}
