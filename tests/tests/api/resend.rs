//! Sending a fax again, whole or what of it never arrived.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use sfm_core::scope::Scope;
use sfm_tests::client::{Answer, Client, http};
use sfm_tests::service::Service;
use sfm_tests::target::Target;

use crate::assert_problem;

async fn resend(client: &Client, id: &str, body: &Value) -> Answer {
    client.post(&format!("/v1/faxes/{id}/resend"), body).await
}

fn id(fax: &Value) -> &str {
    fax["id"].as_str().unwrap()
}

async fn document(client: &Client, id: &str) -> Vec<u8> {
    let link = client.get(&format!("/v1/faxes/{id}/document")).await;
    assert_eq!(link.status, 302, "{}", link.text);
    http().get(link.header("location").unwrap()).send().await.unwrap().bytes().await.unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_is_sent_again_to_the_same_number_or_another() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let first = client.send_letter("+15005550001").await;
    client.completed(id(&first)).await;
    let again = client.try_call(Method::POST, &format!("/v1/faxes/{}/resend", id(&first)), &[], None).await.unwrap();
    assert_eq!(again.status, 201, "{}", again.text);
    let again = again.json();
    assert_eq!((&again["to"], &again["from"], &again["pages"]), (&first["to"], &first["from"], &first["pages"]));
    assert_eq!((&again["resent_from"], again["id"] == first["id"]), (&first["id"], false));
    assert!(first.get("resent_from").is_none(), "of one that repeats none it is absent");
    assert_eq!(client.completed(id(&again)).await["status"], "delivered");
    assert_eq!(document(client, id(&again)).await, document(client, id(&first)).await);
    let other = resend(client, id(&first), &json!({"to": "+12125551234", "from": first["from"], "pages": "all"})).await;
    assert_eq!((other.status, other.json()["to"].as_str()), (201, Some("+12125551234")), "{}", other.text);
    for (body, param) in [
        (json!({"to": "12"}), "to"),
        (json!({"from": "+12025559999"}), "from"),
        (json!({"pages": "some"}), "pages"),
        (json!({"pages": 1}), "pages"),
    ] {
        let refused = resend(client, id(&first), &body).await;
        assert_problem(&refused, 400, "invalid_request");
        assert_eq!(refused.json()["error"]["param"], param, "{}", refused.text);
    }
    let sender = service.client(&service.key(customer.account, vec![Scope::FaxesSend], false).await);
    let elsewhere = resend(&sender, id(&first), &json!({"to": "+12125551235"})).await;
    assert_problem(&elsewhere, 403, "forbidden");
    assert!(elsewhere.text.contains("faxes:read"), "{}", elsewhere.text);
    assert_eq!(resend(&sender, id(&first), &json!({"to": first["to"]})).await.status, 201, "to the same number it may");
    let stranger = service.customer().await;
    assert_problem(&resend(&stranger.client, id(&first), &json!({})).await, 404, "not_found");
    assert_problem(&resend(client, "nonsense", &json!({})).await, 404, "not_found");
    assert_eq!(client.get("/v1/faxes").await.json()["total"], 4, "what was refused made none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_resend_is_one_fax_and_takes_the_slots_of_sends() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let first = client.send_letter("+15005550001").await;
    let path = format!("/v1/faxes/{}/resend", id(&first));
    let call = async |body: Value| {
        let headers = [("idempotency-key", "once")];
        client.try_call(Method::POST, &path, &headers, Some(body.to_string().into_bytes())).await.unwrap()
    };
    let (one, two) = (call(json!({"pages": "all"})).await, call(json!({"pages": "all"})).await);
    assert_eq!((one.status, two.status, &one.text), (201, 201, &two.text));
    assert_eq!(two.header("idempotent-replayed"), Some("true"));
    assert_eq!(call(json!({"pages": "unsent"})).await.json()["error"]["code"], "idempotency_key_reused");
    let remaining =
        |answer: &Answer| answer.header("ratelimit").and_then(|text| text.split("r=").nth(1)?.split(';').next()?.parse::<u32>().ok());
    let before = remaining(&resend(client, id(&first), &json!({"to": "1"})).await).unwrap();
    let after = remaining(&client.post("/v1/faxes", &json!({})).await).unwrap();
    assert_eq!(after + 1, before, "a send finds the slot taken");
}

/// Its line drops after the first of two pages, at each of three calls.
#[tokio::test(flavor = "multi_thread")]
async fn the_pages_that_never_arrived_are_sent_as_they_are() {
    let service = Service::start().await;
    let customer = service.customer().await;
    let client = &customer.client;
    let failed = client.send_letter("+15005550005").await;
    let under_way = resend(client, id(&failed), &json!({"pages": "unsent"})).await;
    assert_eq!((under_way.status, under_way.json()["error"]["code"].as_str()), (409, Some("under_way")), "{}", under_way.text);
    let failed = sfm_tests::eventually("the fax to fail", || async {
        service.advance(SignedDuration::from_mins(1));
        let fax = client.fax(id(&failed)).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        (fax["status"] == "failed").then_some(fax)
    })
    .await;
    assert_eq!((&failed["pages"], &failed["pages_sent"]), (&json!(2), &json!(1)));
    let used = service.used_pages(customer.account).await;
    let rest = resend(client, id(&failed), &json!({"to": "+15005550001", "pages": "unsent"})).await;
    assert_eq!(rest.status, 201, "{}", rest.text);
    let rest = rest.json();
    assert_eq!((&rest["pages"], &rest["resent_from"]), (&json!(1), &failed["id"]));
    assert_eq!(service.used_pages(customer.account).await, used + 1, "what is sent is charged");
    assert_eq!(client.completed(id(&rest)).await["status"], "delivered");
    let pages = sfm_tests::documents::below_header;
    let (whole, second) = (pages(&document(client, id(&failed)).await), pages(&document(client, id(&rest)).await));
    assert_eq!(second, whole[1..], "the second page, byte for byte");
    let nothing = resend(client, id(&rest), &json!({"pages": "unsent"})).await;
    assert_eq!((nothing.status, nothing.json()["error"]["code"].as_str()), (409, Some("nothing_unsent")), "{}", nothing.text);
    // Its document is gone: of all pages, and of some.
    let key = format!("faxes/{}/{}.pdf", customer.account, id(&failed));
    service.stack.operator_platform().s3().delete_object().bucket("documents").key(key).send().await.unwrap();
    for pages in ["all", "unsent"] {
        let gone = resend(client, id(&failed), &json!({"pages": pages})).await;
        assert_problem(&gone, 404, "not_found");
        assert_eq!(gone.json()["error"]["code"], "document_expired");
    }
    assert_eq!(service.used_pages(customer.account).await, used + 1);
    let test = service.client(&service.key(customer.account, sfm_core::scope::Scope::ALL.to_vec(), true).await);
    let of_test = resend(&test, id(&rest), &json!({})).await.json();
    assert_eq!((&of_test["live"], service.used_pages(customer.account).await), (&json!(false), used + 1));
}
