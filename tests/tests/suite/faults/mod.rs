//! Each AWS and carrier call of a send, failed before it was done, done with its answer lost, the last one of its process before or
//! after it was done, and, where it writes to the database, refused because a transaction of another has the item; and answered with an
//! error of the service's own, or done in part. The seed draws which of them.
//!
//! The calls are those that a send without faults is seen to make. After each fault the customer does what customers do, repeats what
//! got no answer with the same `Idempotency-Key`, and time passes. Then every invariant that concerns a send must hold. A fault that
//! never strikes fails the test, unless it is explained there.
//!
//! `FAULT_SEED=7 cargo test -p sfm-tests --test suite faults` draws others; `FAULTS=kinds` tries a fault of each kind at every call, `FAULTS=all` all; `FAULT_PAIRS=200
//! cargo test -p sfm-tests --test suite pairs -- --nocapture` tries so many pairs of faults of each flow, `FAULT_PAIRS=all` all.

mod batches;
mod canceled;
mod dashboard;
mod deleted;
mod reads;
mod requests;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use sfm_core::plan::Plan;
use sfm_local::stack::Stack;
use sfm_tests::DEADLINE;
use sfm_tests::client::{Client, fax};
use sfm_tests::documents;
use sfm_tests::draw::{Draw, in_either, try_each, try_pairs};
use sfm_tests::injector::{Fault, Feed, Injector, Patience, Point};
use sfm_tests::process::Process;
use sfm_tests::service::{Customer, carrier_log, customer, left_due, reservations, used_pages};

/// The functions of a send. The dispatcher comes by the clock, not by the send; pollers and operators are not the product.
const OF_A_SEND: &[&str] = &["SendFax", "RelayEvents", "TransmitFax", "ReceiveCarrierEvent"];

const KEY: &[(&str, &str)] = &[("idempotency-key", "once")];

