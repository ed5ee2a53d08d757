//! Deleting a fax: while it is under way, where the document store does not answer, and in a race with claim, hand-over and callback.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sfm_core::plan::Plan;
use sfm_tests::client::fax;
use sfm_tests::draw::Draw;
use sfm_tests::grants::Recorder;
use sfm_tests::injector::Injector;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::{Customer, Service, audited, carrier_log, has_document, left_due};
use sfm_tests::{documents, eventually};

async fn has(service: &Service, customer: &Customer, id: &str) -> bool {
    has_document(&service.stack.operator_platform(), "documents", customer.account, id).await
}

async fn deleted(customer: &Customer, id: &str) {
    let answer = customer.client.delete(&format!("/v1/faxes/{id}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(customer.client.get(&format!("/v1/faxes/{id}")).await.status, 404);
}

/// Waits until nothing of the account is due any more; time passes meanwhile.
async fn settled(service: &Service, customer: &Customer) {
    eventually("nothing to be left due", || async {
        service.advance(SignedDuration::from_mins(2));
        tokio::time::sleep(Duration::from_millis(50)).await;
        left_due(&service.stack, customer.account).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_under_way_keeps_its_document_until_it_is_final_and_webhooks_tell_of_it() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let operator = service.stack.operator_platform();
    sfm::commands::webhook::add(&operator, customer.account, &receiver.url("/"), Vec::new(), None).await.unwrap();
    // Its carrier never calls back: it is under way until it is looked up, after twenty minutes.
    let id = customer.client.send_letter("+15005550008").await["id"].as_str().unwrap().to_owned();
    eventually("it to be sending", || async { (customer.client.fax(&id).await["status"] == "sending").then_some(()) }).await;
    deleted(&customer, &id).await;
    assert_eq!(customer.client.delete(&format!("/v1/faxes/{id}")).await.status, 404);
    service.advance(SignedDuration::from_mins(5));
    assert!(has(&service, &customer, &id).await, "the carrier may yet fetch it");
    service.advance(SignedDuration::from_mins(30));
    eventually("its document to go", || async { (!has(&service, &customer, &id).await).then_some(()) }).await;
    settled(&service, &customer).await;
    let told = || async { receiver.requests().into_iter().find(|told| String::from_utf8_lossy(&told.body).contains("fax.delivered")) };
    let body: Value = serde_json::from_slice(&eventually("the endpoint to be told", told).await.body).unwrap();
    assert_eq!((&body["data"]["id"], &body["data"]["status"]), (&json!(id), &json!("delivered")));
    assert_eq!(service.used_pages(customer.account).await, documents::LETTER_PAGES);
    assert_eq!(audited(&operator, customer.account, "fax.deleted").await, 1);
    assert_eq!(carrier_log(&service.stack).iter().filter(|line| line["fax_id"] == id).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_could_not_be_removed_is_removed_later_and_so_is_one_that_was_written_late() {
    let interceptor = Arc::new(Recorder::default());
    let service = Service::start_intercepted(interceptor.clone()).await;
    let customer = service.customer().await;
    let id = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&id).await;
    interceptor.refuse(Some(("s3", "DeleteObject")));
    deleted(&customer, &id).await;
    assert!(has(&service, &customer, &id).await);
    interceptor.refuse(None);
    service.advance(SignedDuration::from_mins(2));
    eventually("its document to go", || async { (!has(&service, &customer, &id).await).then_some(()) }).await;
    // A worker that began before the deletion writes it after all.
    let s3 = service.stack.operator_platform().s3();
    let late = s3.put_object().bucket("documents").key(format!("faxes/{}/{id}.pdf", customer.account));
    late.body(b"late".to_vec().into()).send().await.unwrap();
    settled(&service, &customer).await;
    assert!(!has(&service, &customer, &id).await);
}

/// How many faxes race, of how many accounts side by side: a key may send sixty a minute.
const RACES: usize = 100;
const ACCOUNTS: usize = 10;

/// Sends faxes one by one and deletes each after a while that is drawn.
async fn race(customer: &Customer, number: usize) -> Vec<String> {
    let mut draw = Draw::new(&format!("deletion {number}"));
    let numbers = ["+15005550001", "+15005550001", "+15005550004", "+15005550007", "+15005550009"];
    let pauses: Vec<u64> = (0..200).step_by(5).chain((200..1000).step_by(20)).collect();
    let kept = customer.client.post("/v1/faxes", &fax("+15005550001", documents::TEXT, "text/plain")).await;
    let kept = kept.json()["id"].as_str().unwrap().to_owned();
    let mut raced = Vec::new();
    for _ in 0..RACES / ACCOUNTS {
        // The document is made ready once: it is the race that is to be tried, not the drawing.
        let made = customer.client.post(&format!("/v1/faxes/{kept}/resend"), &json!({"to": draw.one_of::<&str>(&numbers)})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        tokio::time::sleep(Duration::from_millis(*draw.one_of(&pauses))).await;
        deleted(customer, &id).await;
        raced.push(id);
    }
    raced
}

/// Each fax is sent to its end as if it were still seen, and no document is left.
#[tokio::test(flavor = "multi_thread")]
async fn delete_raced_with_claim_hand_over_and_callback_leaves_no_document_and_every_fax_its_end() {
    // A call takes about a second: some are met before, some in and some after it.
    let service = Service::start_at(Arc::new(Injector::default()), 50.0).await;
    let customers = join_all((0..ACCOUNTS).map(|_| service.customer_with(Plan::Enterprise, None))).await;
    let raced = join_all(customers.iter().enumerate().map(|(number, customer)| race(customer, number))).await;
    let operator = service.stack.operator_platform();
    eventually("nothing to be left due", || async {
        service.advance(SignedDuration::from_mins(7));
        tokio::time::sleep(Duration::from_millis(300)).await;
        let left = join_all(customers.iter().map(|customer| left_due(&service.stack, customer.account))).await;
        left.iter().all(Vec::is_empty).then_some(())
    })
    .await;
    let log = carrier_log(&service.stack);
    for (customer, raced) in customers.iter().zip(&raced) {
        for id in raced {
            assert!(!has(&service, customer, id).await, "the document of {id} is left");
            let calls: Vec<&Value> = log.iter().filter(|line| line["fax_id"] == *id).collect();
            assert!(!calls.is_empty(), "{id} was not sent");
            for (i, line) in calls.iter().enumerate() {
                assert_eq!(line["attempt"], i + 1, "an attempt twice: {calls:?}");
            }
        }
        assert_eq!(audited(&operator, customer.account, "fax.deleted").await, raced.len());
        assert_eq!(customer.client.get("/v1/faxes").await.json()["total"], 1);
    }
}
