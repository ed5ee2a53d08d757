//! Faxes of several documents: what they may be made of, and what names itself when it is refused.

use fax_document::{Options, Paper, Resolution, convert, read_fax_pdf};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sfm::commands::fax as fax_command;
use sfm_core::member::Role;
use sfm_core::plan::Plan;
use sfm_core::scope::Scope;
use sfm_simulator::Incoming;
use sfm_tests::client::{Client, fax, http};
use sfm_tests::documents::{FORM, LETTER, LETTER_PAGES, TEXT, below_header, made_of};
use sfm_tests::target::Target;

use crate::assert_problem;

fn inline(bytes: &[u8], content_type: &str) -> Value {
    fax("", bytes, content_type)["document"].clone()
}

fn of(parts: Value) -> Value {
    json!({"to": "+15005550001", "documents": parts})
}

fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap_or_else(|| panic!("{resource}")).to_owned()
}

/// The pages of a fax, by its document's link.
async fn pages(client: &Client, id: &str) -> Vec<(u32, Vec<u8>)> {
    let link = client.get(&format!("/v1/faxes/{id}/document")).await;
    assert_eq!(link.status, 302, "{}", link.text);
    let pdf = http().get(link.header("location").unwrap()).send().await.unwrap().bytes().await.unwrap();
    below_header(&pdf)
}

