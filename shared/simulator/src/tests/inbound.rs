//! Faxes that come in.

use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::support::{Hook, Stage, letter, until};
use crate::{Incoming, SendInError};

const FAST: f64 = 1000.0;
const SOMEBODY: &str = "+12025550142";
const EVENTS: [&str; 3] = ["fax.receiving.started", "fax.media.processing.started", "fax.received"];

fn events(hooks: &[Hook]) -> Vec<&str> {
    hooks.iter().map(Hook::event).collect()
}

async fn download(stage: &Stage, url: &Value) -> (u16, Vec<u8>) {
    let response = stage.http.get(url.as_str().unwrap()).send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_fax_comes_in_with_the_payload_of_telnyx() {
    let stage = Stage::new(FAST).await;
    let incoming = Incoming { to: "+15005550100".into(), from: SOMEBODY.into(), document: letter() };
    let taken = stage.carrier.send_in(incoming).unwrap();
    let shown = serde_json::to_value(&taken).unwrap();
    assert_eq!(shown, json!({ "carrier_fax_id": taken.carrier_fax_id, "to": "+15005550100", "from": SOMEBODY, "pages": 2 }));
    let hooks = stage.hooks(&taken.carrier_fax_id, 3).await;
    assert_eq!(events(&hooks), EVENTS);
    for (hook, status) in hooks.iter().zip(["receiving", "media.processing", "received"]) {
        assert_eq!(hook.path, "/hook");
        let payload = hook.payload();
        assert_eq!((&payload["direction"], &payload["status"]), (&json!("inbound"), &json!(status)));
        assert_eq!((&payload["to"], &payload["from"]), (&json!("+15005550100"), &json!(SOMEBODY)));
        for absent in ["client_state", "original_media_url", "failure_reason"] {
            assert_eq!(payload.get(absent), None, "{absent}");
        }
        for late in ["media_url", "partial_content", "caller_id", "page_count", "call_duration_secs"] {
            assert_eq!(payload.get(late).is_some(), status == "received", "{late}");
        }
    }
    let last = hooks[2].payload();
    assert_eq!((&last["page_count"], &last["partial_content"], &last["caller_id"]), (&json!(2), &json!(false), &json!(SOMEBODY)));
    assert!(last["call_duration_secs"].as_u64().unwrap() >= 14);
    assert_eq!(download(&stage, &last["media_url"]).await, (200, letter()));
    assert!(stage.carrier.log().is_empty(), "it is no submission");
}

#[tokio::test]
async fn a_call_that_comes_in_lasts_and_can_be_watched() {
    let stage = Stage::new(1.0).await;
    let id = stage.send_in(SOMEBODY);
    assert_eq!(stage.view(&id).await["status"], "initiated");
    let until_received = async |step: SignedDuration| {
        let mut seen = Vec::new();
        until("it is received", async || {
            let fax = stage.view(&id).await;
            let status = fax["status"].as_str().unwrap().to_owned();
            assert_eq!(fax["media_url"].is_string(), status == "received");
            if seen.last() != Some(&status) {
                seen.push(status.clone());
            }
            stage.advance(step);
            (status == "received").then_some(())
        })
        .await;
        seen
    };
    let seen = until_received(SignedDuration::from_millis(100)).await;
    assert!(seen.contains(&"receiving".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn the_list_tells_the_directions_apart() {
    let stage = Stage::new(FAST).await;
    let sent = stage.send(&stage.fax("+15005550001")).await;
    let received = stage.send_in("+15005550012");
    stage.view_when(&received, "received").await;
    for (direction, id) in [("inbound", &received), ("outbound", &sent)] {
        let (_, answer) = stage.call("GET", &format!("/v2/faxes?filter[direction][eq]={direction}"), None).await;
        assert_eq!(answer["meta"]["total_results"], 1);
        assert_eq!((&answer["data"][0]["id"], &answer["data"][0]["direction"]), (&json!(id), &json!(direction)));
    }
    assert_eq!(stage.call("POST", &format!("/v2/faxes/{received}/actions/cancel"), None).await.0, 422);
    // One that tells, to the end: whatever the silent one had to tell would have come before.
    stage.hooks(&sent, 4).await;
    assert!(stage.product.hooks(&received).is_empty(), "0012 is found by listing alone");
}

#[tokio::test]
async fn a_link_holds_ten_minutes_and_can_be_renewed() {
    let stage = Stage::new(FAST).await;
    let id = stage.send_in(SOMEBODY);
    let link = stage.hooks(&id, 3).await[2].payload()["media_url"].clone();
    assert_eq!(stage.view(&id).await["media_url"], link);
    stage.advance(SignedDuration::from_mins(9));
    assert_eq!(download(&stage, &link).await.0, 200);
    stage.advance(SignedDuration::from_mins(2));
    assert_eq!(download(&stage, &link).await.0, 403);
    let refresh = format!("/v2/faxes/{id}/actions/refresh");
    assert_eq!(stage.call("POST", &refresh, None).await, (200, json!({ "data": { "result": "ok" } })));
    let renewed = stage.view(&id).await["media_url"].clone();
    assert_ne!(renewed, link);
    assert_eq!(download(&stage, &renewed).await, (200, letter()));
    assert_eq!(download(&stage, &link).await.0, 403);
    let guessed = format!("{}x", renewed.as_str().unwrap());
    assert_eq!(download(&stage, &json!(guessed)).await.0, 404);

    assert_eq!(stage.call("DELETE", &format!("/v2/faxes/{id}"), None).await.0, 204);
    assert_eq!(download(&stage, &renewed).await.0, 404);
    assert_eq!(stage.call("POST", &refresh, None).await.0, 404);
    let sent = stage.send(&stage.fax("+15005550001")).await;
    assert_eq!(stage.call("POST", &format!("/v2/faxes/{sent}/actions/refresh"), None).await.0, 422);
}

#[tokio::test]
async fn sender_0010_is_told_of_in_the_other_shape() {
    let stage = Stage::new(FAST).await;
    let id = stage.send_in("+15005550010");
    let hooks = stage.hooks(&id, 3).await;
    assert_eq!(events(&hooks), [EVENTS[0], EVENTS[1], "fax.delivered"]);
    let last = hooks[2].payload();
    assert_eq!((&last["direction"], &last["status"], &last["page_count"]), (&json!("inbound"), &json!("delivered"), &json!(2)));
    assert_eq!(download(&stage, &last["media_url"]).await.0, 200);
    assert_eq!(stage.view(&id).await["status"], "received");
}

#[tokio::test]
async fn sender_0011_is_told_of_twice_and_backwards() {
    let stage = Stage::new(FAST).await;
    let id = stage.send_in("+15005550011");
    let hooks = stage.hooks(&id, 6).await;
    let backwards = [EVENTS[2], EVENTS[1], EVENTS[0]];
    assert_eq!(events(&hooks), [backwards, backwards].concat());
    assert_eq!(hooks[0].json["data"], hooks[3].json["data"], "a repeated event is the same event");
}

#[tokio::test]
async fn sender_0013_keeps_back_the_number() {
    let stage = Stage::new(FAST).await;
    let id = stage.send_in("+15005550013");
    for hook in stage.hooks(&id, 3).await {
        assert_eq!(hook.payload()["from"], "anonymous");
        assert!(!String::from_utf8(hook.raw).unwrap().contains("+15005550013"));
    }
    assert_eq!(stage.view(&id).await["from"], "anonymous");
}

#[tokio::test]
async fn sender_0014_refuses_the_document_twice() {
    let stage = Stage::new(FAST).await;
    let id = stage.send_in("+15005550014");
    let link = stage.hooks(&id, 3).await[2].payload()["media_url"].clone();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(download(&stage, &link).await.0);
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
}

#[tokio::test]
async fn a_call_that_was_taken_survives_crashes() {
    let mut stage = Stage::new(1.0).await;
    let id = stage.send_in(SOMEBODY);
    for _ in 0..3 {
        stage = stage.crash(1.0).await;
    }
    stage.product.refusals.store(1, Ordering::SeqCst);
    stage.advance(SignedDuration::from_mins(10));
    stage.hooks(&id, 1).await;
    stage = stage.crash(1.0).await;
    // The rest of the call, and the pause after the refusal, are not waited for.
    let step = SignedDuration::from_secs(5);
    until("the fax to be received", async || {
        stage.advance(step);
        (stage.view(&id).await["status"] == "received").then_some(())
    })
    .await;
    let hooks = until("all of it is told", async || {
        stage.advance(step);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let hooks = stage.product.hooks(&id);
        EVENTS.iter().all(|event| hooks.iter().any(|hook| hook.event() == *event)).then_some(hooks)
    })
    .await;
    let link = &hooks.iter().find(|hook| hook.event() == "fax.received").unwrap().payload()["media_url"];
    // The old carrier's address is gone with it; the path is what counts.
    let path = link.as_str().unwrap().split_once("/media/").unwrap().1;
    assert_eq!(download(&stage, &json!(format!("{}/media/{path}", stage.carrier.url()))).await, (200, letter()));
}

#[tokio::test]
async fn what_is_no_call_is_refused_and_leaves_nothing() {
    let stage = Stage::new(FAST).await;
    let send_in = |to: &str, from: &str, document: &[u8]| {
        stage.carrier.send_in(Incoming { to: to.into(), from: from.into(), document: document.to_vec() })
    };
    assert!(matches!(send_in("5550100", SOMEBODY, &letter()), Err(SendInError::Number(_))));
    assert!(matches!(send_in("+15005550100", "anonymous", &letter()), Err(SendInError::Number(_))));
    assert!(matches!(send_in("+15005550100", SOMEBODY, b"%PDF"), Err(SendInError::Document(_))));
    assert_eq!(stage.call("GET", "/v2/faxes", None).await.1["meta"]["total_results"], 0);
    assert_eq!(std::fs::read_dir(stage.dir.path().join("inbound")).unwrap().count(), 0);
}
