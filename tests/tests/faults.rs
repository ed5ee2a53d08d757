//! Each AWS and carrier call of a send, failed before it was done, done with its answer lost, done with the process gone after it,
//! and, where it writes to the database, refused because a transaction of another has the item.
//!
//! The calls are those that a send without faults is seen to make. After each fault the customer does what customers do, repeats what
//! got no answer with the same `Idempotency-Key`, and time passes. Then every invariant that concerns a send must hold.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sfm::stack::Stack;
use sfm_core::plan::Plan;
use sfm_tests::client::{Answer, Client, fax};
use sfm_tests::documents;
use sfm_tests::injector::{Fault, Injector, Point};
use sfm_tests::process::Process;
use sfm_tests::service::{Customer, carrier_log, customer, used_pages};
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
    /// Returns the process that it ended with, and whether the fault struck: the order of calls is not always the same.
    fn run(&self, mut process: Process, target: Option<(Point, Fault)>) -> (Process, bool) {
        let mut struck = false;
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        self.tap.arm(self.callers(), target.clone());
        let deadline = Instant::now() + Duration::from_secs(120);
        let mut body = fax(self.to, documents::LETTER, "application/pdf");
        if self.put_off {
            body["send_at"] = json!((process.stack.clock().now() + SignedDuration::from_mins(5)).to_string());
        }
        let body = body.to_string().into_bytes();
        let mut acknowledged: Option<String> = None;
        let mut patience = Instant::now();
        loop {
            assert!(Instant::now() < deadline, "{target:?}: no end; acknowledged {acknowledged:?}");
            if self.tap.process_gone() {
                struck = true;
                process.crash();
                self.tap.arm(self.callers(), None);
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
                assert_eq!(fax["status"], if self.to == "+15005550007" { "failed" } else { "delivered" }, "{target:?}: {fax}");
                break;
            }
            // What does not go on by itself goes on with time.
            if patience.elapsed() > Duration::from_millis(400) {
                process.stack.advance(self.stride).unwrap();
                patience = Instant::now();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // What comes after the fax is final gets its chance to meet the fault before the dispatcher does its work.
        let chance = Instant::now() + Duration::from_secs(1);
        while target.is_some() && !self.tap.was_hit() && !struck && Instant::now() < chance {
            std::thread::sleep(Duration::from_millis(5));
        }
        // One more look at what is late: nothing may come of it.
        process.stack.advance(SignedDuration::from_mins(40)).unwrap();
        let client = Client::new(process.stack.base_url(), &customer.key);
        let sent = process.runtime.block_on(self.fax(&client, acknowledged.as_deref().unwrap())).unwrap();
        let invariants = self.invariants(&process.stack, &customer, sent["id"].as_str().unwrap());
        process.runtime.block_on(invariants).unwrap_or_else(|broken| panic!("{target:?}: {broken}"));
        struck |= self.tap.was_hit();
        (process, struck)
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

/// Tries every point of a send to `to` with every fault, and prints how many that were.
fn try_every_point(to: &str, put_off: bool, stride: SignedDuration) {
    let folder = tempfile::tempdir().unwrap();
    let tap = Arc::new(Injector::default());
    let trial = Trial { dir: folder.path(), tap: tap.clone(), to, put_off, stride };
    let (mut process, _) = trial.run(Process::start(folder.path(), tap.clone()), None);
    // Of the clean run only what was made before the fax was final and settled is a send; the invariants' own calls are not seen.
    let points = tap.seen();
    assert!(points.len() > if put_off { 8 } else { 12 }, "a send makes more calls than {points:?}");
    let (mut tried, mut hit) = (0, 0);
    for point in &points {
        for fault in point.faults() {
            let (after, struck) = trial.run(process, Some((point.clone(), fault)));
            process = after;
            tried += 1;
            hit += usize::from(struck);
        }
    }
    process.crash();
    println!("a send to {to}: {} calls, {tried} points tried, {hit} of them struck", points.len());
    // What another order of events leaves out misses its fault; half must strike, or the trials are not of a send.
    assert!(hit * 2 >= tried, "only {hit} of {tried} faults struck");
    for point in points {
        println!("  {} {} {} #{}", point.caller, point.service, point.operation, point.nth);
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
    /// Makes what the request is about, and returns the request.
    prepare: fn(&Runtime, &Client) -> Asked,
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
        prepare: |_, _| (Method::POST, "/v1/scheduled".into(), tomorrow(documents::FORM)),
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
        prepare: |runtime, client| {
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
        prepare: |_, _| (Method::POST, "/v1/contacts".into(), contact()),
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
        prepare: |runtime, client| {
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
        prepare: |runtime, client| {
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

impl RequestTrial {
    fn run(&self, dir: &Path, tap: &Arc<Injector>, mut process: Process, target: Option<(Point, Fault)>) -> (Process, bool) {
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let client = Client::new(process.stack.base_url(), &customer.key);
        let request = (self.prepare)(&process.runtime, &client);
        tap.arm(self.callers, target.clone());
        let mut struck = false;
        let deadline = Instant::now() + Duration::from_secs(120);
        let answer = loop {
            assert!(Instant::now() < deadline, "{} {target:?}: no end", self.name);
            let client = Client::new(process.stack.base_url(), &customer.key);
            let answer = self.ask(&process, &client, tap, &request);
            if tap.process_gone() {
                struck = true;
                process.crash();
                tap.arm(self.callers, None);
                process = Process::start(dir, tap.clone());
            } else if let Some(answer) = answer {
                break answer;
            }
        };
        struck |= tap.was_hit();
        tap.arm(&[], None);
        let client = Client::new(process.stack.base_url(), &customer.key);
        println!("  {} {target:?}: {}", self.name, answer.status);
        (self.judge)(&process.runtime, &process.stack, &customer, &client, &answer, &request);
        (process, struck)
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

#[test]
fn requests_for_contacts_and_scheduled_faxes_and_replays_survive_every_fault_of_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let tap = Arc::new(Injector::default());
    let mut process = Process::start(folder.path(), tap.clone());
    for trial in &REQUESTS {
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let client = Client::new(process.stack.base_url(), &customer.key);
        let request = (trial.prepare)(&process.runtime, &client);
        tap.arm(trial.callers, None);
        let clean = trial.ask(&process, &client, &tap, &request).expect("an answer without faults");
        let points = tap.seen();
        tap.arm(&[], None);
        (trial.judge)(&process.runtime, &process.stack, &customer, &client, &clean, &request);
        assert!(points.len() >= 2, "{}: {points:?}", trial.name);
        for point in &points {
            for fault in point.faults() {
                let (after, struck) = trial.run(folder.path(), &tap, process, Some((point.clone(), fault)));
                process = after;
                assert!(struck, "{}: {fault:?} of {point:?} never struck", trial.name);
            }
        }
        println!("{}: {} calls, each failed, unanswered and the last one of its process", trial.name, points.len());
    }
    process.crash();
}
