//! The sample events in `events/`: one per function, each in the form that the function takes.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::path::Path;

use serde_json::{Value, json};
use sfm_tests::service::Service;

/// The name of a function's resource: `send-fax` is `SendFax`.
fn resource(folder: &str) -> String {
    folder.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_takes_its_sample_event() {
    let service = Service::start().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut seen = 0;
    for folder in std::fs::read_dir(root.join("functions")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        let text = std::fs::read_to_string(root.join(format!("events/{name}.json"))).unwrap_or_else(|e| panic!("events/{name}.json: {e}"));
        let event: Value = serde_json::from_str(&text).unwrap();
        let route = event["routeKey"].as_str().map(str::to_owned);
        let answer = service.stack.invoke(&resource(&name), event).await.unwrap_or_else(|| panic!("the template names no {name}"));
        let answer = answer.unwrap_or_else(|e| panic!("{name}: {e}"));
        match route {
            Some(route) => {
                let expected = match route.as_str() {
                    "GET /v1/openapi.json" => 200,
                    "$default" => 404,
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
