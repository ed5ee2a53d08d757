//! Canceling a fax: before, while and after a carrier has it, and in a race with all of these.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sfm_core::event::EventType;
use sfm_core::plan::Plan;
use sfm_core::scope::Scope;
use sfm_tests::client::{Answer, Client, fax};
use sfm_tests::draw::Draw;
use sfm_tests::injector::{Fault, Injector, Point};
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::{Customer, SLOW_CARRIER, Service, carrier_log, left_due};
use sfm_tests::sinch::{CALLBACK_SECRET, Callback, KEY_ID, KEY_SECRET, PROJECT, Script, Sinch};
use sfm_tests::{documents, eventually};

async fn cancel(client: &Client, id: &str) -> Answer {
    client.post(&format!("/v1/faxes/{id}/cancel"), &json!({})).await
}

fn refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (409, Some(code)), "{}", answer.text);
}

async fn sent(client: &Client, to: &str) -> String {
    client.send_letter(to).await["id"].as_str().unwrap().to_owned()
}

async fn until(client: &Client, id: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || async { Some(client.fax(id).await).filter(|fax| is(fax)) }).await
}

/// The fax at its end, with the clock moved on by a minute at a time.
async fn end_of(service: &Service, client: &Client, id: &str) -> Value {
    eventually("the fax to be final", || async {
        let fax = client.fax(id).await;
        if fax["completed_at"].is_string() {
            return Some(fax);
        }
        service.advance(SignedDuration::from_secs(61));
        tokio::time::sleep(Duration::from_millis(100)).await;
        None
    })
    .await
}

