//! Webhooks end to end: real deliveries over real sockets, to receivers that behave and to receivers that do not.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use serde_json::{Value, json};
use sfm::commands::{account, webhook};
use sfm_core::event::{Event, EventType};
use sfm_core::id::EndpointId;
use sfm_core::plan::Plan;
use sfm_core::secret::Secret;
use sfm_core::webhook::signature;
use sfm_http_client::ssrf::Names;
use sfm_store::accounts::AccountChange;
use sfm_store::events::Events;
use sfm_store::semaphores::{NoPermit, Semaphores};
use sfm_store::webhooks::Webhooks;
use sfm_tests::eventually;
use sfm_tests::hostile::{Hostile, Then};
use sfm_tests::receiver::{Receiver, Reply, Request};
use sfm_tests::service::{Customer, Service};

/// An endpoint of a customer at a receiver, with its secret.
async fn register(service: &Service, customer: &Customer, url: &str, events: &[EventType]) -> (EndpointId, String) {
    let made = webhook::add(&service.stack.operator_platform(), customer.account, url, events.to_vec(), None).await.unwrap();
    (made["id"].as_str().unwrap().parse().unwrap(), made["secret"].as_str().unwrap().to_owned())
}

async fn log(service: &Service, endpoint: EndpointId) -> Vec<Value> {
    let log = webhook::deliveries(&service.stack.operator_platform(), &endpoint.to_string(), None, None).await.unwrap();
    log["data"].as_array().unwrap().clone()
}

async fn endpoint(service: &Service, customer: &Customer, id: EndpointId) -> Value {
    let list = webhook::endpoints(&service.stack.operator_platform(), customer.account).await.unwrap();
    list["data"].as_array().unwrap().iter().find(|endpoint| endpoint["id"] == id.to_string()).unwrap().clone()
}

/// Waits until a delivery of the endpoint's log is as `status` says.
async fn settled(service: &Service, id: EndpointId, status: &str) -> Value {
    eventually(&format!("a delivery to be {status}"), || async {
        log(service, id).await.into_iter().find(|delivery| delivery["status"] == status)
    })
    .await
}

/// Whether a request is signed by `secret` as both schemes say.
fn is_signed_by(request: &Request, secret: &str, nth: usize) -> bool {
    let id = request.header("webhook-id").parse().unwrap();
    let at = jiff::Timestamp::from_second(request.header("webhook-timestamp").parse().unwrap()).unwrap();
    let secrets = [Secret::new(secret)];
    let alone = signature::sign(secrets.iter(), id, at, &request.body);
    let v1 = alone[0].1.split_once(",v1=").unwrap().1.to_owned();
    request.header("x-sfm-signature").split(",v1=").nth(nth + 1) == Some(&v1)
        && request.header("webhook-signature").split(' ').nth(nth) == Some(&alone[3].1)
}

/// Waits until the recovery of an endpoint is over.
async fn recovered(service: &Service, customer: &Customer, id: EndpointId) -> Value {
    eventually("the recovery to be over", || async {
        let recovery = endpoint(service, customer, id).await["recovery"].clone();
        (recovery["status"] == "finished").then_some(recovery)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_final_status_is_told_once_to_each_endpoint_that_wants_it() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(204)).await;
    let (all, secret) = register(&service, &customer, &receiver.url("/all"), &[]).await;
    let (failures, _) = register(&service, &customer, &receiver.url("/failures"), &[EventType::FaxFailed]).await;
    let stranger = service.customer().await;
    register(&service, &stranger, &receiver.url("/stranger"), &[]).await;
    let delivered = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    let failed = customer.client.send_letter("+15005550007").await["id"].as_str().unwrap().to_owned();
    eventually("three requests", || async { (receiver.requests().len() == 3).then_some(()) }).await;
    // Whatever is late is looked at once more, and nothing comes of it.
    service.advance(SignedDuration::from_mins(30));
    settled(&service, failures, "succeeded").await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3, "{requests:?}");
    for request in &requests {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["id"], request.header("webhook-id"));
        let fax = if body["type"] == "fax.failed" { &failed } else { &delivered };
        assert_eq!(&customer.client.fax(fax).await, &body["data"], "data is the fax as the API shows it");
        assert_eq!(request.header("content-type"), "application/json");
        if request.path == "/all" {
            assert!(is_signed_by(request, &secret, 0));
        }
    }
    assert_eq!(requests.iter().filter(|request| request.path == "/failures").count(), 1);
    let log = log(&service, all).await;
    assert_eq!(log.len(), 2);
    assert!(log.iter().all(|delivery| delivery["status"] == "succeeded" && delivery["attempts"][0]["status_code"] == 204), "{log:?}");
}

