use ed25519_dalek::{Signer as _, SigningKey};

use serde_json::json;

use super::*;
use crate::{AttemptRef, CarrierFaxId, Received};
use sfm_core::fax::progress::CallReport;
use sfm_core::id::{AccountId, FaxId};
use sfm_core::secret::Secret;

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap_or_default()
}

fn reference() -> AttemptRef {
    AttemptRef { account_id: AccountId::generate(now()), fax_id: FaxId::generate(now()), attempt: 2 }
}

fn event(kind: &str, reference: &AttemptRef, extra: serde_json::Value) -> Vec<u8> {
    let mut payload = json!({"fax_id": "f-1", "client_state": reference.encode(), "status": "delivered"});
    for (name, value) in extra.as_object().into_iter().flatten() {
        payload[name] = value.clone();
    }
    json!({"data": {"event_type": kind, "id": "e-1", "record_type": "event", "payload": payload}}).to_string().into_bytes()
}

struct Signer(SigningKey);

impl Signer {
    fn callbacks(&self) -> Verifier {
        Verifier { public_key: self.0.verifying_key() }
    }

    fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        STANDARD.encode(self.0.sign(&[timestamp.as_bytes(), b"|", body].concat()).to_bytes())
    }
}

fn signer() -> Signer {
    Signer(SigningKey::from_bytes(&[7; 32]))
}

#[test]
fn a_signed_event_is_read_and_finds_its_attempt() {
    let (signer, reference) = (signer(), reference());
    let body = event("fax.delivered", &reference, json!({"page_count": 3, "call_duration_secs": 61}));
    let timestamp = NOW.to_string();
    let read = signer.callbacks().read(&signer.sign(&timestamp, &body), &timestamp, &body, now());
    let report = CallReport { result: Ok(()), pages_sent: Some(3), duration_seconds: Some(61) };
    assert_eq!(
        read,
        Ok(Callback::Attempt(CarrierEvent { reference, id: CarrierFaxId("f-1".into()), update: AttemptUpdate::Ended(report) }))
    );
}

#[test]
fn a_changed_byte_a_foreign_key_and_a_stale_time_are_refused() {
    let (signer, body) = (signer(), event("fax.delivered", &reference(), json!({})));
    let timestamp = NOW.to_string();
    let signature = signer.sign(&timestamp, &body);
    let mut changed = body.clone();
    changed[10] ^= 1;
    let callbacks = signer.callbacks();
    assert_eq!(callbacks.read(&signature, &timestamp, &changed, now()), Err(CallbackError::Forged));
    assert_eq!(callbacks.read(&signature, &(NOW + 1).to_string(), &body, now()), Err(CallbackError::Forged));
    let foreign = Signer(SigningKey::from_bytes(&[8; 32]));
    assert_eq!(callbacks.read(&foreign.sign(&timestamp, &body), &timestamp, &body, now()), Err(CallbackError::Forged));
    for off in [-301, 301] {
        let timestamp = (NOW + off).to_string();
        assert_eq!(callbacks.read(&signer.sign(&timestamp, &body), &timestamp, &body, now()), Err(CallbackError::Stale));
    }
    for (signature, timestamp) in [("", "1"), ("AAAA", timestamp.as_str()), (signature.as_str(), "soon"), (signature.as_str(), "")] {
        assert_eq!(callbacks.read(signature, timestamp, &body, now()), Err(CallbackError::Unsigned));
    }
}

#[test]
fn events_that_are_not_about_an_attempt_of_ours_say_nothing() {
    let signer = signer();
    let timestamp = NOW.to_string();
    let read = |body: &[u8]| signer.callbacks().read(&signer.sign(&timestamp, body), &timestamp, body, now());
    assert_eq!(read(&event("fax.queued", &reference(), json!({}))), Ok(Callback::Other));
    assert_eq!(read(&event("fax.delivered", &reference(), json!({"client_state": null}))), Ok(Callback::Other));
    assert_eq!(read(&event("fax.delivered", &reference(), json!({"client_state": "bm90IG91cnM="}))), Ok(Callback::Other));
    let unknown = json!({"data": {"event_type": "fax.telepathy", "payload": ["not", "a", "fax"]}}).to_string();
    assert_eq!(read(unknown.as_bytes()), Ok(Callback::Other));
    assert_eq!(read(b"{}"), Err(CallbackError::Unreadable));
    assert_eq!(read(b"\xff"), Err(CallbackError::Unreadable));
}

fn inbound(kind: &str, extra: serde_json::Value) -> Vec<u8> {
    let mut payload = json!({
        "fax_id": "f-2", "connection_id": "1", "direction": "inbound", "from": "+12025550100", "to": "+12125551234",
        "status": "received", "page_count": 2, "media_url": "https://media.example.com/f-2", "partial_content": false, "caller_id": "x",
    });
    for (name, value) in extra.as_object().into_iter().flatten() {
        payload[name] = value.clone();
    }
    json!({"data": {"event_type": kind, "id": "e-2", "occurred_at": "2026-07-01T17:00:00Z", "payload": payload}}).to_string().into_bytes()
}

/// Some material of the vendor's says `fax.received`, some `fax.delivered` with the direction inbound.
#[test]
fn a_fax_that_came_in_is_read_in_both_shapes() {
    let signer = signer();
    let timestamp = NOW.to_string();
    let read = |body: &[u8]| signer.callbacks().read(&signer.sign(&timestamp, body), &timestamp, body, now());
    let expected = Received {
        id: CarrierFaxId("f-2".into()),
        to: "+12125551234".parse().unwrap_or_else(|_| unreachable!()),
        from: "+12025550100".parse().ok(),
        pages: Some(2),
        received_at: Timestamp::from_second(1_782_925_200).unwrap_or_default(),
        media_url: Some(Secret::new("https://media.example.com/f-2")),
        partial: false,
    };
    assert_eq!(read(&inbound("fax.received", json!({}))), Ok(Callback::Received(expected.clone())));
    assert_eq!(read(&inbound("fax.delivered", json!({"status": "delivered"}))), Ok(Callback::Received(expected.clone())));
    for withheld in [json!("anonymous"), json!("sip:fax@example.com"), json!(null), json!(""), json!({"number": "+1"})] {
        let without = Received { from: None, ..expected.clone() };
        assert_eq!(read(&inbound("fax.received", json!({"from": withheld}))), Ok(Callback::Received(without)), "{withheld}");
    }
    let sparse = Received { pages: None, media_url: None, ..expected };
    let odd = json!({"page_count": "many", "media_url": null, "new_field": [1, 2]});
    assert_eq!(read(&inbound("fax.received", odd)), Ok(Callback::Received(sparse)));
    assert_eq!(read(&inbound("fax.received", json!({"to": "sip:us@example.com"}))), Ok(Callback::Other));
    for early in ["fax.receiving.started", "fax.media.processing.started"] {
        assert_eq!(read(&inbound(early, json!({}))), Ok(Callback::Other), "{early}");
    }
    assert_eq!(read(&inbound("fax.failed", json!({"status": "failed"}))), Ok(Callback::Other), "not an attempt of ours");
}

#[test]
fn a_mark_reads_back() {
    let reference = reference();
    assert_eq!(AttemptRef::decode(&reference.encode()), Some(reference));
    assert_eq!(AttemptRef::decode("%%%"), None);
}
