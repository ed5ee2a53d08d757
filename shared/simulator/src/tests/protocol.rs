//! Requests and answers of the API.

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::support::{Stage, until};

#[tokio::test]
async fn a_wrong_or_missing_key_is_401_in_telnyxs_shape() {
    let stage = Stage::new(1000.0).await;
    let url = format!("{}/v2/faxes", stage.carrier.url());
    let body = stage.fax("+15005550001").to_string();
    for request in
        [stage.http.post(&url), stage.http.post(&url).bearer_auth("wrong"), stage.http.post(&url).basic_auth("key", None::<&str>)]
    {
        let response = request.body(body.clone()).send().await.unwrap();
        assert_eq!(response.status(), 401);
        let answer: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        let error = &answer["errors"][0];
        assert_eq!((&error["code"], &error["title"]), (&json!("10009"), &json!("Authentication failed")));
        assert!(error["detail"].is_string());
    }
    assert!(stage.carrier.log().is_empty());
}

#[tokio::test]
async fn a_submission_at_fault_is_422_and_names_the_field() {
    let stage = Stage::new(1000.0).await;
    for (field, value, pointer) in [
        ("connection_id", Value::Null, "/connection_id"),
        ("from", Value::Null, "/from"),
        ("to", Value::Null, "/to"),
        ("to", json!("5005550001"), "/to"),
        ("to", json!("+0500555000"), "/to"),
        ("from", json!("+1 500 555 0001"), "/from"),
        ("to", json!("+1234567890123456"), "/to"),
        ("media_url", Value::Null, "/media_url"),
        ("media_url", json!("ftp://host/file"), "/media_url"),
        ("media_name", json!("mine"), "/media_name"),
        ("webhook_url", json!("nowhere"), "/webhook_url"),
        ("from_display_name", json!("x".repeat(129)), "/from_display_name"),
        ("quality", json!("best"), "/"),
        ("to", json!(5), "/"),
    ] {
        let mut fax = stage.fax("+15005550001");
        fax[field] = value;
        let (status, answer) = stage.call("POST", "/v2/faxes", Some(&fax)).await;
        assert_eq!(status, 422, "{field}: {answer}");
        assert_eq!(answer["errors"][0]["source"]["pointer"], pointer, "{answer}");
    }
    let named = json!({ "connection_id": "c1", "from": "+15005550100", "to": "+15005550001", "media_name": "mine" });
    assert_eq!(stage.call("POST", "/v2/faxes", Some(&named)).await.0, 422);
    let unreadable = stage.request("POST", "/v2/faxes").body("{").send().await.unwrap();
    assert_eq!(unreadable.status(), 400);
    assert!(stage.carrier.log().is_empty());
}

#[tokio::test]
async fn an_accepted_fax_is_shown_with_every_field() {
    let stage = Stage::new(0.001).await;
    let mut fax = stage.fax("+15005550001");
    fax["quality"] = json!("very_high");
    fax["client_state"] = json!("aGVsbG8=");
    let (status, answer) = stage.call("POST", "/v2/faxes", Some(&fax)).await;
    assert_eq!(status, 202);
    let shown = &answer["data"];
    for field in ["connection_id", "from", "to", "media_url", "quality", "client_state"] {
        assert_eq!(shown[field], fax[field], "{field}");
    }
    assert_eq!(shown["record_type"], "fax");
    assert_eq!(shown["direction"], "outbound");
    assert_eq!(shown["status"], "queued");
    assert_eq!(shown["failure_reason"], Value::Null);
    assert_eq!(shown["webhook_url"], format!("{}/hook", stage.product_url));
    assert_eq!(shown["created_at"], shown["updated_at"]);
    let id = shown["id"].as_str().unwrap();
    assert_eq!(id.len(), 36);
    assert_eq!(stage.view_when(id, "originated").await["created_at"], shown["created_at"]);
}

#[tokio::test]
async fn unknown_faxes_and_routes_are_404() {
    let stage = Stage::new(1000.0).await;
    for (method, path) in [
        ("GET", "/v2/faxes/none"),
        ("DELETE", "/v2/faxes/none"),
        ("POST", "/v2/faxes/none/actions/cancel"),
        ("GET", "/v2/other"),
        ("PUT", "/v2/faxes"),
        ("GET", "/"),
    ] {
        let (status, answer) = stage.call(method, path, None).await;
        assert_eq!((status, &answer["errors"][0]["code"]), (404, &json!("10005")), "{method} {path}");
    }
}

#[tokio::test]
async fn a_canceled_fax_has_failed_and_cannot_be_canceled_again() {
    let stage = Stage::new(1.0).await;
    let id = stage.send(&stage.fax("+15005550001")).await;
    stage.hooks(&id, 2).await;
    let cancel = format!("/v2/faxes/{id}/actions/cancel");
    assert_eq!(stage.call("POST", &cancel, None).await, (202, json!({ "data": { "result": "ok" } })));
    let hooks = stage.hooks(&id, 3).await;
    assert_eq!(hooks[2].payload()["failure_reason"], "sender_canceled");
    assert_eq!(stage.view(&id).await["status"], "failed");
    assert_eq!(stage.call("POST", &cancel, None).await.0, 422);
    stage.advance(SignedDuration::from_hours(1));
    let other = stage.send(&stage.fax("+15005550001")).await;
    stage.hooks(&other, 1).await;
    assert_eq!(stage.product.hooks(&id).len(), 3, "the call is over");
}

