//! Callbacks: what they hold, their signature, their repetition.

use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::SignedDuration;
use serde_json::json;

use super::support::{Hook, Stage, client_state, until};

fn verifies(public_key: &str, hook: &Hook) -> bool {
    let key: [u8; 32] = STANDARD.decode(public_key).unwrap().try_into().unwrap();
    let signature: [u8; 64] = STANDARD.decode(&hook.signature).unwrap().try_into().unwrap();
    let message = [hook.timestamp.as_bytes(), b"|", &hook.raw].concat();
    VerifyingKey::from_bytes(&key).unwrap().verify_strict(&message, &Signature::from_bytes(&signature)).is_ok()
}

#[tokio::test]
async fn callbacks_hold_what_telnyx_documents_and_nothing_before_its_time() {
    let stage = Stage::new(1000.0).await;
    let mut fax = stage.fax("+15005550001");
    fax["client_state"] = json!(client_state("fax_1", 1));
    let id = stage.send(&fax).await;
    let hooks = stage.hooks(&id, 4).await;
    let statuses = ["queued", "media.processed", "sending", "delivered"];
    for (hook, status) in hooks.iter().zip(statuses) {
        assert_eq!(hook.json["data"]["record_type"], "event");
        assert_eq!(hook.json["data"]["id"].as_str().unwrap().len(), 36);
        assert_eq!(hook.json["meta"], json!({ "attempt": 1, "delivered_to": format!("{}/hook", stage.product_url) }));
        let payload = hook.payload();
        assert_eq!(payload["status"], status);
        assert_eq!(payload["direction"], "outbound");
        for field in ["connection_id", "from", "to", "client_state"] {
            assert_eq!(payload[field], fax[field]);
        }
        assert_eq!(payload["original_media_url"], fax["media_url"]);
        assert!(payload["user_id"].is_string());
        assert_eq!(payload.get("page_count").is_some(), status == "delivered");
        assert_eq!(payload.get("call_duration_secs").is_some(), status == "delivered");
        assert_eq!(payload.get("failure_reason"), None);
    }
}

#[tokio::test]
async fn callbacks_are_signed_in_stack_time() {
    let stage = Stage::new(1000.0).await;
    stage.advance(SignedDuration::from_hours(24 * 30));
    let id = stage.send(&stage.fax("+15005550001")).await;
    for hook in stage.hooks(&id, 4).await {
        assert!(verifies(&stage.carrier.public_key(), &hook));
        let off = hook.timestamp.parse::<i64>().unwrap() - stage.clock.now().as_second();
        assert!(off.abs() < 60, "{off} s off");
        let mut forged = hook.clone();
        forged.raw.push(b' ');
        assert!(!verifies(&stage.carrier.public_key(), &forged));
    }
}

#[tokio::test]
async fn callbacks_go_where_the_fax_says() {
    let stage = Stage::new(1000.0).await;
    let mut fax = stage.fax("+15005550001");
    fax["webhook_url"] = json!(format!("{}/hook/own", stage.product_url));
    let id = stage.send(&fax).await;
    for hook in stage.hooks(&id, 4).await {
        assert_eq!(hook.path, "/hook/own");
        assert_eq!(hook.json["meta"]["delivered_to"], fax["webhook_url"]);
    }
}

#[tokio::test]
async fn a_refused_callback_is_sent_again_signed_anew() {
    let stage = Stage::new(0.001).await;
    stage.product.refusals.store(2, Ordering::SeqCst);
    // Never fetched, so that there is no other event than the first.
    let id = stage.send(&stage.fax_of("+15005550001", "/never")).await;
    stage.hooks(&id, 1).await;
    let hooks = until("the third try", async || {
        stage.advance(SignedDuration::from_secs(6));
        let hooks = stage.product.hooks(&id);
        (hooks.len() >= 3).then_some(hooks)
    })
    .await;
    for (hook, attempt) in hooks.iter().zip(1..) {
        assert_eq!(hook.json["meta"]["attempt"], attempt);
        assert_eq!(hook.json["data"], hooks[0].json["data"]);
        assert!(verifies(&stage.carrier.public_key(), hook));
    }
    assert_ne!(hooks[0].timestamp, hooks[2].timestamp);
    assert_eq!(hooks.len(), 3);
}

#[tokio::test]
async fn a_callback_that_is_always_refused_is_given_up() {
    let stage = Stage::new(0.001).await;
    stage.product.refusals.store(usize::MAX, Ordering::SeqCst);
    let id = stage.send(&stage.fax_of("+15005550001", "/never")).await;
    for tries in 1..=6 {
        stage.hooks(&id, tries).await;
        stage.log_tells("called_back", tries).await;
        stage.advance(SignedDuration::from_hours(1));
    }
    // The next fax's first try comes after anything that the first would still have sent.
    let other = stage.send(&stage.fax_of("+15005550001", "/never")).await;
    stage.hooks(&other, 1).await;
    assert_eq!(stage.product.hooks(&id).len(), 6);
}

#[tokio::test]
async fn a_receiver_that_is_down_does_not_hold_up_the_call() {
    let stage = Stage::new(1000.0).await;
    let mut fax = stage.fax("+15005550001");
    fax["webhook_url"] = json!(format!("{}/never", stage.product_url));
    let id = stage.send(&fax).await;
    stage.view_when(&id, "delivered").await;
}
