//! Faxes that come in: from the carrier's call to the account's list, its document and its event, or to nobody.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sfm::commands::{number, webhook};
use sfm_core::event::EventType;
use sfm_core::plan::Plan;
use sfm_local::interceptor::{Call, CallInterceptor, Verdict};
use sfm_local::stack::Stack;
use sfm_simulator::Incoming;
use sfm_tests::client::{Client, fax, http};
use sfm_tests::documents::{LETTER, LETTER_PAGES};
use sfm_tests::draw::{Draw, in_either, try_each};
use sfm_tests::eventually;
use sfm_tests::injector::{Fault, Feed, Injector, Patience, Point};
use sfm_tests::process::Process;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::{Customer, Service, customer, left_due, reservations, used_pages};

const SOMEBODY: &str = "+12125550100";

/// The sample, fax-ready as the machine at the other end has it.
fn document() -> Vec<u8> {
    fax_document::convert(LETTER, None, &fax_document::Options::default()).unwrap().pdf
}

async fn send_in(stack: &Stack, to: &str, from: &str) -> String {
    let incoming = Incoming { to: to.into(), from: from.into(), document: document() };
    stack.carrier().send_in(incoming).unwrap().carrier_fax_id
}

async fn own_number(client: &Client) -> (String, String) {
    let number = client.get("/v1/numbers").await.json()["data"][0].clone();
    (number["number"].as_str().unwrap().to_owned(), number["id"].as_str().unwrap().to_owned())
}

