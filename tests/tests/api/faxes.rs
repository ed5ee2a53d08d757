//! Sending, watching and listing faxes.

use reqwest::Method;
use serde_json::{Value, json};
use sfm::commands::{account, fax as fax_command};
use sfm_core::plan::Plan;
use sfm_core::scope::Scope;
use sfm_store::accounts::AccountChange;
use sfm_tests::client::{Answer, fax};
use sfm_tests::documents::{FORM, LETTER};
use sfm_tests::target::Target;

use crate::assert_problem;

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_needed_and_its_plan_and_scope_are_checked_in_this_order() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let get = |headers: Vec<(&'static str, String)>| {
        let client = service.anonymous();
        async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            client.try_call(Method::GET, "/v1/faxes", &headers, None).await.unwrap()
        }
    };
    assert_problem(&get(vec![]).await, 401, "unauthorized");
    for wrong in ["Bearer", "Bearer ", "Basic abc", "bearer sfm_live_short", &format!("Token {}", customer.key), &customer.key] {
        assert_problem(&get(vec![("authorization", wrong.to_owned())]).await, 401, "unauthorized");
    }
    let unknown = sfm_core::key::ApiKey::generate(sfm_core::key::Mode::Live);
    assert_problem(&get(vec![("authorization", format!("Bearer {}", unknown.expose()))]).await, 401, "unauthorized");
    assert_eq!(get(vec![("authorization", format!("bEARER {}", customer.key))]).await.status, 200);

    let sender = service.client(&service.key(customer.account, vec![Scope::FaxesSend], false).await);
    let reader = service.client(&service.key(customer.account, vec![Scope::FaxesRead], false).await);
    assert_problem(&sender.get("/v1/faxes").await, 403, "forbidden");
    assert_problem(&sender.get("/v1/faxes/fax_x").await, 403, "forbidden");
    assert_problem(&sender.get("/v1/faxes/fax_x/document").await, 403, "forbidden");
    assert_problem(&reader.post("/v1/faxes", &json!({})).await, 403, "forbidden");

    let operator = service.operator_platform();
    let lower = AccountChange { plan: Some(Plan::Pro), ..AccountChange::default() };
    account::update(&operator, customer.account, lower).await.unwrap();
    assert_problem(&customer.client.get("/v1/faxes").await, 403, "plan_upgrade_required");
    assert_problem(&sender.get("/v1/faxes").await, 403, "plan_upgrade_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_send_is_said_and_nothing_is_stored() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let raw = |body: &[u8]| client.try_call(Method::POST, "/v1/faxes", &[], Some(body.to_vec()));
    for body in [&b""[..], b"{", b"[]", b"\"text\"", b"\xff\xfe{}", b"null", &b"[".repeat(5000)] {
        assert_problem(&raw(body).await.unwrap(), 400, "invalid_request");
    }
    let good = fax("+12125551234", FORM, "image/png");
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        match pointer.split_once('.') {
            Some((outer, inner)) => body[outer][inner] = value,
            None => body[pointer] = value,
        }
        body
    };
    let rows = [
        (with("to", json!(null)), "to", None),
        (with("to", json!("12")), "to", None),
        (with("to", json!(12_125_551_234_u64)), "to", None),
        (with("to", json!("+1 212 555 1234; ext 5")), "to", None),
        (with("from", json!("+12125550000")), "from", None),
        (with("from", json!("nobody")), "from", None),
        (with("document", json!(null)), "document", None),
        (with("document", json!("text")), "document", None),
        (with("document_url", json!("https://example.com/a.pdf")), "document_url", None),
        (with("document.content", json!("*not base64*")), "document.content", None),
        (with("document.content", json!(7)), "document.content", None),
        (with("document.content_type", json!(null)), "document.content_type", None),
        (with("document.content_type", json!("")), "document.content_type", None),
        (with("document.content", json!("")), "document.content", Some("document_empty")),
        (fax("+12125551234", b"%PDF-1.7\n", "application/pdf"), "document.content", Some("document_broken")),
        (with("document.content_type", json!("application/pdf")), "document.content", Some("document_type_unsupported")),
        (fax("+12125551234", b"PK\x03\x04\x14\0\0\0", DOCX), "document.content", Some("document_type_unsupported")),
        (with("document.content", json!("A".repeat(5_400_000))), "document.content", Some("document_too_large")),
    ];
    for (body, param, code) in rows {
        let error = assert_problem(&client.post("/v1/faxes", &body).await, 400, "invalid_request");
        assert_eq!((error["param"].as_str(), error["code"].as_str()), (Some(param), code), "{error}");
    }
    assert_eq!(client.get("/v1/faxes").await.json()["total"], 0);
    assert_eq!(service.used_pages(customer.account).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_one_json_object_in_utf_8_in_which_each_name_stands_once() {
    let service = Target::start().await;
    let client = &service.customer().await.client;
    let whole = fax("+15005550001", FORM, "image/png").to_string();
    let raw = async |body: Vec<u8>| client.try_call(Method::POST, "/v1/faxes", &[], Some(body)).await.unwrap();
    let marked = raw([b"\xef\xbb\xbf", whole.as_bytes()].concat()).await;
    assert_eq!(marked.status, 201, "a byte order mark is skipped: {}", marked.text);
    let with = |member: &str| whole.replacen('{', &format!("{{{member},"), 1).into_bytes();
    for (member, words, param) in [
        (r#""to":"+12125551234""#, "to stands twice", Some("to")),
        (r#""document":{}"#, "document stands twice", Some("document")),
        (r#""note":{"a":1,"a":2}"#, "note.a stands twice", Some("note.a")),
        (r#""note":[{"a":1},{"b":1,"b":2}]"#, "note.b stands twice", Some("note.b")),
        (r#""note":1e999"#, "too large", None),
        (r#""note":"\ud800""#, "surrogate", None),
        (&format!(r#""note":{}{}"#, "[".repeat(200), "]".repeat(200)), "nested", None),
        (r#""note":'x'"#, "not valid JSON", None),
    ] {
        let error = assert_problem(&raw(with(member)).await, 400, "invalid_request");
        assert!(error["message"].as_str().unwrap().contains(words), "{member}: {error}");
        assert_eq!(error["param"].as_str(), param, "{error}");
    }
    let inside = whole.replacen("\"document\":{", "\"document\":{\"content\":\"\",", 1).into_bytes();
    let error = assert_problem(&raw(inside).await, 400, "invalid_request");
    assert_eq!(error["param"], "document.content", "{error}");
    let behind = raw([whole.as_bytes(), b" {}"].concat()).await;
    assert_problem(&behind, 400, "invalid_request");
    if service.leaves_out("the emulator's gateway passes on what is no UTF-8 as replacement characters") {
        return;
    }
    let utf_16: Vec<u8> = std::iter::once(0xfeff).chain(whole.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let error = assert_problem(&raw(utf_16).await, 400, "invalid_request");
    assert!(error["message"].as_str().unwrap().contains("UTF-16"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_415_and_a_401_names_its_scheme() {
    let Some(service) = Target::local("the emulator's gateway reads Content-Encoding itself").await else { return };
    let client = &service.customer().await.client;
    let body = fax("+15005550001", FORM, "image/png").to_string().into_bytes();
    let send =
        async |coding: &str| client.try_call(Method::POST, "/v1/faxes", &[("content-encoding", coding)], Some(body.clone())).await.unwrap();
    for coding in ["gzip", "identity, gzip", "br"] {
        assert_problem(&send(coding).await, 415, "invalid_request");
    }
    for coding in ["", "identity,identity"] {
        assert_eq!(send(coding).await.status, 201, "{coding:?}");
    }
    assert_eq!(send("Identity").await.status, 201);
    assert_eq!(service.anonymous().get("/v1/faxes").await.header("www-authenticate"), Some("Bearer"));
}

/// At once of one account, over ten keys, as a burst comes: a key has 60 requests a minute, and repetitions count.
#[tokio::test(flavor = "multi_thread")]
async fn parallel_sends_of_one_account_all_succeed_in_order_and_are_charged_once() {
    const SENDS: usize = 200;
    let Some(service) = Target::local("a burst of this size is for a machine alone").await else { return };
    let customer = service.customer().await;
    let body = fax("+12125551234", b"one line", "text/plain");
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(service.client(&service.key(customer.account, Scope::ALL.to_vec(), false).await));
    }
    let sends: Vec<_> = (0..SENDS)
        .map(|i| {
            let (client, body) = (clients[i % 10].clone(), body.to_string().into_bytes());
            tokio::spawn(async move {
                let key = format!("burst-{i}");
                // On a busy machine a document may find no place in time: its sender repeats, as the answer says.
                for _ in 0..4 {
                    let sent = client.try_call(Method::POST, "/v1/faxes", &[("idempotency-key", &key)], Some(body.clone())).await.unwrap();
                    if sent.status != 503 {
                        return sent;
                    }
                }
                panic!("four times 503");
            })
        })
        .collect();
    for send in sends {
        let sent = send.await.unwrap();
        assert_eq!(sent.status, 201, "{}", sent.text);
    }
    let mut seen = Vec::new();
    for page in 1..=SENDS.div_ceil(100) {
        let list = customer.client.get(&format!("/v1/faxes?limit=100&page={page}")).await.json();
        assert_eq!(list["total"], SENDS);
        seen.extend(list["data"].as_array().unwrap().iter().map(|fax| fax["created_at"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen.len(), SENDS);
    assert!(seen.is_sorted_by(|newer, older| newer > older), "newest first, no two at one time");
    assert_eq!(service.used_pages(customer.account).await, SENDS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gates_stand_in_their_order_and_their_codes_say_which() {
    let service = Target::start().await;
    let customer = service.customer_with(Plan::Business, Some(1)).await;
    let operator = service.operator_platform();
    let needs_baa = AccountChange { requires_baa: Some(true), ..AccountChange::default() };
    account::update(&operator, customer.account, needs_baa).await.unwrap();
    let two_pages = fax("+12125551234", LETTER, "application/pdf");
    let one_page = fax("+12125551234", FORM, "image/png");
    let code = |answer: Answer| assert_problem(&answer, 422, "send_failed")["code"].as_str().unwrap().to_owned();
    assert_eq!(code(customer.client.post("/v1/faxes", &two_pages).await), "quota_exceeded");
    assert_eq!(code(customer.client.post("/v1/faxes", &one_page).await), "baa_required");
    account::sign_baa(&operator, customer.account).await.unwrap();
    assert_eq!(customer.client.post("/v1/faxes", &one_page).await.status, 201);
    assert_eq!(code(customer.client.post("/v1/faxes", &one_page).await), "quota_exceeded");

    let new = account::New {
        name: "No number".into(),
        plan: Plan::Business,
        monthly_pages: None,
        requires_baa: false,
        allow_premium: false,
        recipients: sfm_core::recipient::RecipientPolicy::Any,
        settings: sfm::commands::account::Settings::default(),
    };
    let numberless = account::create(&operator, new).await.unwrap().id;
    let client = service.client(&service.key(numberless, Scope::ALL.to_vec(), false).await);
    assert_eq!(code(client.post("/v1/faxes", &one_page).await), "no_active_number");
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_sends_never_use_more_than_the_quota() {
    let service = Target::start().await;
    let customer = service.customer_with(Plan::Business, Some(5)).await;
    let body = fax("+12125551234", FORM, "image/png");
    let sends = (0..10).map(|_| {
        let (client, body) = (customer.client.clone(), body.clone());
        tokio::spawn(async move { client.post("/v1/faxes", &body).await.status })
    });
    let mut statuses = Vec::new();
    for send in sends.collect::<Vec<_>>() {
        statuses.push(send.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 201, 201, 422, 422, 422, 422, 422]);
    assert_eq!(customer.client.get("/v1/faxes").await.json()["total"], 5);
    assert_eq!(service.used_pages(customer.account).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_requests_with_one_idempotency_key_make_one_fax_and_equal_answers() {
    let service = Target::start().await;
    // With room for all, and with room for one: then the losers meet a closed gate, and the winner's answer is theirs all the same.
    for monthly_pages in [None, Some(1)] {
        race(&service, monthly_pages).await;
    }
}

async fn race(service: &Target, monthly_pages: Option<u32>) {
    let customer = service.customer_with(Plan::Business, monthly_pages).await;
    let body = fax("+12125551234", FORM, "image/png").to_string().into_bytes();
    let sends = (0..20).map(|_| {
        let (client, body) = (customer.client.clone(), body.clone());
        tokio::spawn(async move { client.try_call(Method::POST, "/v1/faxes", &[("idempotency-key", "race")], Some(body)).await.unwrap() })
    });
    let mut answers = Vec::new();
    for send in sends.collect::<Vec<_>>() {
        answers.push(send.await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count(), 1);
    assert_eq!(customer.client.get("/v1/faxes").await.json()["total"], 1);

    let other = fax("+12125551235", FORM, "image/png").to_string().into_bytes();
    let reused = customer.client.try_call(Method::POST, "/v1/faxes", &[("idempotency-key", "race")], Some(other)).await.unwrap();
    assert_eq!(assert_problem(&reused, 400, "invalid_request")["code"], "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_another_account_can_be_seen() {
    let service = Target::start().await;
    let (owner, stranger) = (service.customer().await, service.customer().await);
    let id = owner.client.send_letter("+12125551234").await["id"].as_str().unwrap().to_owned();
    let absent = "fax_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let same = |a: &Answer, b: &Answer| {
        let text = |answer: &Answer| answer.json()["error"]["message"].clone();
        assert_eq!((a.status, text(a)), (b.status, text(b)));
    };
    for path in ["", "/document", "/receipt"] {
        let foreign = stranger.client.get(&format!("/v1/faxes/{id}{path}")).await;
        assert_problem(&foreign, 404, "not_found");
        same(&foreign, &stranger.client.get(&format!("/v1/faxes/{absent}{path}")).await);
        same(&foreign, &stranger.client.get(&format!("/v1/faxes/nonsense{path}")).await);
    }
    let cancel = async |id: &str| stranger.client.post(&format!("/v1/faxes/{id}/cancel"), &json!({})).await;
    let foreign = cancel(&id).await;
    assert_problem(&foreign, 404, "not_found");
    same(&foreign, &cancel(absent).await);
    same(&foreign, &cancel("nonsense").await);
    let foreign = stranger.client.delete(&format!("/v1/faxes/{id}")).await;
    assert_problem(&foreign, 404, "not_found");
    same(&foreign, &stranger.client.delete(&format!("/v1/faxes/{absent}")).await);
    same(&foreign, &stranger.client.delete("/v1/faxes/nonsense").await);
    assert_eq!(stranger.client.get("/v1/faxes").await.json()["data"], json!([]));
    assert_eq!(owner.client.completed(&id).await["status"], "delivered", "nobody else stops it");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_newest_first_paged_and_leave_out_what_was_deleted() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(customer.client.post("/v1/faxes", &fax("+12125551234", FORM, "image/png")).await.json()["id"].clone());
    }
    ids.reverse();
    let operator = service.operator_platform();
    for deleted in [ids.remove(3), ids.remove(0)] {
        let id: sfm_core::id::FaxId = deleted.as_str().unwrap().parse().unwrap();
        fax_command::delete(&operator, id).await.unwrap();
        fax_command::delete(&operator, id).await.unwrap();
        assert_problem(&customer.client.get(&format!("/v1/faxes/{id}")).await, 404, "not_found");
    }
    for (page, expected, has_more) in [(1, &ids[0..2], true), (2, &ids[2..4], true), (3, &ids[4..5], false), (4, &ids[5..], false)] {
        let list = customer.client.get(&format!("/v1/faxes?limit=2&page={page}")).await.json();
        let listed: Vec<Value> = list["data"].as_array().unwrap().iter().map(|fax| fax["id"].clone()).collect();
        assert_eq!(listed, expected, "page {page}");
        assert_eq!((&list["object"], &list["total"], &list["has_more"]), (&json!("list"), &json!(5), &json!(has_more)));
    }
    let default = customer.client.get("/v1/faxes").await.json();
    assert_eq!((&default["limit"], &default["page"]), (&json!(25), &json!(1)));
    assert_eq!(customer.client.get("/v1/faxes?limit=100").await.json()["limit"], 100);
    for query in ["limit=0", "limit=101", "limit=x", "limit=", "limit=-1", "page=0", "page=1.5", "page=", "page=+1"] {
        assert_problem(&customer.client.get(&format!("/v1/faxes?{query}")).await, 400, "invalid_request");
    }
    let far = customer.client.get("/v1/faxes?page=99999999999999999999").await;
    assert_eq!((far.status, far.json()["data"].clone(), far.json()["page"].clone()), (200, json!([]), json!((1_u64 << 53) - 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_no_longer_kept_is_404_with_its_code() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let id = customer.client.send_letter("+12125551234").await["id"].as_str().unwrap().to_owned();
    customer.client.completed(&id).await;
    let key = format!("faxes/{}/{id}.pdf", customer.account);
    service.operator_platform().s3().delete_object().bucket(service.documents()).key(key).send().await.unwrap();
    let answer = customer.client.get(&format!("/v1/faxes/{id}/document")).await;
    assert_eq!(assert_problem(&answer, 404, "not_found")["code"], "document_expired");
}
