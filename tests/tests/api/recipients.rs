//! The recipient guard.

use serde_json::{Value, json};
use sfm::commands::account;
use sfm_core::id::AccountId;
use sfm_core::recipient::RecipientPolicy;
use sfm_core::scope::Scope;
use sfm_store::accounts::AccountChange;
use sfm_tests::client::fax;
use sfm_tests::documents::TEXT;
use sfm_tests::target::Target;

use crate::assert_problem;

async fn set(service: &Target, account: AccountId, policy: RecipientPolicy) {
    let change = AccountChange { recipients: Some(policy), ..AccountChange::default() };
    account::update(&service.operator_platform(), account, change).await.unwrap();
}

fn to(number: &str, confirmed: Option<&str>) -> Value {
    let mut body = fax(number, TEXT, "text/plain");
    if let Some(confirmed) = confirmed {
        body["confirm_to"] = confirmed.into();
    }
    body
}

fn later(mut body: Value) -> Value {
    body["send_at"] = json!((jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48)).to_string());
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_nobody_knows_is_confirmed_once() {
    let service = Target::start().await;
    let customer = service.customer().await;
    // A test key's faxes are delivered within seconds.
    let client = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    set(&service, customer.account, RecipientPolicy::ConfirmNew).await;
    for confirmed in [None, Some("+12125551235")] {
        for (path, body) in [("/v1/faxes", to("+12125551234", confirmed)), ("/v1/scheduled", later(to("+12125551234", confirmed)))] {
            let error = assert_problem(&client.post(path, &body).await, 422, "send_failed");
            assert_eq!((&error["code"], &error["param"]), (&json!("recipient_unconfirmed"), &json!("to")));
        }
    }
    assert_problem(&client.post("/v1/faxes", &to("+12125551234", Some("12345"))).await, 400, "invalid_request");
    assert_eq!(client.get("/v1/faxes").await.json()["total"], 0);

    let sent = client.post("/v1/faxes", &to("+12125551234", Some("(212) 555-1234"))).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    service
        .until("the fax to be delivered", || async {
            service.pass(3).await;
            (client.fax(&id).await["status"] == "delivered").then_some(())
        })
        .await;
    assert_eq!(client.post("/v1/faxes", &to("+12125551234", None)).await.status, 201, "it was delivered to");
    assert_eq!(client.post("/v1/scheduled", &later(to("+12125551234", None))).await.status, 201);
    let error = assert_problem(&customer.client.post("/v1/faxes", &to("+12125551234", None)).await, 422, "send_failed");
    assert_eq!(error["code"], "recipient_unconfirmed", "what a test key's fax was delivered to is not known to live ones");
    let resend = format!("/v1/faxes/{id}/resend");
    assert_eq!(client.post(&resend, &json!({})).await.status, 201, "it goes where the first went");
    assert_problem(&client.post(&resend, &json!({"to": "+12125551236"})).await, 422, "send_failed");
    assert_eq!(client.post(&resend, &json!({"to": "+12125551236", "confirm_to": "+12125551236"})).await.status, 201);

    client.post("/v1/contacts", &json!({"name": "A", "fax_number": "+12125551237"})).await;
    assert_eq!(client.post("/v1/faxes", &to("+12125551237", None)).await.status, 201, "a contact");
    set(&service, customer.account, RecipientPolicy::Any).await;
    assert_eq!(client.post("/v1/faxes", &to("+12125551238", None)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_sends_to_its_contacts_alone_does() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    set(&service, customer.account, RecipientPolicy::Contacts).await;
    for (path, body) in
        [("/v1/faxes", to("+12125551234", Some("+12125551234"))), ("/v1/scheduled", later(to("+12125551234", Some("+12125551234"))))]
    {
        let error = assert_problem(&client.post(path, &body).await, 422, "send_failed");
        assert_eq!(error["code"], "recipient_not_allowed");
    }
    let contact = client.post("/v1/contacts", &json!({"name": "A", "fax_number": "+12125551234"})).await.json();
    let sent = client.post("/v1/faxes", &to("+12125551234", None)).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    client.delete(&format!("/v1/contacts/{}", contact["id"].as_str().unwrap())).await;
    let resend = format!("/v1/faxes/{}/resend", sent.json()["id"].as_str().unwrap());
    let error = assert_problem(&client.post(&resend, &json!({})).await, 422, "send_failed");
    assert_eq!(error["code"], "recipient_not_allowed", "it is a contact's no longer");
    let stranger = service.customer().await.client;
    assert_eq!(stranger.post("/v1/faxes", &to("+12125551234", None)).await.status, 201, "another account sends to any");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_one_digit_from_a_contacts_brings_a_warning() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let test = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    let contact = async |name: &str, number: &str| {
        let made = client.post("/v1/contacts", &json!({"name": name, "fax_number": number})).await;
        made.json()["id"].as_str().unwrap().to_owned()
    };
    let (clinic, ward) = (contact("Clinic", "+12125551234").await, contact("Ward", "+12125551235").await);
    // Another account's contacts do not count.
    service.customer().await.client.post("/v1/contacts", &json!({"name": "Else", "fax_number": "+13105550100"})).await;
    for (number, similar) in [
        ("+12125551234", None),
        ("+12125551235", None),
        ("+12125551294", Some(&clinic)),
        ("+12125551734", Some(&clinic)),
        ("+12125651234", Some(&clinic)),
        ("+12135551234", Some(&clinic)),
        ("+13125551234", Some(&clinic)),
        ("+13125551235", Some(&ward)),
        ("+12125551243", None),
        ("+13105550101", None),
    ] {
        let sent = test.post("/v1/faxes", &to(number, Some(number))).await;
        assert_eq!(sent.status, 201, "{}", sent.text);
        let sent = sent.json();
        let scheduled = test.post("/v1/scheduled", &later(to(number, None))).await.json();
        let again = test.get(&format!("/v1/faxes/{}", sent["id"].as_str().unwrap())).await.json();
        for resource in [&sent, &scheduled, &again] {
            let found = (&resource["warnings"][0]["code"], &resource["warnings"][0]["contact_id"], &resource["warnings"][1]);
            let wanted = similar.map_or((Value::Null, Value::Null), |id| (json!("similar_to_contact"), json!(id)));
            assert_eq!(found, (&wanted.0, &wanted.1, &Value::Null), "{number}: {resource}");
        }
    }
    // With another number the contact is where that is, and once deleted nowhere.
    let path = format!("/v1/contacts/{clinic}");
    let change = json!({"fax_number": "+14155550100"}).to_string().into_bytes();
    let changed = client.try_call(reqwest::Method::PATCH, &path, &[], Some(change)).await.unwrap();
    assert_eq!(changed.status, 200, "{}", changed.text);
    let warned = async |number: &str| test.post("/v1/faxes", &to(number, None)).await.json()["warnings"].is_array();
    assert_eq!([warned("+14155550109").await, warned("+15155550100").await, warned("+12125551734").await], [true, true, false]);
    assert_eq!(client.delete(&path).await.status, 200);
    assert_eq!([warned("+14155550109").await, warned("+15155550100").await], [false, false]);
}
