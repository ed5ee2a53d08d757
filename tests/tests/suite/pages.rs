//! A deep page of a long list, with deletions: right item by item, and as cheap as the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use sfm::commands::fax as fax_command;
use sfm_core::id::{AccountId, FaxId};
use sfm_core::list::block_of;
use sfm_local::interceptor::{Call, CallInterceptor};
use sfm_tests::capacity::consumed;
use sfm_tests::client::Client;
use sfm_tests::seed::faxes_like;
use sfm_tests::service::Service;

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
        let units = consumed(response);
        let mut spent = self.0.lock().unwrap();
        *spent = (spent.0 + 1, spent.1 + units);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_4000_of_100000_faxes_is_right_and_as_cheap_as_the_first() {
    let reads = Arc::new(Reads::default());
    let service = Service::start_intercepted(reads.clone()).await;
    let customer = service.customer().await;
    let sent = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&sent).await;
    let operator = service.stack.operator_platform();
    let mut ids = faxes_like(&operator.dynamodb(), customer.account, sent.parse().unwrap(), FAXES).await;

    // Deletions all over the list: two in each thousand, a whole page near the end, and the newest and the oldest.
    let scattered = (0..FAXES / 500).map(|i| i * 500 + i % 7);
    let block = FAXES - 60..FAXES - 30;
    let mut gone: Vec<usize> = scattered.chain(block).chain([FAXES - 1]).map(|i| usize::try_from(i).unwrap()).collect();
    gone.sort_unstable();
    gone.dedup();
    for place in gone.iter().rev() {
        fax_command::delete(&operator, ids.remove(*place)).await.unwrap();
    }

    // One that is still under way keeps its block from being counted.
    let stuck = ids[30_000];
    under_way(&operator.dynamodb(), customer.account, stuck, FAXES - 30_000).await;
    let delivered: Vec<FaxId> = ids.iter().copied().filter(|id| *id != stuck).collect();

    assert!(ids.len() as u64 >= 4000 * LIMIT);
    // A filter has no total; a moment after the last fax, and one in the middle.
    let (end, middle) = (created_at(&customer.client, &ids[0]).await, created_at(&customer.client, &ids[40_000]).await);
    let own = customer.client.fax(&ids[0].to_string()).await["from"].as_str().unwrap().replace('+', "%2B");
    let all = [
        String::new(),
        "&status=delivered".into(),
        "&direction=outbound".into(),
        format!("&status=delivered&created_before={end}"),
        "&to=%2B15005550001".into(),
        format!("&from={own}"),
    ];
    for filter in &all {
        let ids = if filter.contains("delivered") { &delivered } else { &ids };
        let ids = &ids[usize::from(filter.contains(&end))..];
        let last = (ids.len() as u64).div_ceil(LIMIT);
        let mut costs: HashMap<u64, (u32, f64)> = HashMap::new();
        for page in [1, 2, 41, 400, 2000, 4000, last - 1, last, last + 1] {
            *reads.0.lock().unwrap() = (0, 0.0);
            let list = customer.client.get(&format!("/v1/faxes?limit={LIMIT}&page={page}{filter}")).await.json();
            costs.insert(page, *reads.0.lock().unwrap());
            assert_eq!(listed(&list), expected(ids, page), "page {page}{filter}");
            let total = filter.is_empty().then_some(ids.len() as u64);
            assert_eq!((list["total"].as_u64(), list["has_more"].as_bool()), (total, Some(page < last)), "page {page}{filter}");
        }
        let mut told: Vec<_> = costs.iter().collect();
        told.sort_unstable_by_key(|(page, _)| **page);
        for (page, (trips, units)) in told {
            println!("page {page}{filter}: {trips} round trips, {units:.1} RRU");
        }
        for page in [400, 2000, 4000, last - 1] {
            let ((trips, units), (_, of_first)) = (costs[&page], costs[&1]);
            // A Query for each status of the filter, side by side.
            let of_number = filter.starts_with("&to") || filter.starts_with("&from");
            let most = match filter.as_str() {
                "" => 4,
                // The list's blocks and the faxes are read, once more where some are deleted.
                _ if of_number => 12,
                _ => 24,
            };
            // The block with the fax under way is walked: 1,024 entries, 29 for 0.5 RRU.
            let walked = if page < 1000 || filter.is_empty() || of_number { 0.0 } else { 18.0 };
            assert!(
                trips <= most && units <= 3.0 * of_first + walked,
                "page {page}{filter}: {trips} trips, {units} RRU; page 1: {of_first} RRU"
            );
        }
    }
    for page in [1, 100, 2300] {
        let list =
            customer.client.get(&format!("/v1/faxes?limit={LIMIT}&page={page}&status=delivered&created_before={middle}")).await.json();
        assert_eq!(listed(&list), expected(&delivered[40_000..], page), "page {page} before the middle");
    }
}

/// Makes a fax, whose place is in the block of `near`, look as if it were being sent.
async fn under_way(database: &aws_sdk_dynamodb::Client, account: AccountId, fax: FaxId, near: u64) {
    let key = |name: &str, value: String| (name.to_owned(), AttributeValue::S(value));
    let of_fax = [key("account_id", account.to_string()), key("id", fax.to_string())];
    let update = database.update_item().table_name("Faxes").set_key(Some(of_fax.into()));
    let update = update.update_expression("SET #status = :sending, listed_as = :as").expression_attribute_names("#status", "status");
    let update = update.expression_attribute_values(":sending", AttributeValue::S("sending".into()));
    update.expression_attribute_values(":as", AttributeValue::S(format!("{account}#sending"))).send().await.unwrap();
    let counts = [key("account_id", account.to_string()), key("item", format!("faxes#final#{:010}#0", block_of(near)))];
    let update = database.update_item().table_name("Accounts").set_key(Some(counts.into()));
    update
        .update_expression("ADD delivered :one")
        .expression_attribute_values(":one", AttributeValue::N("-1".into()))
        .send()
        .await
        .unwrap();
}

fn listed(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|fax| fax["id"].as_str().unwrap().to_owned()).collect()
}

fn expected(ids: &[FaxId], page: u64) -> Vec<String> {
    ids.iter().skip(((page - 1) * LIMIT) as usize).take(LIMIT as usize).map(FaxId::to_string).collect()
}

async fn created_at(client: &Client, id: &FaxId) -> String {
    client.fax(&id.to_string()).await["created_at"].as_str().unwrap().to_owned()
}
