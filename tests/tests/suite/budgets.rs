//! What requests cost, counted from the capacity that the database reports and the calls that are made.

use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use sfm::commands::webhook;
use sfm_local::interceptor::{Call, CallInterceptor};
use sfm_store::webhooks::Webhooks;
use sfm_tests::capacity::{consumed, is_read};
use sfm_tests::client::fax;
use sfm_tests::documents::FORM;
use sfm_tests::eventually;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::Service;

/// What some functions spent since the last reset.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Spent {
    round_trips: u32,
    read_units: f64,
    write_units: f64,
    s3_puts: u32,
}

/// A call, and the capacity units that it consumed.
#[derive(Debug, Clone)]
struct Consumed {
    /// The logical ID of the function.
    caller: String,
    service: &'static str,
    operation: String,
    units: f64,
}

#[derive(Debug, Default)]
struct Counter(Mutex<Vec<Consumed>>);

impl Counter {
    fn reset(&self) {
        self.0.lock().unwrap().clear();
    }

    fn calls(&self) -> Vec<Consumed> {
        self.0.lock().unwrap().clone()
    }

    /// What `function` spent alone: others work beside it whenever their time comes.
    fn spent_by(&self, function: &str) -> Spent {
        spent(self.calls().iter().filter(|call| call.caller == function))
    }
}

fn spent<'a>(calls: impl Iterator<Item = &'a Consumed>) -> Spent {
    calls.fold(Spent::default(), |mut spent, call| {
        let reads = is_read(&call.operation);
        match call.service {
            "s3" if call.operation == "PutObject" => spent.s3_puts += 1,
            "dynamodb" => {
                spent.round_trips += 1;
                if reads { spent.read_units += call.units } else { spent.write_units += call.units }
            }
            _ => {}
        }
        spent
    })
}

impl CallInterceptor for Counter {
    fn performed(&self, call: &Call, _: &[u8], _: u16, response: &[u8]) {
        let units = consumed(response);
        let (caller, operation) = (call.caller.clone(), call.operation.clone());
        self.0.lock().unwrap().push(Consumed { caller, service: call.service, operation, units });
    }
}

