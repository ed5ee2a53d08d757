//! The way of a fax from the API over a real carrier protocol to its end.

use std::collections::HashSet;
use std::path::PathBuf;

use jiff::SignedDuration;
use serde_json::{Value, json};
use sfm_core::scope::Scope;
use sfm_tests::client::{fax, http};
use sfm_tests::service::{Service, carrier_log};
use sfm_tests::{documents, eventually};

/// Sends to a number and moves the clock on, a minute at a time, until the fax is final.
async fn end_of(service: &Service, client: &sfm_tests::client::Client, to: &str) -> Value {
    let id = client.send_letter(to).await["id"].as_str().unwrap().to_owned();
    eventually("the fax to be delivered or failed", || async {
        let fax = client.fax(&id).await;
        if fax["status"] == "delivered" || fax["status"] == "failed" {
            return Some(fax);
        }
        service.advance(SignedDuration::from_mins(1));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        None
    })
    .await
}

/// The number of a machine with one line.
const ONE_LINE: &str = "+15005550022";

#[tokio::test(flavor = "multi_thread")]
async fn faxes_to_a_machine_with_one_line_wait_for_each_other_once_it_was_busy() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let body = fax(ONE_LINE, documents::LETTER, "application/pdf");
    let sends = (0..5).map(|_| async { customer.client.post("/v1/faxes", &body).await.json()["id"].as_str().unwrap().to_owned() });
    let sent = futures::future::join_all(sends).await;
    let mut attempts: Vec<Value> = Vec::new();
    for id in &sent {
        let fax = eventually("the fax to be delivered", || async {
            let fax = customer.client.fax(id).await;
            assert_ne!(fax["status"], "failed", "{fax}");
            if fax["status"] == "delivered" {
                return Some(fax);
            }
            service.advance(SignedDuration::from_secs(5));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            None
        })
        .await;
        attempts.extend(fax["attempts"].as_array().unwrap().clone());
    }
    let busy: Vec<&Value> = attempts.iter().filter(|attempt| attempt["outcome"] == "busy").collect();
    let first = busy.iter().map(|attempt| attempt["ended_at"].as_str().unwrap()).min();
    // Four calls may begin before it is known that there is one line.
    assert!(busy.len() <= 3, "{attempts:#?}");
    for attempt in &busy {
        assert!(attempt["started_at"].as_str() <= first, "after {first:?} everybody knew: {attempts:#?}");
    }
    assert_eq!(service.used_pages(customer.account).await, 10);
}

