//! Dedicated numbers.

use serde_json::json;
use sfm::commands::number;
use sfm_core::scope::Scope;
use sfm_tests::target::Target;

use crate::{assert_problem, ids};

#[tokio::test(flavor = "multi_thread")]
async fn the_active_numbers_of_the_account_are_listed_newest_first() {
    let service = Target::start().await;
    let customer = service.customer().await;
    service.customer().await;
    let operator = service.operator_platform();
    let mut expected = ids(&customer.client.get("/v1/numbers").await);
    for (i, label) in [None, Some("Front desk"), None].into_iter().enumerate() {
        let e164 = format!("+1303555020{i}").parse().unwrap();
        let added = number::add(&operator, customer.account, e164, label.map(str::to_owned)).await.unwrap();
        expected.insert(0, serde_json::to_value(&added).unwrap()["id"].as_str().unwrap().to_owned());
    }
    let list = customer.client.get("/v1/numbers").await;
    assert_eq!(ids(&list), expected);
    let desk = &list.json()["data"][1];
    let told = (&desk["object"], &desk["number"], &desk["label"], &desk["status"]);
    assert_eq!(told, (&json!("number"), &json!("+13035550201"), &json!("Front desk"), &json!("active")));

    number::release(&operator, expected.remove(1).parse().unwrap()).await.unwrap();
    for (page, shown) in [(1, &expected[..2]), (2, &expected[2..]), (3, &[][..])] {
        let list = customer.client.get(&format!("/v1/numbers?limit=2&page={page}")).await;
        assert_eq!(ids(&list), shown);
        assert_eq!((list.json()["total"].clone(), list.json()["has_more"].clone()), (json!(3), json!(page < 2)));
    }
    assert_problem(&customer.client.get("/v1/numbers?page=0").await, 400, "invalid_request");
    let other = service.client(&service.key(customer.account, vec![Scope::FaxesRead], false).await);
    assert_problem(&other.get("/v1/numbers").await, 403, "forbidden");
}
