//! The sample events in `events/`: one per function, each in the form that the function takes.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sfm::commands::webhook;
use sfm_tests::eventually;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::Service;

/// The name of a function's resource: `send-fax` is `SendFax`.
fn resource(folder: &str) -> String {
    folder.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_takes_its_sample_event() {
    take_every_sample(&Service::start().await).await;
}

async fn take_every_sample(service: &Service) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut seen = 0;
    let folders = |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    for folder in folders(&root.join("functions")).flat_map(|group| folders(&group)) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(root.join(format!("events/{name}.json"))).unwrap_or_else(|e| panic!("events/{name}.json: {e}"));
        let event: Value = serde_json::from_str(&text).unwrap();
        let route = event["routeKey"].as_str().map(str::to_owned);
        let answer = service.stack.invoke(&resource(name), event).await.unwrap_or_else(|| panic!("the template names no {name}"));
        let answer = answer.unwrap_or_else(|e| panic!("{name}: {e}"));
        match route {
            Some(route) => {
                let expected = match route.as_str() {
                    "GET /v1/openapi.json" | "GET /v1/receipts/key" | "GET /dashboard/" => 200,
                    // Nobody is a member of the account of the sample.
                    "$default" | "GET /dashboard/api/{path+}" => 404,
                    "GET /dashboard/api/accounts/{account_id}/faxes/{id}/pages/{number}" => 404,
                    // The key and the signature of the samples are nobody's: that is found out only once the event has been read.
                    _ => 401,
                };
                assert_eq!(answer["statusCode"], expected, "{name}: {answer}");
            }
            None => assert!(answer.is_null() || answer["batchItemFailures"] == json!([]), "{name}: {answer}"),
        }
        seen += 1;
    }
    assert!(seen >= 24);
}

/// `FUNCTION_BINARIES=DIR` has this and what follows run on the built binaries, in processes of their own, over the Runtime API.
fn binaries() -> Option<PathBuf> {
    let dir = std::env::var_os("FUNCTION_BINARIES").map(|dir| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(dir));
    if dir.is_none() {
        println!("skipped: FUNCTION_BINARIES names no folder of built functions");
    }
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn every_binary_takes_its_sample_event_over_the_runtime_api() {
    let Some(dir) = binaries() else { return };
    take_every_sample(&Service::start_with_binaries(dir).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_is_delivered_by_binaries_in_processes_of_their_own() {
    let Some(dir) = binaries() else { return };
    let service = Service::start_with_binaries(dir).await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    webhook::add(&service.stack.operator_platform(), customer.account, &receiver.url("/"), vec![], None).await.unwrap();
    let fax = customer.client.send_letter("+15005550001").await;
    let done = customer.client.completed(fax["id"].as_str().unwrap()).await;
    assert_eq!(done["status"], "delivered", "{done}");
    eventually("the webhook", || async { (receiver.requests().len() == 1).then_some(()) }).await;
    assert!(service.stack.advance(jiff::SignedDuration::from_secs(1)).is_err(), "their clock is the machine's");
}
