//! The test server of Sinch's API as a program, for clients that are not ours: the vendor's SDK (`.ci/carriers`).
//!
//! Prints one line of JSON: where it is, how to get in, the body of a send of our adapter's, and the id of a fax that came in. Ends
//! with its standard input.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use axum::Router;
use serde_json::json;
use sfm_carriers::Carrier as _;
use sfm_carriers::sinch::Sinch as Adapter;
use sfm_tests::adapters::{platform, serve, submission};
use sfm_tests::documents;
use sfm_tests::sinch::{Ending, KEY_ID, KEY_SECRET, PROJECT, Script, Sinch};
use tokio::io::AsyncReadExt as _;

#[tokio::main]
async fn main() {
    let sinch = Sinch::start().await;
    let document = serve(Router::new().fallback(|| async { documents::LETTER })).await;
    let adapter = Adapter::new(&platform(&sinch.url, sinch.clock.clone()).await).unwrap();
    adapter.send(&submission("+12125551234", &document)).await.unwrap();
    let inbound = sinch.receive("+12125551234", "+12025550100", Some(documents::LETTER)).await;
    sinch.script("+12125550017", [Script::ends(Ending::Failure("CALL_ERROR", 17, 0))]);
    sinch.script("+12125550402", [Script::answers(402, json!({"code": "402", "error": "Payment required", "message": "No funds."}))]);
    let ready = json!({
        "url": sinch.url, "project": PROJECT, "key_id": KEY_ID, "key_secret": KEY_SECRET, "document": document,
        "request": sinch.sends()[0], "inbound": inbound, "file_bytes": documents::LETTER.len(),
    });
    println!("{ready}");
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}