#[tokio::test]
async fn a_fax_canceled_while_its_document_comes_stays_canceled() {
    let stage = Stage::new(1000.0).await;
    let id = stage.send(&stage.fax_of("+15005550001", "/held")).await;
    until("the document is asked for", async || (stage.product.fetches.load(Ordering::SeqCst) == 1).then_some(())).await;
    stage.call("POST", &format!("/v2/faxes/{id}/actions/cancel"), None).await;
    stage.product.release.notify_one();
    stage.log_tells("\"fetched\"", 1).await;
    stage.log_tells("called_back", 2).await;
    let stage = stage.crash(1000.0).await;
    let other = stage.send(&stage.fax("+15005550001")).await;
    stage.hooks(&other, 4).await;
    let hooks = stage.product.hooks(&id);
    assert_eq!(hooks.iter().map(|hook| hook.event()).collect::<Vec<_>>(), ["fax.queued", "fax.failed"]);
    assert_eq!(stage.view(&id).await["failure_reason"], "sender_canceled");
}

#[tokio::test]
async fn a_deleted_fax_is_out_of_sight_but_stays_in_the_log() {
    let stage = Stage::new(1000.0).await;
    let id = stage.send(&stage.fax("+15005550001")).await;
    let path = format!("/v2/faxes/{id}");
    assert_eq!(stage.call("DELETE", &path, None).await.0, 204);
    let stage = stage.crash(1000.0).await;
    assert_eq!(stage.call("GET", &path, None).await.0, 404);
    assert_eq!(stage.call("DELETE", &path, None).await.0, 404);
    assert_eq!(stage.call("GET", "/v2/faxes", None).await.1["meta"]["total_results"], 0);
    let outcome = until("it is delivered all the same", async || stage.carrier.log()[0].outcome.clone()).await;
    assert_eq!(outcome, "delivered");
}

/// The destinations on one page of the list.
async fn listed(stage: &Stage, query: &str) -> Vec<String> {
    let (status, answer) = stage.call("GET", &format!("/v2/faxes?{query}"), None).await;
    assert_eq!(status, 200, "{answer}");
    answer["data"].as_array().unwrap().iter().map(|fax| fax["to"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_list_is_filtered_newest_first() {
    let stage = Stage::new(0.001).await;
    let mut times = Vec::new();
    for number in ["+15005550001", "+15005550002", "+15005550003"] {
        let (_, answer) = stage.call("POST", "/v2/faxes", Some(&stage.fax(number))).await;
        times.push(answer["data"]["created_at"].as_str().unwrap().to_owned());
        stage.advance(SignedDuration::from_mins(1));
    }
    let mut other = stage.fax("+15005550001");
    other["from"] = json!("+15005550199");
    stage.send(&other).await;

    let (one, two, three) = ("+15005550001", "+15005550002", "+15005550003");
    assert_eq!(listed(&stage, "").await, [one, three, two, one]);
    let second = &times[1];
    assert_eq!(listed(&stage, &format!("filter[created_at][gte]={second}")).await, [one, three, two]);
    assert_eq!(listed(&stage, &format!("filter[created_at][gt]={second}")).await, [one, three]);
    assert_eq!(listed(&stage, &format!("filter[created_at][lte]={second}")).await, [two, one]);
    assert_eq!(listed(&stage, &format!("filter[created_at][lt]={second}")).await, [one]);
    assert_eq!(listed(&stage, "filter%5Bto%5D%5Beq%5D=%2B15005550001").await, [one, one]);
    assert_eq!(listed(&stage, "filter[to][eq]=%2B15005550001&filter[from][eq]=%2B15005550100").await, [one]);
    assert_eq!(listed(&stage, "filter[direction][eq]=outbound").await.len(), 4);
    assert!(listed(&stage, "filter[direction][eq]=inbound").await.is_empty());
    assert_eq!(stage.call("GET", "/v2/faxes?filter[created_at][gte]=yesterday", None).await.0, 422);
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let stage = Stage::new(0.001).await;
    for number in 1..=5 {
        stage.send(&stage.fax(&format!("+1500555000{number}"))).await;
    }
    assert_eq!(listed(&stage, "page[number]=2&page[size]=2").await, ["+15005550003", "+15005550002"]);
    assert!(listed(&stage, "page[number]=9&page[size]=2").await.is_empty());
    let (_, answer) = stage.call("GET", "/v2/faxes?page%5Bnumber%5D=3&page%5Bsize%5D=2", None).await;
    assert_eq!(answer["meta"], json!({ "page_number": 3, "page_size": 2, "total_pages": 3, "total_results": 5 }));
    for query in ["page[size]=0", "page[size]=251", "page[number]=0", "page[number]=x"] {
        assert_eq!(stage.call("GET", &format!("/v2/faxes?{query}"), None).await.0, 422, "{query}");
    }
}

#[tokio::test]
async fn more_than_2000_faxes_in_process_are_429() {
    // 2,000 faxes of a number that stays silent, as a crash in the middle of them would leave them.
    let first = Stage::new(0.001).await;
    let id = first.send(&first.fax("+15005550008")).await;
    first.view_when(&id, "originated").await;
    let lines = fs::read_to_string(first.dir.path().join("journal.jsonl")).unwrap();
    let mut log = String::new();
    for number in 0..2_000 {
        write!(log, "{}", lines.replace(&id, &format!("fax-{number}"))).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("journal.jsonl"), log).unwrap();

    let stage = Stage::in_dir(dir, 1.0).await;
    let fax = stage.fax("+15005550001");
    let (status, answer) = stage.call("POST", "/v2/faxes", Some(&fax)).await;
    assert_eq!((status, &answer["errors"][0]["code"]), (429, &json!("10011")));
    assert_eq!(stage.carrier.log().len(), 2_000);

    stage.advance(SignedDuration::from_hours(1));
    until("there is room again", async || {
        let (status, _) = stage.call("POST", "/v2/faxes", Some(&fax)).await;
        (status == 202).then_some(())
    })
    .await;
}
