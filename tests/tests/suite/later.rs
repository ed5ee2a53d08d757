//! Send-later with nothing running but what the test invokes: the dispatcher, the queue of what is due, and the worker that claims.
//! Each message's time is read off the wire: the clock at the dispatch and the message's delay.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use aws_sdk_s3::primitives::ByteStream;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sfm_core::clock::Clock;
use sfm_core::due;
use sfm_core::id::{FaxId, ScheduledId};
use sfm_core::plan::Plan;
use sfm_core::scheduled::document_key;
use sfm_local::interceptor::{Call, CallInterceptor, Verdict};
use sfm_tests::capacity::consumed;
use sfm_tests::client::fax;
use sfm_tests::documents::FORM;
use sfm_tests::draw::Draw;
use sfm_tests::injector::{Fault, Injector, Point};
use sfm_tests::service::{Customer, Service, reservations};

type Item = HashMap<String, AttributeValue>;

/// Notes when each message of the queue of what is due becomes visible, counts what calls cost, and hands verdicts to an injector.
#[derive(Debug, Default)]
struct Watch {
    clock: OnceLock<Clock>,
    /// By scheduled fax, the times of its messages.
    messages: Mutex<HashMap<String, Vec<Timestamp>>>,
    /// Calls and units, by function and call.
    spent: Mutex<HashMap<(String, String), (u32, f64)>>,
    injector: Injector,
}

impl CallInterceptor for Watch {
    fn verdict(&self, call: &Call) -> Verdict {
        self.injector.verdict(call)
    }

    fn performed(&self, call: &Call, request: &[u8], status: u16, response: &[u8]) {
        self.injector.performed(call, request, status, response);
        let units = consumed(response);
        let mut spent = self.spent.lock().unwrap();
        let counted = spent.entry((call.caller.clone(), call.operation.clone())).or_default();
        *counted = (counted.0 + 1, counted.1 + units);
        drop(spent);
        if call.operation != "SendMessageBatch" || call.caller != "DispatchDue" {
            return;
        }
        let now = self.clock.get().unwrap().now();
        let sent: Value = serde_json::from_slice(request).unwrap();
        for entry in sent["Entries"].as_array().unwrap() {
            let body: Value = serde_json::from_str(entry["MessageBody"].as_str().unwrap()).unwrap();
            let at = now + SignedDuration::from_secs(entry["DelaySeconds"].as_i64().unwrap());
            self.messages.lock().unwrap().entry(body["id"].as_str().unwrap_or_default().to_owned()).or_default().push(at);
        }
    }
}

struct Later {
    service: Service,
    watch: Arc<Watch>,
    /// A row as the API makes it.
    model: Item,
    document: Vec<u8>,
}

/// A scheduled fax of the test.
#[derive(Debug, Clone)]
struct Row {
    account: String,
    id: String,
    send_at: Timestamp,
}

