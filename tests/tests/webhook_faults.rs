//! Each call on the way of a webhook, failed before it was done, done with its answer lost, done with the process gone after it, or
//! refused for a conflict: nothing is lost, and what is told twice is told under one id.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use sfm::commands::webhook;
use sfm_core::plan::Plan;
use sfm_tests::client::Client;
use sfm_tests::injector::{Fault, Injector, Point};
use sfm_tests::process::Process;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::customer;
use tokio::runtime::Runtime;

const OPERATOR: &[&str] = &["operator"];
const OF_A_RECOVERY: &[&str] = &["FanOutEvent"];
const OF_A_WEBHOOK: &[&str] = &["FanOutEvent", "DeliverWebhook"];

/// What every trial stands on: a receiver that outlives the stack.
struct Bench<'b> {
    dir: &'b Path,
    tap: Arc<Injector>,
    outside: &'b Runtime,
}

impl Bench<'_> {
    /// A fax is delivered, and its webhook refused `failures` times before it is taken. Returns whether the fault struck.
    fn deliver_under(&self, mut process: Process, failures: usize, target: Option<(Point, Fault)>) -> (Process, bool) {
        let receiver = self.outside.block_on(Receiver::start(|_| Reply::status(200)));
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let url = receiver.url("/");
        process.runtime.block_on(webhook::add(&process.stack.operator_platform(), customer.account, &url, vec![], None)).unwrap();
        let left = Arc::new(std::sync::atomic::AtomicUsize::new(failures));
        receiver.reply(move |_| {
            let refuse = left.fetch_update(std::sync::atomic::Ordering::SeqCst, std::sync::atomic::Ordering::SeqCst, |n| n.checked_sub(1));
            Reply::status(if refuse.is_ok() { 500 } else { 200 })
        });
        self.tap.arm(OF_A_WEBHOOK, target.clone());
        process.runtime.block_on(customer.client.send_letter("+15005550001"));
        let (mut struck, mut patience, deadline) = (false, Instant::now(), Instant::now() + Duration::from_secs(120));
        let recorded = loop {
            assert!(Instant::now() < deadline, "{target:?}: never delivered");
            if self.tap.process_gone() {
                struck = true;
                process.crash();
                self.tap.arm(OF_A_WEBHOOK, None);
                process = Process::start(self.dir, self.tap.clone());
            }
            let recorded = process.runtime.block_on(async {
                let endpoints = webhook::endpoints(&process.stack.operator_platform(), customer.account).await.ok()?;
                let id = endpoints["data"][0]["id"].as_str()?.to_owned();
                let log = webhook::deliveries(&process.stack.operator_platform(), &id, None, None).await.ok()?;
                let [delivery] = log["data"].as_array()?.as_slice() else { return None };
                (delivery["status"] == "succeeded").then(|| delivery["attempts"].as_array().unwrap().len())
            });
            if let Some(recorded) = recorded {
                break recorded;
            }
            if patience.elapsed() > Duration::from_millis(300) {
                process.stack.advance(SignedDuration::from_secs(61)).unwrap();
                patience = Instant::now();
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        struck |= self.tap.was_hit();
        self.tap.arm(&[], None);
        let requests = receiver.requests();
        let ids: HashSet<_> = requests.iter().map(|request| request.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), 1, "{target:?}: one event, one id");
        assert!(recorded <= failures + 1, "{target:?}: {recorded} attempts");
        // Only what was told and could not be written down may be told again: that write failed, or the process died, whatever else it was
        // just doing.
        let unwritten = target.as_ref().is_some_and(|(point, fault)| {
            point.caller == "DeliverWebhook" && (*fault == Fault::ProcessGone || point.operation == "PutItem" && point.nth > 1)
        });
        let told = requests.len();
        assert!(told - recorded <= usize::from(unwritten), "{target:?}: told {told} times, {recorded} of them written down");
        (process, struck)
    }
}

