//! The address book.

use reqwest::Method;
use serde_json::{Value, json};
use sfm_core::scope::Scope;
use sfm_tests::client::Answer;
use sfm_tests::target::Target;

use crate::{assert_problem, ids};

fn contact(number: &str) -> Value {
    json!({"name": "Dr. Smith", "fax_number": number})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_created_read_listed_and_deleted() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let created =
        client.post("/v1/contacts", &json!({"name": " Dr. Smith ", "fax_number": "(212) 555-1234", "company": "Practice", "x": 1})).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let created = created.json();
    let told = (&created["object"], &created["name"], &created["fax_number"], &created["company"]);
    assert_eq!(told, (&json!("contact"), &json!("Dr. Smith"), &json!("+12125551234"), &json!("Practice")));
    let path = format!("/v1/contacts/{}", created["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.json(), created);
    assert_eq!(client.get("/v1/contacts").await.json()["data"], json!([created]));

    let deleted = client.delete(&path).await;
    assert_eq!((deleted.status, deleted.json()), (200, json!({"id": created["id"], "object": "contact", "deleted": true})));
    assert_problem(&client.get(&path).await, 404, "not_found");
    assert_problem(&client.delete(&path).await, 404, "not_found");
    assert_eq!(client.get("/v1/contacts").await.json()["total"], 0);
    assert_eq!(client.post("/v1/contacts", &contact("+12125551234")).await.status, 201, "its number can be used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_number_is_in_an_address_book_once_also_under_races() {
    let service = Target::start().await;
    let (one, other) = (service.customer().await.client, service.customer().await.client);
    let spellings = ["+12125551234", "212-555-1234", "(212) 555 1234", "1 212 555 1234", "+1.212.555.1234"];
    let racing: Vec<_> = (0..10)
        .map(|i| {
            let (client, body) = (one.clone(), contact(spellings[i % spellings.len()]));
            tokio::spawn(async move { client.post("/v1/contacts", &body).await })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in racing {
        answers.push(answer.await.unwrap());
    }
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (1, 9));
    for answer in &refused {
        let error = assert_problem(answer, 409, "conflict");
        assert_eq!((&error["code"], &error["param"]), (&json!("contact_exists"), &json!("fax_number")));
        assert!(error["message"].as_str().unwrap().contains(made[0].json()["id"].as_str().unwrap()), "{error}");
    }
    assert_eq!(one.get("/v1/contacts").await.json()["total"], 1);
    assert_eq!(other.post("/v1/contacts", &contact("+12125551234")).await.status, 201, "each account has its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_listed_newest_first_and_paged() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    // All at once: each gets a place of its own.
    let creating: Vec<_> = (0..8)
        .map(|i| {
            let (client, body) = (client.clone(), contact(&format!("+1212555{:04}", 2000 + i)));
            tokio::spawn(async move { client.post("/v1/contacts", &body).await.status })
        })
        .collect();
    for status in creating {
        assert_eq!(status.await.unwrap(), 201);
    }
    let whole = client.get("/v1/contacts").await;
    let mut all = ids(&whole);
    assert_eq!(all.len(), 8);
    let entries = whole.json()["data"].as_array().unwrap().clone();
    let times: Vec<&str> = entries.iter().map(|entry| entry["created_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a > b), "{times:?}");
    for gone in [all.remove(6), all.remove(0), all.remove(3)] {
        assert_eq!(client.delete(&format!("/v1/contacts/{gone}")).await.status, 200);
    }
    for (page, expected) in [(1, &all[..2]), (2, &all[2..4]), (3, &all[4..]), (4, &[][..])] {
        let list = client.get(&format!("/v1/contacts?limit=2&page={page}")).await;
        assert_eq!(ids(&list), expected, "page {page}");
        assert_eq!((list.json()["total"].clone(), list.json()["has_more"].clone()), (json!(5), json!(page < 3)));
    }
    assert_problem(&client.get("/v1/contacts?limit=0").await, 400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_contact_is_said_and_nothing_is_stored() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let rows = [
        (json!({"fax_number": "+12125551234"}), "name"),
        (json!({"name": null, "fax_number": "+12125551234"}), "name"),
        (json!({"name": "  ", "fax_number": "+12125551234"}), "name"),
        (json!({"name": 7, "fax_number": "+12125551234"}), "name"),
        (json!({"name": "x".repeat(201), "fax_number": "+12125551234"}), "name"),
        (json!({"name": "a\u{0}b", "fax_number": "+12125551234"}), "name"),
        (json!({"name": "Dr. Smith"}), "fax_number"),
        (json!({"name": "Dr. Smith", "fax_number": "12"}), "fax_number"),
        (json!({"name": "Dr. Smith", "fax_number": ["+12125551234"]}), "fax_number"),
        (json!({"name": "Dr. Smith", "fax_number": "+12125551234", "company": ""}), "company"),
        (json!({"name": "Dr. Smith", "fax_number": "+12125551234", "company": {}}), "company"),
    ];
    for (body, param) in rows {
        assert_eq!(assert_problem(&client.post("/v1/contacts", &body).await, 400, "invalid_request")["param"], param, "{body}");
    }
    for body in [&b""[..], b"{", b"[]", b"\xff", b"null"] {
        let answer = client.try_call(Method::POST, "/v1/contacts", &[], Some(body.to_vec())).await.unwrap();
        assert_problem(&answer, 400, "invalid_request");
    }
    assert_eq!(client.get("/v1/contacts").await.json()["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_of_another_account_is_absent_and_each_route_needs_its_scope() {
    let service = Target::start().await;
    let (owner, stranger) = (service.customer().await, service.customer().await.client);
    let id = owner.client.post("/v1/contacts", &contact("+12125551234")).await.json()["id"].as_str().unwrap().to_owned();
    for id in [id.as_str(), "ct_01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense", "fax_01ARZ3NDEKTSV4RRFFQ69G5FAV", "%F0%9F%93%A0"] {
        let path = format!("/v1/contacts/{id}");
        let message = |error: Value| error["message"].clone();
        let read = message(assert_problem(&stranger.get(&path).await, 404, "not_found"));
        assert_eq!(message(assert_problem(&stranger.delete(&path).await, 404, "not_found")), read);
        assert_eq!(read, "There is no such resource on this account.");
    }
    assert_eq!(owner.client.get(&format!("/v1/contacts/{id}")).await.status, 200);
    let reader = service.client(&service.key(owner.account, vec![Scope::ContactsRead], false).await);
    let writer = service.client(&service.key(owner.account, vec![Scope::ContactsWrite], false).await);
    assert_eq!(reader.get("/v1/contacts").await.status, 200);
    assert_problem(&reader.post("/v1/contacts", &contact("+12125551235")).await, 403, "forbidden");
    assert_problem(&reader.delete(&format!("/v1/contacts/{id}")).await, 403, "forbidden");
    assert_problem(&writer.get("/v1/contacts").await, 403, "forbidden");
    assert_problem(&writer.get(&format!("/v1/contacts/{id}")).await, 403, "forbidden");
    assert_eq!(writer.delete(&format!("/v1/contacts/{id}")).await.status, 200);
}

async fn patch(client: &sfm_tests::client::Client, path: &str, change: &Value) -> Answer {
    client.try_call(Method::PATCH, path, &[], Some(change.to_string().into_bytes())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_changed_field_by_field_and_its_number_stays_unique() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let body = json!({"name": "Dr. Smith", "fax_number": "+12125551234", "company": "Practice"});
    let mut contact = client.post("/v1/contacts", &body).await.json();
    let other = client.post("/v1/contacts", &json!({"name": "B", "fax_number": "+12125551235"})).await.json();
    let path = format!("/v1/contacts/{}", contact["id"].as_str().unwrap());
    for (change, field, value) in [
        (json!({"name": " Dr. Ada Smith "}), "name", json!("Dr. Ada Smith")),
        (json!({"company": null}), "company", Value::Null),
        (json!({"company": "A & Co."}), "company", json!("A & Co.")),
        (json!({"fax_number": "(212) 555-1236"}), "fax_number", json!("+12125551236")),
        (json!({"fax_number": "+12125551236", "unknown": 1}), "fax_number", json!("+12125551236")),
    ] {
        contact[field] = value;
        let answer = patch(&client, &path, &change).await;
        assert_eq!((answer.status, answer.json()), (200, contact.clone()), "{change}");
        assert_eq!(client.get(&path).await.json(), contact);
    }
    assert_eq!(client.get("/v1/contacts").await.json()["data"], json!([other, contact]), "its place stays");
    let taken = assert_problem(&patch(&client, &path, &json!({"fax_number": "+12125551235", "name": "X"})).await, 409, "conflict");
    assert_eq!((&taken["code"], &taken["param"]), (&json!("contact_exists"), &json!("fax_number")));
    assert_eq!(client.get(&path).await.json(), contact, "nothing of it is changed");
    assert_eq!(client.post("/v1/contacts", &body).await.status, 201, "the number that it had is free");

    for (change, param) in [
        (json!({"name": null}), json!("name")),
        (json!({"name": ""}), json!("name")),
        (json!({"fax_number": null}), json!("fax_number")),
        (json!({"fax_number": "12345"}), json!("fax_number")),
        (json!({"fax_number": "+19005551234"}), json!("fax_number")),
        (json!({"company": 7}), json!("company")),
        (json!({}), Value::Null),
        (json!({"unknown": 1}), Value::Null),
    ] {
        let error = assert_problem(&patch(&client, &path, &change).await, 400, "invalid_request");
        assert_eq!(error["param"], param, "{change}");
    }
    let stranger = service.customer().await.client;
    assert_problem(&patch(&stranger, &path, &json!({"name": "X"})).await, 404, "not_found");
    assert_problem(&patch(&client, "/v1/contacts/ct_x", &json!({"name": "X"})).await, 404, "not_found");
    assert_eq!(client.delete(&path).await.status, 200);
    assert_problem(&patch(&client, &path, &json!({"name": "X"})).await, 404, "not_found");
}

/// Changes of different fields are all kept, and of those who want one number one gets it.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_contacts_that_race_lose_nothing() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let mut paths = Vec::new();
    for number in 0..5 {
        let made = client.post("/v1/contacts", &json!({"name": "A", "fax_number": format!("+1212555100{number}")})).await.json();
        paths.push(format!("/v1/contacts/{}", made["id"].as_str().unwrap()));
    }
    let (name, company) = (json!({"name": "New"}), json!({"company": "Co."}));
    let both = paths.iter().flat_map(|path| [patch(&client, path, &name), patch(&client, path, &company)]);
    assert!(futures::future::join_all(both).await.iter().all(|answer| answer.status == 200));
    let number = json!({"fax_number": "+12125551999"});
    let wanted = futures::future::join_all(paths.iter().map(|path| patch(&client, path, &number))).await;
    let mut statuses: Vec<u16> = wanted.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409]);
    let list = client.get("/v1/contacts").await.json();
    assert!(list["data"].as_array().unwrap().iter().all(|contact| contact["name"] == "New" && contact["company"] == "Co."), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_found_by_name_company_and_number_newest_first_and_paged() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let stranger = service.customer().await.client;
    for (name, number, company) in [
        ("Zoë Müller", "+12125551001", "Northside Clinic"),
        ("Ann Smith", "+12125551002", "Muller & Sons"),
        ("Bob Smithers", "+442079460958", "Northside Clinic"),
        ("Carl Jones", "+13105551001", ""),
    ] {
        let company = if company.is_empty() { Value::Null } else { json!(company) };
        let made = client.post("/v1/contacts", &json!({"name": name, "fax_number": number, "company": company})).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    assert_eq!(stranger.post("/v1/contacts", &json!({"name": "Ann Smith", "fax_number": "+12125551002"})).await.status, 201);
    let found = async |query: &str| {
        let answer = client.get(&format!("/v1/contacts?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let list = answer.json();
        let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|contact| contact["name"].as_str().unwrap().to_owned()).collect();
        (names, list["total"].clone(), list["has_more"].clone())
    };
    let all = |names: &[&str]| (names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), json!(names.len()), json!(false));
    for (query, names) in [
        ("q=smith", &["Bob Smithers", "Ann Smith"][..]),
        ("q=SMITH%20ann", &["Ann Smith"]),
        ("q=muller", &["Ann Smith", "Zoë Müller"]),
        ("q=m%C3%BCll", &["Ann Smith", "Zoë Müller"]),
        ("q=north%20cli", &["Bob Smithers", "Zoë Müller"]),
        ("q=mith", &[]),
        ("q=%2B1", &["Carl Jones", "Ann Smith", "Zoë Müller"]),
        ("q=212-555", &["Ann Smith", "Zoë Müller"]),
        ("q=207946", &["Bob Smithers"]),
        ("q=5551001", &[]),
        ("q=%09", &[]),
        ("q=%2B", &[]),
    ] {
        assert_eq!(found(query).await, all(names), "{query}");
    }
    assert_eq!(found("q=smith&limit=1&page=2").await, (vec!["Ann Smith".to_owned()], json!(2), json!(false)));
    assert_eq!(found("q=smith&limit=1&page=1").await, (vec!["Bob Smithers".to_owned()], json!(2), json!(true)));
    assert_eq!(found("q=smith&page=9007199254740991").await, (vec![], json!(2), json!(false)));
    for bad in ["q=", "q=a&q=b", &format!("q={}", "x".repeat(201))] {
        assert_eq!(assert_problem(&client.get(&format!("/v1/contacts?{bad}")).await, 400, "invalid_request")["param"], "q", "{bad}");
    }
    // What is changed is found by what it is now.
    let id = client.get("/v1/contacts?q=jones").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(patch(&client, &format!("/v1/contacts/{id}"), &json!({"name": "Dora Jonas"})).await.status, 200);
    assert_eq!((found("q=jones").await, found("q=jonas").await), (all(&[]), all(&["Dora Jonas"])));
}
