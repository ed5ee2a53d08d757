//! Requests that are answered at once: each of their calls with every fault, until there is an answer.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sfm::commands;
use sfm_core::member::Role;
use sfm_core::plan::Plan;
use sfm_local::stack::Stack;
use sfm_tests::DEADLINE;
use sfm_tests::client::{Answer, Client, fax};
use sfm_tests::documents;
use sfm_tests::draw::{Draw, try_each};
use sfm_tests::injector::{Fault, Injector, Point};
use sfm_tests::member::sign_in;
use sfm_tests::process::Process;
use sfm_tests::service::{Customer, audited, customer, left_due, used_pages};
use tokio::runtime::Runtime;

use super::KEY;
use super::dashboard::OWNER;

/// A request's method, path and body.
pub type Asked = (Method, String, Value);

/// A request that is answered at once, and what must hold after it however often it had to be repeated.
pub struct RequestTrial {
    pub name: &'static str,
    pub callers: &'static [&'static str],
    pub by_member: bool,
    /// Makes what the request is about, and returns the request.
    pub prepare: fn(&Runtime, &Client, &Customer) -> Asked,
    /// Judges the last answer and the state that it left.
    pub judge: fn(&Runtime, &Stack, &Customer, &Client, &Answer, &Asked),
}

pub fn post(runtime: &Runtime, client: &Client, path: &str, body: &Value) -> Answer {
    runtime.block_on(client.try_call(Method::POST, path, KEY, Some(body.to_string().into_bytes()))).unwrap()
}

pub fn total(runtime: &Runtime, client: &Client, path: &str) -> u64 {
    runtime.block_on(client.get(path)).json()["total"].as_u64().unwrap()
}

pub fn tomorrow(document: &[u8]) -> Value {
    let mut body = fax("+15005550001", document, "image/png");
    body["send_at"] = json!((Timestamp::now() + SignedDuration::from_hours(24 * 20)).to_string());
    body
}

pub fn has_document(runtime: &Runtime, stack: &Stack, key: String) -> bool {
    runtime.block_on(stack.operator_platform().s3().head_object().bucket("documents").key(key).send()).is_ok()
}

pub fn contact() -> Value {
    json!({"name": "Dr. Smith", "fax_number": "+12125551234"})
}

