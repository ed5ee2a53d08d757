//! Each AWS and carrier call of a send, failed before it was done, done with its answer lost, the last one of its process before or
//! after it was done, and, where it writes to the database, refused because a transaction of another has the item; and answered with an
//! error of the service's own, or done in part. The seed draws which of them.
//!
//! The calls are those that a send without faults is seen to make. After each fault the customer does what customers do, repeats what
//! got no answer with the same `Idempotency-Key`, and time passes. Then every invariant that concerns a send must hold. A fault that
//! never strikes fails the test, unless it is explained there.
//!
//! `FAULT_SEED=7 cargo test -p sfm-tests --test faults` draws others; `FAULTS=kinds` tries a fault of each kind at every call, `FAULTS=all` all; `FAULT_PAIRS=200
//! cargo test -p sfm-tests --test faults pairs -- --nocapture` tries so many pairs of faults of each flow, `FAULT_PAIRS=all` all.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sfm::commands::member;
use sfm::stack::Stack;
use sfm_core::member::Role;
use sfm_core::plan::Plan;
use sfm_tests::client::{Answer, Client, fax};
use sfm_tests::documents;
use sfm_tests::injector::{Draw, Fault, Feed, Injector, Point, in_both, try_each, try_pairs};
use sfm_tests::member::sign_in;
use sfm_tests::process::Process;
use sfm_tests::service::{Customer, carrier_log, customer, left_due, reservations, used_pages};
use tokio::runtime::Runtime;

/// The functions of a send. The dispatcher comes by the clock, not by the send; pollers and operators are not the product.
const OF_A_SEND: &[&str] = &["SendFax", "RelayEvents", "TransmitFax", "ReceiveCarrierEvent"];

/// One send under one fault, to its end, and the invariants after it.
struct Trial<'a> {
    dir: &'a Path,
    tap: Arc<Injector>,
    to: &'a str,
    /// Whether it is sent now, or put off by some minutes.
    put_off: bool,
    /// How far the clock is moved at a time while nothing happens.
    stride: SignedDuration,
}

