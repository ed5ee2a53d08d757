//! Nothing that was acknowledged is lost, wherever the carrier dies.

use std::collections::HashSet;
use std::fs;
use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use serde_json::json;

use super::support::{Stage, client_state};
use crate::{SimulatorError, read_log};

const LOG: &str = "journal.jsonl";

#[tokio::test]
async fn an_accepted_fax_is_in_the_log_after_a_crash() {
    let stage = Stage::new(0.001).await;
    let mut fax = stage.fax("+15005550001");
    fax["client_state"] = json!(client_state("fax_1", 2));
    stage.send(&fax).await;
    let log = stage.carrier.log();
    let stage = stage.crash(0.001).await;
    assert_eq!(stage.carrier.log(), log);
    assert_eq!(read_log(stage.dir.path()).unwrap(), log);
    let line = serde_json::to_value(&log[0]).unwrap();
    let at = line["at"].clone();
    assert_eq!(line, json!({ "fax_id": "fax_1", "attempt": 2, "at": at, "to": "+15005550001", "outcome": null }));
}

#[tokio::test]
async fn a_call_goes_on_after_a_crash() {
    let stage = Stage::new(1.0).await;
    let id = stage.send(&stage.fax("+15005550001")).await;
    stage.view_when(&id, "originated").await;
    stage.hooks(&id, 2).await;
    let stage = stage.crash(1.0).await;
    stage.view_when(&id, "originated").await;
    assert_eq!(stage.product.fetches.load(Ordering::SeqCst), 1, "what was fetched is not fetched again");
    stage.advance(SignedDuration::from_mins(5));
    stage.view_when(&id, "delivered").await;
    stage.hooks(&id, 4).await;
    assert_eq!(read_log(stage.dir.path()).unwrap()[0].outcome.as_deref(), Some("delivered"));
}

#[tokio::test]
async fn a_fax_ends_and_is_told_of_wherever_the_log_breaks_off() {
    let first = Stage::new(1000.0).await;
    let id = first.send(&first.fax("+15005550001")).await;
    first.log_tells("called_back", 4).await;
    let log = fs::read_to_string(first.dir.path().join(LOG)).unwrap();
    // The links in the log lead to the first product: it stays. The default receiver is the new one.
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    for whole in 1..=lines.len() {
        for torn in [0, 1, 40] {
            let dir = tempfile::tempdir().unwrap();
            let rest = lines.get(whole).map_or("", |line| &line[..torn.min(line.len() - 1)]);
            fs::write(dir.path().join(LOG), lines[..whole].concat() + rest).unwrap();
            let acknowledged = lines[..whole].iter().filter(|line| line.contains("called_back")).count();

            let stage = Stage::in_dir(dir, 1000.0).await;
            assert_eq!(stage.carrier.log().len(), 1);
            stage.view_when(&id, "delivered").await;
            let hooks = stage.hooks(&id, 4 - acknowledged).await;
            assert_eq!(hooks.len(), 4 - acknowledged, "after {whole} lines");
            let read_back = read_log(stage.dir.path()).unwrap();
            assert_eq!(read_back[0].outcome.as_deref(), Some("delivered"), "what follows a torn line can be read");
        }
    }
}

#[tokio::test]
async fn an_unacknowledged_callback_is_sent_at_once_after_a_start_under_the_same_id() {
    let stage = Stage::new(0.001).await;
    stage.product.refusals.store(5, Ordering::SeqCst);
    let id = stage.send(&stage.fax_of("+15005550001", "/never")).await;
    for tries in 1..5 {
        stage.log_tells("called_back", tries).await;
        stage.advance(SignedDuration::from_mins(2));
    }
    // The sixth try would be 10 minutes away.
    stage.log_tells("called_back", 5).await;
    let stage = stage.crash(0.001).await;
    let hooks = stage.hooks(&id, 6).await;
    assert_eq!(hooks[0].json["data"], hooks[5].json["data"]);
    assert_eq!(hooks[5].json["meta"]["attempt"], 6);
}

#[tokio::test]
async fn a_first_line_that_is_torn_was_never_accepted() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(LOG), r#"{"record":"accepted","fax":{"id"#).unwrap();
    assert!(read_log(dir.path()).unwrap().is_empty());
    let stage = Stage::in_dir(dir, 1000.0).await;
    assert!(stage.carrier.log().is_empty());
    let id = stage.send(&stage.fax("+15005550001")).await;
    stage.view_when(&id, "delivered").await;
}

#[tokio::test]
async fn a_line_that_is_no_record_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(LOG), "{}\n").unwrap();
    assert!(matches!(read_log(dir.path()), Err(SimulatorError::EventLog { line: 1, .. })));
}

#[tokio::test]
async fn a_folder_without_a_log_has_had_no_submissions() {
    assert!(read_log(tempfile::tempdir().unwrap().path()).unwrap().is_empty());
}

#[tokio::test]
async fn no_fax_is_lost_over_many_crashes() {
    let mut stage = Stage::new(200.0).await;
    let mut ids = HashSet::new();
    for _ in 0..5 {
        for _ in 0..4 {
            ids.insert(stage.send(&stage.fax("+15005550001")).await);
        }
        stage = stage.crash(200.0).await;
    }
    for id in &ids {
        stage.view_when(id, "delivered").await;
    }
    assert_eq!(stage.carrier.log().len(), ids.len());
    let told: HashSet<String> = stage.product.all_hooks().iter().map(|hook| hook.payload()["fax_id"].to_string()).collect();
    assert_eq!(told.len(), ids.len());
}

#[tokio::test]
async fn a_stopped_carrier_is_gone() {
    let stage = Stage::new(1.0).await;
    let url = stage.carrier.url().to_owned();
    stage.carrier.stop().await;
    assert!(stage.http.get(url).send().await.unwrap_err().is_connect());
}