/// One send under one fault, to its end, and the invariants after it.
struct Trial<'a> {
    dir: &'a Path,
    interceptor: Arc<Injector>,
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
        self.interceptor.arm(self.callers(), targets.iter().cloned());
        let deadline = Instant::now() + DEADLINE;
        let mut body = fax(self.to, documents::LETTER, "application/pdf");
        if self.put_off {
            body["send_at"] = json!((process.stack.clock().now() + SignedDuration::from_mins(5)).to_string());
        }
        let body = body.to_string().into_bytes();
        let mut acknowledged: Option<String> = None;
        let mut patience = Patience::default();
        let mut ended = None;
        loop {
            assert!(Instant::now() < deadline, "{targets:?}: no end; acknowledged {acknowledged:?}");
            if self.interceptor.process_gone() {
                process.crash();
                self.interceptor.resume();
                process = Process::start(self.dir, self.interceptor.clone());
                patience = Patience::default();
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
                // A document that the carrier could not fetch is handed over once more, not twice.
                let unread = targets.iter().filter(|(point, _)| point.service == "s3" && point.operation == "GetObject").count() == 2;
                let unread = unread && fax["failure"]["code"] == "document_unreadable";
                let expected = if self.to == "+15005550007" || unread { "failed" } else { "delivered" };
                assert_eq!(fax["status"], expected, "{targets:?}: {fax}");
                // What comes after the fax is final gets its chance to meet a fault before the dispatcher does its work.
                let chance = *ended.get_or_insert_with(|| Instant::now() + Duration::from_secs(4));
                let settled = || process.runtime.block_on(left_due(&process.stack, customer.account)).is_empty();
                if targets.is_empty() && settled()
                    || self.interceptor.was_hit() && !self.interceptor.process_gone()
                    || Instant::now() > chance
                {
                    break;
                }
                std::thread::sleep(Duration::from_millis(30));
                continue;
            }
            // What does not go on by itself goes on with time.
            if patience.is_over(&self.interceptor, Duration::from_millis(if targets.is_empty() { 2000 } else { 400 })) {
                process.stack.advance(self.stride).unwrap();
            }
            std::thread::sleep(Duration::from_millis(40));
        }
        let struck = self.interceptor.struck();
        if self.interceptor.disarm() {
            process.crash();
            process = Process::start(self.dir, self.interceptor.clone());
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
        self.interceptor.assert_no_errors(&targets);
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
            // A worker that comes late to what is done gives its own back by itself.
            let what = format!("{targets:?}: no reservation to be left behind");
            sfm_tests::eventually(&what, || async { (reservations(stack, customer.account).await == 0).then_some(()) }).await;
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
        let (client, body, interceptor) = (client.clone(), body.to_vec(), self.interceptor.clone());
        let path = if self.put_off { "/v1/scheduled" } else { "/v1/faxes" };
        process.runtime.block_on(async move {
            let sending = client.try_call(Method::POST, path, KEY, Some(body));
            let gone = async {
                while !interceptor.process_gone() {
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
        ended_once(stack, customer, &format!("fax.{}", fax["status"].as_str().unwrap())).await;
        Ok(())
    }
}

/// Waits until the one event that tells of an account's one fax's end is fanned out.
async fn ended_once(stack: &Stack, customer: &Customer, kind: &str) {
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
        assert!(ends.iter().all(|event| event["type"] == AttributeValue::S(kind.to_owned())) && ends.len() <= 1, "{ends:?}");
        (ends.len() == 1 && !ends[0].contains_key("due_at")).then_some(())
    })
    .await;
}

/// A folder, an injector, and the calls that a send without faults makes.
fn in_a_folder(to: &str, put_off: bool, stride: SignedDuration, rest: impl FnOnce(&Trial<'_>, Process, (Vec<Point>, HashSet<Point>))) {
    let folder = tempfile::tempdir().unwrap();
    let interceptor = Arc::new(Injector::default());
    let trial = Trial { dir: folder.path(), interceptor: interceptor.clone(), to, put_off, stride };
    // Of a clean run only what was made until all was settled is a send; the invariants' own calls are not seen.
    let (process, _) = trial.run(Process::start(folder.path(), interceptor.clone()), &[]);
    let once = interceptor.seen();
    let (process, _) = trial.run(process, &[]);
    println!("a send to {to}, {}:", if put_off { "put off" } else { "at once" });
    let (points, in_one_run) = in_either(once, interceptor.seen());
    assert!(points.len() > if put_off { 8 } else { 12 }, "a send makes more calls than {points:?}");
    rest(&trial, process, (points, in_one_run));
}

/// Tries every point of a send to `to` with every fault, and prints how many that were.
fn try_every_point(to: &str, put_off: bool, stride: SignedDuration) {
    in_a_folder(to, put_off, stride, |trial, process, (points, in_one_run)| {
        let mut draw = Draw::new(&format!("{to} {put_off}"));
        // The plainest send has all that others have in common.
        let plainest = to == PLAINEST && !put_off;
        let targets = if plainest { draw.kinds(&points) } else { draw.singles(&points) };
        let process = try_each(targets, &[], &in_one_run, process, |process, target| {
            let (process, struck) = trial.run(process, &[target]);
            (process, struck > 0)
        });
        process.crash();
    });
}

/// Two faults in one send.
fn try_two_at_once(to: &str, put_off: bool, few: usize) {
    in_a_folder(to, put_off, SignedDuration::from_secs(61), |trial, process, (points, _)| {
        let pairs = Draw::new(to).pairs(&points, few);
        let anew = || {
            trial.interceptor.disarm();
            Process::start(trial.dir, trial.interceptor.clone())
        };
        try_pairs(&pairs, process, anew, |process, pair| trial.run(process, pair)).crash();
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
        let interceptor = Arc::new(Injector::default());
        let trial = Trial { dir: folder.path(), interceptor: interceptor.clone(), to, put_off, stride: SignedDuration::from_secs(61) };
        let mut process = Process::start(folder.path(), interceptor.clone());
        for feed in [Feed::Doubled, Feed::Shuffled] {
            interceptor.feed_as(feed);
            for _ in 0..2 {
                (process, _) = trial.run(process, &[]);
            }
        }
        process.crash();
    }
}

/// A number whose machine answers, and whose calls are counted as those of all numbers but the magic ones are.
const PLAINEST: &str = "+15005550022";

#[test]
fn a_send_that_is_delivered_survives_every_fault_of_every_call() {
    try_every_point(PLAINEST, false, SignedDuration::from_secs(61));
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
