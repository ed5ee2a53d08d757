//! Least privilege: what the template grants each function is what it calls, no more and no less. The calls are those that the emulated
//! services saw while every way through every function was gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sfm::commands::{account, fax as fax_command, member, number, webhook};
use sfm_core::event::{Event, EventType};
use sfm_core::id::AccountId;
use sfm_core::member::Role;
use sfm_core::plan::Plan;
use sfm_core::recipient::RecipientPolicy;
use sfm_core::scope::Scope;
use sfm_simulator::Incoming;
use sfm_store::accounts::AccountChange;
use sfm_store::events::Events;
use sfm_tests::client::{Client, fax};
use sfm_tests::documents::{FORM, LETTER, TEXT};
use sfm_tests::eventually;
use sfm_tests::grants::{Grant, Recorder, bounded, granted};
use sfm_tests::member::sign_in;
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::{Customer, Service};
use sfm_tests::sinch::{CALLBACK_SECRET, KEY_ID, KEY_SECRET, PROJECT, Sinch};

/// Without it S3 answers 403, not 404, for an object that is gone: no call shows that.
const UNSEEN: [(&str, &str, &str); 9] = [
    ("DashboardApi", "s3:ListBucket", "documents"),
    ("DashboardDocuments", "s3:ListBucket", "documents"),
    ("GetFaxDocument", "s3:ListBucket", "documents"),
    ("GetFaxReceipt", "s3:ListBucket", "documents"),
    ("ScheduleFax", "s3:ListBucket", "documents"),
    ("SendFax", "s3:ListBucket", "documents"),
    ("ResendFax", "s3:ListBucket", "documents"),
    ("SendScheduledFax", "s3:ListBucket", "documents"),
    ("TransmitFax", "s3:ListBucket", "documents"),
];

async fn own_number(client: &Client) -> Value {
    client.get("/v1/numbers").await.json()["data"][0].clone()
}

/// Cancels faxes, waiting and under way.
async fn canceled(client: &Client) {
    let busy = client.send_letter("+15005550002").await["id"].as_str().unwrap().to_owned();
    eventually("the line to be busy", || async { (client.fax(&busy).await["attempts"][0]["outcome"] == "busy").then_some(()) }).await;
    assert_eq!(client.post(&format!("/v1/faxes/{busy}/cancel"), &json!({})).await.status, 200);
    // Its carrier never calls back, so that it is under way until it is looked up.
    let silent = client.send_letter("+15005550008").await["id"].as_str().unwrap().to_owned();
    eventually("it to be sending", || async { (client.fax(&silent).await["status"] == "sending").then_some(()) }).await;
    assert_eq!(client.post(&format!("/v1/faxes/{silent}/cancel"), &json!({})).await.status, 202);
    client.completed(&silent).await;
}

/// Deletes faxes, final and under way.
async fn deleted(service: &Service, client: &Client) {
    let silent = client.send_letter("+15005550008").await["id"].as_str().unwrap().to_owned();
    let done = client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    eventually("it to be sending", || async { (client.fax(&silent).await["status"] == "sending").then_some(()) }).await;
    client.completed(&done).await;
    for id in [silent, done] {
        assert_eq!(client.delete(&format!("/v1/faxes/{id}")).await.status, 200);
    }
    // The one under way is looked up, and its document removed.
    service.advance(SignedDuration::from_mins(30));
}

/// Twenty resends with one key, so that some copy their document in vain, and one of the pages that never arrived.
async fn race_of_resends(client: &Client, sent: &str) {
    let path = format!("/v1/faxes/{sent}/resend");
    let again = |_| client.try_call(Method::POST, &path, &[("idempotency-key", "once")], None);
    assert!(join_all((0..20).map(again)).await.iter().all(|answer| answer.as_ref().unwrap().status == 201));
    let partly = client.send_letter("+15005550005").await["id"].as_str().unwrap().to_owned();
    eventually("a page to be sent", || async { (client.fax(&partly).await["pages_sent"] == 1).then_some(()) }).await;
    assert_eq!(client.post(&format!("/v1/faxes/{partly}/cancel"), &json!({})).await.status, 200);
    let rest = client.post(&format!("/v1/faxes/{partly}/resend"), &json!({"pages": "unsent"})).await;
    assert_eq!(rest.status, 201, "{}", rest.text);
}

