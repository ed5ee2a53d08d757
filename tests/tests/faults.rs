//! Each AWS and carrier call of a send, failed before it was done, done with its answer lost, and done with the process gone after it.
//!
//! The calls are those that a send without faults is seen to make. After each fault the customer does what customers do, repeats what
//! got no answer with the same `Idempotency-Key`, and time passes. Then every invariant that concerns a send must hold.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use reqwest::Method;
use sfm::stack::Stack;
use sfm::tap::{Call, Tap, Verdict};
use sfm_core::plan::Plan;
use sfm_tests::client::{Client, fax};
use sfm_tests::documents;
use sfm_tests::service::{Customer, carrier_log, customer, start_in, used_pages};
use tokio::runtime::Runtime;

/// One call of a send: who calls what for the how-manieth time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Point {
    caller: String,
    service: &'static str,
    operation: String,
    nth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    FailedBefore,
    AnswerLost,
    ProcessGone,
}

#[derive(Debug, Default)]
struct Injector {
    inner: Mutex<Armed>,
}

#[derive(Debug, Default)]
struct Armed {
    target: Option<(Point, Fault)>,
    /// How often each call was made, its repetitions by the client not counted.
    counts: HashMap<(String, &'static str, String), usize>,
    known: HashMap<String, Point>,
    seen: Vec<Point>,
    /// The id of the call that was hit; the client's repetitions of it are refused.
    hit: Option<String>,
    process_gone: bool,
}

impl Injector {
    fn arm(&self, target: Option<(Point, Fault)>) {
        *self.inner.lock().unwrap() = Armed { target, ..Armed::default() };
    }

    fn seen(&self) -> Vec<Point> {
        self.inner.lock().unwrap().seen.clone()
    }

    fn was_hit(&self) -> bool {
        self.inner.lock().unwrap().hit.is_some()
    }

    fn process_gone(&self) -> bool {
        self.inner.lock().unwrap().process_gone
    }
}

/// The functions of a send. The dispatcher comes by the clock, not by the send; pollers and operators are not the product.
fn concerns_a_send(call: &Call) -> bool {
    call.service == "carrier" || ["SendFax", "RelayEvents", "TransmitFax", "ReceiveCarrierEvent"].contains(&call.caller.as_str())
}

impl Tap for Injector {
    fn verdict(&self, call: &Call) -> Verdict {
        if !concerns_a_send(call) {
            return Verdict::Perform;
        }
        let mut armed = self.inner.lock().unwrap();
        if armed.hit.as_ref() == Some(&call.id) {
            return Verdict::Refuse;
        }
        if armed.known.contains_key(&call.id) {
            return Verdict::Perform;
        }
        let caller = if call.service == "carrier" { "TransmitFax".to_owned() } else { call.caller.clone() };
        let nth = armed.counts.entry((caller.clone(), call.service, call.operation.clone())).or_default();
        *nth += 1;
        let point = Point { caller, service: call.service, operation: call.operation.clone(), nth: *nth };
        armed.known.insert(call.id.clone(), point.clone());
        armed.seen.push(point.clone());
        match armed.target.clone() {
            Some((target, fault)) if target == point => {
                armed.hit = Some(call.id.clone());
                match fault {
                    Fault::FailedBefore => Verdict::Refuse,
                    Fault::AnswerLost => Verdict::Lose,
                    Fault::ProcessGone => Verdict::Hang,
                }
            }
            _ => Verdict::Perform,
        }
    }

    fn performed(&self, call: &Call, _: &[u8], _: u16, _: &[u8]) {
        let mut armed = self.inner.lock().unwrap();
        if armed.hit.as_ref() == Some(&call.id) && armed.target.as_ref().is_some_and(|(_, fault)| *fault == Fault::ProcessGone) {
            armed.process_gone = true;
        }
    }
}

/// A stack on a runtime of its own, which can be taken away from under it.
struct Process {
    runtime: Runtime,
    stack: Stack,
}

impl Process {
    fn start(dir: &Path, tap: Arc<Injector>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let stack = runtime.block_on(start_in(dir.to_owned(), tap));
        Self { runtime, stack }
    }

