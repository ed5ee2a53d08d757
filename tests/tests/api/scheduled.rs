//! Scheduled faxes: made, watched and canceled.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sfm::commands::account;
use sfm_core::id::AccountId;
use sfm_core::plan::Plan;
use sfm_core::scope::Scope;
use sfm_tests::client::{Client, fax};
use sfm_tests::documents::{FORM, LETTER};
use sfm_tests::service::Customer;
use sfm_tests::target::Target;

use crate::{assert_problem, ids};

fn scheduled(ahead: SignedDuration) -> Value {
    let mut body = fax("+15005550001", FORM, "image/png");
    body["send_at"] = json!((Timestamp::now() + ahead).to_string());
    body
}

const TOMORROW: SignedDuration = SignedDuration::from_hours(24);

async fn schedule(client: &Client) -> String {
    let made = client.post("/v1/scheduled", &scheduled(TOMORROW)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

/// The documents kept for an account's scheduled faxes.
async fn kept(service: &Target, account: AccountId) -> usize {
    let list = service.operator_platform().s3().list_objects_v2().bucket(service.documents()).prefix(format!("scheduled/{account}/"));
    list.send().await.unwrap().contents().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_is_scheduled_with_its_document_made_ready_and_nothing_charged() {
    let service = Target::start().await;
    // No number and no page left: the gates are asked when it is sent.
    let new = account::New {
        name: "Empty".into(),
        plan: Plan::Business,
        monthly_pages: Some(0),
        requires_baa: true,
        allow_premium: false,
        recipients: sfm_core::recipient::RecipientPolicy::Any,
        settings: sfm::commands::account::Settings::default(),
    };
    let account = account::create(&service.operator_platform(), new).await.unwrap().id;
    let client = service.client(&service.key(account, Scope::ALL.to_vec(), false).await);
    let mut body = fax("(500) 555-0001", LETTER, "application/pdf");
    let at = Timestamp::now() + TOMORROW;
    // The same moment on a clock five hours ahead of UTC.
    let with_offset = (at + SignedDuration::from_hours(5)).strftime("%Y-%m-%dT%H:%M:%S+05:00").to_string();
    body["send_at"] = json!(with_offset);
    let made = client.post("/v1/scheduled", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(made["send_at"], at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
    let told = (&made["object"], &made["status"], &made["to"], &made["pages"]);
    assert_eq!(told, (&json!("scheduled"), &json!("pending"), &json!("+15005550001"), &json!(2)));
    assert_eq!((&made["from"], &made["fax_id"], &made["failure"], &made["live"]), (&Value::Null, &Value::Null, &Value::Null, &json!(true)));
    assert_eq!(client.get(&format!("/v1/scheduled/{}", made["id"].as_str().unwrap())).await.json(), made);
    assert_eq!(client.get("/v1/scheduled").await.json()["data"], json!([made]));
    assert_eq!(client.get("/v1/faxes").await.json()["total"], 0);
    assert_eq!((service.used_pages(account).await, kept(&service, account).await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_schedule_is_said_and_nothing_is_stored() {
    let service = Target::start().await;
    let Customer { account, client, .. } = service.customer().await;
    let with = |field: &str, value: Value| {
        let mut body = scheduled(TOMORROW);
        body[field] = value;
        body
    };
    let in_seconds = |seconds| json!((Timestamp::now() + SignedDuration::from_secs(seconds)).to_string());
    let tomorrow = |format: &str| json!((Timestamp::now() + SignedDuration::from_hours(24)).strftime(format).to_string());
    let rows = [
        (with("send_at", Value::Null), "send_at"),
        (with("send_at", json!("soon")), "send_at"),
        (with("send_at", json!("2026-07-01T17:00:00")), "send_at"),
        (with("send_at", json!(1_790_000_000)), "send_at"),
        (with("send_at", json!("2026-07-01T17:00:00Z")), "send_at"),
        // A time that is ahead, and not as RFC 3339 writes it: an offset past a day, a zone's name, the basic format, a minute of 61
        // seconds, no seconds, no offset.
        (with("send_at", tomorrow("%Y-%m-%dT%H:%M:%S+24:00")), "send_at"),
        (with("send_at", tomorrow("%Y-%m-%dT%H:%M:%S+00:00[Europe/Paris]")), "send_at"),
        (with("send_at", tomorrow("%Y%m%dT%H%M%SZ")), "send_at"),
        (with("send_at", tomorrow("%Y-%m-%dT%H:%M:60Z")), "send_at"),
        (with("send_at", tomorrow("%Y-%m-%dT%H:%MZ")), "send_at"),
        (with("send_at", tomorrow("%Y-%m-%dT%H:%M:%S")), "send_at"),
        (with("send_at", in_seconds(59)), "send_at"),
        (with("send_at", in_seconds(180 * 86_400 + 60)), "send_at"),
        (with("send_at", json!("9999-12-31T23:59:59Z")), "send_at"),
        (with("to", json!("12")), "to"),
        (with("from", json!("+12125550000")), "from"),
        (with("document", Value::Null), "document"),
        (with("document_url", json!("https://example.com/a.pdf")), "document_url"),
        (with("document", json!({"content": "JVBERi0=", "content_type": "application/pdf"})), "document.content"),
    ];
    for (body, param) in rows {
        let error = assert_problem(&client.post("/v1/scheduled", &body).await, 400, "invalid_request");
        assert_eq!(error["param"], param, "{error}");
    }
    assert_eq!(client.get("/v1/scheduled").await.json()["total"], 0);
    assert_eq!(kept(&service, account).await, 0);
    let own = client.get("/v1/numbers").await.json()["data"][0]["number"].clone();
    assert_eq!(client.post("/v1/scheduled", &with("from", own.clone())).await.json()["from"], own);
    assert_eq!(client.post("/v1/scheduled", &with("send_at", in_seconds(65))).await.status, 201);
    assert_eq!(client.post("/v1/scheduled", &with("send_at", in_seconds(180 * 86_400 - 5))).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_one_is_canceled_once_and_its_document_goes() {
    let service = Target::start().await;
    let Customer { account, client, .. } = service.customer().await;
    let path = format!("/v1/scheduled/{}", schedule(&client).await);
    assert_eq!(kept(&service, account).await, 1);
    // One of five wins; the others find it canceled.
    let racing: Vec<_> = (0..5)
        .map(|_| {
            let (client, path) = (client.clone(), path.clone());
            tokio::spawn(async move { client.delete(&path).await })
        })
        .collect();
    let mut won = 0;
    for answer in racing {
        let answer = answer.await.unwrap();
        if answer.status == 200 {
            won += 1;
            assert_eq!((answer.json()["object"].clone(), answer.json()["status"].clone()), (json!("scheduled"), json!("canceled")));
        } else {
            assert_eq!(assert_problem(&answer, 409, "conflict")["code"], "not_pending");
        }
    }
    assert_eq!(won, 1);
    assert_eq!(client.get(&path).await.json()["status"], "canceled");
    assert_eq!(client.get("/v1/scheduled").await.json()["data"][0]["status"], "canceled", "it stays in the list");
    assert_eq!(kept(&service, account).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_schedules_with_one_idempotency_key_make_one_and_equal_answers() {
    let service = Target::start().await;
    let Customer { account, client, .. } = service.customer().await;
    let body = scheduled(TOMORROW);
    let post = |body: &Value| {
        let (client, body) = (client.clone(), body.to_string().into_bytes());
        async move { client.try_call(Method::POST, "/v1/scheduled", &[("Idempotency-Key", "once")], Some(body)).await.unwrap() }
    };
    let racing: Vec<_> = (0..20).map(|_| tokio::spawn(post(&body))).collect();
    let mut answers = Vec::new();
    for answer in racing {
        answers.push(answer.await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count(), 1);
    assert_eq!(client.get("/v1/scheduled").await.json()["total"], 1);
    assert_eq!(kept(&service, account).await, 1, "the losers' documents are removed");

    let mut later = body.clone();
    later["send_at"] = scheduled(TOMORROW * 2)["send_at"].clone();
    assert_eq!(assert_problem(&post(&later).await, 400, "invalid_request")["code"], "idempotency_key_reused");
    // The key names a request of its route: a send with it is another request.
    let send =
        client.try_call(Method::POST, "/v1/faxes", &[("Idempotency-Key", "once")], Some(body.to_string().into_bytes())).await.unwrap();
    assert_eq!((send.status, send.header("idempotent-replayed")), (201, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_faxes_are_listed_newest_first_and_paged() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.insert(0, schedule(&client).await);
    }
    for (page, expected) in [(1, &all[..2]), (2, &all[2..4]), (3, &all[4..]), (4, &[][..])] {
        let list = client.get(&format!("/v1/scheduled?limit=2&page={page}")).await;
        assert_eq!(ids(&list), expected);
        assert_eq!((list.json()["total"].clone(), list.json()["has_more"].clone()), (json!(5), json!(page < 3)));
    }
    assert_problem(&client.get("/v1/scheduled?limit=101").await, 400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_fax_of_another_account_is_absent_and_each_route_needs_its_scope() {
    let service = Target::start().await;
    let (owner, stranger) = (service.customer().await, service.customer().await.client);
    let id = schedule(&owner.client).await;
    for id in [id.as_str(), "sched_01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense"] {
        let path = format!("/v1/scheduled/{id}");
        let read = assert_problem(&stranger.get(&path).await, 404, "not_found")["message"].clone();
        assert_eq!(assert_problem(&stranger.delete(&path).await, 404, "not_found")["message"], read);
    }
    let path = format!("/v1/scheduled/{id}");
    assert_eq!(owner.client.get(&path).await.json()["status"], "pending");
    let reader = service.client(&service.key(owner.account, vec![Scope::ScheduledRead], false).await);
    let writer = service.client(&service.key(owner.account, vec![Scope::ScheduledWrite], false).await);
    assert_problem(&reader.post("/v1/scheduled", &json!({})).await, 403, "forbidden");
    assert_problem(&reader.delete(&path).await, 403, "forbidden");
    assert_problem(&writer.get("/v1/scheduled").await, 403, "forbidden");
    assert_problem(&writer.get(&path).await, 403, "forbidden");
    assert_eq!((reader.get(&path).await.status, writer.delete(&path).await.status), (200, 200));
    let test_key = service.client(&service.key(owner.account, Scope::ALL.to_vec(), true).await);
    let of_test = format!("/v1/scheduled/{}", schedule(&test_key).await);
    assert_eq!(test_key.get(&of_test).await.json()["live"], false);
    // A test cancels nothing that is real, and what is real no test; each reads both.
    let live = format!("/v1/scheduled/{}", schedule(&owner.client).await);
    assert_problem(&test_key.delete(&live).await, 404, "not_found");
    assert_problem(&owner.client.delete(&of_test).await, 404, "not_found");
    for (client, path) in [(&test_key, &live), (&owner.client, &of_test)] {
        assert_eq!(client.get(path).await.json()["status"], "pending");
    }
    assert_eq!((test_key.delete(&of_test).await.status, owner.client.delete(&live).await.status), (200, 200));
}