#[test]
fn a_webhook_survives_every_fault_of_every_call_with_and_without_a_retry() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let tap = Arc::new(Injector::default());
    let bench = Bench { dir: folder.path(), tap: tap.clone(), outside: &outside };
    let mut process = Process::start(folder.path(), tap.clone());
    // The first attempt fails, so that the retry and all that belongs to it is struck too.
    {
        let failures = 1;
        process = bench.deliver_under(process, failures, None).0;
        tap.arm(OF_A_WEBHOOK, None);
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let receiver = outside.block_on(Receiver::start(|_| Reply::status(200)));
        let first = std::sync::atomic::AtomicBool::new(failures == 0);
        receiver.reply(move |_| Reply::status(if first.swap(true, std::sync::atomic::Ordering::SeqCst) { 200 } else { 500 }));
        process.runtime.block_on(async {
            webhook::add(&process.stack.operator_platform(), customer.account, &receiver.url("/"), vec![], None).await.unwrap();
            Client::new(process.stack.base_url(), &customer.key).send_letter("+15005550001").await;
            sfm_tests::eventually("the webhook", || async {
                process.stack.advance(SignedDuration::from_secs(2)).unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
                (receiver.requests().len() == failures + 1).then_some(())
            })
            .await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        });
        let points = tap.seen();
        assert!(points.len() >= 8, "{points:?}");
        let (mut tried, mut hit) = (0, 0);
        for point in &points {
            for fault in point.faults() {
                let (after, struck) = bench.deliver_under(process, failures, Some((point.clone(), fault)));
                process = after;
                tried += 1;
                hit += usize::from(struck);
            }
        }
        println!("a webhook with {failures} failures: {} calls, {tried} points tried, {hit} of them struck", points.len());
        assert!(hit * 2 >= tried, "only {hit} of {tried} faults struck");
    }
    process.crash();
}

#[test]
fn a_recovery_survives_every_fault_of_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let tap = Arc::new(Injector::default());
    let process = Process::start(folder.path(), tap.clone());
    let operator = process.stack.operator_platform();
    // The request that begins it, and the worker that does it.
    let trial = |caller: &'static [&'static str], target: Option<(Point, Fault)>| {
        let receiver = outside.block_on(Receiver::start(|_| Reply::status(410)));
        process.runtime.block_on(async {
            let customer = customer(&process.stack, Plan::Business, None).await;
            let since = process.stack.clock().now();
            let made = webhook::add(&operator, customer.account, &receiver.url("/"), vec![], None).await.unwrap();
            let id = made["id"].as_str().unwrap().parse().unwrap();
            // One that fails for good and disables the endpoint, and one that it is not told of.
            for _ in 0..2 {
                let fax = customer.client.send_letter("+15005550001").await;
                customer.client.completed(fax["id"].as_str().unwrap()).await;
                sfm_tests::eventually("the event to be fanned out, and the endpoint to be disabled", || async {
                    let list = webhook::endpoints(&operator, customer.account).await.unwrap();
                    let events = operator.dynamodb().query().table_name("Events").key_condition_expression("account_id = :account");
                    let account = AttributeValue::S(customer.account.to_string());
                    let events = events.expression_attribute_values(":account", account).send().await.unwrap();
                    let fanned_out = events.items().iter().all(|event| !event.contains_key("due_at"));
                    (fanned_out && list["data"][0]["status"] == "disabled").then_some(())
                })
                .await;
            }
            receiver.reply(|_| Reply::status(200));
            webhook::enable(&operator, id).await.unwrap();
            let before = receiver.requests().len();
            tap.arm(caller, target.clone());
            let first = webhook::recover(&operator, id, &since.to_string()).await;
            let (mut seen, mut struck) = (tap.seen(), tap.was_hit());
            if caller == OPERATOR {
                tap.arm(&[], None);
                // Whoever got no answer asks again.
                if target.is_some() {
                    webhook::recover(&operator, id, &since.to_string()).await.unwrap();
                }
            } else {
                first.unwrap();
            }
            let recovery = sfm_tests::eventually("all to be delivered", || async {
                process.stack.advance(SignedDuration::from_secs(61)).unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
                let log = webhook::deliveries(&operator, made["id"].as_str().unwrap(), None, None).await.unwrap();
                let log = log["data"].as_array().unwrap().clone();
                let list = webhook::endpoints(&operator, customer.account).await.unwrap();
                let recovery = list["data"][0]["recovery"].clone();
                let all = log.len() == 2 && log.iter().all(|delivery| delivery["status"] == "succeeded");
                (all && recovery["status"] == "finished").then_some(recovery)
            })
            .await;
            if target.is_none() {
                assert_eq!(recovery["events"], 2);
            }
            if caller != OPERATOR {
                (seen, struck) = (tap.seen(), tap.was_hit());
                tap.arm(&[], None);
            }
            let told: HashSet<_> = receiver.requests()[before..].iter().map(|request| request.header("webhook-id").to_owned()).collect();
            assert_eq!(told.len(), 2, "{target:?}");
            (seen, struck)
        })
    };
    for (caller, least) in [(OPERATOR, 3), (OF_A_RECOVERY, 8)] {
        let (points, _) = trial(caller, None);
        assert!(points.len() >= least, "{points:?}");
        for point in &points {
            for fault in point.faults() {
                // The operator's process is not the stack's: one that dies is one that gets no answer, and so is a
                // worker whose message comes again.
                if fault != Fault::ProcessGone {
                    assert!(trial(caller, Some((point.clone(), fault))).1, "{point:?} was never struck");
                }
            }
        }
        println!("a recovery, {caller:?}: {} calls", points.len());
    }
    process.crash();
}
