//! What callers note on their faxes: a reference and metadata.

use reqwest::Method;
use serde_json::{Map, Value, json};
use sfm_core::scope::Scope;
use sfm_tests::client::fax;
use sfm_tests::documents::TEXT;
use sfm_tests::target::Target;

use crate::{assert_problem, ids};

fn noted(to: &str, reference: &str, metadata: &Value) -> Value {
    let mut body = fax(to, TEXT, "text/plain");
    body["reference"] = reference.into();
    body["metadata"] = metadata.clone();
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn reference_and_metadata_come_back_everywhere_and_faxes_are_found_by_the_reference() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    let plain = client.post("/v1/faxes", &fax("+12125551234", TEXT, "text/plain")).await.json();
    assert!(plain.get("reference").is_none() && plain.get("metadata").is_none(), "{plain}");

    let metadata = json!({"patient": "4711", "ward": "Über\tuns\n", "": null}).as_object().unwrap().clone();
    let metadata = Value::from(metadata.into_iter().filter(|(key, _)| !key.is_empty()).collect::<Map<_, _>>());
    let body = noted("+12125551234", " Case #1/2026 ", &metadata);
    let sent = client.post("/v1/faxes", &body).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let sent = sent.json();
    assert_eq!((&sent["reference"], &sent["metadata"]), (&json!("Case #1/2026"), &metadata));
    let id = sent["id"].as_str().unwrap();
    let fax = client.fax(id).await;
    assert_eq!((&fax["reference"], &fax["metadata"]), (&json!("Case #1/2026"), &metadata));

    // The same reference, and one that differs from it where a name of an item is divided.
    let other = client.post("/v1/faxes", &noted("+12125551235", "Case #1/2026#00000000", &json!({}))).await.json();
    assert!(other.get("metadata").is_none(), "no pairs are no metadata: {other}");
    let resent = client.post(&format!("/v1/faxes/{id}/resend"), &json!({})).await.json();
    assert_eq!((&resent["reference"], &resent["metadata"]), (&json!("Case #1/2026"), &metadata), "a fax that is sent again keeps them");
    let found = async |query: &str| ids(&client.get(&format!("/v1/faxes?{query}")).await);
    let [one, again, other] = [&sent, &resent, &other].map(|fax| fax["id"].as_str().unwrap().to_owned());
    assert_eq!(found("reference=Case%20%231/2026").await, [again.clone(), one.clone()]);
    assert_eq!(found("reference=Case%20%231/2026%2300000000").await, [other]);
    assert_eq!(found("reference=case%20%231/2026").await, [""; 0], "as it is written");
    assert_eq!(found("reference=Case%20%231/2026&to=%2B12125551234").await, [again, one]);
    assert_eq!(found("reference=Case%20%231/2026&to=%2B12125551235").await, [""; 0]);
    let stranger = service.customer().await.client;
    assert_eq!(ids(&stranger.get("/v1/faxes?reference=Case%20%231/2026").await), [""; 0]);

    let mut put_off = body;
    put_off["send_at"] = json!("2199-01-01T00:00:00Z");
    assert_problem(&client.post("/v1/scheduled", &put_off).await, 400, "invalid_request");
    put_off["send_at"] = json!((jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48)).to_string());
    let scheduled = client.post("/v1/scheduled", &put_off).await.json();
    assert_eq!((&scheduled["reference"], &scheduled["metadata"]), (&json!("Case #1/2026"), &metadata));
    let read = client.get(&format!("/v1/scheduled/{}", scheduled["id"].as_str().unwrap())).await.json();
    assert_eq!(read["metadata"], metadata);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_and_references_that_do_not_fit_are_refused_by_name() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    let pairs = |count: usize| Value::from((0..count).map(|n| (format!("key {n}"), json!("x"))).collect::<Map<_, _>>());
    for (field, value, param) in [
        ("reference", json!(""), "reference"),
        ("reference", json!("x".repeat(101)), "reference"),
        ("reference", json!("a\u{7}b"), "reference"),
        ("reference", json!(7), "reference"),
        ("metadata", json!("x"), "metadata"),
        ("metadata", json!(["x"]), "metadata"),
        ("metadata", pairs(21), "metadata"),
        ("metadata", json!({"": "x"}), "metadata"),
        ("metadata", json!({"k".repeat(41): "x"}), "metadata"),
        ("metadata", json!({"key": 7}), "metadata.key"),
        ("metadata", json!({"key": null}), "metadata.key"),
        ("metadata", json!({"key": "x".repeat(501)}), "metadata.key"),
        ("metadata", json!({"key": "\u{0}"}), "metadata.key"),
    ] {
        let mut body = fax("+12125551234", TEXT, "text/plain");
        body[field] = value;
        for path in ["/v1/faxes", "/v1/scheduled"] {
            body["send_at"] = json!((jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48)).to_string());
            let error = assert_problem(&client.post(path, &body).await, 400, "invalid_request");
            assert_eq!(error["param"], param, "{path}: {error}");
        }
    }
    assert_eq!(client.get("/v1/faxes").await.json()["total"], 0);
}

/// A list of faxes with all the metadata that there may be is larger than what one Query reads.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_faxes_with_large_metadata_is_whole() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    let large = Value::from((0..20).map(|n| (format!("key {n}"), json!("€".repeat(500)))).collect::<Map<_, _>>());
    let body = noted("+12125551234", "large", &large).to_string().into_bytes();
    let sends = (0..40).map(|_| client.try_call(Method::POST, "/v1/faxes", &[], Some(body.clone())));
    let sent = futures::future::join_all(sends).await.into_iter().filter(|sent| sent.as_ref().is_ok_and(|sent| sent.status == 201)).count();
    assert!(sent > 35, "{sent} of 40: fewer do not fill 1 MB");
    for query in ["limit=100", "limit=100&reference=large", "limit=100&direction=outbound"] {
        let list = client.get(&format!("/v1/faxes?{query}")).await.json();
        assert_eq!(list["data"].as_array().unwrap().len(), sent, "{query}");
        assert!(list["data"].as_array().unwrap().iter().all(|fax| fax["metadata"] == large), "{query}");
    }
}