impl Later {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(variables: &[(&str, &str)]) -> Self {
        let watch = Arc::new(Watch::default());
        let service = Service::start_disconnected(watch.clone(), variables).await;
        watch.clock.set(service.stack.clock()).unwrap();
        let customer = service.customer().await;
        let mut body = fax("+15005550001", FORM, "image/png");
        body["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_hours(24 * 170)).to_string());
        let made = customer.client.post("/v1/scheduled", &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let operator = service.stack.operator_platform();
        let key = Item::from([("account_id".into(), s(customer.account)), ("id".into(), s(&id))]);
        let model = operator.dynamodb().get_item().table_name("Scheduled").set_key(Some(key)).send().await.unwrap().item.unwrap();
        assert!(["due_at", "due_shard", "send_at"].iter().all(|name| model.contains_key(*name)), "{model:?}");
        let document = operator.s3().get_object().bucket("documents").key(format!("scheduled/{}/{id}.pdf", customer.account));
        let document = document.send().await.unwrap().body.collect().await.unwrap().to_vec();
        Self { service, watch, model, document }
    }

    /// Writes rows as the API would have, had they been scheduled long before: `send_at` for each.
    async fn plan(&self, customer: &Customer, times: &[Timestamp]) -> Vec<Row> {
        let operator = self.service.stack.operator_platform();
        let (database, objects) = (operator.dynamodb(), operator.s3());
        let (mut rows, mut writes) = (Vec::new(), Vec::new());
        let mut puts = Vec::new();
        for send_at in times {
            let id = ScheduledId::generate(self.service.stack.clock().now());
            let mut item = self.model.clone();
            item.insert("account_id".into(), s(customer.account));
            item.insert("id".into(), s(id));
            item.insert("send_at".into(), s(send_at));
            item.insert("due_at".into(), AttributeValue::N(send_at.as_millisecond().to_string()));
            item.insert("due_shard".into(), AttributeValue::N(due::shard(&id.to_string()).to_string()));
            writes.push(WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().unwrap()).build());
            let document = ByteStream::from(self.document.clone());
            puts.push(objects.put_object().bucket("documents").key(document_key(customer.account, id)).body(document).send());
            rows.push(Row { account: customer.account.to_string(), id: id.to_string(), send_at: *send_at });
        }
        let mut puts = puts.into_iter();
        loop {
            let some: Vec<_> = puts.by_ref().take(8).collect();
            if some.is_empty() {
                break;
            }
            join_all(some).await.into_iter().for_each(|put| drop(put.unwrap()));
        }
        for batch in writes.chunks(25) {
            database.batch_write_item().request_items("Scheduled", batch.to_vec()).send().await.unwrap();
        }
        rows
    }

    /// `count` rows of a new customer, spread over the minute that begins `ahead` from now.
    async fn plan_minute(&self, count: i64, ahead: SignedDuration) -> (Customer, Vec<Row>) {
        let customer = self.service.customer_with(Plan::Enterprise, Some(1_000_000)).await;
        let minute = (self.now() + ahead).as_second() / 60 * 60_000;
        let times: Vec<_> = (0..count).map(|i| Timestamp::from_millisecond(minute + i * 60_000 / count).unwrap()).collect();
        let rows = self.plan(&customer, &times).await;
        (customer, rows)
    }

    fn now(&self) -> Timestamp {
        self.service.stack.clock().now()
    }

    fn advance_to(&self, at: Timestamp) {
        self.service.advance(at.duration_since(self.now()).max(SignedDuration::ZERO));
    }

    async fn dispatch(&self) {
        self.service.stack.invoke("DispatchDue", json!({})).await.unwrap().unwrap();
    }

    /// Feeds workers what has become visible, each batch `times` times at once, until nothing is.
    async fn drain(&self, times: usize) {
        join_all((0..4).map(|_| self.drain_one(times))).await;
    }

    async fn drain_one(&self, times: usize) {
        let sqs = self.service.stack.operator_platform().sqs();
        let url = sqs.get_queue_url().queue_name("DueQueue").send().await.unwrap().queue_url.unwrap();
        loop {
            let received =
                sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap().messages.unwrap_or_default();
            if received.is_empty() {
                return;
            }
            let records: Vec<_> = received.iter().map(|m| json!({"messageId": m.message_id(), "body": m.body()})).collect();
            let event = json!({"Records": records});
            for answer in join_all((0..times).map(|_| self.service.stack.invoke("SendScheduledFax", event.clone()))).await {
                assert_eq!(answer.unwrap().unwrap()["batchItemFailures"], json!([]));
            }
            for message in received {
                sqs.delete_message().queue_url(&url).receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
            }
        }
    }