    /// Everything that runs is cut off where it stands.
    fn crash(self) {
        self.runtime.shutdown_timeout(Duration::from_secs(20));
        drop(self.stack);
    }
}

/// One send under one fault, to its end, and the invariants after it.
struct Trial<'a> {
    dir: &'a Path,
    tap: Arc<Injector>,
    to: &'a str,
    /// How far the clock is moved at a time while nothing happens.
    stride: SignedDuration,
}

impl Trial<'_> {
    /// Returns the process that it ended with, and whether the fault struck: the order of calls is not always the same.
    fn run(&self, mut process: Process, target: Option<(Point, Fault)>) -> (Process, bool) {
        let mut struck = false;
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        self.tap.arm(target.clone());
        let deadline = Instant::now() + Duration::from_secs(120);
        let body = fax(self.to, documents::LETTER, "application/pdf").to_string().into_bytes();
        let mut acknowledged: Option<String> = None;
        let mut patience = Instant::now();
        loop {
            assert!(Instant::now() < deadline, "{target:?}: no end; acknowledged {acknowledged:?}");
            if self.tap.process_gone() {
                struck = true;
                process.crash();
                self.tap.arm(None);
                process = Process::start(self.dir, self.tap.clone());
                patience = Instant::now();
            }
            let client = Client::new(process.stack.base_url(), &customer.key);
            let Some(id) = &acknowledged else {
                acknowledged = self.try_send(&process, &client, &body);
                continue;
            };
            let fax = process.runtime.block_on(client.fax(id));
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
        let invariants = self.invariants(&process.stack, &customer, acknowledged.as_deref().unwrap());
        process.runtime.block_on(invariants).unwrap_or_else(|broken| panic!("{target:?}: {broken}"));
        struck |= self.tap.was_hit();
        (process, struck)
    }

    /// Sends with one key until there is an answer; gives up the wait when the process is gone.
    fn try_send(&self, process: &Process, client: &Client, body: &[u8]) -> Option<String> {
        let (client, body, tap) = (client.clone(), body.to_vec(), self.tap.clone());
        process.runtime.block_on(async move {
            let headers = [("idempotency-key", "once")];
            let sending = client.try_call(Method::POST, "/v1/faxes", &headers, Some(body));
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
fn try_every_point(to: &str, stride: SignedDuration) {
    let folder = tempfile::tempdir().unwrap();
    let tap = Arc::new(Injector::default());
    let trial = Trial { dir: folder.path(), tap: tap.clone(), to, stride };
    let (mut process, _) = trial.run(Process::start(folder.path(), tap.clone()), None);
    // Of the clean run only what was made before the fax was final and settled is a send; the invariants' own calls are not seen.
    let points = tap.seen();
    assert!(points.len() > 12, "a send makes more calls than {points:?}");
    let (mut tried, mut hit) = (0, 0);
    for point in &points {
        for fault in [Fault::FailedBefore, Fault::AnswerLost, Fault::ProcessGone] {
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
    try_every_point("+15005550001", SignedDuration::from_secs(61));
}

/// Its first call is dropped, so there is a retry with all that belongs to it.
#[test]
fn a_send_that_is_delivered_at_the_second_attempt_survives_every_fault_of_every_call() {
    try_every_point("+15005550004", SignedDuration::from_secs(61));
}

#[test]
fn a_send_that_fails_and_is_refunded_survives_every_fault_of_every_call() {
    try_every_point("+15005550007", SignedDuration::from_secs(61));
}

/// Here nothing but look-ups tells how it ended, so an answer that was lost must be found by one.
#[test]
fn a_send_whose_carrier_never_calls_back_survives_every_fault_of_every_call() {
    try_every_point("+15005550008", SignedDuration::from_mins(6));
}