impl Trial<'_> {
    /// Returns the process that it ended with, and how many of the faults struck.
    fn run(&self, mut process: Process, targets: &[(Point, Fault)]) -> (Process, usize) {
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        self.tap.arm(self.callers(), targets.iter().cloned());
        let deadline = Instant::now() + Duration::from_secs(120);
        let mut body = fax(self.to, documents::LETTER, "application/pdf");
        if self.put_off {
            body["send_at"] = json!((process.stack.clock().now() + SignedDuration::from_mins(5)).to_string());
        }
        let body = body.to_string().into_bytes();
        let mut acknowledged: Option<String> = None;
        let mut patience = Instant::now();
        let mut ended = None;
        loop {
            assert!(Instant::now() < deadline, "{targets:?}: no end; acknowledged {acknowledged:?}");
            if self.tap.process_gone() {
                process.crash();
                self.tap.resume();
                process = Process::start(self.dir, self.tap.clone());
                patience = Instant::now();
            }
            let client = Client::new(process.stack.base_url(), &customer.key);
            let Some(id) = &acknowledged else {
                acknowledged = self.try_send(&process, &client, &body);
                continue;
            };
            let Some(fax) = process.runtime.block_on(self.fax(&client, id)) else {
                process.stack.advance(self.stride).unwrap();
                std::thread::sleep(Duration::from_millis(150));
                continue;
            };
            if fax["status"] == "delivered" || fax["status"] == "failed" {
                let expected = if self.to == "+15005550007" { "failed" } else { "delivered" };
                assert_eq!(fax["status"], expected, "{targets:?}: {fax}");
                // What comes after the fax is final gets its chance to meet a fault before the dispatcher does its work.
                let chance = *ended.get_or_insert_with(|| Instant::now() + Duration::from_secs(4));
                let settled = || process.runtime.block_on(left_due(&process.stack, customer.account)).is_empty();
                if targets.is_empty() && settled() || self.tap.was_hit() && !self.tap.process_gone() || Instant::now() > chance {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            // What does not go on by itself goes on with time.
            if patience.elapsed() > Duration::from_millis(if targets.is_empty() { 2000 } else { 400 }) {
                process.stack.advance(self.stride).unwrap();
                patience = Instant::now();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let struck = self.tap.struck();
        if self.tap.disarm() {
            process.crash();
            process = Process::start(self.dir, self.tap.clone());
        }
        // One more look at what is late: nothing may come of it.
        process.stack.advance(SignedDuration::from_mins(40)).unwrap();
        let client = Client::new(process.stack.base_url(), &customer.key);
        let sent = process.runtime.block_on(self.fax(&client, acknowledged.as_deref().unwrap())).unwrap();
        process.runtime.block_on(async {
            let invariants = self.invariants(&process.stack, &customer, sent["id"].as_str().unwrap()).await;
            invariants.unwrap_or_else(|broken| panic!("{targets:?}: {broken}"));
            self.repeated(&process.stack, &customer, &body, acknowledged.as_deref().unwrap(), targets).await;
        });
        (process, struck)
    }

    /// The same request with the same key gives the same answer, and what a send that died had reserved comes back with the next one.
    async fn repeated(&self, stack: &Stack, customer: &Customer, body: &[u8], id: &str, targets: &[(Point, Fault)]) {
        let client = Client::new(stack.base_url(), &customer.key);
        let path = if self.put_off { "/v1/scheduled" } else { "/v1/faxes" };
        let again = client.try_call(Method::POST, path, KEY, Some(body.to_vec())).await.unwrap();
        assert_eq!((again.status, again.json()["id"].as_str()), (201, Some(id)), "{targets:?}: {}", again.text);
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{targets:?}");
        let reserves = |point: &Point| point.target == "Accounts" || point.operation == "TransactWriteItems";
        let sends = |point: &Point| ["SendFax", "SendScheduledFax"].contains(&point.caller.as_str());
        if targets.iter().any(|(point, _)| sends(point) && reserves(point)) {
            let before = used_pages(stack, customer.account).await;
            let next = client.post("/v1/faxes", &fax("+15005550001", documents::FORM, "image/png")).await;
            assert_eq!(next.status, 201, "{targets:?}: {}", next.text);
            client.completed(next.json()["id"].as_str().unwrap()).await;
            assert_eq!(reservations(stack, customer.account).await, 0, "{targets:?}: a reservation is left behind");
            assert_eq!(used_pages(stack, customer.account).await, before + 1, "{targets:?}");
            assert_eq!(client.get("/v1/faxes").await.json()["total"], 2, "{targets:?}");
        }
        let what = format!("{targets:?}: nothing to be left due");
        sfm_tests::eventually(&what, || async { left_due(stack, customer.account).await.is_empty().then_some(()) }).await;
    }

    fn callers(&self) -> &'static [&'static str] {
        if self.put_off { OF_A_SCHEDULE } else { OF_A_SEND }
    }

    /// The fax of an acknowledged id; none while it is put off.
    async fn fax(&self, client: &Client, id: &str) -> Option<Value> {
        if !self.put_off {
            return Some(client.fax(id).await);
        }
        let scheduled = client.get(&format!("/v1/scheduled/{id}")).await.json();
        assert!(scheduled["status"] == "pending" || scheduled["status"] == "sent", "{scheduled}");
        Some(client.fax(scheduled["fax_id"].as_str()?).await)
    }

    /// Sends with one key until there is an answer; gives up the wait when the process is gone.
    fn try_send(&self, process: &Process, client: &Client, body: &[u8]) -> Option<String> {
        let (client, body, tap) = (client.clone(), body.to_vec(), self.tap.clone());
        let path = if self.put_off { "/v1/scheduled" } else { "/v1/faxes" };
        process.runtime.block_on(async move {
            let headers = [("idempotency-key", "once")];
            let sending = client.try_call(Method::POST, path, &headers, Some(body));
            let gone = async {
                while !tap.process_gone() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                answer = sending => {
                    let answer = answer.ok()?;
                    assert!(answer.status == 201 || answer.status >= 500, "{}", answer.text);
                    (answer.status == 201).then(|| answer.json()["id"].as_str().unwrap().to_owned())
                }
                () = gone => None,
            }
        })
    }

    async fn invariants(&self, stack: &Stack, customer: &Customer, id: &str) -> Result<(), String> {
        let client = Client::new(stack.base_url(), &customer.key);
        let list = client.get("/v1/faxes").await.json();
        if list["total"] != 1 || list["data"][0]["id"] != id {
            return Err(format!("one request made other than one fax: {list}"));
        }
        let fax = &list["data"][0];
        let used = used_pages(stack, customer.account).await;
        if Some(used) != fax["pages_sent"].as_u64() {
            return Err(format!("{used} pages are charged for {fax}"));
        }
        let mut attempts = HashSet::new();
        for line in carrier_log(stack).iter().filter(|line| line["fax_id"] == id) {
            if !attempts.insert(line["attempt"].as_u64()) {
                return Err(format!("the carrier has an attempt twice: {line}"));
            }
        }
        let told: Vec<u64> = fax["attempts"].as_array().unwrap().iter().filter_map(|a| a["number"].as_u64()).collect();
        if told.len() != attempts.len() {
            return Err(format!("the carrier has {attempts:?}, the fax tells of {told:?}"));
        }
        let kind = format!("fax.{}", fax["status"].as_str().unwrap());
        sfm_tests::eventually("the fax's event to be published, once", || async {
            let events = stack
                .operator_platform()
                .dynamodb()
                .query()
                .table_name("Events")
                .key_condition_expression("account_id = :account")
                .expression_attribute_values(":account", AttributeValue::S(customer.account.to_string()))
                .send()
                .await
                .unwrap()
                .items
                .unwrap_or_default();
            let ends: Vec<_> = events.iter().filter(|event| event["type"].as_s().is_ok_and(|t| t != "fax.queued")).collect();
            assert!(ends.iter().all(|event| event["type"] == AttributeValue::S(kind.clone())) && ends.len() <= 1, "{ends:?}");
            (ends.len() == 1 && !ends[0].contains_key("due_at")).then_some(())
        })
        .await;
        Ok(())
    }
}

/// A folder, an injector, and the calls that a send without faults makes.
fn in_a_folder(to: &str, put_off: bool, stride: SignedDuration, rest: impl FnOnce(&Trial<'_>, Process, Vec<Point>)) {
    let folder = tempfile::tempdir().unwrap();
    let tap = Arc::new(Injector::default());
    let trial = Trial { dir: folder.path(), tap: tap.clone(), to, put_off, stride };
    // Of a clean run only what was made until all was settled is a send; the invariants' own calls are not seen.
    let (process, _) = trial.run(Process::start(folder.path(), tap.clone()), &[]);
    let once = tap.seen();
    let (process, _) = trial.run(process, &[]);
    println!("a send to {to}, {}:", if put_off { "put off" } else { "at once" });
    let points = in_both(once, &tap.seen());
    assert!(points.len() > if put_off { 8 } else { 12 }, "a send makes more calls than {points:?}");
    rest(&trial, process, points);
}

/// Tries every point of a send to `to` with every fault, and prints how many that were.
fn try_every_point(to: &str, put_off: bool, stride: SignedDuration) {
    in_a_folder(to, put_off, stride, |trial, process, points| {
        let mut draw = Draw::new(&format!("{to} {put_off}"));
        // The plainest send has all that others have in common.
        let plainest = to == "+15005550001" && !put_off;
        let targets = if plainest { draw.kinds(&points) } else { draw.singles(&points) };
        let process = try_each(targets, EXPLAINED, process, |process, target| {
            let (process, struck) = trial.run(process, &[target]);
            (process, struck > 0)
        });
        process.crash();
    });
}

/// Calls that a send does not always make.
const EXPLAINED: &[(&str, &str)] = &[];

/// Two faults in one send.
fn try_two_at_once(to: &str, put_off: bool, few: usize) {
    in_a_folder(to, put_off, SignedDuration::from_secs(61), |trial, process, points| {
        let pairs = Draw::new(to).pairs(&points, few);
        try_pairs(&pairs, process, |process, pair| trial.run(process, pair)).crash();
    });
}

#[test]
fn sampled_pairs_of_faults_of_a_send_change_nothing() {
    try_two_at_once("+15005550004", false, 5);
}

#[test]
fn sampled_pairs_of_faults_of_a_send_that_is_put_off_change_nothing() {
    try_two_at_once("+15005550001", true, 5);
}

/// Messages and records twice at once, the last first, each at two workers.
#[test]
fn sends_whose_messages_and_records_come_doubled_and_out_of_order_are_sent_once() {
    for (to, put_off) in [("+15005550001", false), ("+15005550004", false), ("+15005550007", false), ("+15005550001", true)] {
        let folder = tempfile::tempdir().unwrap();
        let tap = Arc::new(Injector::default());
        let trial = Trial { dir: folder.path(), tap: tap.clone(), to, put_off, stride: SignedDuration::from_secs(61) };
        let mut process = Process::start(folder.path(), tap.clone());
        for feed in [Feed::Doubled, Feed::Shuffled] {
            tap.feed_as(feed);
            for _ in 0..2 {
                (process, _) = trial.run(process, &[]);
            }
        }
        process.crash();
    }
}

#[test]
fn a_send_that_is_delivered_survives_every_fault_of_every_call() {
    try_every_point("+15005550001", false, SignedDuration::from_secs(61));
}

/// Its first call is dropped, so there is a retry with all that belongs to it.
#[test]
fn a_send_that_is_delivered_at_the_second_attempt_survives_every_fault_of_every_call() {
    try_every_point("+15005550004", false, SignedDuration::from_secs(61));
}

#[test]
fn a_send_that_fails_and_is_refunded_survives_every_fault_of_every_call() {
    try_every_point("+15005550007", false, SignedDuration::from_secs(61));
}

/// The functions that a fax passes before it is one.
const OF_A_SCHEDULE: &[&str] = &["ScheduleFax", "SendScheduledFax"];

#[test]
fn a_send_that_is_put_off_survives_every_fault_of_every_call() {
    try_every_point("+15005550001", true, SignedDuration::from_secs(61));
}

/// Here nothing but look-ups tells how it ended, so an answer that was lost must be found by one.
#[test]
fn a_send_whose_carrier_never_calls_back_survives_every_fault_of_every_call() {
    try_every_point("+15005550008", false, SignedDuration::from_mins(6));
}

/// A request's method, path and body.
type Asked = (Method, String, Value);

/// A request that is answered at once, and what must hold after it however often it had to be repeated.
struct RequestTrial {
    name: &'static str,
    callers: &'static [&'static str],
    by_member: bool,
    /// Makes what the request is about, and returns the request.
    prepare: fn(&Runtime, &Client, &Customer) -> Asked,
    /// Judges the last answer and the state that it left.
    judge: fn(&Runtime, &Stack, &Customer, &Client, &Answer, &Asked),
}

const KEY: &[(&str, &str)] = &[("idempotency-key", "once")];

fn post(runtime: &Runtime, client: &Client, path: &str, body: &Value) -> Answer {
    runtime.block_on(client.try_call(Method::POST, path, KEY, Some(body.to_string().into_bytes()))).unwrap()
}

fn total(runtime: &Runtime, client: &Client, path: &str) -> u64 {
    runtime.block_on(client.get(path)).json()["total"].as_u64().unwrap()
}

fn tomorrow(document: &[u8]) -> Value {
    let mut body = fax("+15005550001", document, "image/png");
    body["send_at"] = json!((Timestamp::now() + SignedDuration::from_hours(24 * 20)).to_string());
    body
}

fn has_document(runtime: &Runtime, stack: &Stack, key: String) -> bool {
    runtime.block_on(stack.operator_platform().s3().head_object().bucket("documents").key(key).send()).is_ok()
}

fn contact() -> Value {
    json!({"name": "Dr. Smith", "fax_number": "+12125551234"})
}

const REQUESTS: [RequestTrial; 5] = [
    RequestTrial {
        name: "scheduling a fax",
        callers: &["ScheduleFax"],
        by_member: false,
        prepare: |_, _, _| (Method::POST, "/v1/scheduled".into(), tomorrow(documents::FORM)),
        judge: |runtime, stack, customer, client, answer, (_, path, body)| {
            assert_eq!((answer.status, total(runtime, client, path)), (201, 1), "{}", answer.text);
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            assert_eq!(runtime.block_on(client.get(&format!("{path}/{id}"))).json(), answer.json());
            assert!(has_document(runtime, stack, format!("scheduled/{}/{id}.pdf", customer.account)), "its document is there");
            let again = post(runtime, client, path, body);
            assert_eq!((again.header("idempotent-replayed"), &again.text), (Some("true"), &answer.text));
        },
    },
    RequestTrial {
        name: "canceling a scheduled fax",
        callers: &["CancelScheduledFax"],
        by_member: false,
        prepare: |runtime, client, _| {
            let made = post(runtime, client, "/v1/scheduled", &tomorrow(documents::FORM)).json();
            (Method::DELETE, format!("/v1/scheduled/{}", made["id"].as_str().unwrap()), Value::Null)
        },
        // 409 is the answer to a repetition, when the answer of the first was lost.
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
            assert_eq!(runtime.block_on(client.get(path)).json()["status"], "canceled");
        },
    },
    RequestTrial {
        name: "creating a contact",
        callers: &["CreateContact"],
        by_member: false,
        prepare: |_, _, _| (Method::POST, "/v1/contacts".into(), contact()),
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
            let list = runtime.block_on(client.get(path)).json();
            assert_eq!((&list["total"], &list["data"][0]["fax_number"]), (&json!(1), &json!("+12125551234")));
            assert!(answer.text.contains(list["data"][0]["id"].as_str().unwrap()), "{}", answer.text);
        },
    },
    RequestTrial {
        name: "deleting a contact",
        callers: &["DeleteContact"],
        by_member: false,
        prepare: |runtime, client, _| {
            let made = post(runtime, client, "/v1/contacts", &contact()).json();
            (Method::DELETE, format!("/v1/contacts/{}", made["id"].as_str().unwrap()), Value::Null)
        },
        judge: |runtime, _, _, client, answer, _| {
            assert!(matches!(answer.status, 200 | 404), "{}", answer.text);
            assert_eq!(total(runtime, client, "/v1/contacts"), 0);
            assert_eq!(post(runtime, client, "/v1/contacts", &contact()).status, 201, "its number is free");
            assert_eq!(total(runtime, client, "/v1/contacts"), 1);
        },
    },
    RequestTrial {
        name: "repeating a send",
        callers: &["SendFax"],
        by_member: false,
        prepare: |runtime, client, _| {
            let body = fax("+15005550001", documents::FORM, "image/png");
            let first = post(runtime, client, "/v1/faxes", &body);
            assert_eq!(first.status, 201, "{}", first.text);
            (Method::POST, "/v1/faxes".into(), body)
        },
        judge: |runtime, stack, customer, client, answer, (_, path, _)| {
            assert_eq!((answer.status, answer.header("idempotent-replayed")), (201, Some("true")), "{}", answer.text);
            assert_eq!((total(runtime, client, path), runtime.block_on(used_pages(stack, customer.account))), (1, 1));
        },
    },
];