/// Whether the endpoint is told by whoever fans events out.
async fn is_quick(service: &Service, customer: &Customer) -> bool {
    let webhooks = Webhooks::new(&service.stack.operator_platform()).unwrap();
    webhooks.of(customer.account).await.unwrap()[0].quick
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_is_quick_no_more_until_it_has_answered_again() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let (id, _) = register(&service, &customer, &receiver.url("/"), &[]).await;
    assert!(!is_quick(&service, &customer).await, "nothing is known of it yet");
    for (status, quick) in [(200, true), (500, false), (200, true)] {
        receiver.reply(move |_| Reply::status(status));
        let before = log(&service, id).await.len();
        customer.client.send_letter("+15005550001").await;
        eventually("an attempt that is written down", || async {
            let log = log(&service, id).await;
            (log.len() > before && log[0]["attempts"][0]["status_code"] == status).then_some(())
        })
        .await;
        eventually("what is known of the endpoint", || async { (is_quick(&service, &customer).await == quick).then_some(()) }).await;
    }
    // What was refused is told in the end, by the other worker.
    service.advance(SignedDuration::from_mins(1));
    eventually("all to be told", || async {
        let log = log(&service, id).await;
        log.iter().all(|delivery| delivery["status"] == "succeeded").then_some(())
    })
    .await;
    assert_eq!(receiver.requests().len(), 4, "three events, one of them twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_for_74_hours_gets_the_event_in_the_end_under_the_same_id() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(503)).await;
    let (id, secret) = register(&service, &customer, &receiver.url("/"), &[]).await;
    customer.client.send_letter("+15005550001").await;
    eventually("a first attempt", || async { (!receiver.requests().is_empty()).then_some(()) }).await;
    // 74 hours, each of which ends only when nothing is due any more.
    for hour in 1..=74 {
        service.advance(SignedDuration::from_hours(1));
        eventually(&format!("what is due in hour {hour} to be tried"), || async {
            let next: jiff::Timestamp = log(&service, id).await[0]["next_attempt_at"].as_str()?.parse().unwrap();
            (next > service.stack.clock().now()).then_some(())
        })
        .await;
    }
    // By jumps of an hour the tenth, after 2 + 5 + 10 + 14 + 20 + 24 hours at least and three jumps, is not due yet.
    assert_eq!(receiver.requests().len(), 9, "attempts while it was down");
    receiver.reply(|_| Reply::status(200));
    let delivered = eventually("the delivery to succeed", || async {
        service.advance(SignedDuration::from_hours(2));
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        log(&service, id).await.into_iter().find(|delivery| delivery["status"] == "succeeded")
    })
    .await;
    let requests = receiver.requests();
    assert!(requests.iter().all(|request| request.header("webhook-id") == requests[0].header("webhook-id")));
    assert!(requests.iter().all(|request| request.body == requests[0].body && is_signed_by(request, &secret, 0)));
    assert_eq!(delivered["attempts"].as_array().unwrap().len(), requests.len());
    assert_eq!(endpoint(&service, &customer, id).await["failing_since"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_for_good_ends_disabled_and_everything_can_be_recovered() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(500)).await;
    let (id, _) = register(&service, &customer, &receiver.url("/"), &[]).await;
    let began = service.stack.clock().now();
    let mut sent = 0;
    // A fax a day, and six hours at a time.
    for quarter in 0..40 {
        if quarter % 4 == 0 && quarter < 16 {
            customer.client.send_letter("+15005550001").await;
            sent += 1;
            eventually("the event to be fanned out", || async { (log(&service, id).await.len() == sent).then_some(()) }).await;
        }
        service.advance(SignedDuration::from_hours(6));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let disabled = eventually("the endpoint to be disabled", || async {
        service.advance(SignedDuration::from_hours(6));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        Some(endpoint(&service, &customer, id).await).filter(|endpoint| endpoint["status"] == "disabled")
    })
    .await;
    assert_eq!(disabled["disabled_reason"], "failing");
    // One that nobody was told of.
    let untold = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&untold).await;
    let failed = eventually("every delivery to have failed", || async {
        service.advance(SignedDuration::from_hours(25));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let log = log(&service, id).await;
        log.iter().all(|delivery| delivery["status"] == "failed").then_some(log)
    })
    .await;
    assert_eq!(failed.len(), sent);
    let before = receiver.requests().len();
    receiver.reply(|_| Reply::status(200));
    let enabled = webhook::enable(&service.stack.operator_platform(), id).await.unwrap();
    assert!(enabled["recover_since"].is_string(), "{enabled}");
    let since = enabled["recover_since"].as_str().unwrap();
    assert!(since.parse::<jiff::Timestamp>().unwrap() >= began);
    let begun = webhook::recover(&service.stack.operator_platform(), id, since).await.unwrap();
    assert_eq!(begun["recovery"]["status"], "running", "{begun}");
    let recovered = recovered(&service, &customer, id).await;
    assert_eq!(recovered["events"], sent + 1, "{recovered}");
    eventually("all to be delivered", || async {
        let log = log(&service, id).await;
        (log.len() == sent + 1 && log.iter().all(|delivery| delivery["status"] == "succeeded")).then_some(())
    })
    .await;
    assert_eq!(receiver.requests().len(), before + sent + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_does_wrong_is_told_in_the_log_and_tried_again() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let refused = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let plain = Receiver::start(|_| Reply::status(200)).await;
    let cases: Vec<(&str, Receiver, &str, &str)> = vec![
        (
            "a redirect to the metadata address",
            Receiver::start(|_| Reply::redirect("http://169.254.169.254/latest/")).await,
            "redirect",
            "/",
        ),
        ("a server error", Receiver::start(|_| Reply::status(500).body("oops")).await, "status", "/"),
        ("headers that never end", Receiver::start(|_| Reply::SlowHeaders).await, "timeout", "/"),
        ("a body that drips", Receiver::start(|_| Reply::SlowBody).await, "timeout", "/"),
        ("a connection that is cut", Receiver::start(|_| Reply::Cut).await, "protocol", "/"),
        ("no HTTP at all", Receiver::start(|_| Reply::Garbage).await, "protocol", "/"),
        ("five interim answers", Receiver::start(|_| Reply::Interim(5)).await, "protocol", "/"),
    ];
    let mut expected = Vec::new();
    for (name, receiver, error, path) in &cases {
        let (id, _) = register(&service, &customer, &receiver.url(path), &[]).await;
        expected.push((*name, id, *error));
    }
    expected.push(("a connection that is refused", register(&service, &customer, &refused, &[]).await.0, "connect"));
    let tls = plain.url("/").replace("http://", "https://");
    expected.push(("no TLS", register(&service, &customer, &tls, &[]).await.0, "tls"));
    customer.client.send_letter("+15005550001").await;
    for (name, id, error) in expected {
        let attempt = eventually(&format!("an attempt: {name}"), || async {
            log(&service, id).await.first().map(|delivery| delivery["attempts"][0].clone()).filter(Value::is_object)
        })
        .await;
        assert_eq!(attempt["error"], error, "{name}: {attempt}");
        assert_eq!(log(&service, id).await[0]["status"], "pending", "{name}: it is tried again");
    }
    let oops = log(&service, endpoint_at(&service, &customer, &cases[1].1.url("/")).await).await;
    assert_eq!((&oops[0]["attempts"][0]["answer"], &oops[0]["attempts"][0]["status_code"]), (&json!("oops"), &json!(500)));
}

async fn endpoint_at(service: &Service, customer: &Customer, url: &str) -> EndpointId {
    let list = webhook::endpoints(&service.stack.operator_platform(), customer.account).await.unwrap();
    let found = list["data"].as_array().unwrap().iter().find(|endpoint| endpoint["url"] == url).unwrap();
    found["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_but_good_answers_are_successes() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let receivers = [
        Receiver::start(|_| Reply::Endless(16)).await,
        Receiver::start(|_| Reply::Endless(100 * 1024)).await,
        Receiver::start(|_| Reply::Http10).await,
        Receiver::start(|_| Reply::Trailers).await,
        Receiver::start(|_| Reply::HalfClosed).await,
        Receiver::start(|_| Reply::Interim(1)).await,
        Receiver::start(|_| Reply::Interim(4)).await,
    ];
    let mut ids = Vec::new();
    for receiver in &receivers {
        ids.push(register(&service, &customer, &receiver.url("/"), &[]).await.0);
    }
    customer.client.send_letter("+15005550001").await;
    for id in ids {
        let delivery = settled(&service, id, "succeeded").await;
        let kept = delivery["attempts"][0]["answer"].as_str().map_or(0, str::len);
        assert!(kept <= 1024, "{kept} bytes of the answer are kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_disables_and_too_many_requests_are_heeded_in_both_forms() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let gone = Receiver::start(|_| Reply::status(410)).await;
    let (gone_id, _) = register(&service, &customer, &gone.url("/"), &[]).await;
    let seconds = Receiver::start(|_| Reply::status(429).header("retry-after", "3600")).await;
    let (seconds_id, _) = register(&service, &customer, &seconds.url("/"), &[]).await;
    let at = service.stack.clock().now() + SignedDuration::from_hours(2);
    let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let dated = Receiver::start(move |_| Reply::status(429).header("retry-after", &date)).await;
    let (dated_id, _) = register(&service, &customer, &dated.url("/"), &[]).await;
    customer.client.send_letter("+15005550001").await;
    let failed = settled(&service, gone_id, "failed").await;
    assert_eq!((&failed["attempts"][0]["error"], failed["attempts"].as_array().unwrap().len()), (&json!("gone"), 1));
    let disabled = eventually("the endpoint to be disabled", || async {
        Some(endpoint(&service, &customer, gone_id).await).filter(|endpoint| endpoint["status"] == "disabled")
    })
    .await;
    assert_eq!(disabled["disabled_reason"], "gone");
    for (id, ahead) in [(seconds_id, 3600), (dated_id, 7200)] {
        let next = eventually("a next attempt", || async {
            let log = log(&service, id).await;
            log.first().filter(|delivery| delivery["attempts"][0].is_object())?["next_attempt_at"].as_str().map(str::to_owned)
        })
        .await;
        let next: jiff::Timestamp = next.parse().unwrap();
        let left = next.duration_since(service.stack.clock().now()).as_secs();
        assert!((ahead - 90..=ahead).contains(&left), "{left} s left of {ahead}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_signs_beside_the_old_one_for_a_day_and_alone_when_told() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let operator = service.stack.operator_platform();
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let (id, old) = register(&service, &customer, &receiver.url("/"), &[]).await;
    let rotated = webhook::rotate(&operator, id, false).await.unwrap()["secret"].as_str().unwrap().to_owned();
    let last = async |count: usize| {
        webhook::test(&service.stack.operator_platform(), id).await.unwrap();
        eventually("a request", || async { (receiver.requests().len() == count).then_some(()) }).await;
        receiver.requests().pop().unwrap()
    };
    let both = last(1).await;
    assert!(is_signed_by(&both, &rotated, 0) && is_signed_by(&both, &old, 1), "new first, old last");
    service.advance(SignedDuration::from_hours(24));
    let alone = last(2).await;
    assert!(is_signed_by(&alone, &rotated, 0) && !alone.header("webhook-signature").contains(' '));
    let newest = webhook::rotate(&operator, id, true).await.unwrap()["secret"].as_str().unwrap().to_owned();
    let alone = last(3).await;
    assert!(is_signed_by(&alone, &newest, 0) && !alone.header("webhook-signature").contains(' '));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_webhook_goes_to_an_address_that_is_not_public() {
    let service = Service::start_closed().await;
    let customer = service.customer().await;
    let operator = service.stack.operator_platform();
    for url in ["http://example.com/", "ftp://example.com/", "https://user:pw@example.com/", "nonsense", ""] {
        let refused = webhook::add(&operator, customer.account, url, vec![], None).await.unwrap_err().json();
        assert!(refused.contains("invalid_request"), "{url}: {refused}");
    }
    // What can never be reached is refused at once, in any spelling.
    for url in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://localhost/",
        "https://api.localhost./",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "https://168.63.129.16/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://metadata.google.internal/",
        "https://printer.local/",
    ] {
        let refused = webhook::add(&operator, customer.account, url, vec![], None).await.unwrap_err().json();
        assert!(refused.contains("invalid_request"), "{url}: {refused}");
    }
    // Names are checked when they are connected to, because their addresses change.
    for url in ["https://does-not-exist.example.com/"] {
        let made = webhook::add(&operator, customer.account, url, vec![], None).await.unwrap();
        let id: EndpointId = made["id"].as_str().unwrap().parse().unwrap();
        webhook::test(&operator, id).await.unwrap();
        let attempt = eventually("an attempt", || async {
            log(&service, id).await.first().map(|delivery| delivery["attempts"][0].clone()).filter(Value::is_object)
        })
        .await;
        assert_eq!(attempt["error"], "host_not_allowed", "{url}");
    }
}

/// A customer's name server, whose answers change: one after the other, the last one for good.
#[derive(Debug)]
struct Changing(Mutex<VecDeque<&'static [&'static str]>>);

impl Names for Changing {
    fn addresses<'a>(&'a self, _: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
        Box::pin(async move { Ok(answer.unwrap().iter().map(|address| address.parse().unwrap()).collect()) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_checked_at_each_attempt_because_what_it_means_changes() {
    // Connecting to 0.0.0.0 would reach the receiver too, which listens on this machine.
    let answers: [&[&str]; 5] = [&["127.0.0.1"], &["0.0.0.0"], &["127.0.0.1", "10.0.0.1"], &["::ffff:127.0.0.1"], &["127.0.0.1"]];
    let service = Service::start_with_names(Arc::new(Changing(Mutex::new(answers.into())))).await;
    let customer = service.customer().await;
    let receiver = Receiver::start(|_| Reply::status(500)).await;
    let (id, _) = register(&service, &customer, &receiver.url("/").replace("127.0.0.1", "hook.example.com"), &[]).await;
    customer.client.send_letter("+15005550001").await;
    for (made, expected) in ["status", "host_not_allowed", "host_not_allowed", "host_not_allowed"].into_iter().enumerate() {
        let attempts = eventually("an attempt", || async {
            let log = log(&service, id).await;
            log.first()?["attempts"].as_array().filter(|attempts| attempts.len() > made).cloned()
        })
        .await;
        assert_eq!(attempts[made]["error"], expected, "{attempts:?}");
        assert_eq!(receiver.requests().len(), 1, "no connection but the first");
        receiver.reply(|_| Reply::status(200));
        service.advance(SignedDuration::from_hours(3));
    }
    settled(&service, id, "succeeded").await;
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_as_many_as_there_are_and_tell_how_long_half_of_them_have_been_taken() {
    let service = Service::start().await;
    let semaphores = Semaphores::new(&service.stack.operator_platform(), 4, SignedDuration::from_secs(60)).unwrap();
    let start = service.stack.clock().now();
    let at = |seconds: i64| start + SignedDuration::from_secs(seconds);
    // The first one's holder dies.
    for seconds in [0, 50, 51] {
        semaphores.take("ours", at(seconds)).await.unwrap();
    }
    let last = semaphores.take("ours", at(52)).await.unwrap();
    let full = async |seconds: i64| match semaphores.take("ours", at(seconds)).await {
        Err(NoPermit::Full { half_since }) => half_since.as_secs(),
        other => panic!("{other:?}"),
    };
    assert_eq!((full(52).await, full(59).await), (1, 8), "two of four were taken at 0 and 50 s, the next at 51 s");
    semaphores.take("another's", at(52)).await.unwrap();
    semaphores.give_back(&last).await;
    semaphores.take("ours", at(59)).await.unwrap();
    full(59).await;
    semaphores.take("ours", at(60)).await.expect("the lease of the one that died has ended");
    // What was given back is another's now.
    semaphores.give_back(&last).await;
    full(60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_plan_has_no_api_is_told_nothing_and_makes_no_endpoint() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let operator = service.stack.operator_platform();
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let endpoint = webhook::add(&operator, customer.account, &receiver.url("/"), vec![], None).await.unwrap();
    let plan = |plan| AccountChange { plan: Some(plan), ..AccountChange::default() };
    let id = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&id).await;
    eventually("the first webhook", || async { (receiver.requests().len() == 1).then_some(()) }).await;

    // A fax that ends on the lower plan: its event is fanned out to nobody.
    let scheduled = customer.client.send_letter("+15005550002").await["id"].as_str().unwrap().to_owned();
    account::update(&operator, customer.account, plan(Plan::Pro)).await.unwrap();
    eventually("the event to be fanned out", || async {
        service.advance(SignedDuration::from_mins(4));
        let events = webhook::events(&operator, customer.account, None).await.unwrap();
        let ended = events["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|event| event["type"] == "fax.failed" && event["data"]["id"] == scheduled.as_str());
        // An event leaves the due index when it is fanned out.
        let waiting = operator.dynamodb().query().table_name(operator.var("EVENTS_TABLE").unwrap());
        let waiting = waiting.key_condition_expression("account_id = :a").filter_expression("attribute_exists(due_at)");
        let account = aws_sdk_dynamodb::types::AttributeValue::S(customer.account.to_string());
        let waiting = waiting.expression_attribute_values(":a", account).consistent_read(true).send().await.unwrap().count;
        (ended && waiting == 0).then_some(())
    })
    .await;
    let refused = webhook::add(&operator, customer.account, &receiver.url("/"), vec![], None).await.unwrap_err().json();
    assert!(refused.contains("plan_upgrade_required"), "{refused}");
    let id: EndpointId = endpoint["id"].as_str().unwrap().parse().unwrap();
    assert!(webhook::enable(&operator, id).await.is_err());

    account::update(&operator, customer.account, plan(Plan::Business)).await.unwrap();
    let id = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&id).await;
    eventually("the next webhook", || async { (receiver.requests().len() == 2).then_some(()) }).await;
    let told: Vec<_> = receiver
        .requests()
        .iter()
        .map(|request| serde_json::from_slice::<Value>(&request.body).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, ["fax.delivered", "fax.delivered"]);
}

/// Their endpoints take no more of a worker than five answers, and what is another account's is told and answered
/// meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_answer_in_interim_answers_for_ever_are_left_at_the_fifth() {
    let service = Service::start().await;
    let (customer, other) = (service.customer().await, service.customer().await);
    let mut hostile = Vec::new();
    for line in ["100 Continue", "102 Processing", "103 Early Hints"] {
        let server = Hostile::start(Then::EndlessInterim(line)).await;
        hostile.push((register(&service, &customer, &server.url, &[]).await.0, server));
    }
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    register(&service, &other, &receiver.url("/"), &[]).await;
    customer.client.send_letter("+15005550001").await;
    other.client.send_letter("+15005550001").await;
    eventually("the other account to be told", || async { (receiver.requests().len() == 1).then_some(()) }).await;
    for (id, server) in hostile {
        let attempt = eventually("an attempt", || async {
            log(&service, id).await.first().map(|delivery| delivery["attempts"][0].clone()).filter(Value::is_object)
        })
        .await;
        assert_eq!(attempt["error"], "protocol", "not at the deadline: {attempt}");
        let connections = u64::try_from(server.connections()).unwrap();
        assert!(server.sent() < connections * 16 * 1024 * 1024, "{} bytes were taken", server.sent());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_endpoints_made_at_once_there_are_as_many_as_an_account_may_have() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let operator = service.stack.operator_platform();
    let add = |n: usize| {
        let (operator, account) = (operator.clone(), customer.account);
        tokio::spawn(async move {
            loop {
                let added = webhook::add(&operator, account, &format!("https://example.com/{n}"), vec![], None).await;
                // A slow machine has too many at it: the answer says to try again.
                if !added.as_ref().is_err_and(|e| e.json().contains("unavailable")) {
                    return added;
                }
            }
        })
    };
    let mut refused = 0;
    for added in (0..28).map(add).collect::<Vec<_>>() {
        if let Err(e) = added.await.unwrap() {
            assert!(e.json().contains("may have 20"), "{}", e.json());
            refused += 1;
        }
    }
    let list = webhook::endpoints(&operator, customer.account).await.unwrap();
    assert_eq!((list["data"].as_array().unwrap().len(), refused), (20, 8));
    // Where one goes another may come.
    webhook::delete(&operator, list["data"][3]["id"].as_str().unwrap().parse().unwrap()).await.unwrap();
    webhook::add(&operator, customer.account, "https://example.com/another", vec![], None).await.unwrap();
    assert!(webhook::add(&operator, customer.account, "https://example.com/more", vec![], None).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_has_too_much_to_do_has_a_rest_which_costs_what_waits_no_attempt() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let mut endpoints = Vec::new();
    for status in [429, 500, 502, 503, 504] {
        let receiver = Receiver::start(move |_| Reply::status(status).header("retry-after", "3600")).await;
        let (id, _) = register(&service, &customer, &receiver.url("/"), &[]).await;
        endpoints.push((status, id, receiver));
    }
    let first = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&first).await;
    for (status, id, _) in &endpoints {
        let rests = eventually(&format!("{status} to be noted"), || async {
            let endpoint = endpoint(&service, &customer, *id).await;
            (!endpoint["failing_since"].is_null()).then_some(!endpoint["resting_until"].is_null())
        })
        .await;
        assert_eq!(rests, *status != 500, "500 says that it could not do this, not that it had too much to do: {status}");
        let next: jiff::Timestamp = log(&service, *id).await[0]["next_attempt_at"].as_str().unwrap().parse().unwrap();
        let left = next.duration_since(service.stack.clock().now()).as_secs();
        assert!((3400..=3600).contains(&left), "{status}: this delivery waits as long as was asked, {left} s");
    }
    for _ in 0..3 {
        customer.client.send_letter("+15005550001").await;
    }
    for (status, id, receiver) in &endpoints {
        let waiting = eventually(&format!("all to wait: {status}"), || async {
            let log = log(&service, *id).await;
            let now = service.stack.clock().now() + SignedDuration::from_mins(30);
            let far =
                |delivery: &Value| delivery["next_attempt_at"].as_str().is_some_and(|at| at.parse::<jiff::Timestamp>().unwrap() > now);
            (log.len() == 4 && log.iter().all(far)).then_some(log)
        })
        .await;
        let attempts: usize = waiting.iter().map(|delivery| delivery["attempts"].as_array().unwrap().len()).sum();
        let expected = if *status == 500 { 4 } else { 1 };
        assert_eq!((attempts, receiver.requests().len()), (expected, expected), "{status}: no other was sent, or cost an attempt");
        receiver.reply(|_| Reply::status(200));
    }
    for (status, id, receiver) in &endpoints {
        let told = eventually(&format!("all to be told after the rest: {status}"), || async {
            service.advance(SignedDuration::from_mins(3));
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let log = log(&service, *id).await;
            log.iter().all(|delivery| delivery["status"] == "succeeded").then_some(log)
        })
        .await;
        let attempts: usize = told.iter().map(|delivery| delivery["attempts"].as_array().unwrap().len()).sum();
        assert_eq!((attempts, receiver.requests().len()), if *status == 500 { (8, 8) } else { (5, 5) }, "{status}");
        assert_eq!(endpoint(&service, &customer, *id).await["resting_until"], Value::Null, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_the_plan_loses_the_api_is_not_told_and_nothing_of_it_can_be_tried_before_it_has_it_again() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let operator = service.stack.operator_platform();
    let receiver = Receiver::start(|_| Reply::status(500)).await;
    let (id, _) = register(&service, &customer, &receiver.url("/"), &[]).await;
    let since = service.stack.clock().now();
    customer.client.send_letter("+15005550001").await;
    let waiting = eventually("an attempt", || async {
        log(&service, id).await.first().filter(|delivery| delivery["attempts"][0].is_object()).cloned()
    })
    .await;
    let delivery = waiting["id"].as_str().unwrap().parse().unwrap();
    let plan = |plan| AccountChange { plan: Some(plan), ..AccountChange::default() };
    account::update(&operator, customer.account, plan(Plan::Pro)).await.unwrap();
    let asked = receiver.requests().len();
    let given_up = eventually("the delivery to be given up", || async {
        service.advance(SignedDuration::from_mins(10));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        log(&service, id).await.into_iter().find(|delivery| delivery["status"] == "failed")
    })
    .await;
    assert_eq!(given_up["attempts"].as_array().unwrap().last().unwrap()["error"], "plan_upgrade_required");
    // The attempt that was under way when the plan changed may have ended after it.
    assert!(receiver.requests().len() <= asked + 1, "{} requests", receiver.requests().len());
    let since = since.to_string();
    let refused = [
        webhook::test(&operator, id).await,
        webhook::redeliver(&operator, delivery).await,
        webhook::recover(&operator, id, &since).await,
        webhook::update(&operator, id, Some("https://example.com/".into()), vec![], None).await,
        webhook::enable(&operator, id).await,
    ];
    for refused in refused {
        let words = refused.unwrap_err().json();
        assert!(words.contains("plan_upgrade_required"), "{words}");
    }
    account::update(&operator, customer.account, plan(Plan::Business)).await.unwrap();
    receiver.reply(|_| Reply::status(200));
    webhook::recover(&operator, id, &since).await.unwrap();
    settled(&service, id, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_sends_what_waits_for_a_day_too_and_what_was_never_told_over_more_than_one_page() {
    const UNTOLD: usize = 230;
    let service = Service::start().await;
    let customer = service.customer().await;
    let operator = service.stack.operator_platform();
    let receiver = Receiver::start(|_| Reply::status(500).header("retry-after", "86400")).await;
    let (id, _) = register(&service, &customer, &receiver.url("/"), &[]).await;
    let since = service.stack.clock().now();
    let fax = customer.client.send_letter("+15005550001").await.to_string();
    eventually("an attempt", || async { (!log(&service, id).await.first()?["attempts"][0].is_null()).then_some(()) }).await;
    // Events of a time when the endpoint is not told: they leave the due index when they are fanned out to nobody.
    webhook::disable(&operator, id).await.unwrap();
    let now = service.stack.clock().now();
    for _ in 0..UNTOLD {
        let mut event = Event::test(customer.account, fax.clone(), now);
        (event.kind, event.due_at, event.due_shard) =
            (EventType::FaxFailed, Some((now + SignedDuration::from_mins(2)).as_millisecond()), Some(1));
        Events::new(&operator).unwrap().put(&event).await.unwrap();
    }
    eventually("all to be fanned out", || async {
        let waiting = operator.dynamodb().query().table_name("Events").key_condition_expression("account_id = :a");
        let account = aws_sdk_dynamodb::types::AttributeValue::S(customer.account.to_string());
        let waiting = waiting.filter_expression("attribute_exists(due_at)").expression_attribute_values(":a", account);
        (waiting.send().await.unwrap().count == 0).then_some(())
    })
    .await;
    receiver.reply(|_| Reply::status(200));
    let refused = webhook::recover(&operator, id, &since.to_string()).await.unwrap_err().json();
    assert!(refused.contains("disabled"), "{refused}");
    webhook::enable(&operator, id).await.unwrap();
    let (one, two) = (since.to_string(), since.to_string());
    let (one, two) = tokio::join!(webhook::recover(&operator, id, &one), webhook::recover(&operator, id, &two));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    recovered(&service, &customer, id).await;
    eventually("all to be told", || async {
        let told: std::collections::HashSet<_> =
            receiver.requests().iter().map(|request| request.header("webhook-id").to_owned()).collect();
        (told.len() == UNTOLD + 1).then_some(())
    })
    .await;
    settled(&service, id, "succeeded").await;
}
