//! Send-later end to end: the service as it runs, its clock moved from outside.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sfm::commands::{account, number};
use sfm_core::plan::Plan;
use sfm_store::accounts::AccountChange;
use sfm_tests::client::{Client, fax};
use sfm_tests::documents::{FORM, LETTER, LETTER_PAGES};
use sfm_tests::eventually;
use sfm_tests::service::{Customer, Service, carrier_log};

async fn schedule(service: &Service, client: &Client, to: &str, ahead: SignedDuration) -> (String, Timestamp) {
    let send_at = service.stack.clock().now() + ahead;
    let mut body = fax(to, LETTER, "application/pdf");
    body["send_at"] = json!(send_at.to_string());
    let made = client.post("/v1/scheduled", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    (made.json()["id"].as_str().unwrap().to_owned(), send_at)
}

/// Waits until a scheduled fax is no longer pending.
async fn settled(client: &Client, id: &str) -> Value {
    let path = format!("/v1/scheduled/{id}");
    eventually("the scheduled fax to be sent or failed", || async {
        let scheduled = client.get(&path).await.json();
        (scheduled["status"] != "pending").then_some(scheduled)
    })
    .await
}

fn time(of: &Value) -> Timestamp {
    of.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_scheduled_90_days_ahead_is_sent_in_its_time_and_not_before() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let (id, send_at) = schedule(&service, &customer.client, "+15005550001", SignedDuration::from_hours(24 * 90)).await;
    for step in [SignedDuration::from_hours(24 * 89), SignedDuration::from_hours(23)] {
        service.advance(step);
        assert_eq!(customer.client.get(&format!("/v1/scheduled/{id}")).await.json()["status"], "pending");
    }
    // To some seconds before its time, from where the clock goes on by itself.
    service.advance(send_at.duration_since(service.stack.clock().now()) - SignedDuration::from_secs(3));
    let sent = settled(&customer.client, &id).await;
    assert_eq!((&sent["status"], &sent["failure"]), (&json!("sent"), &Value::Null));
    let fax = customer.client.completed(sent["fax_id"].as_str().unwrap()).await;
    assert_eq!((&fax["status"], &fax["scheduled_id"], &fax["pages"]), (&json!("delivered"), &json!(id), &json!(LETTER_PAGES)));
    assert!(time(&fax["created_at"]) >= send_at, "{fax} was to be sent at {send_at}");
    assert_eq!(service.used_pages(customer.account).await, LETTER_PAGES);
    assert_eq!(carrier_log(&service.stack).len(), 1);
    // What is sent cannot be canceled, and its document is that of the fax.
    let refused = customer.client.delete(&format!("/v1/scheduled/{id}")).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (409, &json!("not_pending")));
    let document = customer.client.get(&format!("/v1/faxes/{}/document", fax["id"].as_str().unwrap())).await;
    assert_eq!(document.status, 302, "{}", document.text);
    let objects = service.stack.operator_platform().s3();
    let left = objects.list_objects_v2().bucket("documents").prefix("scheduled/").send().await.unwrap();
    assert_eq!(left.key_count(), Some(0), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fax_of_a_schedule_ends_as_its_number_says() {
    let service = Service::start().await;
    for (to, status, code, attempts, charged) in [
        ("+15005550004", "delivered", Value::Null, 2, LETTER_PAGES),
        ("+15005550005", "failed", json!("line_dropped"), 3, 1),
        ("+15005550006", "failed", json!("no_fax_tone"), 2, 0),
    ] {
        let customer = service.customer().await;
        let (id, _) = schedule(&service, &customer.client, to, SignedDuration::from_mins(30)).await;
        service.advance(SignedDuration::from_mins(30));
        let id = settled(&customer.client, &id).await["fax_id"].as_str().unwrap().to_owned();
        let fax = eventually("the fax to end", || async {
            service.advance(SignedDuration::from_secs(61));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let fax = customer.client.fax(&id).await;
            (fax["status"] == "delivered" || fax["status"] == "failed").then_some(fax)
        })
        .await;
        assert_eq!((&fax["status"], &fax["failure"]["code"]), (&json!(status), &code), "{fax}");
        assert_eq!(fax["attempts"].as_array().unwrap().len(), attempts, "{fax}");
        assert_eq!(service.used_pages(customer.account).await, charged);
    }
}

/// Tells an account's events of one type, from the table.
async fn events(service: &Service, customer: &Customer, kind: &str) -> usize {
    let found = service.stack.operator_platform().dynamodb().query().table_name("Events");
    let value = aws_sdk_dynamodb::types::AttributeValue::S;
    let found = found
        .key_condition_expression("account_id = :account")
        .filter_expression("#type = :type")
        .expression_attribute_names("#type", "type")
        .expression_attribute_values(":account", value(customer.account.to_string()))
        .expression_attribute_values(":type", value(kind.into()));
    usize::try_from(found.send().await.unwrap().count).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gates_are_those_of_the_moment_of_sending() {
    let service = Service::start().await;
    let operator = service.stack.operator_platform();
    let change = |change: AccountChange| change;
    let ahead = SignedDuration::from_hours(1);
    // Each account may send when it schedules, and may not when the time comes.
    let quota = service.customer_with(Plan::Business, Some(2)).await;
    let (over_quota, _) = schedule(&service, &quota.client, "+15005550001", ahead).await;
    quota.client.send_letter("+15005550001").await;
    let unsigned = service.customer().await;
    let (without_baa, _) = schedule(&service, &unsigned.client, "+15005550001", ahead).await;
    account::update(&operator, unsigned.account, change(AccountChange { requires_baa: Some(true), ..AccountChange::default() }))
        .await
        .unwrap();
    let numberless = service.customer().await;
    let (without_number, _) = schedule(&service, &numberless.client, "+15005550001", ahead).await;
    let own = numberless.client.get("/v1/numbers").await.json()["data"][0]["id"].as_str().unwrap().parse().unwrap();
    number::release(&operator, own).await.unwrap();

    service.advance(ahead);
    for (customer, id, code) in [
        (&quota, over_quota, "quota_exceeded"),
        (&unsigned, without_baa, "baa_required"),
        (&numberless, without_number, "no_active_number"),
    ] {
        let failed = settled(&customer.client, &id).await;
        assert_eq!((&failed["status"], &failed["failure"]["code"], &failed["fax_id"]), (&json!("failed"), &json!(code), &Value::Null));
        assert!(failed["failure"]["message"].as_str().is_some_and(|message| message.len() > 20), "{failed}");
        assert_eq!(customer.client.delete(&format!("/v1/scheduled/{id}")).await.status, 409);
        assert_eq!(events(&service, customer, "scheduled.failed").await, 1);
    }
    assert_eq!(carrier_log(&service.stack).len(), 1, "only the fax that used the quota up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_asked_for_is_the_one_it_is_sent_from_or_none() {
    let service = Service::start().await;
    let operator = service.stack.operator_platform();
    let customer = service.customer().await;
    let second = number::add(&operator, customer.account, "+12025550177".parse().unwrap(), None).await.unwrap();
    let second = serde_json::to_value(second).unwrap();
    for (released, expected) in [(false, json!("sent")), (true, json!("failed"))] {
        let mut body = fax("+15005550001", FORM, "image/png");
        body["from"] = json!("+12025550177");
        body["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_mins(20)).to_string());
        let id = customer.client.post("/v1/scheduled", &body).await.json()["id"].as_str().unwrap().to_owned();
        if released {
            number::release(&operator, second["id"].as_str().unwrap().parse().unwrap()).await.unwrap();
        }
        service.advance(SignedDuration::from_mins(20));
        let ended = settled(&customer.client, &id).await;
        assert_eq!(ended["status"], expected, "{ended}");
        if let Some(fax) = ended["fax_id"].as_str() {
            assert_eq!(customer.client.fax(fax).await["from"], "+12025550177");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_canceled_is_never_sent_and_its_document_goes() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let (id, _) = schedule(&service, &customer.client, "+15005550001", SignedDuration::from_mins(10)).await;
    let (other, _) = schedule(&service, &customer.client, "+15005550001", SignedDuration::from_mins(10)).await;
    assert_eq!(customer.client.delete(&format!("/v1/scheduled/{id}")).await.status, 200);
    service.advance(SignedDuration::from_mins(10));
    settled(&customer.client, &other).await;
    assert_eq!(customer.client.get(&format!("/v1/scheduled/{id}")).await.json()["status"], "canceled");
    assert_eq!(customer.client.get("/v1/faxes").await.json()["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_of_a_test_key_reaches_no_carrier() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let client = service.client(&service.key(customer.account, sfm_core::scope::Scope::ALL.to_vec(), true).await);
    let (id, _) = schedule(&service, &client, "+12125551234", SignedDuration::from_mins(2)).await;
    service.advance(SignedDuration::from_mins(2));
    let sent = settled(&client, &id).await;
    let fax = client.completed(sent["fax_id"].as_str().unwrap()).await;
    assert_eq!((&fax["status"], &fax["live"]), (&json!("delivered"), &json!(false)));
    assert_eq!((carrier_log(&service.stack).len(), service.used_pages(customer.account).await), (0, 0));
}
