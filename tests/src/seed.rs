//! Rows written straight into the tables, where as many requests would take too long.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use jiff::Timestamp;
use serde_json::json;
use sfm::commands::webhook;
use sfm_core::id::{AccountId, EventId, FaxId};
use sfm_core::list::{BLOCK, block_of};
use sfm_store::platform::Platform;

/// Entries of a block of a posting list, as the store makes them.
const POSTINGS: usize = 24;

type Item = std::collections::HashMap<String, AttributeValue>;

fn s(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Writes items, with a line of progress for each 20,000.
async fn write(database: &Client, table: &str, items: Vec<Item>) {
    let all = items.len();
    let mut rows = items.into_iter().map(|item| {
        let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    });
    let mut done = 0;
    loop {
        let batch: Vec<_> = rows.by_ref().take(25).collect();
        if batch.is_empty() {
            break;
        }
        done += batch.len();
        let written = database.batch_write_item().request_items(table, batch).send().await.unwrap();
        assert!(written.unprocessed_items.is_none_or(|left| left.is_empty()));
        if done % 20_000 == 0 {
            println!("  {done} of {all} rows of {table} written");
        }
    }
}

/// Writes events as if so many faxes had been delivered at `now`, and returns their ids in order.
pub async fn delivered_events(database: &Client, account: AccountId, count: usize, now: Timestamp) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(|_| EventId::generate(now).to_string()).collect();
    let data = json!({"object": "fax", "status": "delivered"}).to_string();
    let item = |id: &String| {
        let item = [
            ("account_id", s(account)),
            ("id", s(id)),
            ("type", s("fax.delivered")),
            ("created_at", s(now)),
            ("data", s(&data)),
            ("expires_at", n(now.as_second() + 2_592_000)),
            ("due_at", n(now.as_millisecond() + 120_000)),
            ("due_shard", n(0)),
        ];
        item.map(|(name, value)| (name.to_owned(), value)).into()
    };
    write(database, "Events", ids.iter().map(item).collect()).await;
    ids
}

/// Makes the only fax of an account, which is delivered, `count` like it, a second after each other. Returns their ids, newest first.
pub async fn faxes_like(database: &Client, account: AccountId, sent: FaxId, count: u64) -> Vec<FaxId> {
    let model = database.get_item().table_name("Faxes").key("account_id", s(account)).key("id", s(sent));
    let model = model.consistent_read(true).send().await.unwrap().item.unwrap();
    assert!(["seq", "listed_as", "listed_at"].iter().all(|name| model.contains_key(*name)), "{model:?}");
    let first: i64 = model["listed_at"].as_n().unwrap().parse().unwrap();
    let at = |seq: u64| Timestamp::from_millisecond(first + i64::try_from(seq).unwrap() * 1000).unwrap();
    let (mut ids, mut items) = (vec![sent], Vec::new());
    for seq in 2..=count {
        let id = FaxId::generate(at(seq));
        let mut item = model.clone();
        item.insert("id".into(), s(id));
        item.insert("seq".into(), n(seq));
        item.insert("created_at".into(), s(at(seq)));
        item.insert("listed_at".into(), n(at(seq).as_millisecond()));
        let places = ["to", "from"].map(|field| (field.to_owned(), n(seq)));
        item.insert("postings".into(), AttributeValue::M(places.into()));
        items.push(item);
        ids.push(id);
    }
    write(database, "Faxes", items).await;
    let blocks = (0..=block_of(count)).map(|block| {
        let places = count.min((block + 1) * BLOCK) - block * BLOCK;
        let item = [("account_id", s(account)), ("item", s(format!("faxes#final#{block:010}#0"))), ("delivered", n(places))];
        item.map(|(name, value)| (name.to_owned(), value)).into()
    });
    // The one that was sent is counted at another shard already.
    let counted = [("account_id", s(account)), ("item", s("faxes#final#0000000000#1"))].map(|(name, value)| (name.to_owned(), value));
    database.delete_item().table_name("Accounts").set_key(Some(counted.into())).send().await.unwrap();
    write(database, "Accounts", blocks.collect()).await;
    for field in ["to", "from"] {
        let list = format!("faxes#{field}#{}", model[field].as_s().unwrap());
        write(database, "Accounts", posting_list(account, &list, &ids)).await;
    }
    let head = database.update_item().table_name("Accounts").key("account_id", s(account)).key("item", s("account"));
    head.update_expression("SET faxes.#last = :last, faxes.last_at = :at")
        .expression_attribute_names("#last", "last")
        .expression_attribute_values(":last", n(count))
        .expression_attribute_values(":at", s(at(count)))
        .send()
        .await
        .unwrap();
    ids.reverse();
    ids
}

/// The items of a posting list of these faxes, oldest first.
fn posting_list(account: AccountId, list: &str, ids: &[FaxId]) -> Vec<Item> {
    let item = |name: String, ids: AttributeValue| [("account_id", s(account)), ("item", s(name)), ("ids", ids)];
    let of_head = ids.len() % POSTINGS + POSTINGS;
    let (in_blocks, newest) = ids.split_at(ids.len() - of_head);
    let blocks = in_blocks.chunks(POSTINGS).enumerate().map(|(number, ids)| {
        let ids: Vec<u8> = ids.iter().flat_map(|id| id.to_bytes()).collect();
        item(format!("{list}#{number:08}"), AttributeValue::B(Blob::new(ids))).map(|(name, value)| (name.to_owned(), value)).into()
    });
    let newest = newest.iter().map(|id| AttributeValue::B(Blob::new(id.to_bytes()))).collect();
    let mut head: Item = item(list.to_owned(), AttributeValue::L(newest)).map(|(name, value)| (name.to_owned(), value)).into();
    head.insert("last".into(), n(ids.len()));
    blocks.chain([head]).collect()
}

/// Milliseconds from an event to its first attempt, sorted.
pub async fn first_attempts(operator: &Platform, ids: &[String], account: AccountId) -> Vec<i64> {
    let mut waited = Vec::new();
    for id in ids {
        let log = webhook::deliveries(operator, id, Some(account), None).await.unwrap();
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
