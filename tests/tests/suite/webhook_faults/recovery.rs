//! A recovery, begun by the operator's command and done by a worker, under every fault of every call of both.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::Value;
use sfm_core::id::EndpointId;

use super::*;

const OPERATOR: &[&str] = &["operator"];
const OF_A_RECOVERY: &[&str] = &["FanOutEvent"];

/// What is to be recovered: one event that failed for good and disabled its endpoint, and one that it was not told of.
struct Missed {
    customer: Customer,
    receiver: Receiver,
    endpoint: EndpointId,
    since: Timestamp,
    /// Posts before the recovery.
    told: usize,
}

impl Bench<'_> {
    fn missed(&self, process: &Process) -> Missed {
        let receiver = self.outside.block_on(Receiver::start(|_| Reply::status(410)));
        let operator = process.stack.operator_platform();
        process.runtime.block_on(async {
            let customer = customer(&process.stack, Plan::Business, None).await;
            let since = process.stack.clock().now();
            let made = webhook::add(&operator, customer.account, &receiver.url("/"), vec![], None).await.unwrap();
            let endpoint = made["id"].as_str().unwrap().parse().unwrap();
            for _ in 0..2 {
                let fax = customer.client.send_letter("+15005550007").await;
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
            webhook::enable(&operator, endpoint).await.unwrap();
            let told = receiver.requests().len();
            Missed { customer, receiver, endpoint, since, told }
        })
    }

    /// The recovery, if it is finished and everything is delivered.
    fn recovered(&self, process: &Process, missed: &Missed) -> Option<Value> {
        let operator = process.stack.operator_platform();
        process.runtime.block_on(async {
            let log = webhook::deliveries(&operator, &missed.endpoint.to_string(), None, None).await.ok()?;
            let list = webhook::endpoints(&operator, missed.customer.account).await.ok()?;
            let recovery = list["data"][0]["recovery"].clone();
            let log = log["data"].as_array().unwrap();
            let all = log.len() == 2 && log.iter().all(|delivery| delivery["status"] == "succeeded");
            (all && recovery["status"] == "finished").then_some(recovery)
        })
    }

    /// Returns the process that it ended with, and whether the fault struck.
    fn recover_under(&self, mut process: Process, callers: &'static [&'static str], target: Option<(Point, Fault)>) -> (Process, bool) {
        let missed = self.missed(&process);
        let begin = |process: &Process| {
            let operator = process.stack.operator_platform();
            process.runtime.block_on(webhook::recover(&operator, missed.endpoint, &missed.since.to_string()))
        };
        self.interceptor.arm(callers, target.clone());
        let begun = begin(&process);
        if callers == OPERATOR {
            // What looks at it later is the operator too.
            self.interceptor.disarm();
        }
        if let Err(e) = begun {
            // Whoever got no answer asks again.
            assert!(callers == OPERATOR && target.is_some(), "{target:?}: {e:?}");
            begin(&process).unwrap();
        }
        let (mut crashes, mut ended, deadline) = (0, None, Instant::now() + sfm_tests::DEADLINE);
        let mut patience = Patience::default();
        let recovery = loop {
            assert!(Instant::now() < deadline, "{target:?}: not recovered");
            if self.interceptor.process_gone() {
                crashes += 1;
                process.crash();
                self.interceptor.resume();
                process = Process::start(self.dir, self.interceptor.clone());
            }
            if let Some(recovery) = self.recovered(&process, &missed) {
                // What comes after it is finished gets its chance to meet the fault.
                let chance = *ended.get_or_insert_with(|| Instant::now() + Duration::from_secs(4));
                let settled = || left_over(&process, &missed.customer) == 0;
                if target.is_none() && settled()
                    || self.interceptor.was_hit() && !self.interceptor.process_gone()
                    || Instant::now() > chance
                {
                    break recovery;
                }
            }
            if patience.is_over(&self.interceptor, Duration::from_millis(300)) {
                process.stack.advance(SignedDuration::from_secs(61)).unwrap();
            }
            std::thread::sleep(Duration::from_millis(40));
        };
        let struck = self.interceptor.was_hit();
        if self.interceptor.disarm() {
            crashes += 1;
            process.crash();
            process = Process::start(self.dir, self.interceptor.clone());
        }
        if target.is_none() {
            assert_eq!(recovery["events"], 2);
        }
        sfm_tests::eventually_blocking("nothing to be left due", || {
            process.stack.advance(SignedDuration::from_secs(61)).unwrap();
            (left_over(&process, &missed.customer) == 0).then_some(())
        });
        let told = missed.receiver.requests().split_off(missed.told);
        let ids: HashSet<_> = told.iter().map(|request| request.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), 2, "{target:?}");
        assert!(told.len() <= 2 * (1 + crashes), "{target:?}: told {} times after {crashes} crashes", told.len());
        self.interceptor.assert_no_errors(&target);
        (process, struck)
    }

    fn try_recovery(&self, process: Process, callers: &'static [&'static str], least: usize) -> Process {
        let (process, _) = self.recover_under(process, callers, None);
        let points = self.interceptor.seen();
        assert!(points.len() >= least, "{points:?}");
        println!("a recovery, {callers:?}:");
        for point in &points {
            println!("    {point}");
        }
        let mut targets = Draw::new("recovery").singles(&points);
        targets.retain(|(_, fault)| !matches!(fault, Fault::ProcessGone | Fault::GoneBefore));
        // The operator's process is not the stack's: one that dies before a call is one whose call fails, and one that dies after it is
        // one that gets no answer.
        if callers != OPERATOR {
            // Who dies after a read leaves what one leaves who dies before it: that is tried by hand.
            let by_hand = std::env::var_os("FAULTS").is_some();
            let after = points.iter().filter(|point| by_hand || !point.reads()).map(|point| (point.clone(), Fault::ProcessGone));
            targets.extend(points.iter().map(|point| (point.clone(), Fault::GoneBefore)).chain(after));
        }
        try_each(targets, &[], &HashSet::new(), process, |process, target| self.recover_under(process, callers, Some(target)))
    }
}

#[test]
fn a_recovery_survives_every_fault_of_every_call_and_each_death_of_its_worker() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let interceptor = Arc::new(Injector::default());
    let bench = Bench { dir: folder.path(), interceptor: interceptor.clone(), outside: &outside };
    let process = Process::start(folder.path(), interceptor.clone());
    let process = bench.try_recovery(process, OPERATOR, 3);
    bench.try_recovery(process, OF_A_RECOVERY, 8).crash();
}