fn log_of(service: &Service, id: &str) -> Vec<Value> {
    carrier_log(&service.stack).into_iter().filter(|line| line["fax_id"] == id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_no_carrier_has_is_canceled_at_once_and_refunded() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let operator = service.stack.operator_platform();
    let add = async |path: &str, events: Vec<EventType>| {
        sfm::commands::webhook::add(&operator, customer.account, &receiver.url(path), events, None).await.unwrap();
    };
    add("/named", vec![EventType::FaxCanceled]).await;
    add("/default", Vec::new()).await;
    // Its line is busy: it waits three minutes for its next call.
    let id = sent(&customer.client, "+15005550002").await;
    until(&customer.client, &id, "the line to be busy", |fax| fax["attempts"][0]["outcome"] == "busy").await;
    assert_eq!(service.used_pages(customer.account).await, documents::LETTER_PAGES);
    let canceled = cancel(&customer.client, &id).await;
    assert_eq!((canceled.status, canceled.json()["status"].as_str()), (200, Some("canceled")), "{}", canceled.text);
    let canceled = canceled.json();
    assert!(canceled["completed_at"].is_string() && canceled["failure"].is_null() && canceled.get("cancel_requested_at").is_none());
    assert_eq!(customer.client.fax(&id).await, canceled);
    assert_eq!(service.used_pages(customer.account).await, 0);
    assert_eq!(customer.client.get("/v1/faxes?status=canceled").await.json()["data"][0], canceled);
    let told = eventually("the endpoint to be told", || async { receiver.requests().into_iter().find(|told| told.path == "/named") }).await;
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!((body["type"].as_str(), &body["data"]), (Some("fax.canceled"), &canceled));
    refused(&cancel(&customer.client, &id).await, "already_final");
    service.advance(SignedDuration::from_mins(30));
    eventually("nothing to be left due", || async { left_due(&service.stack, customer.account).await.is_empty().then_some(()) }).await;
    assert_eq!(log_of(&service, &id).len(), 1, "it is not called again");
    assert!(receiver.requests().iter().all(|told| told.path == "/named"), "who asks for nothing in particular is told what it always was");
    let delivered = sent(&customer.client, "+15005550001").await;
    customer.client.completed(&delivered).await;
    refused(&cancel(&customer.client, &delivered).await, "already_final");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_under_way_is_stopped_by_its_carrier() {
    let service = Service::start_at(Arc::new(Injector::default()), SLOW_CARRIER).await;
    let customer = service.customer().await;
    let id = sent(&customer.client, "+15005550001").await;
    until(&customer.client, &id, "the fax to be sending", |fax| fax["status"] == "sending").await;
    let first = cancel(&customer.client, &id).await;
    assert_eq!(first.status, 202, "{}", first.text);
    let wished = first.json()["cancel_requested_at"].clone();
    assert!(wished.is_string(), "{}", first.text);
    let fax = customer.client.completed(&id).await;
    assert_eq!((&fax["status"], &fax["cancel_requested_at"], &fax["failure"]), (&json!("canceled"), &wished, &Value::Null));
    assert_eq!((&fax["attempts"][0]["outcome"], &fax["pages_sent"]), (&json!("canceled"), &json!(0)));
    assert_eq!(log_of(&service, &id)[0]["outcome"], "sender_canceled");
    assert_eq!(service.used_pages(customer.account).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_of_a_test_key_is_canceled_without_a_carrier() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let client = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    let live = sent(&customer.client, "+15005550002").await;
    // A test's call takes two seconds: one that is over already is no matter.
    let id = eventually("a test that is not over", || async {
        let id = sent(&client, "+15005550001").await;
        // A test stops nothing that is real, and what is real no test.
        assert_eq!((cancel(&client, &live).await.status, cancel(&customer.client, &id).await.status), (404, 404));
        match cancel(&client, &id).await.status {
            200 | 202 => Some(id),
            409 => None,
            other => panic!("{other}"),
        }
    })
    .await;
    assert_eq!(end_of(&service, &client, &id).await["status"], "canceled");
    assert_eq!(log_of(&service, &id), [] as [Value; 0]);
}

/// The wish comes while the hand-over has no answer. Each way on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_without_an_answer_is_found_out_and_not_made_again() {
    // The carrier has it; had it not, and did not say so; certainly took nothing.
    for (fault, log, attempts) in [
        (Fault::AnswerLost, vec!["sender_canceled"], vec!["canceled"]),
        (Fault::Error(500, "failure"), vec![], vec!["canceled"]),
        (Fault::Error(429, "too many requests"), vec![], vec![]),
    ] {
        let injector = Arc::new(Injector::default());
        let service = Service::start_at(injector.clone(), SLOW_CARRIER).await;
        let customer = service.customer().await;
        injector.arm(&["TransmitFax"], [(hand_over(), fault)]);
        let id = sent(&customer.client, "+15005550001").await;
        eventually("the hand-over to meet the fault", || async { injector.was_hit().then_some(()) }).await;
        let answer = cancel(&customer.client, &id).await;
        assert!(matches!(answer.status, 200 | 202), "{fault:?}: {}", answer.text);
        let fax = end_of(&service, &customer.client, &id).await;
        assert_eq!(fax["status"], "canceled", "{fault:?}: {fax}");
        let outcomes: Vec<&str> = fax["attempts"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, attempts, "{fault:?}");
        service.advance(SignedDuration::from_mins(30));
        eventually("nothing to be left due", || async { left_due(&service.stack, customer.account).await.is_empty().then_some(()) }).await;
        let logged: Vec<Value> = log_of(&service, &id).into_iter().map(|line| line["outcome"].clone()).collect();
        assert_eq!(json!(logged), json!(log), "{fault:?}");
        assert_eq!(service.used_pages(customer.account).await, 0, "{fault:?}");
    }
}

fn hand_over() -> Point {
    Point { caller: "TransmitFax".into(), service: "carrier", operation: "POST /v2/faxes".into(), target: String::new(), nth: 1 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_stops_no_call_is_409() {
    let sinch = Sinch::start().await;
    let parameters = [("Carrier", "sinch"), ("SinchApiUrl", sinch.url.as_str()), ("SinchProjectId", PROJECT)];
    let credentials = [("sinch_key_id", KEY_ID), ("sinch_key_secret", KEY_SECRET), ("callback_secret", CALLBACK_SECRET)];
    let service = Service::start_with_carrier(Arc::new(Injector::default()), &parameters, &credentials).await;
    let customer = service.customer().await;
    sinch.script("+12125551234", [Script { callback: Callback::Lost, ..Script::default() }]);
    let id = sent(&customer.client, "+12125551234").await;
    let before = until(&customer.client, &id, "the fax to be sending", |fax| fax["status"] == "sending").await;
    refused(&cancel(&customer.client, &id).await, "already_sending");
    assert_eq!(customer.client.fax(&id).await, before, "nothing is noted");
}

/// How many faxes race, of how many accounts side by side: a key may send sixty a minute.
const RACES: usize = 1000;
const ACCOUNTS: usize = 20;

/// Sends faxes one by one and cancels each after a while that is drawn, from a range that each round makes twice as long.
async fn race(service: &Service, customer: &Customer, number: usize, round: u32) -> Vec<(String, u16)> {
    let mut draw = Draw::new(&format!("race {number} {round}"));
    let numbers = ["+15005550001", "+15005550001", "+15005550002", "+15005550004", "+15005550005", "+15005550007", "+15005550009"];
    let pauses: Vec<u64> = (0..200).step_by(5).chain((200..1000).step_by(20)).collect();
    let mut raced: Vec<(String, u16)> = Vec::new();
    for _ in 0..RACES / ACCOUNTS {
        let to = *draw.one_of::<&str>(&numbers);
        // The document is made ready once: it is the race that is to be tried, not the drawing.
        let made = match raced.first() {
            None => customer.client.post("/v1/faxes", &fax(to, documents::TEXT, "text/plain")).await,
            Some((first, _)) => customer.client.post(&format!("/v1/faxes/{first}/resend"), &json!({"to": to})).await,
        };
        assert_eq!(made.status, 201, "{}", made.text);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        tokio::time::sleep(Duration::from_millis(*draw.one_of(&pauses) << round)).await;
        let answer = cancel(&service.client(&customer.key), &id).await;
        assert!(matches!(answer.status, 200 | 202 | 409), "{}", answer.text);
        raced.push((id, answer.status));
    }
    raced
}

/// Each fax ends once: as it is told at the wish, with the carrier's log and the quota in agreement.
///
/// The races have to meet a wish before the call, one in it and one that comes too late for it. Which pauses meet them hangs on the machine:
/// rounds go on until they are met.
#[tokio::test(flavor = "multi_thread")]
async fn cancel_raced_with_claim_hand_over_and_callback_ends_each_fax_once() {
    // A call takes about a second.
    let service = Service::start_at(Arc::new(Injector::default()), 50.0).await;
    let customers = join_all((0..ACCOUNTS).map(|_| service.customer_with(Plan::Enterprise, None))).await;
    let mut charged = [0; ACCOUNTS];
    let mut ends: HashMap<(u16, String, String), usize> = HashMap::new();
    let mut raced_before: HashSet<String> = HashSet::new();
    for round in 0..5 {
        let raced = join_all(customers.iter().enumerate().map(|(number, customer)| race(&service, customer, number, round))).await;
        eventually("all to be final", || async {
            service.advance(SignedDuration::from_mins(1));
            tokio::time::sleep(Duration::from_millis(200)).await;
            let left = join_all(customers.iter().map(|customer| left_due(&service.stack, customer.account))).await;
            left.iter().all(Vec::is_empty).then_some(())
        })
        .await;
        let mut log: HashMap<String, Vec<Value>> = HashMap::new();
        for line in carrier_log(&service.stack) {
            log.entry(line["fax_id"].as_str().unwrap().to_owned()).or_default().push(line);
        }
        log.retain(|id, _| !raced_before.contains(id));
        for ((customer, raced), charged) in customers.iter().zip(&raced).zip(&mut charged) {
            for (id, answer) in raced {
                let fax = customer.client.fax(id).await;
                let status = fax["status"].as_str().unwrap();
                let calls = log.remove(id).unwrap_or_default();
                let last = calls.last().map_or("no call", |line| line["outcome"].as_str().unwrap());
                *charged += fax["pages_sent"].as_u64().unwrap();
                let agrees = match status {
                    "delivered" => *answer != 200 && last == "delivered",
                    "failed" => *answer != 200 && last != "delivered" && last != "sender_canceled",
                    "canceled" => *answer != 409 && last != "delivered",
                    _ => false,
                };
                assert!(agrees, "answered {answer}, the carrier has {calls:?}: {fax}");
                assert_eq!(fax["attempts"].as_array().unwrap().len(), calls.len(), "{calls:?}: {fax}");
                for (i, line) in calls.iter().enumerate() {
                    assert_eq!(line["attempt"], i + 1, "an attempt twice: {calls:?}");
                }
                *ends.entry((*answer, status.to_owned(), last.to_owned())).or_default() += 1;
                raced_before.insert(id.clone());
            }
            assert_eq!(service.used_pages(customer.account).await, *charged, "used quota is the pages sent");
        }
        assert_eq!(log.len(), 0, "faxes of nobody");
        println!("after round {round}: {ends:#?}");
        let met = |answer: u16, last: &str| ends.keys().any(|end| (end.0, end.2.as_str()) == (answer, last));
        if met(200, "no call") && met(202, "sender_canceled") && met(202, "delivered") {
            return;
        }
    }
    panic!("no race was met before, in and after its call: {ends:?}");
}