const OWNER: &str = "ann@example.com";

fn base(customer: &Customer) -> String {
    format!("/dashboard/api/accounts/{}", customer.account)
}

fn created(runtime: &Runtime, client: &Client, path: &str, body: &Value) -> String {
    let made = runtime.block_on(client.post(path, body));
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

fn data(runtime: &Runtime, client: &Client, path: &str) -> Vec<Value> {
    let list = runtime.block_on(client.get(path));
    assert_eq!(list.status, 200, "{}", list.text);
    list.json()["data"].as_array().unwrap().clone()
}

fn hook() -> Value {
    json!({"url": "http://127.0.0.1:9/", "events": ["fax.delivered"]})
}

/// Every change that is done is in the audit log, and as often as it is done.
fn audited(runtime: &Runtime, client: &Client, customer: &Customer, action: &str) -> usize {
    let log = data(runtime, client, &format!("{}/audit", base(customer)));
    log.iter().filter(|entry| entry["action"] == action && entry["actor"] == OWNER).count()
}

/// What a member does. Creating a key or a webhook has no idempotency key: who got no answer and asks again may have two, and sees both.
const AT_THE_DASHBOARD: [RequestTrial; 9] = [
    RequestTrial {
        name: "creating a key",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |_, _, customer| (Method::POST, format!("{}/keys", base(customer)), json!({"name": "One", "scopes": ["faxes:read"]})),
        judge: |runtime, stack, customer, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 201, "{}", answer.text);
            let made: Vec<_> = data(runtime, client, path).into_iter().filter(|key| key["name"] == "One").collect();
            assert!(matches!(made.len(), 1 | 2) && made.iter().any(|key| key["id"] == answer.json()["id"]), "{made:?}");
            assert_eq!(audited(runtime, client, customer, "key.created"), made.len());
            let by_key = Client::new(stack.base_url(), answer.json()["key"].as_str().unwrap());
            assert_eq!(runtime.block_on(by_key.get("/v1/faxes")).status, 200);
        },
    },
    RequestTrial {
        name: "revoking a key",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/keys", base(customer));
            let id = created(runtime, client, &path, &json!({"name": "One", "scopes": ["faxes:read"]}));
            (Method::DELETE, format!("{path}/{id}"), Value::Null)
        },
        judge: |runtime, _, customer, client, answer, _| {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let keys = data(runtime, client, &format!("{}/keys", base(customer)));
            let revoked = keys.iter().filter(|key| key["name"] == "One" && !key["revoked_at"].is_null()).count();
            assert_eq!((revoked, audited(runtime, client, customer, "key.revoked")), (1, 1));
        },
    },
    RequestTrial {
        name: "creating a contact at the dashboard",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |_, _, customer| (Method::POST, format!("{}/contacts", base(customer)), contact()),
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
            assert_eq!(data(runtime, client, path).len(), 1);
        },
    },
    RequestTrial {
        name: "creating a webhook",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |_, _, customer| (Method::POST, format!("{}/webhooks", base(customer)), hook()),
        judge: |runtime, _, customer, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 201, "{}", answer.text);
            let made = data(runtime, client, path);
            assert!(matches!(made.len(), 1 | 2) && made.iter().any(|made| made["id"] == answer.json()["id"]), "{made:?}");
            assert_eq!(audited(runtime, client, customer, "webhook.created"), made.len());
        },
    },
    RequestTrial {
        name: "changing a webhook",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/webhooks", base(customer));
            let id = created(runtime, client, &path, &hook());
            (Method::PATCH, format!("{path}/{id}"), json!({"status": "disabled", "events": ["fax.failed"]}))
        },
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let now = runtime.block_on(client.get(path)).json();
            assert_eq!((&now["status"], &now["events"]), (&json!("disabled"), &json!(["fax.failed"])));
        },
    },
    RequestTrial {
        name: "rotating a webhook's secret",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/webhooks", base(customer));
            let id = created(runtime, client, &path, &hook());
            (Method::POST, format!("{path}/{id}/rotate"), Value::Null)
        },
        // Who asks again after a rotation whose answer was lost is refused, or rotates once more; one shown last is the one in use.
        judge: |runtime, _, customer, client, answer, _| {
            assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
            assert!(matches!(audited(runtime, client, customer, "webhook.secret_rotated"), 1 | 2));
        },
    },
    RequestTrial {
        name: "deleting a webhook",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/webhooks", base(customer));
            let id = created(runtime, client, &path, &hook());
            (Method::DELETE, format!("{path}/{id}"), Value::Null)
        },
        judge: |runtime, _, customer, client, answer, _| {
            assert!(matches!(answer.status, 200 | 204 | 404), "{}", answer.text);
            assert_eq!(data(runtime, client, &format!("{}/webhooks", base(customer))).len(), 0);
            assert_eq!(audited(runtime, client, customer, "webhook.deleted"), 1);
        },
    },
    RequestTrial {
        name: "sending a fax at the dashboard",
        callers: &["DashboardDocuments"],
        by_member: true,
        prepare: |_, _, customer| (Method::POST, format!("{}/faxes", base(customer)), fax("+15005550001", documents::FORM, "image/png")),
        judge: |runtime, stack, customer, client, answer, (_, path, body)| {
            assert_eq!(answer.status, 201, "{}", answer.text);
            let faxes = data(runtime, client, path);
            assert_eq!((faxes.len(), &faxes[0]["id"]), (1, &answer.json()["id"]));
            let again = post(runtime, client, path, body);
            assert_eq!((again.header("idempotent-replayed"), &again.json()["id"]), (Some("true"), &answer.json()["id"]));
            assert_eq!(runtime.block_on(used_pages(stack, customer.account)), 1);
        },
    },
    RequestTrial {
        name: "canceling a scheduled fax at the dashboard",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/scheduled", base(customer));
            let made = post(runtime, client, &path, &tomorrow(documents::FORM)).json();
            (Method::DELETE, format!("{path}/{}", made["id"].as_str().unwrap()), Value::Null)
        },
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
            assert_eq!(runtime.block_on(client.get(path)).json()["status"], "canceled");
        },
    },
];