/// The id of a form that was uploaded.
async fn uploaded(client: &Client, path: &str) -> Value {
    let upload = client.post(path, &json!({"size": FORM.len()})).await.json();
    let put = sfm_tests::client::http().put(upload["url"].as_str().unwrap()).body(FORM).send().await.unwrap();
    assert_eq!(put.status(), 200);
    upload["id"].clone()
}

/// Each request of the API, and those that lose a race.
async fn requests(service: &Service, customer: &Customer, interceptor: &Recorder) {
    let client = &customer.client;
    let race = async |path: &'static str, body: Value| {
        let post = |i: usize| {
            let (client, body) = (client.clone(), body.to_string().into_bytes());
            // Twenty with one key, so that some find their document made in vain.
            async move { client.try_call(Method::POST, path, &[("idempotency-key", "once"), ("x-n", &i.to_string())], Some(body)).await }
        };
        let answers = join_all((0..20).map(post)).await;
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status == 201));
    };
    race("/v1/faxes", fax("+15005550001", FORM, "image/png")).await;
    let mut put_off = fax("+15005550001", FORM, "image/png");
    put_off["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_hours(300)).to_string());
    race("/v1/scheduled", put_off).await;
    let scheduled = client.get("/v1/scheduled").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    client.get(&format!("/v1/scheduled/{scheduled}")).await;
    for status in [200, 409] {
        assert_eq!(client.delete(&format!("/v1/scheduled/{scheduled}")).await.status, status);
    }
    let sent = client.get("/v1/faxes").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    client.completed(&sent).await;
    let mut named = fax("+15005550001", FORM, "image/png");
    named["from"] = own_number(client).await["number"].clone();
    named["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_hours(301)).to_string());
    assert_eq!(client.post("/v1/scheduled", &named).await.status, 201);
    let document = client.get(&format!("/v1/faxes/{sent}/document")).await;
    assert_eq!(document.status, 302);
    assert_eq!(sfm_tests::client::http().get(document.header("location").unwrap()).send().await.unwrap().status(), 200);
    for path in [&format!("/v1/faxes/{sent}/receipt"), "/v1/receipts/key"] {
        assert_eq!(client.get(path).await.status, 200);
    }
    let filtered = client.get("/v1/faxes?status=delivered").await.json();
    // So deep that the counts of what lies before it are read.
    client.get("/v1/faxes?status=delivered&limit=100&page=20").await;
    assert_eq!(filtered["data"][0]["id"], sent);
    assert_eq!(client.get("/v1/faxes?to=%2B15005550001").await.json()["data"][0]["id"], sent);
    let export = client.get(&format!("/v1/faxes/export?month={}", &filtered["data"][0]["created_at"].as_str().unwrap()[..7])).await;
    assert_eq!(sfm_tests::client::http().get(export.header("location").unwrap()).send().await.unwrap().status(), 200);
    canceled(client).await;
    race_of_resends(client, &sent).await;
    let parts = json!([{"fax_id": sent}, {"upload_id": uploaded(client, "/v1/uploads").await}]);
    let again = json!({"to": "+15005550001", "documents": parts, "send_at": named["send_at"]});
    for path in ["/v1/faxes", "/v1/scheduled"] {
        assert_eq!(client.post(path, &again).await.status, 201);
    }
    let contact = client.post("/v1/contacts", &json!({"name": "A", "fax_number": "+12125551234"})).await.json();
    let again = client.post("/v1/contacts", &json!({"name": "B", "fax_number": "+12125551234"})).await;
    assert_eq!(again.status, 409);
    client.post("/v1/contacts", &json!({"name": "C", "fax_number": "+12125551235"})).await;
    deleted(service, client).await;
    let contact = format!("/v1/contacts/{}", contact["id"].as_str().unwrap());
    client.get(&contact).await;
    let patch = async |change: Value| {
        let sent = client.try_call(Method::PATCH, &contact, &[], Some(change.to_string().into_bytes())).await;
        sent.unwrap().status
    };
    assert_eq!(patch(json!({"fax_number": "+12125551236", "company": "A & Co."})).await, 200);
    assert_eq!(patch(json!({"fax_number": "+19005551234"})).await, 400, "premium rate");
    client.delete(&contact).await;
    client.get("/v1/contacts").await;
    fax_command::delete(&service.stack.operator_platform(), sent.parse().unwrap()).await.unwrap();
    client.send_letter("+15005550001").await;
    client.get("/v1/faxes").await;
    recipients(service, customer, RecipientPolicy::ConfirmNew).await;
    let mut put_off = fax("+15005550001", FORM, "image/png");
    put_off["send_at"] = named["send_at"].clone();
    for path in ["/v1/faxes", "/v1/scheduled"] {
        client.post(path, &put_off).await;
    }
    let other = client.get("/v1/faxes?to=%2B15005550005").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    client.post(&format!("/v1/faxes/{other}/resend"), &json!({"to": "+15005550001"})).await;
    recipients(service, customer, RecipientPolicy::Any).await;
    // What became of a transaction that never answers is looked up.
    interceptor.refuse(Some(("dynamodb", "TransactWriteItems")));
    let mut put_off = fax("+15005550001", FORM, "image/png");
    put_off["send_at"] = named["send_at"].clone();
    for (path, body) in [
        ("/v1/faxes", fax("+15005550001", FORM, "image/png")),
        ("/v1/scheduled", put_off),
        ("/v1/contacts", json!({"name": "D", "fax_number": "+12125551236"})),
    ] {
        assert_eq!(client.post(path, &body).await.status, 503);
    }
    // Whether a fax stands behind a reservation that is open is asked while one is.
    client.get("/v1/faxes").await;
    interceptor.refuse(Some(("dynamodb", "UpdateItem")));
    let pending = client.get("/v1/scheduled").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(client.delete(&format!("/v1/scheduled/{pending}")).await.status, 503);
    interceptor.refuse(None);
}

async fn recipients(service: &Service, customer: &Customer, policy: RecipientPolicy) {
    let change = AccountChange { recipients: Some(policy), ..AccountChange::default() };
    account::update(&service.stack.operator_platform(), customer.account, change).await.unwrap();
}

/// Each request of the dashboard.
async fn dashboard(service: &Service, interceptor: &Recorder) {
    let customer = service.customer().await;
    member::add(&service.stack.operator_platform(), customer.account, "ann@example.com", Role::Owner).await.unwrap();
    let owner = sign_in(service.stack.base_url(), "ann@example.com").await;
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let call = async |method: &str, path: &str, body: Option<Value>| {
        let path = if path == "session" { "/dashboard/api/session".to_owned() } else { format!("{base}{path}") };
        let body = body.map(|body| body.to_string().into_bytes());
        let answer = owner.try_call(Method::from_bytes(method.as_bytes()).unwrap(), &path, &[], body).await.unwrap();
        assert!(answer.status < 300, "{method} {path}: {}", answer.text);
        if answer.header("content-type") == Some("application/json") { answer.json() } else { Value::Null }
    };
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let race = async |path: &str, body: &Value| {
        let path = format!("{base}{path}");
        let post = |_| owner.try_call(Method::POST, &path, &[("idempotency-key", "once")], Some(body.to_string().into_bytes()));
        assert!(join_all((0..20).map(post)).await.iter().all(|answer| answer.as_ref().unwrap().status == 201));
    };
    for path in ["session", "", "/audit", "/numbers"] {
        call("GET", path, None).await;
    }
    let key = call("POST", "/keys", Some(json!({"name": "K", "scopes": ["faxes:read"]}))).await;
    call("DELETE", &format!("/keys/{}", id(&key)), None).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let hook = call("POST", "/webhooks", Some(json!({"url": receiver.url("/")}))).await;
    let hook = format!("/webhooks/{}", id(&hook));
    call("GET", &hook, None).await;
    let delivery = call("POST", &format!("{hook}/test"), None).await;
    call("GET", &format!("{hook}/deliveries"), None).await;
    call("GET", "/events", None).await;
    call("GET", &format!("/events/{}/deliveries", delivery["event_id"].as_str().unwrap()), None).await;
    call("POST", &format!("/deliveries/{}/redeliver", id(&delivery)), None).await;
    call("POST", &format!("{hook}/recover"), Some(json!({"since": "2020-01-01T00:00:00Z"}))).await;
    call("DELETE", &hook, None).await;
    let contact = call("POST", "/contacts", Some(json!({"name": "A", "fax_number": "+12125551234"}))).await;
    call("GET", "/contacts", None).await;
    call("DELETE", &format!("/contacts/{}", id(&contact)), None).await;
    let mut put_off = fax("+15005550001", FORM, "image/png");
    put_off["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_mins(10)).to_string());
    race("/faxes", &fax("+15005550001", FORM, "image/png")).await;
    race("/scheduled", &put_off).await;
    let scheduled = format!("/scheduled/{}", id(&call("GET", "/scheduled", None).await["data"][0]));
    call("GET", &scheduled, None).await;
    call("DELETE", &scheduled, None).await;
    let upload = uploaded(&owner, &format!("{base}/uploads")).await;
    call("POST", "/faxes", Some(json!({"to": "+15005550001", "documents": [{"upload_id": upload}]}))).await;
    call("GET", "/faxes?direction=outbound", None).await;
    let sent = format!("/faxes/{}", id(&call("GET", "/faxes", None).await["data"][0]));
    for path in ["", "/document", "/pages/1", "/receipt"] {
        call("GET", &format!("{sent}{path}"), None).await;
    }
    call("POST", &format!("{sent}/resend"), None).await;
    let month = service.stack.clock().now().strftime("%Y-%m").to_string();
    let export = call("GET", &format!("/faxes/export?month={month}"), None).await;
    assert_eq!(sfm_tests::client::http().get(export["url"].as_str().unwrap()).send().await.unwrap().status(), 200);
    call("PATCH", "", Some(json!({"time_zone": "Europe/Berlin"}))).await;
    let silent = id(&call("POST", "/faxes", Some(fax("+15005550008", FORM, "image/png"))).await);
    eventually("it to be sending", || async {
        (call("GET", &format!("/faxes/{silent}"), None).await["status"] == "sending").then_some(())
    })
    .await;
    call("POST", &format!("/faxes/{silent}/cancel"), None).await;
    let waiting = id(&call("POST", "/faxes", Some(fax("+15005550009", FORM, "image/png"))).await);
    owner.try_call(Method::POST, &format!("{base}/faxes/{waiting}/cancel"), &[], None).await.unwrap();
    call("DELETE", &sent, None).await;
    call("GET", "/faxes", None).await;
    call(
        "PATCH",
        &format!("/contacts/{}", id(&call("POST", "/contacts", Some(json!({"name": "A", "fax_number": "+12125551237"}))).await)),
        Some(json!({"name": "B"})),
    )
    .await;
    recipients(service, &customer, RecipientPolicy::ConfirmNew).await;
    for path in ["/faxes", "/scheduled"] {
        owner.post(&format!("{base}{path}"), &put_off).await;
    }
    recipients(service, &customer, RecipientPolicy::Any).await;
    // What became of a transaction that never answers is looked up.
    interceptor.refuse(Some(("dynamodb", "TransactWriteItems")));
    for (path, body) in [
        ("/faxes", fax("+15005550001", FORM, "image/png")),
        ("/scheduled", put_off),
        ("/contacts", json!({"name": "D", "fax_number": "+12125551236"})),
    ] {
        assert_eq!(owner.post(&format!("{base}{path}"), &body).await.status, 503);
    }
    interceptor.refuse(None);
}

/// Faxes that end in every way, some of them put off, some of them coming in; and what is told of them.
async fn background(service: &Service, customer: &Customer) {
    let operator = service.stack.operator_platform();
    let client = &customer.client;
    let failing = Receiver::start(|_| Reply::status(500)).await;
    let endpoint = webhook::add(
        &operator,
        customer.account,
        &failing.url("/"),
        vec![EventType::FaxDelivered, EventType::FaxFailed, EventType::FaxReceived, EventType::ScheduledFailed],
        None,
    )
    .await
    .unwrap();
    let at = |seconds: i64| (service.stack.clock().now() + SignedDuration::from_secs(seconds)).to_string();
    let mut put_off = fax("+15005550001", TEXT, "text/plain");
    put_off["send_at"] = json!(at(600));
    client.post("/v1/scheduled", &put_off).await;
    // Nothing is left to send it with when its time comes.
    let poor = service.customer_with(Plan::Business, Some(0)).await;
    poor.client.post("/v1/scheduled", &put_off).await;
    recipients(service, &poor, RecipientPolicy::Contacts).await;
    let test = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    test.send_letter("+15005550002").await;
    for ending in ["+15005550002", "+15005550007", "+15005550008", "+15005550004"] {
        client.send_letter(ending).await;
    }
    let document = fax_document::convert(LETTER, None, &fax_document::Options::default()).unwrap().pdf;
    let own = own_number(client).await["number"].as_str().unwrap().to_owned();
    // One that calls back, one whose callback never comes, and one whose document cannot be had at first.
    for from in ["+12125550100", "+15005550012", "+15005550014"] {
        service.stack.carrier().send_in(Incoming { to: own.clone(), from: from.into(), document: document.clone() }).unwrap();
    }
    let done = || async {
        service.advance(SignedDuration::from_secs(61));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let faxes = client.get("/v1/faxes?limit=100").await.json()["data"].as_array().unwrap().clone();
        let ended = faxes.iter().all(|fax| fax["status"] != "queued" && fax["status"] != "sending");
        let received = faxes.iter().filter(|fax| fax["direction"] == "inbound").count();
        let (mine, theirs) = (client.get("/v1/scheduled").await.json(), poor.client.get("/v1/scheduled").await.json());
        let told = mine["data"][0]["status"] == "sent" && theirs["data"][0]["status"] == "failed";
        (ended && received == 3 && told && failing.requests().len() > 8).then_some(())
    };
    eventually("everything to end", done).await;
    // The endpoint says that it is gone, and is disabled; then it is back.
    failing.reply(|_| Reply::status(410));
    client.send_letter("+15005550001").await;
    let id = endpoint["id"].as_str().unwrap();
    eventually("the endpoint to be disabled", || async {
        service.advance(SignedDuration::from_mins(5));
        let list = webhook::endpoints(&operator, customer.account).await.unwrap();
        (list["data"][0]["status"] == "disabled").then_some(())
    })
    .await;
    failing.reply(|_| Reply::status(200));
    webhook::enable(&operator, id.parse().unwrap()).await.unwrap();
    // More than a page of what was missed.
    let now = service.stack.clock().now();
    for _ in 0..60 {
        let event = Event { kind: EventType::FaxFailed, ..Event::test(customer.account, "{}".into(), now) };
        Events::new(&operator).unwrap().put(&event).await.unwrap();
    }
    webhook::recover(&operator, id.parse().unwrap(), "2020-01-01T00:00:00Z").await.unwrap();
    eventually("the recovery to be over", || async {
        let list = webhook::endpoints(&operator, customer.account).await.unwrap();
        (list["data"][0]["recovery"]["status"] == "finished").then_some(())
    })
    .await;
}

/// With no queue and no stream at work, everything becomes late: the dispatcher finds it all.
async fn late(interceptor: &Arc<Recorder>) {
    let service = Service::start_disconnected(interceptor.clone(), &[]).await;
    let customer = service.customer().await;
    let mut put_off = fax("+15005550001", TEXT, "text/plain");
    put_off["send_at"] = json!((Timestamp::now() + SignedDuration::from_mins(30)).to_string());
    customer.client.post("/v1/scheduled", &put_off).await;
    customer.client.send_letter("+15005550001").await;
    let own = own_number(&customer.client).await["number"].as_str().unwrap().to_owned();
    let document = fax_document::convert(LETTER, None, &fax_document::Options::default()).unwrap().pdf;
    service.stack.carrier().send_in(Incoming { to: own, from: "+12125550100".into(), document }).unwrap();
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let operator = service.stack.operator_platform();
    let endpoint = webhook::add(&operator, customer.account, &receiver.url("/"), vec![], None).await.unwrap();
    webhook::test(&operator, endpoint["id"].as_str().unwrap().parse().unwrap()).await.unwrap();
    eventually("the call to be noted", || async {
        service.stack.invoke("PollCarrier", json!({})).await.unwrap().unwrap();
        interceptor.calls().iter().any(|(function, _, table)| function == "PollCarrier" && table == "Inbound").then_some(())
    })
    .await;
    for _ in 0..3 {
        service.advance(SignedDuration::from_mins(16));
        service.stack.invoke("DispatchDue", json!({})).await.unwrap().unwrap();
    }
    // By now the link to the document of the fax that came in has expired: the carrier is asked for a new one.
    let rows = operator.dynamodb().scan().table_name(operator.var("INBOUND_TABLE").unwrap()).send().await.unwrap();
    let row = rows.items()[0]["id"].as_s().unwrap();
    service.stack.invoke("ReceiveFax", message(&json!({"id": row}))).await.unwrap().unwrap();
    claims(&service, &customer, interceptor).await;
    let released = own_number(&customer.client).await["id"].as_str().unwrap().parse().unwrap();
    number::release(&operator, released).await.unwrap();
}

/// A message of the queue of what is due.
fn due(account: AccountId, id: &str) -> Value {
    message(&json!({"account_id": account, "id": id}))
}

fn message(body: &Value) -> Value {
    json!({"Records": [{"messageId": "m", "body": body.to_string(), "eventSource": "aws:sqs"}]})
}

/// A scheduled fax meets its worker too early, when there is nothing left to send it with, twice at once, and when nothing is written.
async fn claims(service: &Service, customer: &Customer, interceptor: &Recorder) {
    let pending = async |customer: &Customer, minutes: i64| {
        let mut body = fax("+15005550001", TEXT, "text/plain");
        body["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_mins(minutes)).to_string());
        customer.client.post("/v1/scheduled", &body).await.json()["id"].as_str().unwrap().to_owned()
    };
    let claim = async |customer: &Customer, id: &str| {
        service.stack.invoke("SendScheduledFax", due(customer.account, id)).await.unwrap().unwrap();
    };
    claim(customer, &pending(customer, 10).await).await;
    let poor = service.customer_with(Plan::Business, Some(0)).await;
    let refused = pending(&poor, 2).await;
    let lost = pending(customer, 2).await;
    service.advance(SignedDuration::from_mins(3));
    claim(&poor, &refused).await;
    interceptor.refuse(Some(("dynamodb", "TransactWriteItems")));
    claim(customer, &lost).await;
    interceptor.refuse(None);
    // Its event was not relayed: the dispatcher publishes it.
    service.advance(SignedDuration::from_mins(20));
    service.stack.invoke("DispatchDue", json!({})).await.unwrap().unwrap();
    // One page is left for two: whoever comes second has copied its document in vain.
    let removed = ("SendScheduledFax".to_owned(), "s3:DeleteObject".to_owned(), "documents/faxes/*".to_owned());
    for _ in 0..50 {
        let rival = service.customer_with(Plan::Business, Some(1)).await;
        let (one, two) = (pending(&rival, 2).await, pending(&rival, 2).await);
        service.advance(SignedDuration::from_mins(3));
        tokio::join!(claim(&rival, &one), claim(&rival, &two));
        if interceptor.calls().contains(&removed) {
            return;
        }
    }
}

/// The other carrier: its callbacks are read again, and its documents fetched, with a key.
async fn over_sinch(interceptor: &Arc<Recorder>) {
    let sinch = Sinch::start().await;
    let parameters = [("Carrier", "sinch"), ("SinchApiUrl", sinch.url.as_str()), ("SinchProjectId", PROJECT)];
    let credentials = [("sinch_key_id", KEY_ID), ("sinch_key_secret", KEY_SECRET), ("callback_secret", CALLBACK_SECRET)];
    let service = Service::start_with_carrier(interceptor.clone(), &parameters, &credentials).await;
    let customer = service.customer().await;
    let id = customer.client.send_letter("+12125551234").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&id).await;
    // One that comes in, and cannot be taken at first: whether it was is looked up.
    let own = own_number(&customer.client).await["number"].as_str().unwrap().to_owned();
    interceptor.refuse(Some(("dynamodb", "TransactWriteItems")));
    sinch.receive("+12125551234", &own, Some(LETTER)).await;
    eventually("a look at the fax", || async {
        service.advance(SignedDuration::from_mins(1));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        interceptor.calls().contains(&("ReceiveFax".into(), "dynamodb:GetItem".into(), "Faxes".into())).then_some(())
    })
    .await;
    interceptor.refuse(None);
}

/// A carrier that takes nothing: the fax fails by the worker, which gives its pages back.
async fn without_carrier(interceptor: &Arc<Recorder>) {
    let service = Service::start_intercepted(interceptor.clone()).await;
    let customer = service.customer().await;
    interceptor.refuse(Some(("carrier", "POST /v2/faxes")));
    let id = customer.client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    eventually("the fax to fail", || async {
        service.advance(SignedDuration::from_mins(20));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        (customer.client.fax(&id).await["status"] == "failed").then_some(())
    })
    .await;
    interceptor.refuse(None);
}

fn told(missing: &BTreeSet<Grant>) -> Vec<String> {
    missing.iter().map(|(function, action, resource)| format!("{function}: {action} on {resource}")).collect()
}

/// AWS allows what both the role and the boundary allow.
#[test]
fn the_boundary_lets_through_what_each_function_is_granted() {
    let bounded = bounded();
    let lets_through = |action: &str, resource: &str| {
        // As IAM reads a star: it stands for any characters.
        let covers = |pattern: &str, text: &str| match pattern.split_once('*') {
            Some((start, end)) => text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end),
            None => pattern == text,
        };
        bounded.iter().any(|(bound_action, bound)| covers(bound_action, action) && covers(bound, resource))
    };
    let granted = granted();
    let cut: Vec<&Grant> = granted.iter().filter(|(_, action, resource)| !lets_through(action, resource)).collect();
    assert!(granted.len() > 100 && cut.is_empty(), "{cut:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_is_granted_what_it_calls_and_nothing_else() {
    let interceptor = Arc::new(Recorder::default());
    let service = Service::start_intercepted(interceptor.clone()).await;
    let customer = service.customer().await;
    requests(&service, &customer, &interceptor).await;
    dashboard(&service, &interceptor).await;
    background(&service, &customer).await;
    late(&interceptor).await;
    over_sinch(&interceptor).await;
    without_carrier(&interceptor).await;
    let (called, granted) = (interceptor.calls(), granted());
    let missing: BTreeSet<_> = called.difference(&granted).cloned().collect();
    assert!(missing.is_empty(), "called and not granted: {:#?}", told(&missing));
    let unseen = UNSEEN.map(|(function, action, resource)| (function.to_owned(), action.to_owned(), resource.to_owned()));
    let unused: BTreeSet<_> = granted.difference(&called).filter(|grant| !unseen.contains(grant)).cloned().collect();
    assert!(unused.is_empty(), "granted and never called: {:#?}", told(&unused));
}
