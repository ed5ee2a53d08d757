//! A fax that is canceled while its call is under way: each call of it with every fault.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use reqwest::Method;
use sfm_core::plan::Plan;
use sfm_tests::DEADLINE;
use sfm_tests::client::Client;
use sfm_tests::draw::{Draw, in_either, try_each};
use sfm_tests::injector::{Fault, Injector, Patience, Point};
use sfm_tests::process::Process;
use sfm_tests::service::{Customer, SLOW_CARRIER, carrier_log, customer, left_due, used_pages};

use super::ended_once;

const CALLERS: &[&str] = &["CancelFax", "RelayEvents", "TransmitFax", "ReceiveCarrierEvent"];

struct Trial<'a> {
    dir: &'a Path,
    interceptor: Arc<Injector>,
}

impl Trial<'_> {
    fn start(&self) -> Process {
        Process::start_at(self.dir, self.interceptor.clone(), SLOW_CARRIER)
    }

    /// Cancels a fax under a fault, lets time pass until it is final, and holds the carrier's log and the quota against it.
    fn run(&self, mut process: Process, targets: &[(Point, Fault)]) -> (Process, bool) {
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let client = Client::new(process.stack.base_url(), &customer.key);
        let id = process.runtime.block_on(sending(&client));
        self.interceptor.arm(CALLERS, targets.iter().cloned());
        let (deadline, mut patience, mut wished, mut ended) = (Instant::now() + DEADLINE, Patience::default(), false, None);
        loop {
            assert!(Instant::now() < deadline, "{targets:?}: no end");
            if self.interceptor.process_gone() {
                process.crash();
                self.interceptor.resume();
                process = self.start();
                patience = Patience::default();
            }
            let client = Client::new(process.stack.base_url(), &customer.key);
            if !wished {
                wished = self.wish(&process, &client, &id);
                continue;
            }
            let settled = || process.runtime.block_on(left_due(&process.stack, customer.account)).is_empty();
            if process.runtime.block_on(client.fax(&id))["completed_at"].is_string() {
                let chance = *ended.get_or_insert_with(|| Instant::now() + Duration::from_secs(4));
                let struck = self.interceptor.was_hit() && !self.interceptor.process_gone();
                if targets.is_empty() && settled() || struck || Instant::now() > chance {
                    break;
                }
            } else if patience.is_over(&self.interceptor, Duration::from_millis(if targets.is_empty() { 2000 } else { 400 })) {
                process.stack.advance(SignedDuration::from_secs(61)).unwrap();
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        let struck = self.interceptor.struck() > 0;
        if self.interceptor.disarm() {
            process.crash();
            process = self.start();
        }
        process.stack.advance(SignedDuration::from_mins(40)).unwrap();
        process.runtime.block_on(judge(&process, &customer, &id, targets));
        self.interceptor.assert_no_errors(&targets);
        (process, struck)
    }

    /// One wish. Whether it was answered, and not with a request to try again; 409 tells that an earlier one was fulfilled.
    fn wish(&self, process: &Process, client: &Client, id: &str) -> bool {
        process.runtime.block_on(async {
            let path = format!("/v1/faxes/{id}/cancel");
            let gone = async {
                while !self.interceptor.process_gone() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                answer = client.try_call(Method::POST, &path, &[], None) => answer.is_ok_and(|answer| {
                    assert!(matches!(answer.status, 202 | 409 | 500..), "{}", answer.text);
                    answer.status < 500
                }),
                () = gone => false,
            }
        })
    }
}

async fn sending(client: &Client) -> String {
    let id = client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    sfm_tests::eventually("the fax to be sending", || async { (client.fax(&id).await["status"] == "sending").then_some(()) }).await;
    id
}

/// The call lasts two hours: it can end by the cancellation alone.
async fn judge(process: &Process, customer: &Customer, id: &str, targets: &[(Point, Fault)]) {
    let client = Client::new(process.stack.base_url(), &customer.key);
    let fax = client.fax(id).await;
    assert_eq!(
        (fax["status"].as_str(), fax["attempts"][0]["outcome"].as_str()),
        (Some("canceled"), Some("canceled")),
        "{targets:?}: {fax}"
    );
    assert_eq!(Some(used_pages(&process.stack, customer.account).await), fax["pages_sent"].as_u64(), "{targets:?}");
    let log: Vec<_> = carrier_log(&process.stack).into_iter().filter(|line| line["fax_id"] == id).collect();
    assert_eq!(log.len(), 1, "{targets:?}: {log:?}");
    assert_eq!((&log[0]["attempt"], log[0]["outcome"].as_str()), (&1.into(), Some("sender_canceled")), "{targets:?}");
    ended_once(&process.stack, customer, "fax.canceled").await;
    let what = format!("{targets:?}: nothing to be left due");
    sfm_tests::eventually(&what, || async { left_due(&process.stack, customer.account).await.is_empty().then_some(()) }).await;
}

#[test]
fn a_fax_that_is_canceled_survives_every_fault_of_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let interceptor = Arc::new(Injector::default());
    let trial = Trial { dir: folder.path(), interceptor: interceptor.clone() };
    let (process, _) = trial.run(trial.start(), &[]);
    let once = interceptor.seen();
    let (process, _) = trial.run(process, &[]);
    let (points, in_one_run) = in_either(once, interceptor.seen());
    assert!(points.len() > 8, "{points:?}");
    let targets = Draw::new("canceled").singles(&points);
    try_each(targets, &[], &in_one_run, process, |process, target| trial.run(process, &[target])).crash();
}