const REQUESTS: [RequestTrial; 11] = [
    RequestTrial {
        name: "uploading a document",
        callers: &["CreateUpload"],
        by_member: false,
        prepare: |_, _, _| (Method::POST, "/v1/uploads".into(), json!({"size": documents::FORM.len()})),
        // Who asks again gets another one; nothing is stored before it is put.
        judge: |runtime, _, _, client, answer, _| {
            assert_eq!(answer.status, 201, "{}", answer.text);
            let upload = answer.json();
            let put = sfm_tests::client::http().put(upload["url"].as_str().unwrap()).body(documents::FORM);
            assert_eq!(runtime.block_on(async { put.send().await }).unwrap().status(), 200);
            let body = json!({"to": "+15005550001", "documents": [{"upload_id": upload["id"]}]});
            assert_eq!(runtime.block_on(client.post("/v1/faxes", &body)).status, 201);
        },
    },
    RequestTrial {
        name: "exporting a month",
        callers: &["ExportFaxes"],
        by_member: false,
        prepare: |runtime, client, _| {
            assert_eq!(post(runtime, client, "/v1/faxes", &fax("+15005550001", documents::FORM, "image/png")).status, 201);
            (Method::GET, format!("/v1/faxes/export?month={}", Timestamp::now().strftime("%Y-%m")), Value::Null)
        },
        judge: |runtime, _, _, _, answer, _| {
            assert_eq!(answer.status, 302, "{}", answer.text);
            let read = sfm_tests::client::http().get(answer.header("location").unwrap());
            let csv = runtime.block_on(async { read.send().await.unwrap().text().await.unwrap() });
            // An index that has not caught up shows fewer.
            assert!(csv.starts_with("id,direction,") && csv.lines().count() <= 2, "{csv}");
        },
    },
    RequestTrial {
        name: "deleting a fax",
        callers: &["DeleteFax"],
        by_member: false,
        prepare: |runtime, client, _| {
            let id = post(runtime, client, "/v1/faxes", &fax("+15005550001", documents::FORM, "image/png")).json()["id"].clone();
            let id = id.as_str().unwrap();
            runtime.block_on(client.completed(id));
            (Method::DELETE, format!("/v1/faxes/{id}"), Value::Null)
        },
        // 404 is the answer to a repetition, when the answer of the first was lost.
        judge: |runtime, stack, customer, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 200 | 404), "{}", answer.text);
            assert_eq!(total(runtime, client, "/v1/faxes"), 0);
            let id = path.rsplit('/').next().unwrap();
            runtime.block_on(sfm_tests::eventually("its document to be gone and nothing to be left due", || async {
                stack.advance(SignedDuration::from_mins(6)).unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
                let left = sfm_tests::service::has_document(&stack.operator_platform(), "documents", customer.account, id).await;
                (!left && left_due(stack, customer.account).await.is_empty()).then_some(())
            }));
            assert_eq!(runtime.block_on(audited(&stack.operator_platform(), customer.account, "fax.deleted")), 1);
            assert_eq!(runtime.block_on(used_pages(stack, customer.account)), 1);
        },
    },
    RequestTrial {
        name: "resending what was not sent",
        callers: &["ResendFax"],
        by_member: false,
        prepare: |runtime, client, _| {
            let id = post(runtime, client, "/v1/faxes", &fax("+15005550005", documents::LETTER, "application/pdf")).json()["id"].clone();
            let id = id.as_str().unwrap();
            runtime
                .block_on(sfm_tests::eventually("a page to be sent", || async { (client.fax(id).await["pages_sent"] == 1).then_some(()) }));
            assert_eq!(runtime.block_on(client.post(&format!("/v1/faxes/{id}/cancel"), &json!({}))).status, 200);
            (Method::POST, format!("/v1/faxes/{id}/resend"), json!({"to": "+15005550001", "pages": "unsent"}))
        },
        judge: |runtime, stack, customer, client, answer, (_, path, body)| {
            assert_eq!((answer.status, total(runtime, client, "/v1/faxes")), (201, 2), "{}", answer.text);
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            assert!(has_document(runtime, stack, format!("faxes/{}/{id}.pdf", customer.account)), "its document is there");
            assert_eq!(runtime.block_on(used_pages(stack, customer.account)), 2, "the page of the first and the page of this one");
            let again = post(runtime, client, path, body);
            assert_eq!((again.header("idempotent-replayed"), &again.json()["id"]), (Some("true"), &json!(id)));
        },
    },
    RequestTrial {
        name: "canceling a fax that waits for its next call",
        callers: &["CancelFax"],
        by_member: false,
        prepare: |runtime, client, _| {
            let id = post(runtime, client, "/v1/faxes", &fax("+15005550002", documents::FORM, "image/png")).json()["id"].clone();
            let id = id.as_str().unwrap();
            runtime.block_on(sfm_tests::eventually("the line to be busy", || async {
                (client.fax(id).await["attempts"][0]["outcome"] == "busy").then_some(())
            }));
            (Method::POST, format!("/v1/faxes/{id}/cancel"), Value::Null)
        },
        // 409 is the answer to a repetition, when the answer of the first was lost.
        judge: |runtime, stack, customer, client, answer, _| {
            assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
            let list = runtime.block_on(client.get("/v1/faxes")).json();
            assert_eq!((&list["total"], &list["data"][0]["status"]), (&json!(1), &json!("canceled")));
            assert_eq!(runtime.block_on(used_pages(stack, customer.account)), 0);
        },
    },
    RequestTrial {
        name: "scheduling a fax",
        callers: &["ScheduleFax"],
        by_member: false,
        prepare: |_, _, _| (Method::POST, "/v1/scheduled".into(), tomorrow(documents::FORM)),
        judge: |runtime, stack, customer, client, answer, (_, path, body)| {
            assert_eq!((answer.status, total(runtime, client, path)), (201, 1), "{}", answer.text);
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            assert_eq!(runtime.block_on(client.get(&format!("{path}/{id}"))).json(), answer.json());
            assert!(has_document(runtime, stack, format!("scheduled/{}/{id}.pdf", customer.account)), "its document is there");
            let again = post(runtime, client, path, body);
            assert_eq!((again.header("idempotent-replayed"), &again.text), (Some("true"), &answer.text));
        },
    },
    RequestTrial {
        name: "canceling a scheduled fax",
        callers: &["CancelScheduledFax"],
        by_member: false,
        prepare: |runtime, client, _| {
            let made = post(runtime, client, "/v1/scheduled", &tomorrow(documents::FORM)).json();
            (Method::DELETE, format!("/v1/scheduled/{}", made["id"].as_str().unwrap()), Value::Null)
        },
        // 409 is the answer to a repetition, when the answer of the first was lost.
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
            assert_eq!(runtime.block_on(client.get(path)).json()["status"], "canceled");
        },
    },
    RequestTrial {
        name: "creating a contact",
        callers: &["CreateContact"],
        by_member: false,
        prepare: |_, _, _| (Method::POST, "/v1/contacts".into(), contact()),
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
            let list = runtime.block_on(client.get(path)).json();
            assert_eq!((&list["total"], &list["data"][0]["fax_number"]), (&json!(1), &json!("+12125551234")));
            assert!(answer.text.contains(list["data"][0]["id"].as_str().unwrap()), "{}", answer.text);
        },
    },
    RequestTrial {
        name: "changing a contact",
        callers: &["UpdateContact"],
        by_member: false,
        prepare: |runtime, client, _| {
            let made = post(runtime, client, "/v1/contacts", &contact()).json();
            let change = json!({"name": "Dr. Ada Smith", "fax_number": "+12125551235", "company": null});
            (Method::PATCH, format!("/v1/contacts/{}", made["id"].as_str().unwrap()), change)
        },
        judge: |runtime, _, _, client, answer, (_, path, _)| {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let read = runtime.block_on(client.get(path)).json();
            assert_eq!(
                (&read["name"], &read["fax_number"], &read["company"]),
                (&json!("Dr. Ada Smith"), &json!("+12125551235"), &Value::Null)
            );
            assert_eq!(total(runtime, client, "/v1/contacts"), 1);
            assert_eq!(post(runtime, client, "/v1/contacts", &contact()).status, 201, "the number that it had is free");
            let taken = json!({"name": "B", "fax_number": "+12125551235"});
            assert_eq!(post(runtime, client, "/v1/contacts", &taken).status, 409, "and the one that it has is not");
        },
    },
    RequestTrial {
        name: "deleting a contact",
        callers: &["DeleteContact"],
        by_member: false,
        prepare: |runtime, client, _| {
            let made = post(runtime, client, "/v1/contacts", &contact()).json();
            (Method::DELETE, format!("/v1/contacts/{}", made["id"].as_str().unwrap()), Value::Null)
        },
        judge: |runtime, _, _, client, answer, _| {
            assert!(matches!(answer.status, 200 | 404), "{}", answer.text);
            assert_eq!(total(runtime, client, "/v1/contacts"), 0);
            assert_eq!(post(runtime, client, "/v1/contacts", &contact()).status, 201, "its number is free");
            assert_eq!(total(runtime, client, "/v1/contacts"), 1);
        },
    },
    RequestTrial {
        name: "repeating a send",
        callers: &["SendFax"],
        by_member: false,
        prepare: |runtime, client, _| {
            let body = fax("+15005550001", documents::FORM, "image/png");
            let first = post(runtime, client, "/v1/faxes", &body);
            assert_eq!(first.status, 201, "{}", first.text);
            (Method::POST, "/v1/faxes".into(), body)
        },
        judge: |runtime, stack, customer, client, answer, (_, path, _)| {
            assert_eq!((answer.status, answer.header("idempotent-replayed")), (201, Some("true")), "{}", answer.text);
            assert_eq!((total(runtime, client, path), runtime.block_on(used_pages(stack, customer.account))), (1, 1));
        },
    },
];

