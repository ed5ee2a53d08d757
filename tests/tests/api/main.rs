//! The contract of the API, seen from outside. `docs/conformance.md` says which test holds which statement.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod contacts;
mod deletion;
mod description;
mod documents;
mod end_to_end;
mod faxes;
mod filters;
mod keys;
mod limits;
mod links;
mod metadata;
mod numbers;
mod receipts;
mod recipients;
mod resend;
mod routes;
mod scheduled;
mod upgrade;

use serde_json::Value;
use sfm_tests::client::Answer;

/// Checks an answer's status and envelope, and returns the error.
fn assert_problem(answer: &Answer, status: u16, kind: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    let error = answer.json()["error"].clone();
    assert_eq!(error["type"], kind, "{error}");
    assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{error}");
    assert_eq!(error["request_id"].as_str(), answer.header("x-request-id"), "{error}");
    error
}

/// The ids of a list's page.
fn ids(list: &Answer) -> Vec<String> {
    assert_eq!(list.status, 200, "{}", list.text);
    list.json()["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}