/// Waits for the first inbound fax of an account; time goes on meanwhile.
async fn inbound(service: &Service, client: &Client) -> Value {
    eventually("a fax to come in", || async {
        let list = client.get("/v1/faxes?direction=inbound").await.json();
        let first = list["data"].as_array().unwrap().first().cloned();
        if first.is_none() {
            service.advance(SignedDuration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        first
    })
    .await
}

/// An account's events of faxes that came in, from the table.
async fn received_events(stack: &Stack, customer: &Customer) -> usize {
    let found = stack.operator_platform().dynamodb().query().table_name("Events").key_condition_expression("account_id = :account");
    let found = found.expression_attribute_values(":account", AttributeValue::S(customer.account.to_string())).send().await.unwrap();
    found.items().iter().filter(|event| event["type"] == AttributeValue::S("fax.received".into())).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_to_an_active_number_is_received_with_its_document_however_the_carrier_tells_of_it() {
    let service = Service::start().await;
    for (from, shown) in [
        (SOMEBODY, json!(SOMEBODY)),
        // In the other shape; twice and out of order; never (found by asking); without a caller; with a document that is refused twice.
        ("+15005550010", json!("+15005550010")),
        ("+15005550011", json!("+15005550011")),
        ("+15005550012", json!("+15005550012")),
        ("+15005550013", Value::Null),
        ("+15005550014", json!("+15005550014")),
    ] {
        let customer = service.customer().await;
        let (own, _) = own_number(&customer.client).await;
        send_in(&service.stack, &own, from).await;
        let fax = inbound(&service, &customer.client).await;
        assert_eq!(
            (&fax["status"], &fax["direction"], &fax["to"], &fax["from"]),
            (&json!("received"), &json!("inbound"), &json!(own), &shown)
        );
        assert_eq!((&fax["pages"], &fax["attempts"], &fax["failure"]), (&json!(LETTER_PAGES), &json!([]), &Value::Null));
        let id = fax["id"].as_str().unwrap();
        assert_eq!(customer.client.fax(id).await, fax);
        let link = customer.client.get(&format!("/v1/faxes/{id}/document")).await;
        let pdf = http().get(link.header("location").unwrap()).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(pdf, document(), "{from}: what came over the line");
        // Whatever the carrier tells again changes nothing.
        service.advance(SignedDuration::from_mins(30));
        assert_eq!(customer.client.get("/v1/faxes").await.json()["total"], 1);
        assert_eq!((received_events(&service.stack, &customer).await, service.used_pages(customer.account).await), (1, 0), "{from}");
        let stranger = service.customer().await;
        assert_eq!(stranger.client.get(&format!("/v1/faxes/{id}")).await.status, 404);
    }
}

/// Refuses the writes of the function that the carrier calls, until it may write.
#[derive(Debug, Default)]
struct Gate(AtomicBool);

impl CallInterceptor for Gate {
    fn verdict(&self, call: &Call) -> Verdict {
        let shut = call.caller == "ReceiveCarrierEvent" && !self.0.load(Ordering::Relaxed);
        if shut { Verdict::Refuse } else { Verdict::Perform }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_whose_call_broke_off_says_that_it_is_incomplete() {
    let gate = Arc::new(Gate::default());
    let service = Service::start_intercepted(gate.clone()).await;
    // The poll finds the first one, which is not told that it is incomplete; the callback comes after it has become a fax.
    let customer = service.customer().await;
    let (own, _) = own_number(&customer.client).await;
    let part = |from: &str| Incoming { to: own.clone(), from: from.into(), document: document() };
    service.stack.carrier().send_in_part(part(SOMEBODY)).unwrap();
    // Two polls, and no further: the carrier tries its callback for twelve minutes and a half.
    let minutes = AtomicUsize::new(0);
    eventually("the poll to find it", || async {
        if minutes.fetch_add(1, Ordering::Relaxed) < 10 {
            service.advance(SignedDuration::from_secs(61));
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
        (customer.client.get("/v1/faxes").await.json()["total"] == 1).then_some(())
    })
    .await;
    let fax = inbound(&service, &customer.client).await;
    assert_eq!(fax.get("partial"), None, "{fax}");
    gate.0.store(true, Ordering::Relaxed);
    let known = eventually("the callback", || async {
        service.advance(SignedDuration::from_secs(61));
        tokio::time::sleep(Duration::from_millis(60)).await;
        Some(customer.client.fax(fax["id"].as_str().unwrap()).await).filter(|fax| fax.get("partial").is_some())
    })
    .await;
    let mut expected = fax.clone();
    expected["partial"] = json!(true);
    assert_eq!(known, expected);

    // From here on the callback comes first, in both of its shapes.
    for from in [SOMEBODY, "+15005550010"] {
        let customer = service.customer().await;
        let (own, _) = own_number(&customer.client).await;
        let receiver = Receiver::start(|_| Reply::status(200)).await;
        webhook::add(&service.stack.operator_platform(), customer.account, &receiver.url("/"), vec![], None).await.unwrap();
        service.stack.carrier().send_in_part(Incoming { to: own.clone(), from: from.into(), document: document() }).unwrap();
        let fax = inbound(&service, &customer.client).await;
        assert_eq!((&fax["status"], &fax["partial"]), (&json!("received"), &json!(true)), "{from}: {fax}");
        let told = eventually("the webhook", || async { receiver.requests().first().cloned() }).await;
        let told: Value = serde_json::from_slice(&told.body).unwrap();
        assert_eq!(told["data"], fax, "{from}");
        // A whole one does not speak of it.
        send_in(&service.stack, &own, from).await;
        eventually("the whole one", || async {
            service.advance(SignedDuration::from_secs(20));
            let list = customer.client.get("/v1/faxes").await.json();
            let whole = list["data"].as_array().unwrap().iter().filter(|fax| fax.get("partial").is_none()).count();
            (whole == 1 && list["total"] == 2).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_to_a_number_that_is_nobodys_or_was_not_yet_somebodys_reaches_nobody() {
    let service = Service::start().await;
    let operator = service.stack.operator_platform();
    let before = service.customer().await;
    let (shared, id) = own_number(&before.client).await;
    number::release(&operator, id.parse().unwrap()).await.unwrap();
    // One call to a number that was released, one to a number that never was anybody's.
    send_in(&service.stack, &shared, "+15005550012").await;
    send_in(&service.stack, "+12025559999", SOMEBODY).await;
    service.advance(SignedDuration::from_mins(4));
    tokio::time::sleep(Duration::from_millis(200)).await;
    // The number's next owner must not get it, though the carrier still lists it.
    let after = service.customer().await;
    number::add(&operator, after.account, shared.parse().unwrap(), None).await.unwrap();
    send_in(&service.stack, &shared, SOMEBODY).await;
    let fax = inbound(&service, &after.client).await;
    assert_eq!(fax["from"], SOMEBODY);
    for _ in 0..4 {
        service.advance(SignedDuration::from_mins(5));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(after.client.get("/v1/faxes").await.json()["total"], 1, "only its own");
    assert_eq!(before.client.get("/v1/faxes").await.json()["total"], 0);
}

/// A fax that comes in: who calls, and the functions through which it comes in then.
type Way = (&'static str, &'static [&'static str]);

const TOLD: Way = (SOMEBODY, &["ReceiveCarrierEvent", "ReceiveFax"]);
/// Of this caller's fax the carrier never tells.
const ASKED_FOR: Way = ("+15005550012", &["PollCarrier", "ReceiveFax"]);

/// One fax that comes in under a fault. Returns the process that it ended with, and whether the fault struck.
fn receive_under(
    (from, callers): Way,
    dir: &Path,
    interceptor: &Arc<Injector>,
    mut process: Process,
    target: Option<(Point, Fault)>,
) -> (Process, bool) {
    let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
    let own = process.runtime.block_on(own_number(&customer.client)).0;
    interceptor.arm(callers, target.clone());
    process.runtime.block_on(send_in(&process.stack, &own, from));
    let (mut patience, deadline) = (Patience::default(), Instant::now() + sfm_tests::DEADLINE);
    let mut ended = None;
    let fax = loop {
        assert!(Instant::now() < deadline, "{target:?}: it never came in");
        if interceptor.process_gone() {
            process.crash();
            interceptor.resume();
            process = Process::start(dir, interceptor.clone());
        }
        let client = Client::new(process.stack.base_url(), &customer.key);
        let list = process.runtime.block_on(client.get("/v1/faxes")).json();
        if let Some(fax) = list["data"].as_array().unwrap().first() {
            // What comes after it is there gets its chance to meet the fault.
            let chance = *ended.get_or_insert_with(|| Instant::now() + Duration::from_secs(4));
            if target.is_none() || interceptor.was_hit() && !interceptor.process_gone() || Instant::now() > chance {
                break fax.clone();
            }
        }
        if patience.is_over(interceptor, Duration::from_millis(if target.is_none() { 2000 } else { 300 })) {
            process.stack.advance(SignedDuration::from_secs(61)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(40));
    };
    let struck = interceptor.was_hit();
    if interceptor.disarm() {
        process.crash();
        process = Process::start(dir, interceptor.clone());
    }
    // One more look at everything: nothing may come of it.
    process.stack.advance(SignedDuration::from_mins(30)).unwrap();
    process.runtime.block_on(async {
        let client = Client::new(process.stack.base_url(), &customer.key);
        let id = fax["id"].as_str().unwrap();
        let link = client.get(&format!("/v1/faxes/{id}/document")).await;
        assert_eq!(link.status, 302, "{target:?}: {}", link.text);
        let what = format!("{target:?}: nothing to be left due");
        eventually(&what, || async { left_due(&process.stack, customer.account).await.is_empty().then_some(()) }).await;
        assert_eq!(client.get("/v1/faxes").await.json()["total"], 1, "{target:?}");
        assert_eq!(received_events(&process.stack, &customer).await, 1, "{target:?}");
        assert_eq!(used_pages(&process.stack, customer.account).await, 0);
        // What a receiver that died had reserved comes back with the next send.
        if target.is_some() {
            process.stack.advance(SignedDuration::from_secs(31)).unwrap();
            let next = client.send_letter("+15005550001").await;
            client.completed(next["id"].as_str().unwrap()).await;
            assert_eq!(reservations(&process.stack, customer.account).await, 0, "{target:?}: a reservation is left behind");
            assert_eq!(client.get("/v1/faxes").await.json()["total"], 2, "{target:?}");
        }
    });
    interceptor.assert_no_errors(&target);
    (process, struck)
}

fn try_every_point(way: Way) {
    let folder = tempfile::tempdir().unwrap();
    let interceptor = Arc::new(Injector::default());
    let (process, _) = receive_under(way, folder.path(), &interceptor, Process::start(folder.path(), interceptor.clone()), None);
    let once = interceptor.seen();
    let (process, _) = receive_under(way, folder.path(), &interceptor, process, None);
    println!("a fax that comes in from {}:", way.0);
    let (points, in_one_run) = in_either(once, interceptor.seen());
    assert!(points.len() >= 7, "{points:?}");
    let process = try_each(Draw::new(way.0).singles(&points), EXPLAINED, &in_one_run, process, |process, target| {
        receive_under(way, folder.path(), &interceptor, process, Some(target))
    });
    process.crash();
}

/// Calls that a fax that comes in does not always make.
const EXPLAINED: &[(&str, &str)] = &[(
    "ReceiveFax dynamodb GetItem of Faxes",
    "asks what became of a place that another worker has reserved, so it needs two workers at one account at the same time",
)];

#[test]
fn a_fax_that_comes_in_survives_every_fault_of_every_call() {
    try_every_point(TOLD);
}

#[test]
fn a_fax_that_the_carrier_is_asked_for_survives_every_fault_of_every_call() {
    try_every_point(ASKED_FOR);
}

#[test]
fn a_fax_that_comes_in_whose_messages_come_doubled_and_out_of_order_is_one_fax() {
    let folder = tempfile::tempdir().unwrap();
    let interceptor = Arc::new(Injector::default());
    let mut process = Process::start(folder.path(), interceptor.clone());
    for feed in [Feed::Doubled, Feed::Shuffled] {
        interceptor.feed_as(feed);
        for way in [TOLD, ASKED_FOR] {
            (process, _) = receive_under(way, folder.path(), &interceptor, process, None);
        }
    }
    process.crash();
}

/// Every body that was put on a queue or on the bus.
#[derive(Debug, Default)]
struct Messages(Mutex<Vec<(String, String)>>);

impl CallInterceptor for Messages {
    fn performed(&self, call: &Call, request: &[u8], _: u16, _: &[u8]) {
        if matches!(call.operation.as_str(), "SendMessage" | "SendMessageBatch" | "PutEvents") {
            self.0.lock().unwrap().push((call.operation.clone(), String::from_utf8_lossy(request).into_owned()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_and_no_event_on_the_bus_has_a_telephone_number() {
    let messages = Arc::new(Messages::default());
    let service = Service::start_intercepted(messages.clone()).await;
    let customer = service.customer().await;
    let (own, _) = own_number(&customer.client).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let operator = service.stack.operator_platform();
    let kinds = [EventType::FaxDelivered, EventType::FaxFailed, EventType::FaxReceived, EventType::ScheduledFailed].to_vec();
    webhook::add(&operator, customer.account, &receiver.url("/"), kinds, None).await.unwrap();
    let poor = service.customer_with(Plan::Business, Some(0)).await;
    webhook::add(&operator, poor.account, &receiver.url("/"), vec![EventType::ScheduledFailed], None).await.unwrap();
    let mut put_off = fax("+15005550001", LETTER, "application/pdf");
    put_off["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_mins(5)).to_string());
    for client in [&customer.client, &poor.client] {
        client.post("/v1/scheduled", &put_off).await;
    }
    for to in ["+15005550001", "+15005550004", "+15005550007"] {
        customer.client.send_letter(to).await;
    }
    send_in(&service.stack, &own, SOMEBODY).await;
    eventually("six webhooks", || async {
        service.advance(SignedDuration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(60)).await;
        (receiver.requests().len() >= 6).then_some(())
    })
    .await;
    let messages = messages.0.lock().unwrap();
    // Faxes and events on their way: at least one of each for each of the six.
    for operation in ["SendMessage", "PutEvents"] {
        let seen = messages.iter().filter(|(by, _)| by.starts_with(operation)).count();
        assert!(seen >= 6, "{seen} of {operation}");
    }
    let numbers = [own.as_str(), SOMEBODY, "+15005550001", "+15005550004", "+15005550007"];
    for (_, message) in messages.iter() {
        let found = numbers.iter().find(|number| message.contains(number.trim_start_matches('+')));
        assert_eq!(found, None, "{message}");
    }
}
