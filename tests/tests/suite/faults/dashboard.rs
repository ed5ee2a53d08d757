//! What a member does at the dashboard, under every fault of every call.

use reqwest::Method;
use serde_json::{Value, json};
use sfm_tests::client::{Client, fax};
use sfm_tests::documents::FORM;
use sfm_tests::eventually_blocking;
use sfm_tests::service::{Customer, used_pages};
use tokio::runtime::Runtime;

use super::KEY;
use super::requests::{RequestTrial, contact, has_document, post, tomorrow, try_requests};

pub const OWNER: &str = "ann@example.com";

pub fn base(customer: &Customer) -> String {
    format!("/dashboard/api/accounts/{}", customer.account)
}

pub fn created(runtime: &Runtime, client: &Client, path: &str, body: &Value) -> String {
    let made = runtime.block_on(client.post(path, body));
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

pub fn data(runtime: &Runtime, client: &Client, path: &str) -> Vec<Value> {
    let list = runtime.block_on(client.get(path));
    assert_eq!(list.status, 200, "{}", list.text);
    list.json()["data"].as_array().unwrap().clone()
}

fn hook() -> Value {
    json!({"url": "http://127.0.0.1:9/", "events": ["fax.delivered"]})
}

/// Every change that is done is in the audit log, and as often as it is done.
fn audited(runtime: &Runtime, client: &Client, customer: &Customer, action: &str) -> usize {
    let log = data(runtime, client, &format!("{}/audit", base(customer)));
    log.iter().filter(|entry| entry["action"] == action && entry["actor"] == OWNER).count()
}

/// What a member does. Creating a key or a webhook has no idempotency key: who got no answer and asks again may have two, and sees both.
const AT_THE_DASHBOARD: [RequestTrial; 20] = [
    RequestTrial {
        name: "creating a key",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |_, _, customer| (Method::POST, format!("{}/keys", base(customer)), json!({"name": "One", "scopes": ["faxes:read"]})),
        judge: |runtime, stack, customer, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 201, "{}", answer.text);
            let made: Vec<_> = data(runtime, client, path).into_iter().filter(|key| key["name"] == "One").collect();
            assert!(matches!(made.len(), 1 | 2) && made.iter().any(|key| key["id"] == answer.json()["id"]), "{made:?}");
            assert_eq!(audited(runtime, client, customer, "key.created"), made.len());
            let by_key = Client::new(stack.base_url(), answer.json()["key"].as_str().unwrap());
            assert_eq!(runtime.block_on(by_key.get("/v1/faxes")).status, 200);
        },
    },
    RequestTrial {
        name: "revoking a key",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/keys", base(customer));
            let id = created(runtime, client, &path, &json!({"name": "One", "scopes": ["faxes:read"]}));
            (Method::DELETE, format!("{path}/{id}"), Value::Null)
        },
        judge: |runtime, _, customer, client, answer, _| {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let keys = data(runtime, client, &format!("{}/keys", base(customer)));
            let revoked = keys.iter().filter(|key| key["name"] == "One" && !key["revoked_at"].is_null()).count();
            assert_eq!((revoked, audited(runtime, client, customer, "key.revoked")), (1, 1));
        },
    },
    RequestTrial {
        name: "creating a contact at the dashboard",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |_, _, customer| (Method::POST, format!("{}/contacts", base(customer)), contact()),
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
            assert_eq!(data(runtime, client, path).len(), 1);
        },
    },
    RequestTrial {
        name: "creating a webhook",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |_, _, customer| (Method::POST, format!("{}/webhooks", base(customer)), hook()),
        judge: |runtime, _, customer, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 201, "{}", answer.text);
            let made = data(runtime, client, path);
            assert!(matches!(made.len(), 1 | 2) && made.iter().any(|made| made["id"] == answer.json()["id"]), "{made:?}");
            assert_eq!(audited(runtime, client, customer, "webhook.created"), made.len());
        },
    },
    RequestTrial {
        name: "changing a webhook",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/webhooks", base(customer));
            let id = created(runtime, client, &path, &hook());
            (Method::PATCH, format!("{path}/{id}"), json!({"status": "disabled", "events": ["fax.failed"]}))
        },
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let now = runtime.block_on(client.get(path)).json();
            assert_eq!((&now["status"], &now["events"]), (&json!("disabled"), &json!(["fax.failed"])));
        },
    },
    RequestTrial {
        name: "rotating a webhook's secret",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/webhooks", base(customer));
            let id = created(runtime, client, &path, &hook());
            (Method::POST, format!("{path}/{id}/rotate"), Value::Null)
        },
        // Who asks again after a rotation whose answer was lost is refused, or rotates once more; one shown last is the one in use.
        judge: |runtime, _, customer, client, answer, _| {
            assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
            assert!(matches!(audited(runtime, client, customer, "webhook.secret_rotated"), 1 | 2));
        },
    },
    RequestTrial {
        name: "deleting a webhook",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/webhooks", base(customer));
            let id = created(runtime, client, &path, &hook());
            (Method::DELETE, format!("{path}/{id}"), Value::Null)
        },
        judge: |runtime, _, customer, client, answer, _| {
            assert!(matches!(answer.status, 200 | 204 | 404), "{}", answer.text);
            assert_eq!(data(runtime, client, &format!("{}/webhooks", base(customer))).len(), 0);
            assert_eq!(audited(runtime, client, customer, "webhook.deleted"), 1);
        },
    },
    RequestTrial {
        name: "sending a fax at the dashboard",
        callers: &["DashboardDocuments"],
        by_member: true,
        prepare: |_, _, customer| (Method::POST, format!("{}/faxes", base(customer)), fax("+15005550001", FORM, "image/png")),
        judge: |runtime, stack, customer, client, answer, (_, path, body)| {
            assert_eq!(answer.status, 201, "{}", answer.text);
            let faxes = data(runtime, client, path);
            assert_eq!((faxes.len(), &faxes[0]["id"]), (1, &answer.json()["id"]));
            let again = post(runtime, client, path, body);
            assert_eq!((again.header("idempotent-replayed"), &again.json()["id"]), (Some("true"), &answer.json()["id"]));
            assert_eq!(runtime.block_on(used_pages(stack, customer.account)), 1);
        },
    },
    RequestTrial {
        name: "canceling a scheduled fax at the dashboard",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/scheduled", base(customer));
            let made = post(runtime, client, &path, &tomorrow(FORM)).json();
            (Method::DELETE, format!("{path}/{}", made["id"].as_str().unwrap()), Value::Null)
        },
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
            assert_eq!(runtime.block_on(client.get(path)).json()["status"], "canceled");
        },
    },
    RequestTrial {
        name: "deleting a contact at the dashboard",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/contacts", base(customer));
            let id = created(runtime, client, &path, &contact());
            (Method::DELETE, format!("{path}/{id}"), Value::Null)
        },
        judge: |runtime, _, customer, client, answer, _| {
            assert!(matches!(answer.status, 200 | 404), "{}", answer.text);
            let path = format!("{}/contacts", base(customer));
            assert_eq!((data(runtime, client, &path).len(), audited(runtime, client, customer, "contact.deleted")), (0, 1));
            created(runtime, client, &path, &contact());
        },
    },
    RequestTrial {
        name: "sending a test event",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let id = created(runtime, client, &format!("{}/webhooks", base(customer)), &hook());
            (Method::POST, format!("{}/webhooks/{id}/test", base(customer)), Value::Null)
        },
        // Who asks again may have two, and each is in the log of the endpoint with its event.
        judge: |runtime, _, customer, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 202, "{}", answer.text);
            let made = data(runtime, client, &path.replace("/test", "/deliveries"));
            assert!(matches!(made.len(), 1 | 2) && made.iter().any(|made| made["id"] == answer.json()["id"]), "{made:?}");
            assert!(made.len() <= audited(runtime, client, customer, "webhook.tested"));
            for delivery in made {
                let path = format!("{}/events/{}/deliveries", base(customer), delivery["event_id"].as_str().unwrap());
                assert_eq!(data(runtime, client, &path).len(), 1);
            }
        },
    },
    RequestTrial {
        name: "beginning a recovery",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let id = created(runtime, client, &format!("{}/webhooks", base(customer)), &hook());
            (Method::POST, format!("{}/webhooks/{id}/recover", base(customer)), json!({"since": "2026-07-01T17:00:00Z"}))
        },
        judge: |runtime, stack, customer, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 200, "{}", answer.text);
            eventually_blocking("the recovery to end", || {
                stack.advance(jiff::SignedDuration::from_secs(61)).unwrap();
                let now = runtime.block_on(client.get(&path.replace("/recover", ""))).json();
                (now["recovery"]["status"] == "finished").then_some(())
            });
            assert!(matches!(audited(runtime, client, customer, "webhook.recovered"), 1 | 2));
        },
    },
    RequestTrial {
        name: "redelivering",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let id = created(runtime, client, &format!("{}/webhooks", base(customer)), &hook());
            let test = runtime.block_on(client.post(&format!("{}/webhooks/{id}/test", base(customer)), &Value::Null)).json();
            let path = format!("{}/events/{}/deliveries", base(customer), test["event_id"].as_str().unwrap());
            eventually_blocking("the first attempt", || (!data(runtime, client, &path)[0]["attempts"][0].is_null()).then_some(()));
            (Method::POST, format!("{}/deliveries/{}/redeliver", base(customer), test["id"].as_str().unwrap()), Value::Null)
        },
        judge: |runtime, stack, customer, client, answer, _| {
            assert_eq!(answer.status, 202, "{}", answer.text);
            let path = format!("{}/events/{}/deliveries", base(customer), answer.json()["event_id"].as_str().unwrap());
            eventually_blocking("another attempt", || {
                stack.advance(jiff::SignedDuration::from_secs(61)).unwrap();
                (!data(runtime, client, &path)[0]["attempts"][1].is_null()).then_some(())
            });
            assert!(matches!(audited(runtime, client, customer, "delivery.redelivered"), 1 | 2));
        },
    },
    RequestTrial {
        name: "ending an old secret",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let id = created(runtime, client, &format!("{}/webhooks", base(customer)), &hook());
            let path = format!("{}/webhooks/{id}", base(customer));
            let rotated = runtime.block_on(client.post(&format!("{path}/rotate"), &Value::Null)).json();
            assert!(!rotated["old_secret_expires_at"].is_null(), "{rotated}");
            (Method::POST, format!("{path}/expire-old-secret"), Value::Null)
        },
        judge: |runtime, _, customer, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let now = runtime.block_on(client.get(&path.replace("/expire-old-secret", ""))).json();
            assert_eq!(now["old_secret_expires_at"], Value::Null);
            assert!(matches!(audited(runtime, client, customer, "webhook.old_secret_expired"), 1 | 2));
        },
    },
    RequestTrial {
        name: "resending a fax",
        callers: &["DashboardDocuments"],
        by_member: true,
        prepare: |runtime, client, customer| (Method::POST, format!("{}/resend", sent(runtime, client, customer)), Value::Null),
        judge: |runtime, stack, customer, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 201, "{}", answer.text);
            let faxes = data(runtime, client, &format!("{}/faxes", base(customer)));
            assert_eq!((faxes.len(), &faxes[0]["id"]), (2, &answer.json()["id"]));
            assert!(has_document(runtime, stack, format!("faxes/{}/{}.pdf", customer.account, faxes[0]["id"].as_str().unwrap())));
            let again = runtime.block_on(client.try_call(Method::POST, path, KEY, None)).unwrap();
            assert_eq!((again.header("idempotent-replayed"), &again.json()["id"]), (Some("true"), &answer.json()["id"]));
            assert_eq!(runtime.block_on(used_pages(stack, customer.account)), 2);
        },
    },
    RequestTrial {
        name: "scheduling a fax at the dashboard",
        callers: &["DashboardDocuments"],
        by_member: true,
        prepare: |_, _, customer| (Method::POST, format!("{}/scheduled", base(customer)), tomorrow(FORM)),
        judge: |runtime, stack, customer, client, answer, (_, path, body)| {
            assert_eq!(answer.status, 201, "{}", answer.text);
            let made = data(runtime, client, path);
            assert_eq!((made.len(), &made[0]["id"]), (1, &answer.json()["id"]));
            assert!(has_document(runtime, stack, format!("scheduled/{}/{}.pdf", customer.account, made[0]["id"].as_str().unwrap())));
            let again = post(runtime, client, path, body);
            assert_eq!((again.header("idempotent-replayed"), &again.text), (Some("true"), &answer.text));
            assert_eq!(audited(runtime, client, customer, "fax.scheduled"), 1);
        },
    },
    RequestTrial {
        name: "looking at a page",
        callers: &["DashboardDocuments"],
        by_member: true,
        prepare: |runtime, client, customer| (Method::GET, format!("{}/pages/1", sent(runtime, client, customer)), Value::Null),
        // Who looks is written down before the picture leaves: once for each try that came so far.
        judge: |runtime, _, customer, client, answer, _| {
            assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/png")), "{}", answer.text);
            assert!(matches!(audited(runtime, client, customer, "fax.viewed"), 1 | 2));
        },
    },
    RequestTrial {
        name: "changing the account's settings",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |_, _, customer| (Method::PATCH, base(customer), json!({"time_zone": "Europe/Berlin", "station_id": "WARD 7"})),
        judge: |runtime, _, customer, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let now = runtime.block_on(client.get(path)).json();
            assert_eq!(
                (&now["time_zone"], &now["station_id"], &now["paper"]),
                (&json!("Europe/Berlin"), &json!("WARD 7"), &json!("letter"))
            );
            assert!(matches!(audited(runtime, client, customer, "account.updated"), 1 | 2));
        },
    },
    RequestTrial {
        name: "canceling a fax at the dashboard",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| {
            let path = format!("{}/faxes", base(customer));
            // Its machine never answers.
            let id = created(runtime, client, &path, &fax("+15005550008", FORM, "image/png"));
            (Method::POST, format!("{path}/{id}/cancel"), Value::Null)
        },
        judge: |runtime, stack, customer, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 200 | 202 | 409), "{}", answer.text);
            let fax = eventually_blocking("the fax to be canceled", || {
                stack.advance(jiff::SignedDuration::from_secs(61)).unwrap();
                let fax = runtime.block_on(client.get(path.trim_end_matches("/cancel"))).json();
                (!fax["completed_at"].is_null()).then_some(fax)
            });
            // Once its carrier has it, it is told to stop and may have done already.
            assert!(fax["status"] == "canceled" || answer.status == 202 && fax["status"] == "delivered", "{fax}");
            assert_eq!(runtime.block_on(used_pages(stack, customer.account)), fax["pages_sent"].as_u64().unwrap());
        },
    },
    RequestTrial {
        name: "deleting a fax",
        callers: &["DashboardApi"],
        by_member: true,
        prepare: |runtime, client, customer| (Method::DELETE, sent(runtime, client, customer), Value::Null),
        judge: |runtime, _, customer, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 200 | 404), "{}", answer.text);
            assert_eq!(runtime.block_on(client.get(path)).status, 404);
            assert_eq!(data(runtime, client, &format!("{}/faxes", base(customer))).len(), 0);
            assert_eq!(audited(runtime, client, customer, "fax.deleted"), 1);
            assert_eq!(runtime.block_on(client.get(&format!("{path}/document"))).status, 404);
        },
    },
];

/// The path of a fax of one page that a member has sent, and that has arrived.
fn sent(runtime: &Runtime, client: &Client, customer: &Customer) -> String {
    let path = format!("{}/faxes", base(customer));
    let id = created(runtime, client, &path, &fax("+15005550001", FORM, "image/png"));
    runtime.block_on(customer.client.completed(&id));
    format!("{path}/{id}")
}

#[test]
fn a_member_at_the_dashboard_survives_every_fault_of_every_call() {
    try_requests(&AT_THE_DASHBOARD);
}
