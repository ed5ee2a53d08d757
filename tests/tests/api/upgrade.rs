//! What an earlier release wrote is found again: of the stack that `.ci/deploy/run` has upgraded from it.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use sfm::commands::{member, webhook};
use sfm_core::id::AccountId;
use sfm_core::scope::Scope;
use sfm_tests::client::{Client, fax, http};
use sfm_tests::deployed::Deployed;
use sfm_tests::documents::TEXT;
use sfm_tests::target::Target;
use sha2::{Digest as _, Sha256};

/// Whether an answer has what the earlier release said, whatever has come to it since.
fn has(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => then.iter().all(|(name, then)| now.get(name).is_some_and(|now| has(now, then))),
        (Value::Array(now), Value::Array(then)) => now.len() == then.len() && now.iter().zip(then).all(|(now, then)| has(now, then)),
        (Value::String(now), Value::String(then)) => {
            // A time may be written with other digits behind the seconds.
            now == then || matches!((now.parse::<Timestamp>(), then.parse::<Timestamp>()), (Ok(now), Ok(then)) if now == then)
        }
        _ => now == then,
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}"))
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

/// The first of the account's keys that may do everything.
fn client(target: &Target, account: &Value) -> Client {
    let key = list(&account["keys"]).iter().find(|key| key["live"] == true && key["revoked"] == false && list(&key["scopes"]).len() > 5);
    target.client(text(key.unwrap(), "key"))
}