/// What each read and write of the API costs, in round trips and units.
#[tokio::test(flavor = "multi_thread")]
async fn reads_of_one_resource_take_two_round_trips_whether_it_is_there_or_somebody_elses_or_not() {
    let counter = Arc::new(Counter::default());
    let service = Service::start_intercepted(counter.clone()).await;
    let (owner, stranger) = (service.customer().await.client, service.customer().await.client);
    let contact = owner.post("/v1/contacts", &json!({"name": "Dr. Smith", "fax_number": "+12125551234"})).await.json();
    let mut scheduled = fax("+15005550001", FORM, "image/png");
    scheduled["send_at"] = json!((jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string());
    let scheduled = owner.post("/v1/scheduled", &scheduled).await.json();
    let spent = counter.spent_by("ScheduleFax");
    println!("POST /v1/scheduled: {spent:?}");
    // Two of them look for contacts with a number like it, beside the first.
    assert!(spent.round_trips <= 8 && spent.write_units <= 18.0 && spent.s3_puts == 1, "{spent:?}");
    let sent = owner.send_letter("+15005550001").await;

    for (function, path) in [
        ("GetContact", format!("/v1/contacts/{}", text(&contact))),
        ("GetScheduledFax", format!("/v1/scheduled/{}", text(&scheduled))),
        ("GetFax", format!("/v1/faxes/{}", text(&sent))),
    ] {
        // The first use of a key in an hour is noted.
        for asker in [&owner, &stranger] {
            asker.get(&path).await;
        }
        let absent = format!("{}01ARZ3NDEKTSV4RRFFQ69G5FAV", path.split_inclusive('_').next().unwrap());
        for (asker, path, status) in [(&owner, &path, 200), (&stranger, &path, 404), (&owner, &absent, 404)] {
            counter.reset();
            assert_eq!(asker.get(path).await.status, status);
            let spent = counter.spent_by(function);
            println!("GET {path}, {status}: {} round trips, {:.1} RRU", spent.round_trips, spent.read_units);
            assert!(spent.round_trips == 2 && spent.read_units <= 2.5, "{spent:?}");
        }
    }
    for (function, path) in [
        ("ListContacts", "/v1/contacts"),
        ("ListScheduledFaxes", "/v1/scheduled"),
        ("ListNumbers", "/v1/numbers"),
        ("ListFaxes", "/v1/faxes"),
    ] {
        owner.get(path).await;
        counter.reset();
        assert_eq!(owner.get(path).await.status, 200);
        let spent = counter.spent_by(function);
        println!("GET {path}: {} round trips, {:.1} RRU", spent.round_trips, spent.read_units);
        assert!((2..=4).contains(&spent.round_trips) && spent.read_units <= 5.0, "{spent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_the_rate_limit_refuses_costs_one_conditional_write() {
    let counter = Arc::new(Counter::default());
    let service = Service::start_intercepted(counter.clone()).await;
    let client = service.customer().await.client;
    for _ in 0..60 {
        assert_eq!(client.post("/v1/faxes", &json!({})).await.status, 400);
    }
    counter.reset();
    assert_eq!(client.post("/v1/faxes", &json!({})).await.status, 429);
    let spent = counter.spent_by("SendFax");
    // The key is read, and one write finds the window full.
    assert!(spent.round_trips == 2 && spent.read_units <= 1.0, "{spent:?}");
}

/// However many come at once, no send writes again because another was faster.
#[tokio::test(flavor = "multi_thread")]
async fn parallel_sends_of_one_account_cost_what_single_ones_cost() {
    const SENDS: u32 = 50;
    let counter = Arc::new(Counter::default());
    let service = Service::start_intercepted(counter.clone()).await;
    let client = service.customer().await.client;
    let body = fax("+15005550001", FORM, "image/png").to_string().into_bytes();
    let send = |number: u32| {
        let (client, body, key) = (client.clone(), body.clone(), number.to_string());
        async move {
            let sent = client.try_call(Method::POST, "/v1/faxes", &[("idempotency-key", &key)], Some(body)).await.unwrap();
            assert!([201, 503].contains(&sent.status), "{}", sent.text);
            sent.status == 201
        }
    };
    assert!(send(0).await);
    let single = counter.spent_by("SendFax").write_units;
    counter.reset();
    let accepted = futures::future::join_all((1..=SENDS).map(send)).await.into_iter().filter(|accepted| *accepted).count();
    let spent = counter.spent_by("SendFax").write_units;
    println!("a single send: {single} WRU; {SENDS} at once, {accepted} of them accepted: {spent} WRU");
    // A busy machine refuses documents, before anything is written but the slot of the rate limit.
    assert!(accepted > 0 && spent <= 1.5 * single * f64::from(SENDS), "{spent}");
}

fn text(resource: &Value) -> &str {
    resource["id"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_a_whole_fax_stay_within_their_budgets() {
    let counter = Arc::new(Counter::default());
    let service = Service::start_intercepted(counter.clone()).await;
    let customer = service.customer().await;

    counter.reset();
    // A number whose calls are counted, as those of all numbers but the magic ones are.
    let id = customer.client.send_letter("+12125551234").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&id).await;
    let account = customer.account.to_string();
    eventually("the event to be published", || async {
        let item = service.stack.operator_platform().dynamodb().query().table_name("Events");
        let item = item.key_condition_expression("account_id = :a").filter_expression("attribute_exists(due_at)");
        let item = item.expression_attribute_values(":a", aws_sdk_dynamodb::types::AttributeValue::S(account.clone()));
        (item.send().await.unwrap().count == 0).then_some(())
    })
    .await;
    // The dispatcher's rounds are everybody's, and what an operator does is no request.
    let calls = counter.calls();
    let of_fax = || calls.iter().filter(|call| call.caller != "operator" && call.caller != "DispatchDue");
    for call in of_fax().filter(|call| call.service == "dynamodb" && !call.caller.starts_with("GetFax")) {
        println!("  {} {} {:.1}", call.caller, call.operation, call.units);
    }
    let send = counter.spent_by("SendFax");
    println!("POST /v1/faxes: {send:?}");
    assert!(send.write_units > 0.0 && send.write_units <= 18.0, "{send:?}");
    let of_send = calls.iter().filter(|call| call.caller == "SendFax").map(|call| call.operation.as_str());
    let after_document: Vec<_> = of_send.skip_while(|operation| *operation != "PutObject").skip(1).collect();
    // In three steps: at once the place is reserved and the fax entered in the lists of its numbers; it is made; the reservation is removed.
    assert_eq!(after_document, ["UpdateItem", "UpdateItem", "UpdateItem", "TransactWriteItems", "UpdateItem"]);
    let whole = spent(of_fax());
    println!("a delivered fax: {:.1} WRU, {} S3 PUT", whole.write_units, whole.s3_puts);
    assert!(whole.write_units > 10.0 && whole.write_units <= 40.0, "{whole:?}");
    assert_eq!(whole.s3_puts, 1);
}

/// An endpoint that answers quickly is told by whoever fans the event out.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_succeeds_at_once_costs_five_calls_and_six_write_units_at_most() {
    let counter = Arc::new(Counter::default());
    let service = Service::start_intercepted(counter.clone()).await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let operator = service.stack.operator_platform();
    webhook::add(&operator, customer.account, &receiver.url("/"), vec![], None).await.unwrap();
    let webhooks = Webhooks::new(&operator).unwrap();
    customer.client.send_letter("+15005550001").await;
    eventually("the endpoint to be quick", || async { webhooks.of(customer.account).await.unwrap()[0].quick.then_some(()) }).await;
    counter.reset();
    customer.client.send_letter("+15005550001").await;
    eventually("the webhook", || async { (receiver.requests().len() == 2).then_some(()) }).await;
    eventually("the event to be settled", || async {
        let settled = |call: &Consumed| call.caller == "FanOutEvent" && call.operation == "UpdateItem";
        counter.calls().iter().any(settled).then_some(())
    })
    .await;
    let calls = counter.calls();
    let of_webhook: Vec<_> = calls.iter().filter(|call| call.caller == "FanOutEvent" || call.caller == "DeliverWebhook").collect();
    let operations: Vec<_> = of_webhook.iter().map(|call| call.operation.as_str()).collect();
    // PutEvents of relay-events is the fifth.
    assert_eq!(operations, ["Query", "BatchGetItem", "PutItem", "UpdateItem"]);
    let cost = spent(of_webhook.into_iter());
    println!("a webhook: {cost:?}");
    assert!(cost.write_units > 0.0 && cost.write_units <= 6.0, "{cost:?}");
}

/// What a burst costs, beside the same sends one after another: nobody pays for a race that was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_one_account_costs_no_more_than_half_as_much_again_as_single_sends() {
    const SENDS: usize = 40;
    let counter = Arc::new(Counter::default());
    let service = Service::start_intercepted(counter.clone()).await;
    let customer = service.customer().await;
    let body = fax("+12125551234", FORM, "image/png");
    counter.reset();
    for _ in 0..SENDS {
        assert_eq!(customer.client.post("/v1/faxes", &body).await.status, 201);
    }
    let single = counter.spent_by("SendFax");
    let other = service.customer().await;
    counter.reset();
    let burst: Vec<_> = (0..SENDS)
        .map(|_| {
            let (client, body) = (other.client.clone(), body.clone());
            tokio::spawn(async move { client.post("/v1/faxes", &body).await.status })
        })
        .collect();
    for sent in burst {
        assert_eq!(sent.await.unwrap(), 201);
    }
    let together = counter.spent_by("SendFax");
    println!("{SENDS} sends: {:.1} WRU one by one, {:.1} WRU at once", single.write_units, together.write_units);
    assert!(together.write_units <= 1.5 * single.write_units, "{together:?} against {single:?}");
}