impl RequestTrial {
    fn run(&self, dir: &Path, interceptor: &Arc<Injector>, mut process: Process, target: &(Point, Fault)) -> (Process, bool) {
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let client = self.client(&process, &customer);
        let request = (self.prepare)(&process.runtime, &client, &customer);
        interceptor.arm(self.callers, [target.clone()]);
        let deadline = Instant::now() + DEADLINE;
        let answer = loop {
            assert!(Instant::now() < deadline, "{} {target:?}: no end", self.name);
            let answer = self.ask(&process, &client, interceptor, &request);
            if interceptor.process_gone() {
                process.crash();
                interceptor.resume();
                process = Process::start(dir, interceptor.clone());
            } else if let Some(answer) = answer {
                break answer;
            }
        };
        let struck = interceptor.was_hit();
        interceptor.disarm();
        println!("  {} {:?} of {}: {}", self.name, target.1, target.0, answer.status);
        (self.judge)(&process.runtime, &process.stack, &customer, &client, &answer, &request);
        interceptor.assert_no_errors(&(self.name, target));
        (process, struck)
    }

    /// Who asks: the customer by key, or the owner of the account, signed in.
    fn client(&self, process: &Process, customer: &Customer) -> Client {
        if !self.by_member {
            return Client::new(process.stack.base_url(), &customer.key);
        }
        member(process, customer)
    }

