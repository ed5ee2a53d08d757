//! The dashboard's API: sign-in, tokens, accounts, roles, and each flow once.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use reqwest::Method;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use sfm::commands::member;
use sfm_core::member::Role;
use sfm_core::plan::Plan;
use sfm_tests::client::{Answer, Client, fax, http};
use sfm_tests::contract::Contract;
use sfm_tests::documents::LETTER;
use sfm_tests::eventually;
use sfm_tests::member::{authorize, exchange, id_token, sign_in};
use sfm_tests::receiver::{Receiver, Reply};
use sfm_tests::service::{Customer, Service};

const SESSION: &str = "/dashboard/api/session";

async fn add(service: &Service, customer: &Customer, email: &str, role: Role) -> Client {
    member::add(&service.stack.operator_platform(), customer.account, email, role).await.unwrap();
    sign_in(service.stack.base_url(), &email.to_lowercase()).await
}

async fn call(client: &Client, method: &str, path: &str, body: Option<Value>) -> Answer {
    let body = body.map(|body| body.to_string().into_bytes());
    client.try_call(Method::from_bytes(method.as_bytes()).unwrap(), path, &[], body).await.unwrap()
}

/// A call that must succeed with this status.
async fn ok(client: &Client, method: &str, path: &str, body: Option<Value>, status: u16) -> Value {
    let answer = call(client, method, path, body).await;
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
    answer.json()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

/// The dashboard's operations on an account: method, path, whether only for owners, whether for plans with the API.
fn operations() -> Vec<(String, String, bool, bool)> {
    let paths = Contract::get().document()["paths"].as_object().unwrap();
    let of_account = paths.iter().filter(|(path, _)| path.starts_with("/dashboard/api/accounts/"));
    let all = of_account.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| {
            let owners = operation["description"].as_str().unwrap().contains("Owners only.");
            let api = ["/keys", "/webhooks", "/events", "/deliveries"].iter().any(|part| path.contains(part));
            (method.to_uppercase(), path.clone(), owners, api)
        })
    });
    all.collect()
}

/// A path of the document with ids that exist, by what the path's last word before the id says.
fn filled(path: &str, account: &str, ids: &BTreeMap<&str, String>) -> String {
    let kind = path.split('/').nth(5).unwrap_or_default();
    let query = if path.ends_with("/export") { "?month=2026-07" } else { "" };
    let id = ids.get(kind).map(String::as_str).unwrap_or("none");
    path.replace("{account_id}", account).replace("{number}", "1").replace("{id}", id) + query
}

/// One of everything, in an account of its own.
async fn furnished(service: &Service, owner: &Client, customer: &Customer) -> BTreeMap<&'static str, String> {
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let key = ok(owner, "POST", &format!("{base}/keys"), Some(json!({"name": "One", "scopes": ["faxes:read"]})), 201).await;
    let hook = json!({"url": "http://127.0.0.1:9/"});
    let webhook = ok(owner, "POST", &format!("{base}/webhooks"), Some(hook), 201).await;
    let delivery = ok(owner, "POST", &format!("{base}/webhooks/{}/test", text(&webhook, "id")), None, 202).await;
    let contact = json!({"name": "Ann", "fax_number": "+12125551234"});
    let contact = ok(owner, "POST", &format!("{base}/contacts"), Some(contact), 201).await;
    let fax = customer.client.send_letter("+15005550001").await;
    customer.client.completed(&text(&fax, "id")).await;
    let mut later = sfm_tests::client::fax("+15005550001", sfm_tests::documents::LETTER, "application/pdf");
    later["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_hours(48)).to_string());
    let scheduled = customer.client.post("/v1/scheduled", &later).await.json();
    BTreeMap::from([
        ("keys", text(&key, "id")),
        ("webhooks", text(&webhook, "id")),
        ("deliveries", text(&delivery, "id")),
        ("events", text(&delivery, "event_id")),
        ("contacts", text(&contact, "id")),
        ("faxes", text(&fax, "id")),
        ("scheduled", text(&scheduled, "id")),
    ])
}

