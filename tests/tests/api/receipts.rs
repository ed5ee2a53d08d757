//! Receipts: what they say, and that others can verify them.

use std::path::Path;
use std::process::Command;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use sfm_core::scope::Scope;
use sfm_simulator::Incoming;
use sfm_tests::client::{Answer, Client, http};
use sfm_tests::eventually;
use sfm_tests::service::Service;
use sfm_tests::target::Target;
use sha2::{Digest as _, Sha256};

use crate::assert_problem;

async fn receipt(client: &Client, id: &str) -> Answer {
    client.try_call(Method::GET, &format!("/v1/faxes/{id}/receipt"), &[("accept", "application/json")], None).await.unwrap()
}

/// The receipt's page. Read apart from the client, which takes every answer for text.
async fn page(base_url: &str, key: &str, id: &str) -> Vec<u8> {
    let answer = http().get(format!("{base_url}/v1/faxes/{id}/receipt")).bearer_auth(key).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "application/pdf"));
    answer.bytes().await.unwrap().to_vec()
}

async fn ended(client: &Client, to: &str) -> Value {
    let id = client.send_letter(to).await["id"].as_str().unwrap().to_owned();
    client.completed(&id).await
}

/// The same; time passes meanwhile.
async fn ended_in_time(service: &Service, client: &Client, to: &str) -> Value {
    let id = client.send_letter(to).await["id"].as_str().unwrap().to_owned();
    eventually("the fax to be final", || async {
        service.advance(SignedDuration::from_secs(61));
        Some(client.fax(&id).await).filter(|fax| fax["completed_at"].is_string())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_has_ended_has_a_receipt_and_no_other() {
    let Some(service) = Target::local("its carrier's silence").await else { return };
    let (customer, stranger) = (service.customer().await, service.customer().await);
    let client = &customer.client;
    // Its carrier never calls back.
    let id = client.send_letter("+15005550008").await["id"].as_str().unwrap().to_owned();
    assert_eq!(assert_problem(&receipt(client, &id).await, 409, "conflict")["code"], "not_final");
    let done = ended(client, "+15005550001").await;
    let id = done["id"].as_str().unwrap();
    assert_eq!(receipt(client, id).await.status, 200);
    assert_problem(&receipt(&stranger.client, id).await, 404, "not_found");
    let sender = service.client(&service.key(customer.account, vec![Scope::FaxesSend], false).await);
    assert_problem(&receipt(&sender, id).await, 403, "forbidden");
    assert_eq!(client.delete(&format!("/v1/faxes/{id}")).await.status, 200);
    assert_problem(&receipt(client, id).await, 404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_tells_what_is_known_and_not_more() {
    let Some(service) = Target::local("a clock that can be moved").await else { return };
    let base_url = service.stack.base_url();
    let customer = service.customer().await;
    let client = &customer.client;
    // Its first call fails.
    let done = ended_in_time(&service, client, "+15005550004").await;
    let id = done["id"].as_str().unwrap();
    let link = client.get(&format!("/v1/faxes/{id}/document")).await.header("location").unwrap().to_owned();
    let pdf = http().get(link).send().await.unwrap().bytes().await.unwrap();
    let answer = receipt(client, id).await;
    let told = answer.json()["receipt"].clone();
    for (name, of_fax) in done.as_object().unwrap() {
        if !["id", "object", "failure"].contains(&name.as_str()) {
            assert_eq!(&told[name], of_fax, "{name}");
        }
    }
    assert_eq!(told["attempts"].as_array().unwrap().len(), 2);
    assert_eq!((&told["fax_id"], &told["account_id"], &told["failure"]), (&json!(id), &json!(customer.account), &Value::Null));
    assert_eq!(told["document"], json!({"bytes": pdf.len(), "sha256": format!("{:x}", Sha256::digest(&pdf))}));
    assert_eq!(receipt(client, id).await.text, answer.text, "the same each time");
    // The page has the same, and the picture of the first page.
    let page_of_it = page(base_url, &customer.key, id).await;
    let lines: Vec<&[u8]> = page_of_it.split(|byte| *byte == b'\n').collect();
    assert!(lines.contains(&answer.text.as_bytes()), "the signed JSON on a line of its own");
    let first = fax_document::read_fax_pdf(&pdf).unwrap().remove(0);
    assert!(page_of_it.windows(first.g4.len()).any(|part| part == first.g4), "the first page's code, as it was sent");

    let key = format!("faxes/{}/{id}.pdf", customer.account);
    service.stack.operator_platform().s3().delete_object().bucket("documents").key(key).send().await.unwrap();
    let later = receipt(client, id).await.json()["receipt"].clone();
    assert_eq!((&later["document"], &later["status"]), (&Value::Null, &json!("delivered")), "the receipt outlives the document");
    page(base_url, &customer.key, id).await;

    let failed = ended_in_time(&service, client, "+15005550007").await;
    let told = receipt(client, failed["id"].as_str().unwrap()).await.json()["receipt"].clone();
    assert_eq!((&told["status"], &told["failure"]), (&json!("failed"), &failed["failure"]["code"]));

    let own = client.get("/v1/numbers").await.json()["data"][0]["number"].as_str().unwrap().to_owned();
    service.stack.carrier().send_in(Incoming { to: own, from: "+12125550100".into(), document: pdf.to_vec() }).unwrap();
    let inbound = eventually("a fax to come in", || async {
        service.advance(SignedDuration::from_secs(20));
        let list = client.get("/v1/faxes?direction=inbound").await.json();
        list["data"].as_array().unwrap().first().map(|fax| fax["id"].as_str().unwrap().to_owned())
    })
    .await;
    let told = receipt(client, &inbound).await.json()["receipt"].clone();
    assert_eq!((&told["direction"], &told["status"], &told["attempts"]), (&json!("inbound"), &json!("received"), &json!([])));
    page(base_url, &customer.key, &inbound).await;
}

/// The code of the document's block in this language.
fn block(language: &str) -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/receipts.md");
    let text = std::fs::read_to_string(document).unwrap();
    text.split_once(&format!("```{language}\n")).unwrap().1.split_once("```").unwrap().0.to_owned()
}

/// Whether a verifier accepts the receipt.pdf in a folder.
fn accepts(program: &str, script: &Path, folder: &Path) -> bool {
    let done = Command::new(program).arg(script).current_dir(folder).output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    println!("{program}: {} {told}", done.status);
    done.status.success()
}

/// The programs that there are to verify with.
fn verifiers() -> Vec<(&'static str, &'static str)> {
    let has = |program: &str, arguments: &[&str]| Command::new(program).args(arguments).output().is_ok_and(|done| done.status.success());
    let mut there = Vec::new();
    for (program, language, found) in
        [("bash", "sh", has("openssl", &["version"])), ("python3", "python", has("python3", &["-c", "import cryptography"]))]
    {
        match found {
            true => there.push((program, language)),
            false => assert!(std::env::var_os("RECEIPT_VERIFIERS").is_none(), "{program} cannot verify here"),
        }
    }
    there
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_verified_as_the_document_says_and_one_changed_byte_fails() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let done = ended(&customer.client, "+15005550001").await;
    let pdf = page(&service.base_url(), &customer.key, done["id"].as_str().unwrap()).await;
    let key = service.anonymous().get("/v1/receipts/key").await;
    let signed = receipt(&customer.client, done["id"].as_str().unwrap()).await.json();
    assert_eq!((key.status, &key.json()["key_id"]), (200, &signed["key_id"]), "{}", key.text);
    for (program, language) in verifiers() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("verify");
        std::fs::write(&script, block(language)).unwrap();
        std::fs::write(folder.path().join("key.json"), &key.text).unwrap();
        let accepts = |pdf: &[u8]| {
            std::fs::write(folder.path().join("receipt.pdf"), pdf).unwrap();
            accepts(program, &script, folder.path())
        };
        assert!(accepts(&pdf), "{program}: as it came");
        let text = format!("\"pages_sent\":{}", done["pages_sent"]);
        let at = pdf.windows(text.len()).rposition(|part| part == text.as_bytes()).unwrap() + text.len() - 1;
        let signature = signed["signature"].as_str().unwrap().as_bytes();
        let of_signature = pdf.windows(signature.len()).rposition(|part| part == signature).unwrap() + 10;
        for at in [at, of_signature] {
            let mut changed = pdf.clone();
            changed[at] = if changed[at] == b'7' { b'8' } else { b'7' };
            assert!(!accepts(&changed), "{program}: the byte at {at} changed");
        }
    }
}
