//! Each call on the way of a webhook with every fault of `faults.rs`: nothing is lost, nothing but the first attempt is made before its claim is
//! written, and what is told again, once for each crash or failed record at most, is told under one id.

mod recovery;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use sfm::commands::webhook;
use sfm_core::plan::Plan;
use sfm_store::webhooks::Webhooks;
use sfm_tests::DEADLINE;
use sfm_tests::draw::{Draw, in_either, try_each, try_pairs};
use sfm_tests::injector::{Fault, Feed, Happening, Injector, Patience, Point};
use sfm_tests::process::Process;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::{Customer, customer, left_due};
use tokio::runtime::Runtime;

const OF_A_WEBHOOK: &[&str] = &["FanOutEvent", "DeliverWebhook"];

/// What every trial stands on: a receiver that outlives the stack.
struct Bench<'b> {
    dir: &'b Path,
    interceptor: Arc<Injector>,
    outside: &'b Runtime,
}

impl Bench<'_> {
    /// An endpoint that has answered quickly is told of a fax, which it refuses once before it takes it. Returns how many of the faults struck.
    fn deliver_under(&self, mut process: Process, targets: &[(Point, Fault)]) -> (Process, usize) {
        let receiver = self.outside.block_on(Receiver::start(|_| Reply::status(200)));
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let url = receiver.url("/");
        process.runtime.block_on(webhook::add(&process.stack.operator_platform(), customer.account, &url, vec![], None)).unwrap();
        process.runtime.block_on(customer.client.send_letter("+15005550001"));
        sfm_tests::eventually_blocking("the endpoint to be quick", || {
            let webhooks = Webhooks::new(&process.stack.operator_platform()).unwrap();
            process.runtime.block_on(webhooks.of(customer.account)).unwrap()[0].quick.then_some(())
        });
        let before = receiver.requests().len();
        let (first, interceptor) = (AtomicBool::new(true), self.interceptor.clone());
        receiver.reply(move |request| {
            interceptor.note(request.header("webhook-id"));
            Reply::status(if first.swap(false, Ordering::SeqCst) { 500 } else { 200 })
        });
        self.interceptor.arm(OF_A_WEBHOOK, targets.iter().cloned());
        process.runtime.block_on(customer.client.send_letter("+15005550001"));
        let (mut crashes, mut patience, deadline) = (0, Patience::default(), Instant::now() + DEADLINE);
        let mut ended = None;
        let first_recorded = loop {
            assert!(Instant::now() < deadline, "{targets:?}: never delivered");
            if self.interceptor.process_gone() {
                crashes += 1;
                process.crash();
                self.interceptor.resume();
                process = Process::start(self.dir, self.interceptor.clone());
            }
            if let Some(recorded) = recorded(&process, &customer) {
                // What comes after it was told gets its chance to meet a fault.
                let chance = *ended.get_or_insert_with(|| Instant::now() + Duration::from_secs(4));
                if targets.is_empty() && left_over(&process, &customer) == 0
                    || self.interceptor.was_hit() && !self.interceptor.process_gone()
                    || Instant::now() > chance
                {
                    break recorded;
                }
            }
            if patience.is_over(&self.interceptor, Duration::from_millis(if targets.is_empty() { 2000 } else { 300 })) {
                process.stack.advance(SignedDuration::from_secs(61)).unwrap();
            }
            std::thread::sleep(Duration::from_millis(40));
        };
        let (struck, happened) = (self.interceptor.struck(), self.interceptor.happened());
        if self.interceptor.disarm() {
            crashes += 1;
            process.crash();
            process = Process::start(self.dir, self.interceptor.clone());
        }
        let requests = receiver.requests().split_off(before);
        let ids: HashSet<_> = requests.iter().map(|request| request.header("webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), 1, "{targets:?}: one event, one id");
        assert!(first_recorded >= 1, "{targets:?}");
        // Only what was told and could not be written down is told again: that write failed, or the process died just then.
        let failed = targets.iter().filter(|(point, fault)| {
            let spared = matches!(fault, Fault::ProcessGone | Fault::GoneBefore | Fault::AnswerLost);
            !spared && OF_A_WEBHOOK.contains(&point.caller.as_str()) && point.operation == "PutItem" && point.target == "Deliveries"
        });
        let unwritten = crashes + failed.count();
        let told = requests.len();
        // Who told it beside another writes that down after the other.
        let what = format!("{targets:?}: what was told {told} times to be written down but for {unwritten}");
        sfm_tests::eventually_blocking(&what, || recorded(&process, &customer).filter(|recorded| told <= recorded + unwritten));
        let event = ids.iter().next().unwrap();
        assert_claimed_before_told(&happened, event, self.interceptor.copies() + unwritten, &format!("{targets:?}"));
        sfm_tests::eventually_blocking("nothing to be left due", || {
            process.stack.advance(SignedDuration::from_secs(61)).unwrap();
            (left_over(&process, &customer) == 0).then_some(())
        });
        assert_eq!(receiver.requests().len() - before, told, "{targets:?}: told again afterwards");
        self.interceptor.assert_no_errors(&targets);
        (process, struck)
    }
}

/// How many attempts of the second event are written down, once it was told.
fn recorded(process: &Process, customer: &Customer) -> Option<usize> {
    process.runtime.block_on(async {
        let endpoints = webhook::endpoints(&process.stack.operator_platform(), customer.account).await.ok()?;
        let id = endpoints["data"][0]["id"].as_str()?.to_owned();
        let log = webhook::deliveries(&process.stack.operator_platform(), &id, None, None).await.ok()?;
        let [delivery, _] = log["data"].as_array()?.as_slice() else { return None };
        (delivery["status"] == "succeeded").then(|| delivery["attempts"].as_array().unwrap().len())
    })
}

fn left_over(process: &Process, customer: &Customer) -> usize {
    process.runtime.block_on(left_due(&process.stack, customer.account)).len()
}

/// Each post of an event but the `first` ones has a claim of its own that was written before it, and what is written down of an attempt comes
/// after a post. A worker of an earlier trial may still be at another event.
fn assert_claimed_before_told(happened: &[Happening], event: &str, first: usize, what: &str) {
    let (mut claims, mut told, mut recorded) = (0, 0, 0);
    for happening in happened {
        match happening {
            Happening::Noted(_) => {
                told += 1;
                assert!(told <= claims + first, "{what}: told for the {told}th time after {claims} claims: {happened:?}");
            }
            Happening::Written { caller, request }
                if OF_A_WEBHOOK.contains(&caller.as_str()) && request["Item"]["event_id"]["S"] == event =>
            {
                if request["Item"]["claim"].is_null() {
                    let attempts = request["Item"]["attempts"]["L"].as_array().map_or(0, Vec::len);
                    assert!(attempts <= told, "{what}: {attempts} attempts are written down, {told} were made: {happened:?}");
                    recorded = recorded.max(attempts);
                } else {
                    claims += 1;
                }
            }
            Happening::Written { .. } => {}
        }
    }
    // Where the first attempt was made twice, the second of them was taken, and nothing was left to claim.
    assert!(recorded >= 1 && (claims >= 1 || told > 1 && first > 1), "{what}: neither a claim nor a record was seen: {happened:?}");
}

fn on_a_bench(test: impl FnOnce(&Bench<'_>, Process, (Vec<Point>, HashSet<Point>))) {
    let folder = tempfile::tempdir().unwrap();
    let outside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let interceptor = Arc::new(Injector::default());
    let bench = Bench { dir: folder.path(), interceptor: interceptor.clone(), outside: &outside };
    // The first attempt fails, so that the retry and all that belongs to it is struck too.
    let (process, _) = bench.deliver_under(Process::start(folder.path(), interceptor.clone()), &[]);
    let once = interceptor.seen();
    let (process, _) = bench.deliver_under(process, &[]);
    println!("a webhook with one failure:");
    let (points, in_one_run) = in_either(once, interceptor.seen());
    assert!(points.len() >= 8, "{points:?}");
    test(&bench, process, (points, in_one_run));
}

#[test]
fn a_webhook_survives_every_fault_of_every_call_with_and_without_a_retry() {
    on_a_bench(|bench, process, (points, in_one_run)| {
        let mut targets = Draw::new("webhook").singles(&points);
        // Who dies between the post and its record is the one case in which a post may go unrecorded.
        let records = points.iter().filter(|point| point.target == "Deliveries");
        targets.extend(records.filter(|point| point.operation == "PutItem").map(|point| (point.clone(), Fault::GoneBefore)));
        let process = try_each(targets, &[], &in_one_run, process, |process, target| {
            let (process, struck) = bench.deliver_under(process, &[target]);
            (process, struck > 0)
        });
        process.crash();
    });
}

/// All pairs by hand, as `faults.rs` says.
#[test]
fn sampled_pairs_of_faults_of_a_webhook_lose_nothing() {
    on_a_bench(|bench, process, (points, _)| {
        let pairs = Draw::new("webhook").pairs(&points, 5);
        let anew = || {
            bench.interceptor.disarm();
            Process::start(bench.dir, bench.interceptor.clone())
        };
        try_pairs(&pairs, process, anew, |process, pair| bench.deliver_under(process, pair)).crash();
    });
}

#[test]
fn webhooks_whose_messages_come_doubled_and_out_of_order_are_told_once_for_each_record() {
    on_a_bench(|bench, mut process, _| {
        for feed in [Feed::Doubled, Feed::Shuffled] {
            bench.interceptor.feed_as(feed);
            for _ in 0..2 {
                (process, _) = bench.deliver_under(process, &[]);
            }
        }
        process.crash();
    });
}
