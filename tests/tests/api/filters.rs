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
    let own = all[0]["from"].as_str().unwrap().replace('+', "%2B");
    for number in ["%2B15005550007", "+15005550007", "%2B1%20(500)%20555-0007", "15005550007"] {
        expect(&format!("to={number}"), all.iter().filter(failed).map(id).collect()).await;
    }
    expect("to=%2B15005550001", all.iter().filter(|fax| !failed(fax)).map(id).collect()).await;
    expect("to=%2B15005550002", vec![]).await;
    expect(&format!("from={own}"), all.iter().map(id).collect()).await;
    expect(&format!("from={own}&to=%2B15005550007"), all.iter().filter(failed).map(id).collect()).await;
    expect(&format!("from={own}&status=failed"), all.iter().filter(failed).map(id).collect()).await;
    expect("to=%2B15005550007&status=delivered", vec![]).await;
    expect(&format!("from={own}&created_after={from}&created_before={to}"), all[3..8].iter().map(id).collect()).await;
    expect(&format!("from={own}&direction=inbound"), vec![]).await;
    assert_eq!(ids(&client.get("/v1/faxes?to=%2B15005550007&page=99999999999999999999").await), [""; 0]);
    let stranger = service.customer().await.client;
    assert_eq!(ids(&stranger.get("/v1/faxes?to=%2B15005550007").await), [""; 0], "another account's");
}

/// More than a posting list's head holds, sent at once: each is in the lists of its numbers, once.
#[tokio::test(flavor = "multi_thread")]
async fn many_faxes_to_one_number_are_found_by_it_whatever_the_page() {
    let service = Target::start().await;
    let customer = service.customer().await;
    for _ in 0..2 {
        // A key has 60 slots a minute.
        let client = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
        let body = fax("+12125551234", TEXT, "text/plain");
        let sent = futures::future::join_all((0..55).map(|_| client.post("/v1/faxes", &body))).await;
        for sent in sent {
            assert!([201, 503].contains(&sent.status), "{}", sent.text);
        }
    }
    let client = &customer.client;
    let mut all = Vec::new();
    for page in 1..=2 {
        all.extend(ids(&client.get(&format!("/v1/faxes?limit=100&page={page}")).await));
    }
    assert!(all.len() > 60, "{}", all.len());
    let deleted = [all.remove(70 % all.len()), all.remove(30), all.remove(3)];
    for id in deleted {
        fax_command::delete(&service.operator_platform(), id.parse().unwrap()).await.unwrap();
    }
    for limit in [7, 50] {
        let mut found = Vec::new();
        for page in 1..=all.len().div_ceil(limit) {
            let list = client.get(&format!("/v1/faxes?to=%2B12125551234&limit={limit}&page={page}")).await;
            let shown = ids(&list);
            assert_eq!(shown.len(), limit.min(all.len() - found.len()), "page {page} of {limit}");
            assert_eq!(list.json()["has_more"], found.len() + shown.len() < all.len());
            found.extend(shown);
        }
        // Sends of one moment may stand in another order.
        found.sort_unstable();
        let mut expected = all.clone();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_exported_as_csv_by_a_link() {
    let service = Target::start().await;
    let customer = service.customer().await;
    let client = service.client(&service.key(customer.account, Scope::ALL.to_vec(), true).await);
    let sent = client.post("/v1/faxes", &fax("+12125551234", TEXT, "text/plain")).await.json();
    let other = client.post("/v1/faxes", &fax("+12125551235", TEXT, "text/plain")).await.json();
    let month = &sent["created_at"].as_str().unwrap()[..7];
    let export = async |month: &str| {
        let link = client.get(&format!("/v1/faxes/export?month={month}")).await;
        assert_eq!(link.status, 302, "{}", link.text);
        let file = sfm_tests::client::http().get(link.header("location").unwrap()).send().await.unwrap();
        assert_eq!(file.status(), 200);
        file.text().await.unwrap()
    };
    let lines: Vec<String> = export(month).await.split("\r\n").map(str::to_owned).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("id,direction,status,to,from,pages,"), "{lines:?}");
    for (line, fax) in lines[1..3].iter().zip([&sent, &other]) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), lines[0].split(',').count());
        assert_eq!((cells[0], cells[1]), (fax["id"].as_str().unwrap(), "outbound"));
        assert_eq!(cells[3], format!("'{}", fax["to"].as_str().unwrap()), "no formula");
        assert_eq!((cells[12], cells[13]), ("false", fax["created_at"].as_str().unwrap()));
    }
    for empty in ["2020-01", "2199-12"] {
        assert_eq!(export(empty).await.lines().count(), 1, "{empty}");
    }
    for bad in [
        "",
        "?month=",
        "?month=2026",
        "?month=2026-13",
        "?month=2026-1",
        "?month=2026-01-01",
        "?month=+2026-01",
        "?month=2026-01&month=2026-02",
    ] {
        let error = assert_problem(&client.get(&format!("/v1/faxes/export{bad}")).await, 400, "invalid_request");
        assert_eq!(error["param"], "month", "{bad}");
    }
    let stranger = service.customer().await.client;
    let link = stranger.get(&format!("/v1/faxes/export?month={month}")).await;
    let file = sfm_tests::client::http().get(link.header("location").unwrap()).send().await.unwrap();
    assert_eq!(file.text().await.unwrap().lines().count(), 1, "another account's");
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
        "to=",
        "to=12345",
        "to=%2B1",
        "from=nobody",
        "to=%2B15005550007&to=%2B15005550001",
    ] {
        let error = assert_problem(&client.get(&format!("/v1/faxes?{query}")).await, 400, "invalid_request");
        assert!(query.contains(error["param"].as_str().unwrap()), "{query}: {error}");
    }
    assert_eq!(client.get("/v1/faxes?unknown=x").await.json()["total"], 0, "what is no parameter is no filter");
}