    /// Every row has become exactly one fax, in its second and not before, whose document is there.
    async fn assert_sent_once(&self, rows: &[Row], customers: &[&Customer]) {
        let operator = self.service.stack.operator_platform();
        let (database, objects) = (operator.dynamodb(), operator.s3());
        let mut faxes = HashMap::new();
        for customer in customers {
            for (table, by_id) in [("Faxes", true), ("Scheduled", false)] {
                let mut pages = database.query().table_name(table).key_condition_expression("account_id = :a");
                pages = pages.expression_attribute_values(":a", s(customer.account));
                let items: Vec<Item> = pages.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap();
                for item in items {
                    let key = if by_id { &item["scheduled_id"] } else { &item["id"] };
                    let key = (table, key.as_s().unwrap().clone());
                    assert!(faxes.insert(key, item).is_none(), "two faxes of one schedule");
                }
            }
        }
        for row in rows {
            let scheduled = &faxes[&("Scheduled", row.id.clone())];
            assert_eq!(scheduled["status"], s("sent"), "{row:?}");
            assert!(!scheduled.contains_key("due_at"));
            let fax = &faxes[&("Faxes", row.id.clone())];
            assert_eq!(scheduled["fax_id"], fax["id"]);
            let created: Timestamp = fax["created_at"].as_s().unwrap().parse().unwrap();
            assert!(created >= row.send_at, "{row:?}: sent at {created}");
            let key = format!("faxes/{}/{}.pdf", row.account, fax["id"].as_s().unwrap());
            objects.head_object().bucket("documents").key(key).send().await.expect("its document");
        }
        assert_eq!(faxes.keys().filter(|(table, _)| *table == "Faxes").count(), rows.len());
        for customer in customers {
            let own = rows.iter().filter(|row| row.account == customer.account.to_string()).count() as u64;
            assert_eq!(self.service.used_pages(customer.account).await, own, "one page each is charged");
        }
    }

    /// Each row had a message that became visible in its second or the one after.
    fn assert_on_time(&self, rows: &[Row]) {
        let messages = self.watch.messages.lock().unwrap();
        for row in rows {
            let times = messages.get(&row.id).unwrap_or_else(|| panic!("no message for {row:?}"));
            let late = times.iter().map(|at| at.duration_since(row.send_at)).min().unwrap();
            assert!(late >= SignedDuration::ZERO && late < SignedDuration::from_secs(2), "{row:?}: messages at {times:?}");
        }
    }