impl RequestTrial {
    fn run(&self, dir: &Path, tap: &Arc<Injector>, mut process: Process, target: &(Point, Fault)) -> (Process, bool) {
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let client = self.client(&process, &customer);
        let request = (self.prepare)(&process.runtime, &client, &customer);
        tap.arm(self.callers, [target.clone()]);
        let deadline = Instant::now() + Duration::from_secs(120);
        let answer = loop {
            assert!(Instant::now() < deadline, "{} {target:?}: no end", self.name);
            let answer = self.ask(&process, &client, tap, &request);
            if tap.process_gone() {
                process.crash();
                tap.resume();
                process = Process::start(dir, tap.clone());
            } else if let Some(answer) = answer {
                break answer;
            }
        };
        let struck = tap.was_hit();
        tap.disarm();
        println!("  {} {:?} of {}: {}", self.name, target.1, target.0, answer.status);
        (self.judge)(&process.runtime, &process.stack, &customer, &client, &answer, &request);
        (process, struck)
    }

    /// Who asks: the customer by key, or the owner of the account, signed in.
    fn client(&self, process: &Process, customer: &Customer) -> Client {
        if !self.by_member {
            return Client::new(process.stack.base_url(), &customer.key);
        }
        process.runtime.block_on(async {
            member::add(&process.stack.operator_platform(), customer.account, OWNER, Role::Owner).await.unwrap();
            sign_in(process.stack.base_url(), OWNER).await
        })
    }