/// Everything that an owner sees of an account, but for attempts, which go on by themselves.
async fn everything(owner: &Client, account: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for list in ["", "/keys", "/webhooks", "/contacts", "/faxes", "/scheduled", "/numbers", "/audit"] {
        let mut seen = ok(owner, "GET", &format!("/dashboard/api/accounts/{account}{list}"), None, 200).await;
        for endpoint in seen["data"].as_array_mut().into_iter().flatten() {
            endpoint["failing_since"] = Value::Null;
        }
        all.push(seen);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_manages_keys_from_sign_in_to_revocation() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let owner = add(&service, &customer, "Ann@Example.com", Role::Owner).await;
    let session = ok(&owner, "GET", SESSION, None, 200).await;
    assert_eq!(session["email"], "ann@example.com");
    assert_eq!(session["accounts"], json!([{"id": customer.account, "name": "Test", "role": "owner"}]));
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let account = ok(&owner, "GET", &base, None, 200).await;
    assert_eq!((&account["plan"], &account["used_pages"], &account["api_access"]), (&json!("business"), &json!(0), &json!(true)));

    let wanted = json!({"name": "Billing", "scopes": ["faxes:send", "faxes:read"]});
    let made = ok(&owner, "POST", &format!("{base}/keys"), Some(wanted), 201).await;
    let (id, key) = (text(&made, "id"), text(&made, "key"));
    let client = service.client(&key);
    let fax = client.send_letter("+15005550001").await;
    client.completed(&text(&fax, "id")).await;
    assert_eq!(ok(&owner, "GET", &format!("{base}/faxes"), None, 200).await["data"][0]["status"], "delivered");

    let listed = ok(&owner, "GET", &format!("{base}/keys"), None, 200).await;
    let listed = listed["data"].as_array().unwrap().iter().find(|key| key["id"] == id.as_str()).unwrap().clone();
    assert_eq!((&listed["name"], &listed["created_by"]), (&json!("Billing"), &json!("ann@example.com")));
    assert_eq!(listed["prefix"], key[..13]);
    assert!(!listed["last_used_at"].is_null(), "{listed}");
    assert!(listed["key"].is_null() && !listed.to_string().contains(&key));
    assert!(!ok(&owner, "DELETE", &format!("{base}/keys/{id}"), None, 200).await["revoked_at"].is_null());
    assert_eq!(client.get("/v1/faxes").await.status, 401);
    for (wrong, param) in [
        (json!({"scopes": ["faxes:read"]}), "name"),
        (json!({"name": "x", "scopes": []}), "scopes"),
        (json!({"name": "x", "scopes": ["all"]}), "scopes"),
        (json!({"name": "x", "scopes": ["faxes:read"], "live": 1}), "live"),
    ] {
        let answer = call(&owner, "POST", &format!("{base}/keys"), Some(wrong)).await;
        assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some(param)));
    }

    let audit = ok(&owner, "GET", &format!("{base}/audit"), None, 200).await;
    let told: Vec<_> = audit["data"].as_array().unwrap().iter().map(|entry| (text(entry, "action"), text(entry, "actor"))).collect();
    let [ann, operator] = ["ann@example.com", "operator"];
    let expected = [("key.revoked", ann), ("key.created", ann), ("member.added", operator), ("key.created", operator)];
    assert_eq!(told, expected.map(|(action, actor)| (action.to_owned(), actor.to_owned())));
    let next = ok(&owner, "GET", &format!("{base}/audit?limit=1&before={}", text(&audit["data"][0], "id")), None, 200).await;
    assert_eq!((&next["data"][0], &next["has_more"]), (&audit["data"][1], &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_registered_told_redelivered_rotated_and_deleted() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let owner = add(&service, &customer, "ann@example.com", Role::Owner).await;
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let wanted = json!({"url": receiver.url("/hook"), "events": ["fax.delivered"], "description": "Ours"});
    let made = ok(&owner, "POST", &format!("{base}/webhooks"), Some(wanted), 201).await;
    let hook = format!("{base}/webhooks/{}", text(&made, "id"));
    assert!(text(&made, "secret").starts_with("whsec_"));
    assert!(ok(&owner, "GET", &hook, None, 200).await["secret"].is_null());

    let fax = customer.client.send_letter("+15005550001").await;
    customer.client.completed(&text(&fax, "id")).await;
    let delivery = eventually("the delivery", || async {
        let log = ok(&owner, "GET", &format!("{hook}/deliveries"), None, 200).await;
        log["data"].as_array().unwrap().first().filter(|delivery| delivery["status"] == "succeeded").cloned()
    })
    .await;
    let events = ok(&owner, "GET", &format!("{base}/events"), None, 200).await;
    assert_eq!((&events["data"][0]["id"], &events["data"][0]["type"]), (&delivery["event_id"], &json!("fax.delivered")));
    let of_event = format!("{base}/events/{}/deliveries", text(&delivery, "event_id"));
    assert_eq!(ok(&owner, "GET", &of_event, None, 200).await["data"][0]["id"], delivery["id"]);
    ok(&owner, "POST", &format!("{base}/deliveries/{}/redeliver", text(&delivery, "id")), None, 202).await;
    eventually("the second delivery", || async { (receiver.requests().len() == 2).then_some(()) }).await;
    ok(&owner, "POST", &format!("{hook}/test"), None, 202).await;
    eventually("the test event", || async { (receiver.requests().len() == 3).then_some(()) }).await;

    let rotated = ok(&owner, "POST", &format!("{hook}/rotate"), None, 200).await;
    assert!(rotated["secret"] != made["secret"] && !rotated["old_secret_expires_at"].is_null());
    assert!(ok(&owner, "POST", &format!("{hook}/expire-old-secret"), None, 200).await["old_secret_expires_at"].is_null());
    let changed = ok(&owner, "PATCH", &hook, Some(json!({"status": "disabled", "description": "Theirs"})), 200).await;
    assert_eq!((&changed["status"], &changed["description"]), (&json!("disabled"), &json!("Theirs")));
    assert_eq!(call(&owner, "POST", &format!("{hook}/test"), None).await.status, 409);
    ok(&owner, "PATCH", &hook, Some(json!({"status": "enabled"})), 200).await;
    let since = json!({"since": "2020-01-01T00:00:00Z"});
    assert_eq!(ok(&owner, "POST", &format!("{hook}/recover"), Some(since), 200).await["object"], "recovery");
    ok(&owner, "DELETE", &hook, None, 200).await;
    assert_eq!(call(&owner, "GET", &hook, None).await.status, 404);
    let audit = ok(&owner, "GET", &format!("{base}/audit"), None, 200).await;
    let mut told: Vec<_> = audit["data"].as_array().unwrap().iter().map(|entry| text(entry, "action")).collect();
    told.retain(|action| !action.starts_with("member") && !action.starts_with("key"));
    told.reverse();
    let expected = [
        "webhook.created",
        "delivery.redelivered",
        "webhook.tested",
        "webhook.secret_rotated",
        "webhook.old_secret_expired",
        "webhook.changed",
        "webhook.disabled",
        "webhook.enabled",
        "webhook.recovered",
        "webhook.deleted",
    ];
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_changed_at_once_or_not_at_all_and_not_to_what_can_never_work() {
    let service = Service::start_closed().await;
    let customer = service.customer().await;
    let owner = add(&service, &customer, "ann@example.com", Role::Owner).await;
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let wanted = json!({"url": "https://example.com/a", "events": ["fax.failed"]});
    for (events, named) in [(json!([]), "at least one event"), (json!(["fax.queued"]), "a list of"), (json!("fax.failed"), "a list of")] {
        let mut body = wanted.clone();
        body["events"] = events;
        let refused = call(&owner, "POST", &format!("{base}/webhooks"), Some(body)).await;
        assert!(refused.status == 400 && refused.text.contains(named), "{}", refused.text);
    }
    let mut all = wanted.clone();
    all["events"] = Value::Null;
    let made = ok(&owner, "POST", &format!("{base}/webhooks"), Some(all), 201).await;
    assert_eq!(made["events"], json!(["fax.delivered", "fax.failed", "fax.received"]), "null asks for nothing in particular");
    let made = ok(&owner, "POST", &format!("{base}/webhooks"), Some(wanted), 201).await;
    let hook = format!("{base}/webhooks/{}", text(&made, "id"));
    let before = ok(&owner, "GET", &hook, None, 200).await;
    for (change, named) in [
        (json!({"events": [], "description": "Theirs"}), "at least one event"),
        (json!({"url": "https://127.0.0.1/", "status": "disabled"}), "public internet"),
        (json!({"url": "https://2130706433/"}), "public internet"),
        (json!({"url": "https://[2606:4700::5efe:10.0.0.1]/"}), "public internet"),
        (json!({"url": "https://168.63.129.16/"}), "public internet"),
        (json!({"url": "https://metadata.google.internal/"}), "public internet"),
        (json!({"url": "http://example.com/"}), "https://"),
        (json!({"url": "https://example.com/b", "status": "off"}), "enabled or disabled"),
        (json!({"status": "disabled", "description": "x".repeat(201)}), "200 characters"),
    ] {
        let refused = call(&owner, "PATCH", &hook, Some(change.clone())).await;
        assert!(refused.status == 400 && refused.text.contains(named), "{change}: {}", refused.text);
        assert_eq!(ok(&owner, "GET", &hook, None, 200).await, before, "{change}: nothing of it was done");
    }
    let version = async || {
        let item = service.stack.operator_platform().dynamodb().get_item().table_name("Webhooks");
        let s = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
        let item = item.key("account_id", s(customer.account.to_string())).key("id", s(text(&made, "id")));
        item.send().await.unwrap().item.unwrap()["version"].as_n().unwrap().parse::<u64>().unwrap()
    };
    let seen = version().await;
    let whole = json!({"url": "https://example.com/b", "events": ["fax.received"], "description": "Theirs", "status": "disabled"});
    let changed = ok(&owner, "PATCH", &hook, Some(whole.clone()), 200).await;
    for (field, value) in whole.as_object().unwrap() {
        assert_eq!(&changed[field], value, "{field}");
    }
    assert_eq!(version().await, seen + 1, "one write");
    assert_eq!(ok(&owner, "PATCH", &hook, Some(json!({})), 200).await, changed);
    assert_eq!(version().await, seen + 1, "nothing to write");
    let audit = ok(&owner, "GET", &format!("{base}/audit"), None, 200).await;
    let told: Vec<_> = audit["data"].as_array().unwrap()[..2].iter().map(|entry| text(entry, "action")).collect();
    assert_eq!(told, ["webhook.disabled", "webhook.changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_say_that_there_is_more_when_there_is_and_not_when_the_last_page_is_full() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let owner = add(&service, &customer, "ann@example.com", Role::Owner).await;
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let made = ok(&owner, "POST", &format!("{base}/webhooks"), Some(json!({"url": receiver.url("/")})), 201).await;
    let hook = format!("{base}/webhooks/{}", text(&made, "id"));
    for _ in 0..4 {
        ok(&owner, "POST", &format!("{hook}/test"), None, 202).await;
    }
    let entries = ok(&owner, "GET", &format!("{base}/audit"), None, 200).await["data"].as_array().unwrap().len();
    for (list, whole) in [(format!("{hook}/deliveries"), 4), (format!("{base}/events"), 4), (format!("{base}/audit"), entries)] {
        for (limit, more) in [(whole - 1, true), (whole, false), (whole + 1, false)] {
            let page = ok(&owner, "GET", &format!("{list}?limit={limit}"), None, 200).await;
            assert_eq!((page["data"].as_array().unwrap().len(), &page["has_more"]), (limit.min(whole), &json!(more)), "{list} {limit}");
        }
        let first = ok(&owner, "GET", &format!("{list}?limit={}", whole / 2), None, 200).await;
        let last = text(first["data"].as_array().unwrap().last().unwrap(), "id");
        let rest = ok(&owner, "GET", &format!("{list}?limit={}&before={last}", whole - whole / 2), None, 200).await;
        assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (whole - whole / 2, &json!(false)), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_a_document_and_a_deletion_are_written_down() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let owner = add(&service, &customer, "ann@example.com", Role::Owner).await;
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let ids = furnished(&service, &owner, &customer).await;
    let fax = format!("{base}/faxes/{}", ids["faxes"]);
    let link = ok(&owner, "GET", &format!("{fax}/document"), None, 200).await;
    let pdf = http().get(text(&link, "url")).send().await.unwrap().bytes().await.unwrap();
    assert!(pdf.starts_with(b"%PDF"));
    ok(&owner, "DELETE", &fax, None, 200).await;
    assert_eq!(call(&owner, "GET", &fax, None).await.status, 404);
    assert_eq!(call(&owner, "DELETE", &fax, None).await.status, 404);
    let contact = format!("{base}/contacts/{}", ids["contacts"]);
    assert_eq!(ok(&owner, "PATCH", &contact, Some(json!({"name": "New"})), 200).await["name"], "New");
    ok(&owner, "DELETE", &contact, None, 200).await;
    let scheduled = format!("{base}/scheduled/{}", ids["scheduled"]);
    assert_eq!(ok(&owner, "DELETE", &scheduled, None, 200).await["status"], "canceled");
    assert_eq!(call(&owner, "DELETE", &scheduled, None).await.status, 409);
    let audit = ok(&owner, "GET", &format!("{base}/audit"), None, 200).await;
    let mut told: Vec<_> = audit["data"].as_array().unwrap().iter().map(|entry| (text(entry, "action"), text(entry, "target"))).collect();
    told.retain(|(action, _)| ["fax.", "contact.", "scheduled."].iter().any(|kind| action.starts_with(kind)));
    let expected = [
        ("scheduled.canceled", "scheduled"),
        ("contact.deleted", "contacts"),
        ("contact.updated", "contacts"),
        ("fax.deleted", "faxes"),
        ("fax.viewed", "faxes"),
        ("contact.created", "contacts"),
    ];
    assert_eq!(told, expected.map(|(action, kind)| (action.to_owned(), ids[kind].clone())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_is_sent_and_put_off_from_the_page_past_the_same_gates_and_looked_at() {
    let service = Service::start().await;
    // A plan without the API: the page may send all the same.
    let customer = service.customer_with(Plan::Pro, Some(3)).await;
    let owner = add(&service, &customer, "ann@example.com", Role::Owner).await;
    let member = add(&service, &customer, "bob@example.com", Role::Member).await;
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let letter = sfm_tests::client::fax("+15005550001", sfm_tests::documents::LETTER, "application/pdf");
    let body = || Some(letter.to_string().into_bytes());
    let named = [("idempotency-key", "one")];
    let sent = member.try_call(Method::POST, &format!("{base}/faxes"), &named, body()).await.unwrap();
    assert_eq!(sent.status, 201, "{}", sent.text);
    let again = member.try_call(Method::POST, &format!("{base}/faxes"), &named, body()).await.unwrap();
    assert_eq!((again.text.as_str(), again.header("idempotent-replayed")), (sent.text.as_str(), Some("true")));
    let fax = format!("{base}/faxes/{}", text(&sent.json(), "id"));
    eventually("the fax", || async { (ok(&member, "GET", &fax, None, 200).await["status"] == "delivered").then_some(()) }).await;
    let mut later = letter.clone();
    later["send_at"] = json!((service.stack.clock().now() + SignedDuration::from_hours(48)).to_string());
    ok(&member, "POST", &format!("{base}/scheduled"), Some(later), 201).await;
    let pages = sent.json()["pages"].as_u64().unwrap();
    let used = || async { ok(&member, "GET", &base, None, 200).await["used_pages"].as_u64().unwrap() };
    assert_eq!(used().await, pages, "charged once");
    let mut left = 3 - pages;
    while left >= pages {
        let again = ok(&member, "POST", &format!("{fax}/resend"), None, 201).await;
        assert_eq!((&again["to"], &again["from"], &again["pages"]), (&sent.json()["to"], &sent.json()["from"], &json!(pages)));
        assert_ne!(again["id"], sent.json()["id"]);
        left -= pages;
    }
    let refused = call(&member, "POST", &format!("{base}/faxes"), Some(letter.clone())).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (422, Some("quota_exceeded")));

    let picture = call(&member, "GET", &format!("{fax}/pages/1"), None).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
    assert_eq!(call(&member, "GET", &format!("{fax}/pages/{}", pages + 1), None).await.status, 404);
    assert_eq!(call(&member, "GET", &format!("{fax}/pages/0"), None).await.status, 404);

    let audit = ok(&owner, "GET", &format!("{base}/audit"), None, 200).await;
    let bobs = |entry: &&Value| entry["actor"] == "bob@example.com";
    let told: Vec<_> = audit["data"].as_array().unwrap().iter().filter(bobs).map(|entry| text(entry, "action")).collect();
    let count = |action: &str| told.iter().filter(|told| *told == action).count() as u64;
    assert_eq!(["fax.viewed", "fax.scheduled", "fax.sent"].map(count), [1, 1, 3 / pages], "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_another_account_finds_nothing_on_any_route_and_changes_nothing() {
    let service = Service::start().await;
    let (customer, other) = (service.customer().await, service.customer().await);
    let owner = add(&service, &customer, "ann@example.com", Role::Owner).await;
    let stranger = add(&service, &other, "eve@example.com", Role::Owner).await;
    let ids = furnished(&service, &owner, &customer).await;
    let (account, theirs) = (customer.account.to_string(), other.account.to_string());
    let before = everything(&owner, &account).await;
    let mut tried = 0;
    for (method, path, _, _) in operations() {
        // The other account's own; its things under the stranger's account; and what is no account at all.
        let mut paths = vec![filled(&path, &account, &ids), filled(&path, "acct_nonsense", &ids)];
        if path.contains("{id}") {
            paths.push(filled(&path, &theirs, &ids));
        }
        for path in paths {
            let body = matches!(method.as_str(), "POST" | "PATCH")
                .then(|| json!({"since": "2020-01-01T00:00:00Z", "description": "Eve's", "name": "Eve's"}));
            let answer = call(&stranger, &method, &path, body).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
            // Not the answer of a route that is not there.
            let told = &answer.json()["error"]["message"];
            assert_eq!(told, "There is no such resource on this account.", "{method} {path}");
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
    assert_eq!(everything(&owner, &account).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_look_but_what_is_the_owners_is_403_until_they_are_one_and_nothing_once_removed() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let owner = add(&service, &customer, "ann@example.com", Role::Owner).await;
    let member = add(&service, &customer, "bob@example.com", Role::Member).await;
    let ids = furnished(&service, &owner, &customer).await;
    let account = customer.account.to_string();
    let before = everything(&owner, &account).await;
    for (method, path, owners, _) in operations() {
        let path = filled(&path, &account, &ids);
        if owners {
            let answer = call(&member, &method, &path, Some(json!({}))).await;
            assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (403, Some("forbidden")), "{method} {path}");
        } else if method == "GET" {
            assert_eq!(call(&member, &method, &path, None).await.status, 200, "{method} {path}");
        }
    }
    // Looking at the document has been written down; nothing else has changed.
    assert_eq!(everything(&owner, &account).await[..7], before[..7]);
    let operator = service.stack.operator_platform();
    member::remove(&operator, customer.account, "bob@example.com").await.unwrap();
    assert_eq!(call(&member, "GET", &format!("/dashboard/api/accounts/{account}"), None).await.status, 404);
    assert_eq!(ok(&member, "GET", SESSION, None, 200).await["accounts"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_the_api_has_a_dashboard_without_keys_and_webhooks() {
    let service = Service::start().await;
    let customer = service.customer_with(Plan::Pro, None).await;
    let owner = add(&service, &customer, "ann@example.com", Role::Owner).await;
    let account = customer.account.to_string();
    for (method, path, _, api) in operations() {
        if api {
            let path = filled(&path, &account, &BTreeMap::new());
            let answer = call(&owner, &method, &path, Some(json!({}))).await;
            assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (403, Some("plan_upgrade_required")), "{method} {path}");
        } else if method == "GET" && !path.contains("{id}") {
            ok(&owner, &method, &filled(&path, &account, &BTreeMap::new()), None, 200).await;
        }
    }
}

/// The issuer's key, and the header and the claims of a token that is good.
async fn good_token(service: &Service, email: &str) -> (Vec<u8>, Value, Value) {
    let token = id_token(service.stack.base_url(), email).await;
    let key = std::fs::read(service.stack.operator_env().with_file_name("oidc.p256")).unwrap();
    let part = |n| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(n).unwrap()).unwrap()).unwrap();
    (key, part(0), part(1))
}

/// A token in the compact form of RFC 7515, under whatever makes a signature of its message.
fn compact(header: &Value, claims: &Value, signature: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature(message.as_bytes())))
}

fn signed(key: &[u8], header: &Value, claims: &Value) -> String {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &random).unwrap();
    compact(header, claims, |message| key.sign(&random, message).unwrap().as_ref().to_vec())
}

/// A coordinate of the issuer's public key.
fn coordinate(jwks: &Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(jwks["keys"][0][name].as_str().unwrap()).unwrap()
}

fn with(claims: &Value, field: &str, value: Value) -> Value {
    let mut changed = claims.clone();
    changed[field] = value;
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_expired_unsigned_forged_or_for_somebody_else_is_refused() {
    let (service, elsewhere) = (Service::start().await, Service::start().await);
    let customer = service.customer().await;
    add(&service, &customer, "ann@example.com", Role::Owner).await;
    add(&elsewhere, &elsewhere.customer().await, "ann@example.com", Role::Owner).await;
    let (key, header, claims) = good_token(&service, "ann@example.com").await;
    let (other_key, other_header, _) = good_token(&elsewhere, "ann@example.com").await;
    let status = async |token: &str| {
        let answer = call(&service.client(token), "GET", SESSION, None).await;
        assert!(answer.status == 200 || answer.json() == json!({"message": "Unauthorized"}), "{}", answer.text);
        answer.status
    };
    assert_eq!(status(&signed(&key, &header, &claims)).await, 200, "the test's own tokens are good where nothing is wrong with them");
    let now = service.stack.clock().now().as_second();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = compact(&with(&header, "alg", json!("none")), &claims, |_| Vec::new());
    // Whoever takes the issuer's public key for a secret takes this for its signature.
    let jwks = http().get(format!("{}/jwks", claims["iss"].as_str().unwrap())).send().await.unwrap().text().await.unwrap();
    let jwks: Value = serde_json::from_str(&jwks).unwrap();
    let public = [b"\x04".to_vec(), coordinate(&jwks, "x"), coordinate(&jwks, "y")].concat();
    let symmetric = compact(&with(&header, "alg", json!("HS256")), &claims, |message| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), message).as_ref().to_vec()
    });
    let as_rsa = signed(&key, &with(&header, "alg", json!("RS256")), &claims);
    let good = signed(&key, &header, &claims);
    let (body, signature) = good.rsplit_once('.').unwrap();
    let swapped = format!("{}.{}.{signature}", body.split('.').next().unwrap(), part(&with(&claims, "email", json!("eve@example.com"))));
    for (what, token) in [
        ("expired", signed(&key, &header, &with(&claims, "exp", json!(now - 1)))),
        ("not yet valid", signed(&key, &header, &with(&claims, "nbf", json!(now + 600)))),
        ("without an end", signed(&key, &header, &with(&claims, "exp", Value::Null))),
        ("of another issuer", signed(&key, &header, &with(&claims, "iss", json!("https://elsewhere.example")))),
        ("for another audience", signed(&key, &header, &with(&claims, "aud", json!("another")))),
        ("signed by another key", signed(&other_key, &header, &claims)),
        ("of another key's id", signed(&other_key, &other_header, &claims)),
        ("signed with what is public", symmetric),
        ("signed otherwise than it says", as_rsa),
        ("unsigned", unsigned),
        ("changed", swapped),
        ("an API key", customer.key.clone()),
        ("nonsense", "a.b.c".to_owned()),
    ] {
        assert_eq!(status(&token).await, 401, "a token that is {what}");
    }
    assert_eq!(call(&service.anonymous(), "GET", SESSION, None).await.status, 401);
    service.advance(SignedDuration::from_secs(3601));
    assert_eq!(status(&good).await, 401, "an hour later");
    // The API takes no such token, and nobody is let in by claims that a header brings.
    assert_eq!(service.client(&good).get("/v1/faxes").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_the_issuer_has_not_verified_has_no_accounts() {
    let service = Service::start().await;
    let customer = service.customer().await;
    add(&service, &customer, "ann@example.com", Role::Owner).await;
    let (key, header, claims) = good_token(&service, "ann@example.com").await;
    for unverified in [json!(false), json!("false"), Value::Null] {
        let client = service.client(&signed(&key, &header, &with(&claims, "email_verified", unverified)));
        assert_eq!(ok(&client, "GET", SESSION, None, 200).await["accounts"], json!([]));
        assert_eq!(call(&client, "GET", &format!("/dashboard/api/accounts/{}", customer.account), None).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_for_a_minute_and_with_its_verifier() {
    let service = Service::start().await;
    let customer = service.customer().await;
    add(&service, &customer, "ann@example.com", Role::Owner).await;
    let base_url = service.stack.base_url();
    let flow = authorize(base_url, "ann@example.com").await;
    assert_eq!(exchange(&flow, &flow.verifier).await.0, 200);
    assert_eq!(exchange(&flow, &flow.verifier).await.0, 400, "a second time");
    let flow = authorize(base_url, "ann@example.com").await;
    assert_eq!(exchange(&flow, &"w".repeat(43)).await.0, 400, "with another verifier");
    let flow = authorize(base_url, "ann@example.com").await;
    service.advance(SignedDuration::from_secs(61));
    assert_eq!(exchange(&flow, &flow.verifier).await.0, 400, "too late");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_are_public_cached_by_tag_and_under_a_strict_policy() {
    let service = Service::start().await;
    let url = format!("{}/dashboard/", service.stack.base_url());
    let page = http().get(&url).send().await.unwrap();
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((page.status().as_u16(), header("content-type")), (200, "text/html; charset=utf-8".to_owned()));
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"));
    assert_eq!((header("x-content-type-options"), header("referrer-policy")), ("nosniff".to_owned(), "no-referrer".to_owned()));
    let again = http().get(&url).header("if-none-match", header("etag")).send().await.unwrap();
    assert_eq!(again.status().as_u16(), 304);
    assert_eq!(http().get(format!("{url}../v1/../dashboard/nothing.js")).send().await.unwrap().status().as_u16(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_sets_how_faxes_are_sent_and_a_member_may_not() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let owner = add(&service, &customer, "ann@example.com", Role::Owner).await;
    let member = add(&service, &customer, "bob@example.com", Role::Member).await;
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let settings =
        |account: &Value| ["header", "header_name", "station_id", "time_zone", "paper", "recipients"].map(|name| account[name].clone());
    let first = ok(&member, "GET", &base, None, 200).await;
    assert_eq!(settings(&first), [json!(true), Value::Null, Value::Null, json!("UTC"), json!("letter"), json!("any")]);
    let change = json!({"header_name": "Praxis Müller", "station_id": "WARD 7", "time_zone": "Europe/Berlin", "paper": "a4",
        "recipients": "confirm_new", "name": "of no account setting"});
    assert_eq!(call(&member, "PATCH", &base, Some(change.clone())).await.status, 403);
    assert_eq!(settings(&ok(&owner, "GET", &base, None, 200).await), settings(&first));
    let changed = ok(&owner, "PATCH", &base, Some(change), 200).await;
    let wanted = [json!(true), json!("Praxis Müller"), json!("WARD 7"), json!("Europe/Berlin"), json!("a4"), json!("confirm_new")];
    assert_eq!(settings(&changed), wanted);
    assert_eq!(changed["name"], first["name"]);
    // It holds for what is sent next.
    let refused = call(&member, "POST", &format!("{base}/faxes"), Some(fax("+12125551234", LETTER, "application/pdf"))).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (422, Some("recipient_unconfirmed")));
    ok(&owner, "PATCH", &base, Some(json!({"recipients": "any", "header_name": null, "station_id": ""})), 200).await;
    let sent = ok(&member, "POST", &format!("{base}/faxes"), Some(fax("+15005550001", LETTER, "application/pdf")), 201).await;
    customer.client.completed(&text(&sent, "id")).await;
    let document = service.document(customer.account, &text(&sent, "id")).await;
    assert_eq!(fax_document::read_fax_pdf(&document).unwrap()[0].height, 2291, "A4");
    let now = ok(&owner, "GET", &base, None, 200).await;
    assert_eq!((&now["header_name"], &now["station_id"], &now["time_zone"]), (&Value::Null, &Value::Null, &json!("Europe/Berlin")));
    for (wrong, param) in [
        (json!({}), None),
        (json!({"plan": "enterprise"}), None),
        (json!({"header": "yes"}), Some("header")),
        (json!({"header": null}), Some("header")),
        (json!({"header_name": "診療所"}), Some("header_name")),
        (json!({"header_name": "x".repeat(61)}), Some("header_name")),
        (json!({"station_id": "é"}), Some("station_id")),
        (json!({"time_zone": "Mars/Olympus"}), Some("time_zone")),
        (json!({"time_zone": null}), Some("time_zone")),
        (json!({"paper": "a3"}), Some("paper")),
        (json!({"recipients": "none"}), Some("recipients")),
    ] {
        let answer = call(&owner, "PATCH", &base, Some(wrong.clone())).await;
        assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, param), "{wrong}: {}", answer.text);
    }
    assert_eq!(ok(&owner, "GET", &base, None, 200).await["paper"], "a4");
    let audit = ok(&owner, "GET", &format!("{base}/audit"), None, 200).await;
    let told: Vec<_> = audit["data"].as_array().unwrap().iter().filter(|entry| entry["action"] == "account.updated").collect();
    assert_eq!((told.len(), &told[0]["actor"]), (2, &json!("ann@example.com")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_uploads_cancels_exports_and_keeps_the_receipt() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let member = add(&service, &customer, "bob@example.com", Role::Member).await;
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let upload = ok(&member, "POST", &format!("{base}/uploads"), Some(json!({"size": LETTER.len()})), 201).await;
    let put = sfm_tests::client::http().put(text(&upload, "url")).body(LETTER).send().await.unwrap();
    assert_eq!(put.status(), 200);
    let body = json!({"to": "+15005550001", "documents": [{"upload_id": upload["id"]}], "reference": "Case 7"});
    let sent = ok(&member, "POST", &format!("{base}/faxes"), Some(body), 201).await;
    let id = text(&sent, "id");
    customer.client.completed(&id).await;
    let receipt = call(&member, "GET", &format!("{base}/faxes/{id}/receipt"), None).await;
    assert_eq!((receipt.status, receipt.header("content-type")), (200, Some("application/pdf")), "{}", receipt.text);
    assert_eq!(call(&member, "POST", &format!("{base}/faxes/{id}/cancel"), None).await.status, 409);
    let silent = ok(&member, "POST", &format!("{base}/faxes"), Some(fax("+15005550008", LETTER, "application/pdf")), 201).await;
    let canceled = call(&member, "POST", &format!("{base}/faxes/{}/cancel", text(&silent, "id")), None).await;
    assert!(matches!(canceled.status, 200 | 202), "{}", canceled.text);
    let month = service.stack.clock().now().strftime("%Y-%m").to_string();
    let export = ok(&member, "GET", &format!("{base}/faxes/export?month={month}"), None, 200).await;
    let csv = http().get(text(&export, "url")).send().await.unwrap().text().await.unwrap();
    assert!(csv.contains(&id) && csv.contains("Case 7") && csv.lines().count() == 3, "{csv}");
    let wrong = call(&member, "GET", &format!("{base}/faxes/export?month=July"), None).await;
    assert_eq!((wrong.status, wrong.json()["error"]["param"].as_str()), (400, Some("month")));
    // Who looked at what is written down.
    let owner = add(&service, &customer, "ann@example.com", Role::Owner).await;
    let audit = ok(&owner, "GET", &format!("{base}/audit"), None, 200).await;
    let looks =
        |action: &str| audit["data"].as_array().unwrap().iter().find(|entry| entry["action"] == action).cloned().unwrap_or_default();
    assert_eq!((&looks("fax.viewed")["detail"], &looks("fax.viewed")["actor"]), (&json!("receipt"), &json!("bob@example.com")));
    assert_eq!(looks("faxes.exported")["detail"], json!(month));
    // What a key takes is told too.
    let faxes = format!("/v1/faxes/{id}");
    for path in [format!("{faxes}/document"), format!("{faxes}/receipt"), format!("/v1/faxes/export?month={month}")] {
        let taken = customer.client.get(&path).await;
        assert!(matches!(taken.status, 200 | 302), "{path}: {}", taken.text);
    }
    let log = ok(&owner, "GET", &format!("{base}/audit"), None, 200).await;
    let of_key = |entry: &&Value| entry["actor"].as_str().unwrap().starts_with("key_");
    let told: Vec<_> = log["data"].as_array().unwrap().iter().filter(of_key).map(|entry| (&entry["action"], &entry["detail"])).collect();
    assert_eq!(
        told,
        [(&json!("faxes.exported"), &json!(month)), (&json!("fax.viewed"), &json!("receipt")), (&json!("fax.viewed"), &Value::Null)]
    );
}