    /// How many calls and units one function spent, and on what.
    fn spent(&self, function: &str, rows: usize) {
        let spent = self.watch.spent.lock().unwrap();
        let mut of: Vec<_> = spent.iter().filter(|((caller, _), _)| caller == function).collect();
        of.sort_by(|a, b| a.0.cmp(b.0));
        for ((_, operation), (calls, units)) in of {
            let rows = rows as f64;
            println!("  {function} {operation}: {:.2} calls and {:.2} units a row", f64::from(*calls) / rows, units / rows);
        }
    }
}

fn s(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_faxes_of_one_minute_are_each_sent_once_in_their_second() {
    let later = Later::start().await;
    let (mut customers, mut rows) = (Vec::new(), Vec::new());
    let ahead = SignedDuration::from_hours(24 * 90);
    let first = (later.now() + ahead).as_second() / 60 * 60_000;
    for account in 0..20 {
        let customer = later.service.customer_with(Plan::Enterprise, Some(1_000_000)).await;
        // Half of them at the full minute, as people do; the others all over it.
        let times: Vec<_> =
            (0..500).map(|i| Timestamp::from_millisecond(first + if i % 2 == 0 { 0 } else { i * 120 + account }).unwrap()).collect();
        rows.extend(later.plan(&customer, &times).await);
        customers.push(customer);
    }
    println!("{} rows written", rows.len());
    let minute = Timestamp::from_millisecond(first).unwrap();
    later.watch.spent.lock().unwrap().clear();
    // The dispatcher's minutes, from before it can see them to the end of theirs.
    for m in -16..=0 {
        later.advance_to(minute + SignedDuration::from_mins(m) + SignedDuration::from_secs(1));
        later.dispatch().await;
    }
    println!("dispatched");
    later.assert_on_time(&rows);
    let messages: usize = later.watch.messages.lock().unwrap().values().map(Vec::len).sum();
    assert_eq!(messages, rows.len(), "each was sent on once");
    for second in 0..=61 {
        later.advance_to(minute + SignedDuration::from_secs(second));
        later.drain(1).await;
        if second % 10 == 0 {
            println!("second {second}");
        }
    }
    later.assert_sent_once(&rows, &customers.iter().collect::<Vec<_>>()).await;
    later.spent("DispatchDue", rows.len());
    later.spent("SendScheduledFax", rows.len());
}

/// The dispatcher of one minute after another, twice at once, with ten minutes left out, and every message fed to two workers.
#[tokio::test(flavor = "multi_thread")]
async fn doubled_runs_doubled_messages_and_skipped_minutes_change_nothing() {
    let later = Later::start().await;
    let (customer, rows) = later.plan_minute(240, SignedDuration::from_mins(40)).await;
    let start = rows[0].send_at - SignedDuration::from_mins(14);
    for minute in [0, 1, 11, 12, 14] {
        later.advance_to(start + SignedDuration::from_mins(minute));
        tokio::join!(later.dispatch(), later.dispatch());
    }
    later.assert_on_time(&rows);
    later.advance_to(rows[0].send_at + SignedDuration::from_secs(61));
    later.drain(2).await;
    later.assert_sent_once(&rows, &[&customer]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_late_is_found_after_a_gap_of_days_and_behind_what_was_sent_on() {
    let later = Later::start().await;
    let (customer, mut rows) = later.plan_minute(40, SignedDuration::from_hours(48)).await;
    // Nobody dispatched for days.
    later.advance_to(rows[0].send_at + SignedDuration::from_hours(50));
    later.dispatch().await;
    later.drain(1).await;
    later.assert_sent_once(&rows, &[&customer]).await;
    // A row whose time the dispatcher has passed, and of which no message was ever sent.
    let behind = later.plan(&customer, &[later.now() + SignedDuration::from_mins(5)]).await;
    later.advance_to(behind[0].send_at + SignedDuration::from_secs(50));
    later.dispatch().await;
    later.drain(1).await;
    rows.extend(behind);
    later.assert_sent_once(&rows, &[&customer]).await;
    // Messages that are lost are sent anew, and at once if an operator says so.
    let lost = later.plan(&customer, &[later.now() + SignedDuration::from_mins(10)]).await;
    later.dispatch().await;
    let sqs = later.service.stack.operator_platform().sqs();
    let url = sqs.get_queue_url().queue_name("DueQueue").send().await.unwrap().queue_url.unwrap();
    sqs.purge_queue().queue_url(&url).send().await.unwrap();
    later.service.stack.invoke("DispatchDue", json!({"rescan": true})).await.unwrap().unwrap();
    later.assert_on_time(&lost);
    later.advance_to(lost[0].send_at + SignedDuration::from_secs(1));
    later.drain(1).await;
    rows.extend(lost);
    later.assert_sent_once(&rows, &[&customer]).await;
}

/// A run without time sends on one page of each shard, and the next one goes on behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_no_time_left_is_gone_on_with_where_it_stopped() {
    let later = Later::start_with(&[("DISPATCH_SECONDS", "0")]).await;
    let customer = later.service.customer_with(Plan::Enterprise, Some(1_000_000)).await;
    // More than a page of one shard, all due in the same millisecond.
    let at = later.now() + SignedDuration::from_mins(12);
    let rows = later.plan(&customer, &vec![at; 5_000]).await;
    let mut sent = 0;
    for _ in 0..10 {
        later.dispatch().await;
        let messages = later.watch.messages.lock().unwrap();
        let all: usize = messages.values().map(Vec::len).sum();
        assert_eq!(all, messages.len(), "nothing is sent on twice");
        if all == sent {
            break;
        }
        sent = all;
    }
    assert_eq!(sent, rows.len());
    later.assert_on_time(&rows);
}

/// What a function is fed while one of its calls fails. Returns whether the fault struck.
async fn invoke_under(later: &Later, function: &'static [&'static str], event: &Value, target: Option<(Point, Fault)>) -> bool {
    later.watch.injector.arm(function, target);
    let gone = async {
        while !later.watch.injector.process_gone() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        _ = later.service.stack.invoke(function[0], event.clone()) => {}
        () = gone => {}
    }
    later.watch.injector.disarm();
    later.watch.injector.struck() > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_that_is_killed_at_any_of_its_calls_loses_and_doubles_nothing() {
    let later = Later::start().await;
    let (customer, mut rows) = later.plan_minute(24, SignedDuration::from_mins(20)).await;
    later.advance_to(rows[0].send_at - SignedDuration::from_mins(5));
    later.watch.injector.arm(&["DispatchDue"], None);
    later.dispatch().await;
    let seen = later.watch.injector.seen();
    assert!(seen.len() > 30, "{seen:?}");
    // Shards are alike: of each kind of call the first, and one in the middle.
    let mut points = HashSet::new();
    for point in &seen {
        let alike = |other: &&Point| (&other.operation, &other.target) == (&point.operation, &point.target);
        let last = seen.iter().filter(alike).map(|other| other.nth).max().unwrap_or(1);
        points.extend([1, last.div_ceil(2)].map(|nth| Point { nth, ..point.clone() }));
    }
    let (mut tried, mut missed) = (0, Vec::new());
    let points: Vec<_> = points.into_iter().collect();
    let mut draw = Draw::new("dispatcher");
    for point in points {
        for (_, fault) in draw.singles(std::slice::from_ref(&point)) {
            // What the last run has not sent on yet: some for every shard, in the minute that comes into sight.
            later.service.advance(SignedDuration::from_secs(60));
            let times = [30, 20].map(|seconds| later.now() + due::LOOKAHEAD - SignedDuration::from_secs(seconds));
            let fresh = later.plan(&customer, &times.repeat(16)).await;
            if !invoke_under(&later, &["DispatchDue"], &json!({}), Some((point.clone(), fault))).await {
                missed.push(point.clone());
            }
            // The next minute's run.
            later.service.advance(SignedDuration::from_secs(60));
            later.dispatch().await;
            later.service.advance(SignedDuration::from_secs(180));
            later.dispatch().await;
            later.drain(1).await;
            rows.extend(fresh);
            tried += 1;
        }
    }
    later.service.advance(SignedDuration::from_mins(30));
    later.dispatch().await;
    later.drain(1).await;
    println!("{tried} faults of the dispatcher's calls, {} never struck: {missed:?}", missed.len());
    assert!(missed.is_empty(), "{missed:?}");
    later.assert_sent_once(&rows, &[&customer]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_fails_or_dies_at_any_of_its_calls_makes_one_fax() {
    let later = Later::start().await;
    let customer = later.service.customer_with(Plan::Enterprise, Some(1_000_000)).await;
    let mut rows = Vec::new();
    let mut due = async || {
        let row = later.plan(&customer, &[later.now()]).await.remove(0);
        let body = json!({"account_id": row.account, "id": row.id}).to_string();
        rows.push(row);
        json!({"Records": [{"messageId": "1", "body": body}]})
    };
    let event = due().await;
    later.watch.injector.arm(&["SendScheduledFax"], None);
    later.service.stack.invoke("SendScheduledFax", event).await.unwrap().unwrap();
    let points = later.watch.injector.seen();
    assert!(points.len() >= 6, "{points:?}");
    for point in points {
        for fault in point.all_faults() {
            let event = due().await;
            assert!(invoke_under(&later, &["SendScheduledFax"], &event, Some((point.clone(), fault))).await, "{fault:?} of {point}");
            // The message comes again, because it was not deleted.
            later.service.stack.invoke("SendScheduledFax", event).await.unwrap().unwrap();
            println!("  {fault:?} of {point}");
        }
    }
    later.assert_sent_once(&rows, &[&customer]).await;
}

/// One message at three workers at once, whose calls are let through one at a time, in an order that the seed draws.
#[tokio::test(flavor = "multi_thread")]
async fn three_workers_of_one_message_in_any_order_of_their_calls_make_one_fax_and_leave_nothing_reserved() {
    const WORKER: &[&str] = &["SendScheduledFax"];
    let later = Later::start().await;
    let (stack, injector) = (&later.service.stack, &later.watch.injector);
    let customer = later.service.customer_with(Plan::Enterprise, Some(1_000_000)).await;
    let mut rows = Vec::new();
    let mut draw = Draw::new("orders");
    for order in 0..60 {
        let row = later.plan(&customer, &[later.now()]).await.remove(0);
        let body = json!({"account_id": row.account, "id": row.id}).to_string();
        let event = json!({"Records": [{"messageId": "1", "body": body}]});
        rows.push(row);
        injector.hold(WORKER);
        let done = AtomicUsize::new(0);
        let work = async || {
            let answer = stack.invoke(WORKER[0], event.clone()).await.unwrap().unwrap();
            done.fetch_add(1, Ordering::SeqCst);
            answer["batchItemFailures"].as_array().unwrap().len()
        };
        let schedule = async {
            // Who neither is done nor waits is about to.
            while done.load(Ordering::SeqCst) < 3 {
                if injector.waiting() + done.load(Ordering::SeqCst) >= 3 {
                    injector.go_on(&mut draw);
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        let (.., ()) = tokio::join!(work(), work(), work(), schedule);
        injector.disarm();
        // The message comes once more, whatever became of it.
        assert_eq!(work().await, 0, "order {order}");
        assert_eq!(reservations(stack, customer.account).await, 0, "order {order}: each takes back what it reserved, or finds it gone");
        assert_eq!(later.service.used_pages(customer.account).await, rows.len() as u64, "order {order}");
    }
    later.assert_sent_once(&rows, &[&customer]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_races_between_canceling_and_claiming_have_one_winner_each() {
    let later = Later::start().await;
    let customer = later.service.customer_with(Plan::Enterprise, Some(1_000_000)).await;
    let rows = later.plan(&customer, &vec![later.now(); 1000]).await;
    let (mut canceled, mut sent) = (HashSet::new(), 0);
    // How much later a cancellation starts than its claim, in microseconds: whoever wins too often starts later the next time.
    let mut behind: u64 = 20_000;
    for some in rows.chunks(10) {
        let won = canceled.len();
        let races = some.iter().map(|row| {
            let (later, customer) = (&later, &customer);
            async move {
                let event = json!({"Records": [{"messageId": "1", "body": json!({"account_id": row.account, "id": row.id}).to_string()}]});
                let path = format!("/v1/scheduled/{}", row.id);
                let cancel = async {
                    tokio::time::sleep(std::time::Duration::from_micros(behind)).await;
                    customer.client.delete(&path).await
                };
                let (answer, claimed) = tokio::join!(cancel, later.service.stack.invoke("SendScheduledFax", event));
                assert_eq!(claimed.unwrap().unwrap()["batchItemFailures"], json!([]));
                (row, answer)
            }
        });
        for (row, answer) in join_all(races).await {
            let now = customer.client.get(&format!("/v1/scheduled/{}", row.id)).await.json();
            match answer.status {
                200 => {
                    assert_eq!(
                        (&answer.json()["status"], &now["status"], &now["fax_id"]),
                        (&json!("canceled"), &json!("canceled"), &Value::Null)
                    );
                    canceled.insert(row.id.clone());
                }
                409 => {
                    assert_eq!(now["status"], "sent", "{now}");
                    assert!(now["fax_id"].as_str().is_some_and(|id| id.parse::<FaxId>().is_ok()), "{now}");
                    sent += 1;
                }
                other => panic!("{other}: {}", answer.text),
            }
        }
        behind = if canceled.len() - won > 5 { behind * 5 / 4 } else { behind * 4 / 5 };
    }
    println!("{} canceled, {sent} sent", canceled.len());
    assert!(canceled.len() > 100 && sent > 100, "no race: {} canceled, {sent} sent", canceled.len());
    let left: Vec<Row> = rows.into_iter().filter(|row| !canceled.contains(&row.id)).collect();
    let faxes = customer.client.get("/v1/faxes").await.json()["total"].as_u64().unwrap();
    assert_eq!((faxes, later.service.used_pages(customer.account).await), (left.len() as u64, left.len() as u64));
}