    /// One try. None when there was no answer, or one that asks to try again.
    fn ask(&self, process: &Process, client: &Client, tap: &Injector, request: &Asked) -> Option<Answer> {
        let (method, path, body) = request.clone();
        let body = (!body.is_null()).then(|| body.to_string().into_bytes());
        process.runtime.block_on(async {
            let asking = client.try_call(method, &path, KEY, body);
            let gone = async {
                while !tap.process_gone() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                answer = asking => answer.ok().filter(|answer| answer.status < 500),
                () = gone => None,
            }
        })
    }
}

/// Each call of each request with every fault.
fn try_requests(trials: &[RequestTrial]) {
    let folder = tempfile::tempdir().unwrap();
    let tap = Arc::new(Injector::default());
    let mut process = Process::start(folder.path(), tap.clone());
    let mut draw = Draw::new("requests");
    for trial in trials {
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let client = trial.client(&process, &customer);
        let request = (trial.prepare)(&process.runtime, &client, &customer);
        tap.arm(trial.callers, None);
        let clean = trial.ask(&process, &client, &tap, &request).expect("an answer without faults");
        let points = tap.seen();
        tap.disarm();
        (trial.judge)(&process.runtime, &process.stack, &customer, &client, &clean, &request);
        assert!(points.len() >= 2, "{}: {points:?}", trial.name);
        println!("{}: {} calls", trial.name, points.len());
        process = try_each(draw.singles(&points), &[], process, |process, target| trial.run(folder.path(), &tap, process, &target));
    }
    process.crash();
}

#[test]
fn requests_for_contacts_and_scheduled_faxes_and_replays_survive_every_fault_of_every_call() {
    try_requests(&REQUESTS);
}

#[test]
fn a_member_at_the_dashboard_survives_every_fault_of_every_call() {
    try_requests(&AT_THE_DASHBOARD);
}