/// The pages of each PDF that the carrier has kept of what was received, but for those that were `seen` before.
fn received(service: &Service, seen: &mut HashSet<PathBuf>) -> Vec<usize> {
    let folder = service.stack.operator_env().with_file_name("carrier/received");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let new = files.filter(|file| file.extension().is_some_and(|kind| kind == "pdf") && seen.insert(file.clone()));
    new.map(|file| sfm_simulator::fax_pages(&std::fs::read(file).unwrap()).unwrap().len()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_magic_number_ends_as_the_table_says_and_its_attempts_tell_the_story() {
    let service = Service::start().await;
    let mut printed = HashSet::new();
    let rows: [(&str, &str, Value, &[&str], u64); 9] = [
        ("+15005550001", "delivered", Value::Null, &["delivered"], 2),
        ("+15005550002", "failed", json!("busy"), &["busy", "busy", "busy"], 0),
        ("+15005550003", "failed", json!("no_answer"), &["no_answer", "no_answer", "no_answer"], 0),
        ("+15005550004", "delivered", Value::Null, &["line_dropped", "delivered"], 2),
        ("+15005550005", "failed", json!("line_dropped"), &["line_dropped", "line_dropped", "line_dropped"], 1),
        ("+15005550006", "failed", json!("no_fax_tone"), &["no_fax_tone", "no_fax_tone"], 0),
        ("+15005550007", "failed", json!("number_invalid"), &["number_invalid"], 0),
        ("+15005550008", "delivered", Value::Null, &["delivered"], 2),
        ("+15005550009", "delivered", Value::Null, &["delivered"], 2),
    ];
    for (to, status, code, outcomes, pages_sent) in rows {
        let customer = service.customer().await;
        let fax = end_of(&service, &customer.client, to).await;
        assert_eq!((&fax["status"], &fax["failure"]["code"]), (&json!(status), &code), "{fax}");
        let attempts = fax["attempts"].as_array().unwrap();
        let told: Vec<&str> = attempts.iter().map(|a| a["outcome"].as_str().unwrap()).collect();
        assert_eq!(told, outcomes, "{to}");
        for (i, attempt) in attempts.iter().enumerate() {
            assert_eq!(attempt["number"], i + 1);
            assert!(attempt["started_at"].as_str() <= attempt["ended_at"].as_str(), "{attempt}");
        }
        assert_eq!(fax["pages_sent"], pages_sent, "{to}");
        assert!(fax["completed_at"].is_string());
        let charged = if status == "delivered" { documents::LETTER_PAGES } else { pages_sent };
        assert_eq!(service.used_pages(customer.account).await, charged, "{to}: pages never sent are given back");
        let accepted = carrier_log(&service.stack).iter().filter(|line| line["fax_id"] == fax["id"]).count();
        assert_eq!(accepted, outcomes.len(), "{to}: once per attempt");
        let pages: Vec<usize> = received(&service, &mut printed);
        let expected: &[usize] = match to {
            // The first page and the upper part of the second, then both.
            "+15005550004" => &[2, 2],
            "+15005550005" => &[1, 1, 1],
            _ if status == "delivered" => &[2],
            _ => &[],
        };
        assert_eq!(pages, expected, "{to}: what came out of the machine");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_wait_as_long_as_their_cause_asks() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let id = customer.client.send_letter("+15005550002").await["id"].as_str().unwrap().to_owned();
    let attempts = |fax: &Value| fax["attempts"].as_array().unwrap().iter().filter(|a| a["outcome"] == "busy").count();
    eventually("the first busy", || async { (attempts(&customer.client.fax(&id).await) == 1).then_some(()) }).await;
    service.advance(SignedDuration::from_secs(90));
    // A fax sent after the jump has gone its way: had the retry been due, it would have gone too.
    let other = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&other).await;
    assert_eq!(customer.client.fax(&id).await["attempts"].as_array().unwrap().len(), 1);
    service.advance(SignedDuration::from_secs(95));
    eventually("the second busy", || async { (attempts(&customer.client.fax(&id).await) == 2).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_document_goes_out_and_can_be_fetched_as_a_fax_ready_pdf() {
    let service = Service::start().await;
    let customer = service.customer().await;
    for (document, content_type, pages) in [
        (documents::LETTER, "application/pdf", 2),
        (documents::FORM, "image/png", 1),
        (documents::PHOTO, "image/jpeg", 1),
        (documents::TEXT, "text/plain; charset=utf-8", 1),
    ] {
        let sent = customer.client.post("/v1/faxes", &fax("+12125551234", document, content_type)).await;
        assert_eq!(sent.status, 201, "{content_type}: {}", sent.text);
        assert_eq!(sent.json()["pages"], pages, "{content_type}");
        let id = sent.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(customer.client.completed(&id).await["status"], "delivered");

        let link = customer.client.get(&format!("/v1/faxes/{id}/document")).await;
        assert_eq!(link.status, 302);
        let url = link.header("location").unwrap().to_owned();
        let pdf = http().get(&url).send().await.unwrap();
        assert_eq!(pdf.headers()["content-type"], "application/pdf");
        let read = sfm_simulator::fax_pages(&pdf.bytes().await.unwrap()).unwrap();
        assert_eq!(read.len(), usize::try_from(pages).unwrap());
        assert_eq!(http().get(url.split('?').next().unwrap()).send().await.unwrap().status(), 403, "without the signature");
        service.advance(SignedDuration::from_mins(6));
        assert_eq!(http().get(&url).send().await.unwrap().status(), 403, "after five minutes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fax_of_a_test_key_reaches_no_carrier_and_uses_no_quota() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let client = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    for (to, status) in [("+12125551234", "delivered"), ("+15005550004", "delivered"), ("+15005550007", "failed")] {
        let sent = client.send_letter(to).await;
        assert_eq!(sent["live"], false);
        assert_eq!(client.completed(sent["id"].as_str().unwrap()).await["status"], status);
    }
    assert_eq!(carrier_log(&service.stack), Vec::<Value>::new());
    assert_eq!(service.used_pages(customer.account).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_is_not_the_carriers_is_refused() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let id = customer.client.send_letter("+15005550008").await["id"].as_str().unwrap().to_owned();
    let forged = json!({"data": {"event_type": "fax.delivered", "payload": {"fax_id": "x", "client_state": "", "status": "delivered"}}});
    for headers in
        [vec![], vec![("telnyx-signature-ed25519", "AAAA"), ("telnyx-timestamp", "1")], vec![("telnyx-timestamp", "not a number")]]
    {
        let body = Some(forged.to_string().into_bytes());
        let answer = service.anonymous().try_call(reqwest::Method::POST, "/carrier/telnyx", &headers, body).await.unwrap();
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
    assert_ne!(customer.client.fax(&id).await["status"], "delivered");
}