#[tokio::test(flavor = "multi_thread")]
async fn several_documents_are_one_fax_of_all_their_pages_in_order_charged_once() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let parts = json!([inline(FORM, "image/png"), inline(LETTER, "application/pdf"), inline(TEXT, "text/plain")]);
    let sent = client.post("/v1/faxes", &of(parts.clone())).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let fax = client.completed(&id(&sent.json())).await;
    let expected = [made_of(FORM), made_of(LETTER), made_of(TEXT)].concat();
    assert_eq!((&fax["status"], &fax["pages"]), (&json!("delivered"), &json!(expected.len())));
    assert_eq!(pages(client, &id(&fax)).await, expected);
    assert_eq!(service.used_pages(customer.account).await, expected.len() as u64);

    let mut later = of(parts);
    later["send_at"] = json!((Timestamp::now() + SignedDuration::from_hours(1)).to_string());
    let scheduled = client.post("/v1/scheduled", &later).await;
    assert_eq!((scheduled.status, scheduled.json()["pages"].clone()), (201, json!(expected.len())), "{}", scheduled.text);
    let key = format!("scheduled/{}/{}.pdf", customer.account, id(&scheduled.json()));
    let kept = service.operator_platform().s3().get_object().bucket(service.documents()).key(key).send().await.unwrap();
    assert_eq!(below_header(&kept.body.collect().await.unwrap().into_bytes()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_came_in_is_forwarded_bit_for_bit_whatever_its_paper() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let own = client.get("/v1/numbers").await.json()["data"][0]["number"].as_str().unwrap().to_owned();
    // Drawn anew, its pages would be Letter at fine resolution.
    let foreign = Options { paper: Paper::A4, resolution: Resolution::Standard, ..Options::default() };
    let document = convert(LETTER, None, &foreign).unwrap().pdf;
    service.send_in(Incoming { to: own, from: "+12125550100".into(), document });
    let received = service
        .until("a fax to come in", || async {
            let list = client.get("/v1/faxes?direction=inbound").await.json();
            list["data"].as_array().unwrap().first().map(id)
        })
        .await;
    let came = pages(client, &received).await;
    assert_eq!(came[0].0, 1145);
    let first = client.send_letter("+15005550001").await;
    let parts = json!([inline(FORM, "image/png"), {"fax_id": received}, {"fax_id": id(&first)}, {"fax_id": received}]);
    let sent = client.post("/v1/faxes", &of(parts)).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let expected = [made_of(FORM), came.clone(), made_of(LETTER), came].concat();
    assert_eq!(pages(client, &id(&sent.json())).await, expected);
    assert_eq!(client.completed(&id(&sent.json())).await["status"], "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_part_names_itself_and_nothing_is_stored() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let good = || inline(FORM, "image/png");
    let twice = |bytes: &[u8]| json!([inline(bytes, "text/plain"), inline(bytes, "text/plain")]);
    let half = vec![b'x'; 2_100_000];
    let absent = "fax_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let both = {
        let mut part = good();
        part["url"] = json!("https://example.com/a.pdf");
        part
    };
    let rows = [
        (json!([]), "documents", None),
        (json!({}), "documents", None),
        (json!("text"), "documents", None),
        (json!(vec![good(); 21]), "documents", None),
        (json!([good(), "text"]), "documents[1]", None),
        (json!([good(), null]), "documents[1]", None),
        (json!([{}]), "documents[0]", None),
        (json!([{"content_type": "image/png"}]), "documents[0]", None),
        (json!([good(), both]), "documents[1]", None),
        (json!([good(), {"content": "AAAA"}]), "documents[1].content_type", None),
        (json!([{"content": "*", "content_type": "image/png"}]), "documents[0].content", None),
        (json!([{"content": 7, "content_type": "image/png"}]), "documents[0].content", None),
        (json!([{"url": 7}]), "documents[0].url", None),
        (json!([{"fax_id": 7}]), "documents[0].fax_id", None),
        (json!([good(), inline(b"", "text/plain")]), "documents[1].content", Some("document_empty")),
        (json!([good(), inline(b"%PDF-1.7\n", "application/pdf"), good()]), "documents[1].content", Some("document_broken")),
        (json!([good(), inline(FORM, "application/pdf")]), "documents[1].content", Some("document_type_unsupported")),
        (twice(&half), "documents[1].content", Some("document_too_large")),
        (twice("page\u{c}".repeat(101).as_bytes()), "documents[1].content", Some("document_too_many_pages")),
        (json!([good(), {"url": "https://10.0.0.1/"}]), "documents[1].url", Some("document_unreachable")),
        (json!([good(), {"fax_id": absent}]), "documents[1].fax_id", Some("document_unreachable")),
        (json!([good(), {"fax_id": "nonsense"}]), "documents[1].fax_id", Some("document_unreachable")),
    ];
    for (parts, param, code) in rows {
        let error = assert_problem(&client.post("/v1/faxes", &of(parts)).await, 400, "invalid_request");
        assert_eq!((error["param"].as_str(), error["code"].as_str()), (Some(param), code), "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(param == "documents" || code.is_some() || message.contains(param), "{message}");
    }
    for (field, value) in [("document", good()), ("document_url", json!("https://example.com/a.pdf"))] {
        let mut body = of(json!([good()]));
        body[field] = value;
        assert_eq!(assert_problem(&client.post("/v1/faxes", &body).await, 400, "invalid_request")["param"], "documents");
    }
    let mut later = of(json!([good(), {"fax_id": absent}]));
    later["send_at"] = json!((Timestamp::now() + SignedDuration::from_hours(1)).to_string());
    assert_eq!(assert_problem(&client.post("/v1/scheduled", &later).await, 400, "invalid_request")["param"], "documents[1].fax_id");
    assert_eq!((client.get("/v1/faxes").await.json()["total"].clone(), service.used_pages(customer.account).await), (json!(0), 0));
    assert_eq!(client.get("/v1/scheduled").await.json()["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_fax_is_of_the_account_and_still_there_and_may_be_read_by_the_key() {
    let service = Target::start().await;
    let (owner, stranger) = (service.customer().await, service.customer().await);
    let operator = service.operator_platform();
    let sent = id(&owner.client.send_letter("+15005550001").await);
    let forward = async |client: &Client| client.post("/v1/faxes", &of(json!([{"fax_id": sent}]))).await;

    let foreign = assert_problem(&forward(&stranger.client).await, 400, "invalid_request");
    assert_eq!((&foreign["param"], &foreign["code"]), (&json!("documents[0].fax_id"), &json!("document_unreachable")));
    let absent = of(json!([{"fax_id": "fax_01ARZ3NDEKTSV4RRFFQ69G5FAV"}]));
    let absent = assert_problem(&stranger.client.post("/v1/faxes", &absent).await, 400, "invalid_request");
    assert_eq!(foreign["message"], absent["message"]);
    assert_eq!(stranger.client.get("/v1/faxes").await.json()["total"], 0);

    let blind = service.client(&service.key(owner.account, vec![Scope::FaxesSend], false).await);
    let refused = assert_problem(&forward(&blind).await, 403, "forbidden");
    assert!(refused["message"].as_str().unwrap().contains("faxes:read"), "{refused}");
    assert_eq!(blind.post("/v1/faxes", &of(json!([inline(TEXT, "text/plain")]))).await.status, 201);
    assert_eq!(forward(&owner.client).await.status, 201);

    let deleted = id(&owner.client.send_letter("+15005550001").await);
    fax_command::delete(&operator, deleted.parse().unwrap()).await.unwrap();
    let gone = owner.client.post("/v1/faxes", &of(json!([{"fax_id": deleted}]))).await;
    assert_eq!(assert_problem(&gone, 400, "invalid_request")["code"], "document_unreachable");

    let key = format!("faxes/{}/{sent}.pdf", owner.account);
    operator.s3().delete_object().bucket(service.documents()).key(key).send().await.unwrap();
    let expired = assert_problem(&forward(&owner.client).await, 400, "invalid_request");
    assert_eq!((&expired["param"], &expired["code"]), (&json!("documents[0].fax_id"), &json!("document_expired")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_with_other_documents_is_another_request() {
    let service = Target::start().await;
    let client = service.customer_with(Plan::Business, Some(1)).await.client;
    let send = async |parts: Value| {
        let body = of(parts).to_string().into_bytes();
        client.try_call(Method::POST, "/v1/faxes", &[("idempotency-key", "once")], Some(body)).await.unwrap()
    };
    let first = send(json!([inline(FORM, "image/png")])).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = send(json!([inline(FORM, "image/png")])).await;
    assert_eq!((again.header("idempotent-replayed"), &again.text), (Some("true"), &first.text));
    let error = assert_problem(&send(json!([inline(TEXT, "text/plain")])).await, 400, "invalid_request");
    assert_eq!(error["code"], "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_send_packets_too_and_the_audit_log_says_whose_pages_went_out() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let earlier = id(&customer.client.send_letter("+15005550001").await);
    let member = service.member(customer.account, Role::Owner).await;
    let base = format!("/dashboard/api/accounts/{}", customer.account);
    let sent = member.post(&format!("{base}/faxes"), &of(json!([inline(FORM, "image/png"), {"fax_id": earlier}]))).await;
    assert_eq!((sent.status, sent.json()["pages"].clone()), (201, json!(1 + LETTER_PAGES)), "{}", sent.text);
    let audit = member.get(&format!("{base}/audit")).await.json();
    let entry = audit["data"].as_array().unwrap().iter().find(|entry| entry["target"] == sent.json()["id"]).unwrap().clone();
    assert_eq!((&entry["action"], &entry["detail"]), (&json!("fax.sent"), &json!(format!("pages of {earlier}"))));
}

/// Makes an upload and puts a document there; its id.
async fn uploaded(client: &Client, bytes: &[u8], content_type: Option<&str>) -> String {
    let made = client.post("/v1/uploads", &json!({"size": bytes.len(), "content_type": content_type})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(put(&made, bytes).await, 200);
    id(&made)
}

/// Does what an upload's answer says, with these bytes.
async fn put(upload: &Value, bytes: &[u8]) -> u16 {
    let mut request = http().request(upload["method"].as_str().unwrap().parse().unwrap(), upload["url"].as_str().unwrap());
    for (name, value) in upload["headers"].as_object().unwrap() {
        // The client counts for itself.
        if name != "Content-Length" {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    request.body(bytes.to_vec()).send().await.unwrap().status().as_u16()
}

/// A PDF of one page and of exactly so many bytes, most of them nothing that is drawn.
fn padded_pdf(size: usize) -> Vec<u8> {
    let content = "0 0 1 rg 100 100 300 300 re f";
    let objects = |padding: usize| {
        [
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>".to_owned(),
            format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
            format!("<</Length {padding:08}>>stream\n{}\nendstream", "x".repeat(padding)),
        ]
    };
    let written = |padding: usize| {
        let (mut pdf, mut table) = ("%PDF-1.7\n".to_owned(), "xref\n0 6\n0000000000 65535 f \n".to_owned());
        for (object, number) in objects(padding).iter().zip(1..) {
            table += &format!("{:010} 00000 n \n", pdf.len());
            pdf += &format!("{number} 0 obj\n{object}\nendobj\n");
        }
        let end = format!("trailer<</Size 6/Root 1 0 R>>\nstartxref\n{:010}\n%%EOF\n", pdf.len());
        (pdf + &table + &end).into_bytes()
    };
    let pdf = written(size - written(0).len());
    assert_eq!(pdf.len(), size);
    pdf
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_sent_as_often_as_wanted_up_to_fifty_megabytes() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let form = uploaded(client, FORM, None).await;
    // In ISO 8859-15 this is the sign of the euro; by the bytes alone the text would be refused.
    let text = uploaded(client, b"\xa4 100", Some("text/plain; charset=iso-8859-15")).await;
    let parts = json!([{"upload_id": form}, {"upload_id": text}, inline(TEXT, "text/plain"), {"upload_id": form}]);
    let sent = client.post("/v1/faxes", &of(parts)).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let euro = made_of("\u{20ac} 100".as_bytes());
    assert_eq!(pages(client, &id(&sent.json())).await, [made_of(FORM), euro, made_of(TEXT), made_of(FORM)].concat());
    let mut later = of(json!([{"upload_id": form}]));
    later["send_at"] = json!((Timestamp::now() + SignedDuration::from_hours(1)).to_string());
    assert_eq!(client.post("/v1/scheduled", &later).await.json()["pages"], 1);

    let large = uploaded(client, &padded_pdf(50_000_000), Some("application/pdf")).await;
    let sent = client.post("/v1/faxes", &of(json!([{"upload_id": large}]))).await;
    assert_eq!((sent.status, sent.json()["pages"].clone()), (201, json!(1)), "{}", sent.text);
    let refused = client.post("/v1/faxes", &of(json!([{"upload_id": large}, {"upload_id": large}, {"upload_id": form}]))).await;
    let error = assert_problem(&refused, 400, "invalid_request");
    assert_eq!((&error["param"], &error["code"]), (&json!("documents[2].upload_id"), &json!("document_too_large")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_has_the_size_and_the_type_that_were_said_within_fifteen_minutes() {
    let Some(service) = Target::local("time is moved, and the storage is looked into").await else { return };
    let client = &service.customer().await.client;
    let made = client.post("/v1/uploads", &json!({"size": TEXT.len(), "content_type": "text/plain"})).await.json();
    let told = (&made["object"], &made["method"], &made["size"], &made["headers"]["Content-Type"]);
    assert_eq!(told, (&json!("upload"), &json!("PUT"), &json!(TEXT.len()), &json!("text/plain")));
    assert_eq!(made["headers"]["Content-Length"], TEXT.len().to_string());
    let left = made["expires_at"].as_str().unwrap().parse::<Timestamp>().unwrap().duration_since(service.stack.clock().now());
    assert!((SignedDuration::from_mins(13)..=SignedDuration::from_mins(15)).contains(&left), "{left}");
    for bytes in [&TEXT[1..], &[TEXT, b"x"].concat(), b""] {
        assert_eq!(put(&made, bytes).await, 403);
    }
    let mut mistyped = made.clone();
    mistyped["headers"] = json!({"Content-Type": "image/png"});
    assert_eq!(put(&mistyped, TEXT).await, 403);
    let unmade = client.post("/v1/faxes", &of(json!([{"upload_id": made["id"]}]))).await;
    let error = assert_problem(&unmade, 400, "invalid_request");
    assert_eq!((&error["param"], &error["code"]), (&json!("documents[0].upload_id"), &json!("document_unreachable")));
    service.advance(SignedDuration::from_mins(14));
    assert_eq!(put(&made, TEXT).await, 200);
    service.advance(SignedDuration::from_mins(2));
    assert_eq!(put(&made, TEXT).await, 403);
    // It is kept for a day, and then goes.
    let send = async || client.post("/v1/faxes", &of(json!([{"upload_id": made["id"]}]))).await;
    service.advance(SignedDuration::from_hours(23));
    assert_eq!(send().await.status, 201);
    service.advance(SignedDuration::from_hours(2));
    sfm_tests::eventually("the upload to be gone", || async {
        service.advance(SignedDuration::from_mins(1));
        (send().await.status == 400).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_its_accounts_alone_and_each_scope_that_sends_makes_one() {
    let service = Target::start().await;
    let (owner, stranger) = (service.customer().await, service.customer().await);
    let upload = uploaded(&owner.client, FORM, None).await;
    let send = async |client: &Client, upload: &str| {
        let refused = client.post("/v1/faxes", &of(json!([{"upload_id": upload}]))).await;
        let error = assert_problem(&refused, 400, "invalid_request");
        assert_eq!((&error["param"], &error["code"]), (&json!("documents[0].upload_id"), &json!("document_unreachable")), "{error}");
        error["message"].as_str().unwrap().to_owned()
    };
    let absent = send(&stranger.client, "upl_01ARZ3NDEKTSV4RRFFQ69G5FAV").await;
    assert_eq!(send(&stranger.client, &upload).await, absent);
    for malformed in ["", "nonsense", "../upl_01ARZ3NDEKTSV4RRFFQ69G5FAV", "fax_01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
        send(&stranger.client, malformed).await;
    }
    let key = format!("uploads/{}/{upload}", owner.account);
    service.operator_platform().s3().delete_object().bucket(service.documents()).key(key).send().await.unwrap();
    assert_eq!(send(&owner.client, &upload).await, absent);

    for scope in [Scope::FaxesSend, Scope::ScheduledWrite] {
        let client = service.client(&service.key(owner.account, vec![scope], false).await);
        assert_eq!(client.post("/v1/uploads", &json!({"size": 1})).await.status, 201);
    }
    let others = Scope::ALL.into_iter().filter(|scope| !matches!(scope, Scope::FaxesSend | Scope::ScheduledWrite)).collect();
    let others = service.client(&service.key(owner.account, others, false).await);
    assert_problem(&others.post("/v1/uploads", &json!({"size": 1})).await, 403, "forbidden");
    for (body, param) in [
        (json!({}), "size"),
        (json!({"size": 0}), "size"),
        (json!({"size": 50_000_001}), "size"),
        (json!({"size": -1}), "size"),
        (json!({"size": 1.5}), "size"),
        (json!({"size": "5"}), "size"),
        (json!({"size": 5, "content_type": 7}), "content_type"),
        (json!({"size": 5, "content_type": "pdf"}), "content_type"),
        (json!({"size": 5, "content_type": "text/plain\r\nx-amz-acl: public-read"}), "content_type"),
    ] {
        let error = assert_problem(&owner.client.post("/v1/uploads", &body).await, 400, "invalid_request");
        assert_eq!(error["param"], param, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resolution_and_paper_are_those_that_the_request_names() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let with = |resolution: Value, paper: Value| {
        let mut body = fax("+15005550001", FORM, "image/png");
        (body["resolution"], body["paper"]) = (resolution, paper);
        body
    };
    let member = service.member(customer.account, Role::Owner).await;
    for (resolution, paper, height) in [
        (Value::Null, Value::Null, 2156),
        (json!("fine"), json!("letter"), 2156),
        (json!("standard"), Value::Null, 1078),
        (json!("standard"), json!("a4"), 1145),
        (Value::Null, json!("legal"), 2744),
        (json!("standard"), json!("legal"), 1372),
    ] {
        let mut body = with(resolution, paper);
        let sent = client.post("/v1/faxes", &body).await;
        assert_eq!(sent.status, 201, "{}", sent.text);
        let id = id(&sent.json());
        assert_eq!(pages(client, &id).await[0].0, height);
        let page = format!("/dashboard/api/accounts/{}/faxes/{id}/pages/1", customer.account);
        assert_eq!(member.get(&page).await.status, 200);
        assert_eq!(client.completed(&id).await["status"], "delivered", "the carrier reads it");
        body["send_at"] = json!((Timestamp::now() + SignedDuration::from_hours(1)).to_string());
        let scheduled = client.post("/v1/scheduled", &body).await.json();
        let key = format!("scheduled/{}/{}.pdf", customer.account, scheduled["id"].as_str().unwrap());
        let kept = service.operator_platform().s3().get_object().bucket(service.documents()).key(key).send().await.unwrap();
        assert_eq!(read_fax_pdf(&kept.body.collect().await.unwrap().into_bytes()).unwrap()[0].height, height);
    }
    let earlier = id(&client.post("/v1/faxes", &with(json!("standard"), json!("a4"))).await.json());
    let mut packet = of(json!([{"fax_id": earlier}, inline(FORM, "image/png")]));
    packet["paper"] = json!("legal");
    let sent = client.post("/v1/faxes", &packet).await.json();
    let heights: Vec<u32> = pages(client, &id(&sent)).await.iter().map(|(height, _)| *height).collect();
    assert_eq!(heights, [1145, 2744]);
    for (field, value) in [("resolution", json!("Fine")), ("resolution", json!(1)), ("paper", json!("A4")), ("paper", json!(["a4"]))] {
        let mut body = with(Value::Null, Value::Null);
        body[field] = value;
        let error = assert_problem(&client.post("/v1/faxes", &body).await, 400, "invalid_request");
        assert_eq!(error["param"], field, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cover_comes_first_and_counts_and_says_what_it_cannot_print() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let with = |cover: Value| {
        let mut body = fax("+12125551234", LETTER, "application/pdf");
        body["cover"] = cover;
        body
    };
    let full = json!({"to_name": "Dr. Smith", "from_name": "משה כהן", "company": "Müller & Ωμέγα", "subject": "Ответ",
        "message": "مرحبا\r\n\r\nline\ttwo", "confidential": true});
    let mut seen = Vec::new();
    for cover in [json!({}), full.clone(), json!({"to_name": null, "confidential": null, "note": 1})] {
        let sent = client.post("/v1/faxes", &with(cover)).await;
        assert_eq!((sent.status, sent.json()["pages"].clone()), (201, json!(1 + LETTER_PAGES)), "{}", sent.text);
        let found = pages(client, &id(&sent.json())).await;
        assert_eq!(found[1..], made_of(LETTER));
        assert_eq!(client.completed(&id(&sent.json())).await["status"], "delivered");
        seen.push(found[0].clone());
    }
    assert_ne!(seen[0], seen[1]);
    assert_eq!(service.used_pages(customer.account).await, 3 * (1 + LETTER_PAGES));
    let long = client.post("/v1/faxes", &with(json!({"message": "word ".repeat(800)}))).await.json();
    assert!(long["pages"].as_u64().unwrap() > 1 + LETTER_PAGES, "{long}");
    let mut later = with(full);
    later["send_at"] = json!((Timestamp::now() + SignedDuration::from_hours(30)).to_string());
    let later = client.post("/v1/scheduled", &later).await.json();
    // The number that the cover tells is the one that it will be sent from.
    let own = client.get("/v1/numbers").await.json()["data"][0]["number"].clone();
    assert_eq!((&later["pages"], &later["from"]), (&json!(1 + LETTER_PAGES), &own));
    for (cover, param, words) in [
        (json!("text"), "cover", "object"),
        (json!({"to_name": 7}), "cover.to_name", "string"),
        (json!({"company": "x".repeat(201)}), "cover.company", "200"),
        (json!({"subject": "x".repeat(201)}), "cover.subject", "200"),
        (json!({"message": "x".repeat(4001)}), "cover.message", "4000"),
        (json!({"confidential": "yes"}), "cover.confidential", "true or false"),
        (json!({"from_name": "山田"}), "cover.from_name", "U+5C71 (山)"),
        (json!({"message": "a\u{7}"}), "cover.message", "U+0007"),
        (json!({"subject": "two\nlines"}), "cover.subject", "U+000A"),
    ] {
        for path in ["/v1/faxes", "/v1/scheduled"] {
            let mut body = with(cover.clone());
            body["send_at"] = later["send_at"].clone();
            let error = assert_problem(&client.post(path, &body).await, 400, "invalid_request");
            assert_eq!(error["param"], param, "{error}");
            assert!(error["message"].as_str().unwrap().contains(words), "{error}");
        }
    }
    // The documents behind it are named as ever.
    let mut broken = of(json!([inline(FORM, "image/png"), inline(b"%PDF-1.7\n", "application/pdf")]));
    broken["cover"] = json!({});
    let error = assert_problem(&client.post("/v1/faxes", &broken).await, 400, "invalid_request");
    assert_eq!((&error["param"], &error["code"]), (&json!("documents[1].content"), &json!("document_broken")));
}
