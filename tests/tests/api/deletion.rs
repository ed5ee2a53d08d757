//! Deleting faxes, with their documents.

use serde_json::{Value, json};
use sfm_core::member::Role;
use sfm_core::scope::Scope;
use sfm_simulator::Incoming;
use sfm_tests::client::{Client, http};
use sfm_tests::documents::LETTER;
use sfm_tests::service::{audited, has_document};
use sfm_tests::target::Target;

use crate::assert_problem;

async fn delivered(client: &Client) -> String {
    let id = client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    client.completed(&id).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_fax_is_gone_with_its_document_and_its_links_and_what_was_made_of_it_stays() {
    let service = Target::start().await;
    let (customer, stranger) = (service.customer().await, service.customer().await);
    let (client, operator) = (&customer.client, service.operator_platform());
    let id = delivered(client).await;
    let path = format!("/v1/faxes/{id}");
    let resent = client.post(&format!("{path}/resend"), &json!({})).await.json()["id"].as_str().unwrap().to_owned();
    let link = client.get(&format!("{path}/document")).await.header("location").unwrap().to_owned();
    assert_eq!(http().get(&link).send().await.unwrap().status(), 200);
    let used = service.used_pages(customer.account).await;

    for absent in [path.as_str(), "/v1/faxes/fax_01ARZ3NDEKTSV4RRFFQ69G5FAV", "/v1/faxes/nonsense"] {
        assert_problem(&stranger.client.delete(absent).await, 404, "not_found");
    }
    let others = Scope::ALL.into_iter().filter(|scope| *scope != Scope::FaxesDelete).collect();
    let without = service.client(&service.key(customer.account, others, false).await);
    assert_problem(&without.delete(&path).await, 403, "forbidden");
    assert_eq!(client.get(&path).await.status, 200);

    let deleter = service.client(&service.key(customer.account, vec![Scope::FaxesDelete], false).await);
    let deleted = deleter.delete(&path).await;
    assert_eq!((deleted.status, deleted.json()), (200, json!({"id": id, "object": "fax", "deleted": true})));
    assert!(!has_document(&operator, service.documents(), customer.account, &id).await, "it goes at once");
    assert_eq!(http().get(&link).send().await.unwrap().status(), 404, "a link that was given out leads nowhere");
    for gone in [path.clone(), format!("{path}/document")] {
        assert_eq!(assert_problem(&client.get(&gone).await, 404, "not_found").get("code"), None);
    }
    for gone in ["cancel", "resend"] {
        assert_problem(&client.post(&format!("{path}/{gone}"), &json!({})).await, 404, "not_found");
    }
    assert_problem(&client.delete(&path).await, 404, "not_found");
    assert_problem(&deleter.delete(&path).await, 404, "not_found");
    assert_eq!(audited(&operator, customer.account, "fax.deleted").await, 1);
    client.completed(&resent).await;
    let list = client.get("/v1/faxes").await.json();
    assert_eq!((&list["total"], &list["data"][0]["id"], &list["data"][0]["resent_from"]), (&json!(1), &json!(resent), &json!(id)));
    assert!(has_document(&operator, service.documents(), customer.account, &resent).await, "a copy is another's document");
    assert_eq!(service.used_pages(customer.account).await, used, "what was used stays used");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_door_deletes_a_fax_with_its_document() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let operator = service.operator_platform();
    let (one, two) = (delivered(&customer.client).await, delivered(&customer.client).await);
    sfm::commands::fax::delete(&operator, one.parse().unwrap()).await.unwrap();
    let owner = service.member(customer.account, Role::Owner).await;
    assert_eq!(owner.delete(&format!("/dashboard/api/accounts/{}/faxes/{two}", customer.account)).await.status, 200);
    for id in [one, two] {
        assert!(!has_document(&operator, service.documents(), customer.account, &id).await);
        assert_problem(&customer.client.get(&format!("/v1/faxes/{id}")).await, 404, "not_found");
    }
    assert_eq!(audited(&operator, customer.account, "fax.deleted").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fax_that_came_in_is_deleted_with_its_document() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let own = customer.client.get("/v1/numbers").await.json()["data"][0]["number"].as_str().unwrap().to_owned();
    let document = fax_document::convert(LETTER, None, &fax_document::Options::default()).unwrap().pdf;
    service.send_in(Incoming { to: own, from: "+12125550100".into(), document });
    let first = || async {
        let list = customer.client.get("/v1/faxes?direction=inbound").await.json();
        list["data"].as_array().unwrap().first().map(|fax| fax["id"].as_str().unwrap().to_owned())
    };
    let id = service.until("a fax to come in", first).await;
    let operator = service.operator_platform();
    assert!(has_document(&operator, service.documents(), customer.account, &id).await);
    assert_eq!(customer.client.delete(&format!("/v1/faxes/{id}")).await.status, 200);
    assert!(!has_document(&operator, service.documents(), customer.account, &id).await);
    for list in ["/v1/faxes", "/v1/faxes?direction=inbound"] {
        assert_eq!(customer.client.get(list).await.json()["data"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_key_deletes_faxes_of_test_keys_alone_and_a_live_key_the_others() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let test = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    let (real, tried) = (delivered(&customer.client).await, delivered_as_test(&service, &test).await);
    assert_problem(&test.delete(&format!("/v1/faxes/{real}")).await, 404, "not_found");
    assert_problem(&customer.client.delete(&format!("/v1/faxes/{tried}")).await, 404, "not_found");
    assert_eq!(customer.client.get("/v1/faxes").await.json()["total"], 2, "reads are of both");
    assert_eq!(test.delete(&format!("/v1/faxes/{tried}")).await.status, 200);
    assert_eq!(customer.client.delete(&format!("/v1/faxes/{real}")).await.status, 200);
}

async fn delivered_as_test(service: &Target, client: &Client) -> String {
    let id = client.send_letter("+15005550001").await["id"].as_str().unwrap().to_owned();
    let done = || async { Some(client.fax(&id).await).filter(|fax: &Value| fax["completed_at"].is_string()) };
    service.until("the fax of the test key to end", done).await;
    id
}