    /// One try. None when there was no answer, or one that asks to try again.
    fn ask(&self, process: &Process, client: &Client, interceptor: &Injector, request: &Asked) -> Option<Answer> {
        let (method, path, body) = request.clone();
        let body = (!body.is_null()).then(|| body.to_string().into_bytes());
        process.runtime.block_on(async {
            let asking = client.try_call(method, &path, KEY, body);
            let gone = async {
                while !interceptor.process_gone() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                answer = asking => answer.ok().filter(|answer| answer.status < 500),
                () = gone => None,
            }
        })
    }
}

/// The owner of the account, signed in to the dashboard.
pub fn member(process: &Process, customer: &Customer) -> Client {
    process.runtime.block_on(async {
        commands::member::add(&process.stack.operator_platform(), customer.account, OWNER, Role::Owner).await.unwrap();
        sign_in(process.stack.base_url(), OWNER).await
    })
}

/// Each call of each request with every fault.
pub fn try_requests(trials: &[RequestTrial]) {
    let folder = tempfile::tempdir().unwrap();
    let interceptor = Arc::new(Injector::default());
    let mut process = Process::start(folder.path(), interceptor.clone());
    let (mut draw, mut met) = (Draw::new("requests"), HashMap::new());
    let wanted = std::env::var("FAULT_REQUESTS").unwrap_or_default();
    for trial in trials.iter().filter(|trial| trial.name.contains(&wanted)) {
        let customer = process.runtime.block_on(customer(&process.stack, Plan::Business, None));
        let client = trial.client(&process, &customer);
        let request = (trial.prepare)(&process.runtime, &client, &customer);
        interceptor.arm(trial.callers, None);
        let clean = trial.ask(&process, &client, &interceptor, &request).expect("an answer without faults");
        let points = interceptor.seen();
        interceptor.disarm();
        (trial.judge)(&process.runtime, &process.stack, &customer, &client, &clean, &request);
        assert!(points.len() >= 2, "{}: {points:?}", trial.name);
        println!("{}: {} calls", trial.name, points.len());
        let mut targets = draw.singles(&points);
        // At the door all requests ask the same: what two of them have met is not tried with a third.
        if std::env::var_os("FAULTS").is_none() {
            targets.retain(|(point, fault)| {
                let times = met.entry(point.clone()).or_insert(0);
                *times += 1;
                *times <= 2 || !point.reads() || point.silent() == Some(*fault)
            });
        }
        process =
            try_each(targets, &[], &HashSet::new(), process, |process, target| trial.run(folder.path(), &interceptor, process, &target));
    }
    process.crash();
}

#[test]
fn requests_for_contacts_and_scheduled_faxes_and_replays_survive_every_fault_of_every_call() {
    try_requests(&REQUESTS);
}
