//! The line above each page: of the minute of each attempt, in the account's zone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fax_document::{Header, can_print, read_fax_pdf, stamp};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sfm::commands::account;
use sfm_core::settings::{Emptied, FaxSettingsChange, Zone, is_printed};
use sfm_local::interceptor::{Call, CallInterceptor};
use sfm_store::accounts::AccountChange;
use sfm_tests::client::fax;
use sfm_tests::documents::{FORM, LETTER, TEXT, below_header};
use sfm_tests::eventually;
use sfm_tests::service::{Customer, Service};

/// Documents that the worker that hands faxes over has stored.
#[derive(Debug, Default)]
struct Documents(AtomicUsize);

impl CallInterceptor for Documents {
    fn performed(&self, call: &Call, _: &[u8], _: u16, _: &[u8]) {
        if call.operation == "PutObject" && call.caller == "TransmitFax" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_is_handed_over_in_its_minute_costs_no_second_document() {
    let calls = Arc::new(Documents::default());
    let service = Service::start_intercepted(calls.clone()).await;
    let customer = service.customer().await;
    let minute = |at: Timestamp| at.as_second().div_euclid(60);
    // It is tried again if a minute ends meanwhile.
    let fax = eventually("a fax that is handed over in its minute", || async {
        calls.0.store(0, Ordering::Relaxed);
        let sent = customer.client.send_letter("+15005550001").await;
        let fax = customer.client.completed(sent["id"].as_str().unwrap()).await;
        let accepted = fax["created_at"].as_str().unwrap().parse().unwrap();
        (minute(accepted) == minute(started(&fax, 0))).then_some(fax)
    })
    .await;
    assert_eq!(calls.0.load(Ordering::Relaxed), 0);
    let kept = service.document(customer.account, fax["id"].as_str().unwrap()).await;
    let sender = format!("Test  {}", fax["from"].as_str().unwrap());
    assert!(kept == stamped(&kept, &Zone::default(), started(&fax, 0), &sender));
}

async fn set(service: &Service, customer: &Customer, settings: FaxSettingsChange) {
    let change = AccountChange { settings, ..AccountChange::default() };
    account::update(&service.stack.operator_platform(), customer.account, change).await.unwrap();
}

fn berlin() -> Zone {
    "Europe/Berlin".parse().unwrap()
}

fn name(text: &str) -> FaxSettingsChange {
    FaxSettingsChange {
        header_name: Some(Emptied(Some(text.parse().unwrap()))),
        station_id: Some(Emptied(Some("WARD 7".parse().unwrap()))),
        time_zone: Some(berlin()),
        ..FaxSettingsChange::default()
    }
}

/// The document with the line of the minute `at`.
fn stamped(pdf: &[u8], zone: &Zone, at: Timestamp, sender: &str) -> Vec<u8> {
    stamp(pdf, Some(&Header::new(&zone.minute(at), sender))).unwrap()
}

fn started(fax: &Value, attempt: usize) -> Timestamp {
    fax["attempts"][attempt]["started_at"].as_str().unwrap().parse().unwrap()
}

async fn final_fax(service: &Service, customer: &Customer, id: &str) -> Value {
    eventually("the fax to end", || async {
        let fax = customer.client.fax(id).await;
        if ["delivered", "failed", "canceled"].contains(&fax["status"].as_str().unwrap()) {
            return Some(fax);
        }
        service.advance(SignedDuration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
        None
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_documents_and_a_cover_come_out_with_a_line_of_the_attempts_minute_each() {
    let service = Service::start().await;
    let customer = service.customer().await;
    set(&service, &customer, name("Praxis Dr. Müller – Köln")).await;
    let part = |bytes: &[u8], kind: &str| {
        let inline = fax("", bytes, kind);
        json!({"content": inline["document"]["content"], "content_type": kind})
    };
    let documents = [part(LETTER, "application/pdf"), part(FORM, "image/png"), part(TEXT, "text/plain")];
    let body = json!({"to": "+15005550004", "documents": documents, "cover": {"subject": "Befund"}});
    let sent = customer.client.post("/v1/faxes", &body).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let sent = sent.json();
    let (id, number) = (sent["id"].as_str().unwrap(), sent["from"].as_str().unwrap());
    let sender = format!("Praxis Dr. Müller – Köln  WARD 7  {number}");
    let ended = final_fax(&service, &customer, id).await;
    assert_eq!((&ended["status"], ended["attempts"].as_array().unwrap().len()), (&json!("delivered"), 2), "{ended}");
    assert_ne!(berlin().minute(started(&ended, 0)), berlin().minute(started(&ended, 1)), "the attempts have minutes of their own");
    let kept = service.document(customer.account, id).await;
    assert_eq!(read_fax_pdf(&kept).unwrap().len() as u64, sent["pages"].as_u64().unwrap());
    assert!(kept == stamped(&kept, &berlin(), started(&ended, 1), &sender), "the line is that of the last attempt");
    assert!(kept != stamp(&kept, None).unwrap());
    // What came out of the machine of each call.
    let log = sfm_tests::service::carrier_log(&service.stack);
    let printed = service.printouts();
    assert_eq!(printed.iter().filter(|printed| printed[..] == kept[..]).count(), 1, "{} printouts, {log:?}", printed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_waited_has_the_line_of_its_hand_over_and_its_content_untouched() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let mut body = fax("+15005550001", LETTER, "application/pdf");
    body["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_hours(30)).to_string());
    let made = customer.client.post("/v1/scheduled", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    // The sender is the one of the day on which it is sent.
    set(&service, &customer, name("Clinic")).await;
    service.advance(SignedDuration::from_hours(30));
    let id = eventually("the fax to be sent", || async {
        let path = format!("/v1/scheduled/{}", made["id"].as_str().unwrap());
        customer.client.get(&path).await.json()["fax_id"].as_str().map(str::to_owned)
    })
    .await;
    let ended = customer.client.completed(&id).await;
    let kept = service.document(customer.account, &id).await;
    let sender = format!("Clinic  WARD 7  {}", ended["from"].as_str().unwrap());
    assert!(kept == stamped(&kept, &berlin(), started(&ended, 0), &sender));

    // Sent again an hour later: one line, with its own time, over the same content.
    service.advance(SignedDuration::from_hours(1));
    let again = customer.client.post(&format!("/v1/faxes/{id}/resend"), &json!({})).await;
    assert_eq!(again.status, 201, "{}", again.text);
    let again = customer.client.completed(again.json()["id"].as_str().unwrap()).await;
    let second = service.document(customer.account, again["id"].as_str().unwrap()).await;
    assert!(second == stamped(&kept, &berlin(), started(&again, 0), &sender));
    assert_ne!(second, kept);

    // Without a line: nothing is left of the old one, and with one again it has its place.
    let off = FaxSettingsChange { header: Some(false), ..FaxSettingsChange::default() };
    set(&service, &customer, off).await;
    let without = customer.client.post(&format!("/v1/faxes/{id}/resend"), &json!({})).await.json();
    let without = customer.client.completed(without["id"].as_str().unwrap()).await;
    let bare = service.document(customer.account, without["id"].as_str().unwrap()).await;
    assert!(bare == stamp(&kept, None).unwrap());
    let whole = customer.client.send_letter("+15005550001").await;
    let whole = customer.client.completed(whole["id"].as_str().unwrap()).await;
    let full_size = service.document(customer.account, whole["id"].as_str().unwrap()).await;
    assert!(read_fax_pdf(&full_size).unwrap().iter().all(|page| page.header_bits.is_none()));
    assert_ne!(below_header(&full_size), below_header(&bare), "without a line content has the whole sheet");
    set(&service, &customer, FaxSettingsChange { header: Some(true), ..FaxSettingsChange::default() }).await;
    for earlier in [&without, &whole] {
        let id = earlier["id"].as_str().unwrap();
        let with = customer.client.post(&format!("/v1/faxes/{id}/resend"), &json!({})).await;
        assert_eq!(with.status, 201, "{}", with.text);
        let with = customer.client.completed(with.json()["id"].as_str().unwrap()).await;
        let document = service.document(customer.account, with["id"].as_str().unwrap()).await;
        assert!(document == stamped(&document, &berlin(), started(&with, 0), &sender));
        assert!(document != stamp(&document, None).unwrap());
    }
}

#[test]
fn what_a_name_may_have_the_typeface_has() {
    let lacking: Vec<_> = ('\0'..='\u{2FFF}').filter(|c| is_printed(*c) && !can_print(*c)).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}
