//! Filters on the list of faxes.

use serde_json::{Value, json};
use sfm::commands::fax as fax_command;
use sfm_core::scope::Scope;
use sfm_tests::client::fax;
use sfm_tests::documents::TEXT;
use sfm_tests::eventually;
use sfm_tests::target::Target;

use crate::{assert_problem, ids};

#[tokio::test(flavor = "multi_thread")]
async fn filters_let_through_what_they_say_and_page_like_the_list() {
    let service = Target::start().await;
    let customer = service.customer().await;
    // A test key's faxes end by themselves, within seconds of the stack's clock.
    let client = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    let mut all: Vec<Value> = Vec::new();
    for i in 0..12 {
        let to = if i % 3 == 0 { "+15005550007" } else { "+15005550001" };
        let sent = client.post("/v1/faxes", &fax(to, TEXT, "text/plain")).await;
        all.insert(0, sent.json());
    }
    for sent in &all {
        eventually("the fax's end", || async {
            service.pass(3).await;
            let status = client.fax(sent["id"].as_str().unwrap()).await["status"].clone();
            (status == "delivered" || status == "failed").then_some(())
        })
        .await;
    }
    let failed = |fax: &&Value| fax["to"] == "+15005550007";
    let id = |fax: &Value| fax["id"].as_str().unwrap().to_owned();
    let deleted = id(&all.remove(3));
    fax_command::delete(&service.operator_platform(), deleted.parse().unwrap()).await.unwrap();

    let expect = async |query: &str, expected: Vec<String>| {
        // The index follows the writes; what a filter shows may trail by moments.
        eventually("the index to follow", || async {
            (ids(&client.get(&format!("/v1/faxes?limit=100&{query}")).await) == expected).then_some(())
        })
        .await;
        for limit in [1, 3, 5] {
            for (page, shown) in expected.chunks(limit).chain([&[][..]]).enumerate() {
                let list = client.get(&format!("/v1/faxes?limit={limit}&page={}&{query}", page + 1)).await;
                assert_eq!(ids(&list), shown, "{query}, page {} of {limit}", page + 1);
                let more = (page + 1) * limit < expected.len();
                assert_eq!((list.json()["total"].clone(), list.json()["has_more"].clone()), (Value::Null, json!(more)), "{query}");
            }
        }
    };
    expect("status=failed", all.iter().filter(failed).map(id).collect()).await;
    expect("status=delivered", all.iter().filter(|fax| !failed(fax)).map(id).collect()).await;
    expect("status=queued", vec![]).await;
    expect("status=received", vec![]).await;
    expect("direction=outbound", all.iter().map(id).collect()).await;
    expect("direction=inbound", vec![]).await;
    expect("direction=inbound&status=failed", vec![]).await;
    expect("direction=outbound&status=failed", all.iter().filter(failed).map(id).collect()).await;
    let (from, to) = (all[8]["created_at"].as_str().unwrap(), all[2]["created_at"].as_str().unwrap());
    expect(&format!("created_after={from}"), all[..8].iter().map(id).collect()).await;
    expect(&format!("created_before={to}"), all[3..].iter().map(id).collect()).await;
    expect(&format!("created_after={from}&created_before={to}"), all[3..8].iter().map(id).collect()).await;
    expect(&format!("created_after={to}&created_before={from}"), vec![]).await;
    let offset = from.replace('Z', "+00:00");
    expect(&format!("created_after={offset}&status=failed"), all[..8].iter().filter(failed).map(id).collect()).await;
    expect("created_before=9999-12-31T23:59:59Z", all.iter().map(id).collect()).await;
    assert_eq!(ids(&client.get("/v1/faxes?status=failed&page=99999999999999999999").await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_makes_no_sense_is_400() {
    let service = Target::start().await;
    let client = service.customer().await.client;
    for query in [
        "status=lost",
        "status=",
        "status=Failed",
        "status=failed&status=queued",
        "direction=up",
        "created_after=yesterday",
        "created_before=",
        "created_after=2026-01-01",
        "created_after=2026-01-01T00:00:00",
        "created_after=20260101T000000Z",
        "created_after=2026-01-01T00:00:00Z[UTC]",
        "created_before=2026-01-01T00:00:60Z",
        "created_before=2026-01-01T00:00:00-24:00",
        "limit=1&limit=2",
        "status=failed&limit=0",
    ] {
        let error = assert_problem(&client.get(&format!("/v1/faxes?{query}")).await, 400, "invalid_request");
        assert!(query.contains(error["param"].as_str().unwrap()), "{query}: {error}");
    }
    assert_eq!(client.get("/v1/faxes?unknown=x").await.json()["total"], 0, "what is no parameter is no filter");
}
