//! A fax that is deleted while its call is under way: each call of it with every fault. Its document is gone in the end.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use reqwest::Method;
use sfm_core::plan::Plan;
use sfm_tests::client::Client;
use sfm_tests::draw::{Draw, in_either, try_each};
use sfm_tests::injector::{Fault, Injector, Patience, Point};
use sfm_tests::process::Process;
use sfm_tests::service::{audited, carrier_log, customer, has_document, left_due, used_pages};

use super::ended_once;

const CALLERS: &[&str] = &["DeleteFax", "RelayEvents", "TransmitFax"];

struct Trial<'a> {
    dir: &'a Path,
    interceptor: Arc<Injector>,
}

impl Trial<'_> {
    /// Deletes a fax under a fault, and lets time pass until nothing of it is due.
    fn run(&self, mut process: Process, targets: &[(Point, Fault)]) -> (Process, bool) {
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let client = Client::new(process.stack.base_url(), &customer.key);
        let id = process.runtime.block_on(sending(&client));
        self.interceptor.arm(CALLERS, targets.iter().cloned());
        let (deadline, mut patience, mut deleted, mut ended) =
            (Instant::now() + Duration::from_secs(120), Patience::default(), false, None);
        loop {
            assert!(Instant::now() < deadline, "{targets:?}: no end");
            if self.interceptor.process_gone() {
                process.crash();
                self.interceptor.resume();
                process = Process::start(self.dir, self.interceptor.clone());
                patience = Patience::default();
            }
            let client = Client::new(process.stack.base_url(), &customer.key);
            if !deleted {
                deleted = self.delete(&process, &client, &id);
                continue;
            }
            if process.runtime.block_on(left_due(&process.stack, customer.account)).is_empty() {
                let chance = *ended.get_or_insert_with(|| Instant::now() + Duration::from_secs(4));
                let struck = self.interceptor.was_hit() && !self.interceptor.process_gone();
                if targets.is_empty() || struck || Instant::now() > chance {
                    break;
                }
            } else if patience.is_over(&self.interceptor, Duration::from_millis(if targets.is_empty() { 1000 } else { 400 })) {
                process.stack.advance(SignedDuration::from_mins(6)).unwrap();
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        let struck = self.interceptor.struck() > 0;
        if self.interceptor.disarm() {
            process.crash();
            process = Process::start(self.dir, self.interceptor.clone());
        }
        process.stack.advance(SignedDuration::from_mins(40)).unwrap();
        process.runtime.block_on(async {
            let (stack, operator) = (&process.stack, process.stack.operator_platform());
            let what = format!("{targets:?}: its document to be gone and nothing to be left due");
            sfm_tests::eventually(&what, || async {
                let left = has_document(&operator, "documents", customer.account, &id).await;
                (!left && left_due(stack, customer.account).await.is_empty()).then_some(())
            })
            .await;
            assert_eq!(audited(&operator, customer.account, "fax.deleted").await, 1, "{targets:?}");
            assert_eq!(used_pages(stack, customer.account).await, sfm_tests::documents::LETTER_PAGES, "{targets:?}");
            let calls = carrier_log(stack).iter().filter(|line| line["fax_id"] == id).count();
            assert_eq!(calls, 1, "{targets:?}: it is sent to its end, once");
            let client = Client::new(stack.base_url(), &customer.key);
            assert_eq!(client.get("/v1/faxes").await.json()["total"], 0, "{targets:?}");
            ended_once(stack, &customer, "fax.delivered").await;
        });
        self.interceptor.assert_no_errors(&targets);
        (process, struck)
    }

    /// One try. Whether it was answered, and not with a request to try again; 404 tells that an earlier one deleted it.
    fn delete(&self, process: &Process, client: &Client, id: &str) -> bool {
        process.runtime.block_on(async {
            let path = format!("/v1/faxes/{id}");
            let gone = async {
                while !self.interceptor.process_gone() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                answer = client.try_call(Method::DELETE, &path, &[], None) => answer.is_ok_and(|answer| {
                    assert!(matches!(answer.status, 200 | 404 | 500..), "{}", answer.text);
                    answer.status < 500
                }),
                () = gone => false,
            }
        })
    }
}

/// A fax whose carrier never calls back: it is under way until it is looked up.
async fn sending(client: &Client) -> String {
    let id = client.send_letter("+15005550008").await["id"].as_str().unwrap().to_owned();
    sfm_tests::eventually("the fax to be sending", || async { (client.fax(&id).await["status"] == "sending").then_some(()) }).await;
    id
}

#[test]
fn a_fax_that_is_deleted_under_way_survives_every_fault_of_every_call() {
    let folder = tempfile::tempdir().unwrap();
    let interceptor = Arc::new(Injector::default());
    let trial = Trial { dir: folder.path(), interceptor: interceptor.clone() };
    let (process, _) = trial.run(Process::start(folder.path(), interceptor.clone()), &[]);
    let once = interceptor.seen();
    let (process, _) = trial.run(process, &[]);
    let (points, in_one_run) = in_either(once, interceptor.seen());
    assert!(points.len() > 6, "{points:?}");
    let targets = Draw::new("deleted").singles(&points);
    try_each(targets, &[], &in_one_run, process, |process, target| trial.run(process, &[target])).crash();
}
