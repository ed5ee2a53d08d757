//! Dedicated numbers.

use serde_json::json;
use sfm::commands::{account, number};
use sfm_core::scope::Scope;
use sfm_store::accounts::AccountChange;
use sfm_tests::client::fax;
use sfm_tests::documents::FORM;
use sfm_tests::service::carrier_log;
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

/// One of each kind that an earlier release dialled wrongly or refused: national numbers that begin with 1, and others.
const ABROAD: [&str; 8] =
    ["+441612345678", "+8613800138000", "+4915112345678", "+43151234567", "+33142764978", "+3612345678", "+390612345678", "+2250123456789"];

#[tokio::test(flavor = "multi_thread")]
async fn a_number_abroad_goes_through_every_door_digit_by_digit_and_is_the_one_that_is_called() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let mut body = fax("", FORM, "image/png");
    for number in ABROAD {
        body["to"] = json!(number);
        let sent = customer.client.post("/v1/faxes", &body).await;
        assert_eq!((sent.status, &sent.json()["to"]), (201, &json!(number)), "{}", sent.text);
        customer.client.completed(sent.json()["id"].as_str().unwrap()).await;
        let mut later = body.clone();
        later["send_at"] = json!((jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string());
        let scheduled = customer.client.post("/v1/scheduled", &later).await;
        assert_eq!((scheduled.status, &scheduled.json()["to"]), (201, &json!(number)), "{}", scheduled.text);
        let contact = customer.client.post("/v1/contacts", &json!({"name": "Abroad", "fax_number": number})).await;
        assert_eq!((contact.status, &contact.json()["fax_number"]), (201, &json!(number)), "{}", contact.text);
    }
    if let Target::Local(local) = &service {
        let called: Vec<_> = carrier_log(&local.stack).iter().map(|line| line["to"].as_str().unwrap().to_owned()).collect();
        assert_eq!(called, ABROAD);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_another_number_is_refused_at_every_door_with_what_to_write() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let mut body = fax("", FORM, "image/png");
    for number in ["5551234", "+15551234", "0791234567", "1111111111", "+49 (0) 30 123456", "+10125551234", "911", "+1212\u{200b}5551234"] {
        body["to"] = json!(number);
        let error = assert_problem(&customer.client.post("/v1/faxes", &body).await, 400, "invalid_request");
        assert_eq!(error["param"], "to", "{number}");
        assert_problem(&customer.client.post("/v1/scheduled", &body).await, 400, "invalid_request");
        let contact = json!({"name": "Nobody", "fax_number": number});
        let error = assert_problem(&customer.client.post("/v1/contacts", &contact).await, 400, "invalid_request");
        assert_eq!(error["param"], "fax_number", "{number}");
    }
    assert_eq!(customer.client.get("/v1/faxes").await.json()["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn premium_and_satellite_numbers_are_called_only_for_an_account_that_allows_them() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let operator = service.operator_platform();
    let at = json!((jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string());
    let allow = |allowed| AccountChange { allow_premium: Some(allowed), ..AccountChange::default() };
    for number in ["+19005551234", "+12129761234", "+881612345678", "+870773111632", "+449098765432"] {
        let mut body = fax(number, FORM, "image/png");
        body["send_at"] = at.clone();
        for route in ["/v1/faxes", "/v1/scheduled"] {
            let error = assert_problem(&customer.client.post(route, &body).await, 400, "invalid_request");
            assert_eq!((&error["code"], &error["param"]), (&json!("number_not_allowed"), &json!("to")), "{route} {number}");
        }
        let contact = json!({"name": "Costly", "fax_number": number});
        let error = assert_problem(&customer.client.post("/v1/contacts", &contact).await, 400, "invalid_request");
        assert_eq!((&error["code"], &error["param"]), (&json!("number_not_allowed"), &json!("fax_number")), "{number}");
        account::update(&operator, customer.account, allow(true)).await.unwrap();
        assert_eq!(customer.client.post("/v1/contacts", &contact).await.status, 201, "{number}");
        for route in ["/v1/faxes", "/v1/scheduled"] {
            assert_eq!(customer.client.post(route, &body).await.status, 201, "{route} {number}");
        }
        account::update(&operator, customer.account, allow(false)).await.unwrap();
    }
    let refused = number::add(&operator, customer.account, "+19005551234".parse().unwrap(), None).await;
    assert!(refused.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_which_stored_numbers_an_earlier_release_may_have_changed() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let operator = service.operator_platform();
    customer.client.post("/v1/contacts", &json!({"name": "Good", "fax_number": "+441612345678"})).await;
    let damaged = customer.client.post("/v1/contacts", &json!({"name": "Damaged", "fax_number": "+442079460958"})).await.json();
    let table = operator.var("CONTACTS_TABLE").unwrap();
    let wrong = aws_sdk_dynamodb::types::AttributeValue::S("+44612345678".into());
    operator
        .dynamodb()
        .update_item()
        .table_name(table)
        .key("account_id", aws_sdk_dynamodb::types::AttributeValue::S(customer.account.to_string()))
        .key("item", aws_sdk_dynamodb::types::AttributeValue::S(damaged["id"].as_str().unwrap().into()))
        .update_expression("SET fax_number = :wrong")
        .expression_attribute_values(":wrong", wrong)
        .send()
        .await
        .unwrap();
    let list = number::list(&operator, Some(customer.account), true).await.unwrap();
    let rows = list["data"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{list}");
    let told = (&rows[0]["object"], &rows[0]["id"], &rows[0]["fax_number"], &rows[0]["may_have_been"]);
    assert_eq!(told, (&json!("contact"), &damaged["id"], &json!("+44612345678"), &json!("+441612345678")));
    let all = number::list(&operator, Some(customer.account), false).await.unwrap();
    assert_eq!(all["data"].as_array().unwrap().len(), 1, "{all}");
}