async fn is_found(target: &Target, account: &Value) {
    let client = client(target, account);
    for then in list(&account["faxes"]) {
        let mut then = then.clone();
        if then["completed_at"].is_null() {
            // It has gone on since.
            then =
                json!({"id": then["id"], "to": then["to"], "from": then["from"], "pages": then["pages"], "created_at": then["created_at"]});
        }
        let now = client.fax(text(&then, "id")).await;
        assert!(has(&now, &then), "{now} was {then}");
    }
    for (resource, list_of) in [("contacts", &account["contacts"]), ("scheduled", &account["scheduled"])] {
        for then in list(list_of) {
            let mut then = then.clone();
            // The rehearsal moves it to today.
            then.as_object_mut().unwrap().remove("send_at");
            let now = client.get(&format!("/v1/{resource}/{}", text(&then, "id"))).await.json();
            assert!(has(&now, &then), "{now} was {then}");
        }
    }
    for (resource, total) in account["totals"].as_object().unwrap() {
        let all = client.get(&format!("/v1/{resource}?limit=100")).await.json();
        assert_eq!(all["total"], *total, "{resource}");
        assert_eq!(list(&all["data"]).len() as u64, total.as_u64().unwrap(), "{resource}");
    }
    let delivered: Vec<&Value> = list(&account["faxes"]).iter().filter(|fax| fax["status"] == "delivered").map(|fax| &fax["id"]).collect();
    let filtered = client.get("/v1/faxes?status=delivered&limit=100").await.json();
    assert!(delivered.iter().all(|id| list(&filtered["data"]).iter().any(|fax| &fax["id"] == *id)), "{filtered}");
    for id in list(&account["deleted"]) {
        let id = id.as_str().unwrap();
        let resource = if id.starts_with("fax_") { "faxes" } else { "contacts" };
        assert_eq!(client.get(&format!("/v1/{resource}/{id}")).await.status, 404, "{id}");
    }
    for key in list(&account["keys"]).iter().filter(|key| key["revoked"] == true) {
        assert_eq!(target.client(text(key, "key")).get("/v1/faxes").await.status, 401);
    }
    let operator = target.operator_platform();
    let id: AccountId = text(&account["account"], "id").parse().unwrap();
    for endpoint in list(&account["webhooks"]) {
        let log = webhook::deliveries(&operator, text(endpoint, "id"), Some(id), None).await.unwrap();
        let then = list(&endpoint["deliveries"]);
        assert!(list(&log["data"]).len() >= then.len(), "{log} was {then:?}");
    }
    let members = member::list(&operator, id).await.unwrap();
    for then in list(&account["members"]) {
        assert!(list(&members["members"]).iter().any(|now| has(now, then)), "{members}: {then}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_last_release_wrote_is_found_and_goes_on() {
    let Some(recorded) = Deployed::get().map(Deployed::release) else {
        println!("skipped: no stack that was upgraded is under test");
        return;
    };
    let target = Target::start().await;
    let accounts = recorded["accounts"].as_object().unwrap();
    for account in accounts.values() {
        is_found(&target, account).await;
    }
    for document in list(&recorded["documents"]) {
        let client = client(&target, &accounts[text(document, "account")]);
        let link = client.get(&format!("/v1/faxes/{}/document", text(document, "fax"))).await;
        let bytes = http().get(link.header("location").unwrap()).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(sfm_core::hex(&Sha256::digest(&bytes)), text(document, "sha256"));
    }
    // A repetition of what was sent to the last release sends nothing.
    let sent = &recorded["idempotency"];
    let account = &accounts[text(sent, "account")];
    let shop = client(&target, account);
    let headers = [("idempotency-key", text(sent, "key"))];
    let again = shop.try_call(Method::POST, text(sent, "path"), &headers, Some(text(sent, "body").as_bytes().to_vec())).await.unwrap();
    assert_eq!((again.status, &again.json()["id"]), (201, &sent["fax"]), "{}", again.text);
    assert_eq!(shop.get("/v1/faxes").await.json()["total"], account["totals"]["faxes"]);
    // The accounts go on where they were.
    let sent = shop.post("/v1/faxes", &fax("+15005550001", TEXT, "text/plain")).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let old = list(&account["faxes"]).iter().find(|fax| fax["status"] == "delivered").unwrap();
    let resent = shop.post(&format!("/v1/faxes/{}/resend", text(old, "id")), &json!({})).await;
    assert_eq!(resent.status, 201, "{}", resent.text);
    let listed = shop.get("/v1/faxes").await.json();
    assert_eq!(listed["total"].as_u64(), account["totals"]["faxes"].as_u64().map(|total| total + 2));
    assert_eq!([&listed["data"][0]["id"], &listed["data"][1]["id"]], [&resent.json()["id"], &sent.json()["id"]]);
    for id in [&sent.json()["id"], &resent.json()["id"]] {
        let delivered = async || (shop.fax(id.as_str().unwrap()).await["status"] == "delivered").then_some(());
        target.until("the fax to be delivered", delivered).await;
    }
    let receipt =
        shop.try_call(Method::GET, &format!("/v1/faxes/{}/receipt", text(old, "id")), &[("accept", "application/json")], None).await;
    assert_eq!(receipt.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_release_0_1_0_kept_is_repeated_to_keys_of_its_mode() {
    let Some(service) = Target::local("writes into a table").await else { return };
    let customer = service.customer().await;
    let of_tests = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    let body = fax("+15005550001", TEXT, "text/plain").to_string().into_bytes();
    let send = async |client: &Client| {
        let sent = client.try_call(Method::POST, "/v1/faxes", &[("idempotency-key", "order-1")], Some(body.clone())).await.unwrap();
        assert_eq!(sent.status, 201, "{}", sent.text);
        sent.json()["id"].clone()
    };
    let first = send(&customer.client).await;
    // The record as that release named it: without the mode.
    let database = service.stack.operator_platform().dynamodb();
    let kept = database.scan().table_name("Requests").send().await.unwrap().items.unwrap();
    let mut record = kept.into_iter().next().unwrap();
    let name = record["request"].as_s().unwrap().clone();
    database.delete_item().table_name("Requests").key("request", AttributeValue::S(name.clone())).send().await.unwrap();
    record.insert("request".into(), AttributeValue::S(name.replacen("#live#", "#", 1)));
    database.put_item().table_name("Requests").set_item(Some(record)).send().await.unwrap();
    assert_eq!(send(&customer.client).await, first);
    assert_ne!(send(&of_tests).await, first);
}
