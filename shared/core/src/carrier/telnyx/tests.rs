use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::id::{AccountId, FaxId};

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap_or_default()
}

fn mark() -> AttemptMark {
    AttemptMark { account_id: AccountId::generate(now()), fax_id: FaxId::generate(now()), attempt: 2 }
}

fn event(kind: &str, mark: &AttemptMark, extra: serde_json::Value) -> Vec<u8> {
    let mut payload = json!({"fax_id": "f-1", "client_state": mark.encode(), "status": "delivered"});
    for (name, value) in extra.as_object().into_iter().flatten() {
        payload[name] = value.clone();
    }
    json!({"data": {"event_type": kind, "id": "e-1", "record_type": "event", "payload": payload}}).to_string().into_bytes()
}

struct Signer(SigningKey);

impl Signer {
    fn callbacks(&self) -> Callbacks {
        Callbacks { public_key: self.0.verifying_key() }
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
    let (signer, mark) = (signer(), mark());
    let body = event("fax.delivered", &mark, json!({"page_count": 3, "call_duration_secs": 61}));
    let timestamp = NOW.to_string();
    let read = signer.callbacks().read(&signer.sign(&timestamp, &body), &timestamp, &body, now());
    let report = CallReport { result: Ok(()), pages_sent: Some(3), duration_seconds: Some(61) };
    assert_eq!(read, Ok(Callback::Attempt(CarrierEvent { mark, id: CarrierFaxId("f-1".into()), news: News::Ended(report) })));
}

#[test]
fn a_changed_byte_a_foreign_key_and_a_stale_time_are_refused() {
    let (signer, body) = (signer(), event("fax.delivered", &mark(), json!({})));
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
    assert_eq!(read(&event("fax.queued", &mark(), json!({}))), Ok(Callback::Other));
    assert_eq!(read(&event("fax.delivered", &mark(), json!({"client_state": null}))), Ok(Callback::Other));
    assert_eq!(read(&event("fax.delivered", &mark(), json!({"client_state": "bm90IG91cnM="}))), Ok(Callback::Other));
    assert_eq!(read(b"{}"), Err(CallbackError::Unreadable));
    assert_eq!(read(b"\xff"), Err(CallbackError::Unreadable));
}

/// The facts' three classes: what is tried again, what is not, what is about the document.
#[test]
fn each_failure_reason_has_a_code_and_a_retry_class() {
    use FailureCode::*;
    let rows = [
        ("user_busy", Busy, 3),
        ("receiver_no_answer", NoAnswer, 3),
        ("receiver_no_response", NoAnswer, 3),
        ("receiver_call_dropped", LineDropped, 3),
        ("sender_call_dropped", LineDropped, 3),
        ("carrier_lost", LineDropped, 3),
        ("fax_signaling_error", TrainingFailed, 3),
        ("fax_initial_communication_timeout", NoFaxTone, 2),
        ("receiver_communication_error", TrainingFailed, 3),
        ("sender_communication_error", TrainingFailed, 3),
        ("invalid_ecm_response_from_receiver", TrainingFailed, 3),
        ("receiver_recovery_on_timer_expire", TrainingFailed, 3),
        ("service_unavailable", CarrierError, 3),
        ("destination_unreachable", NumberUnreachable, 3),
        ("connection_channel_limit_exceeded", CarrierError, 3),
        ("receiver_unallocated_number", NumberInvalid, 1),
        ("receiver_invalid_number_format", NumberInvalid, 1),
        ("receiver_incompatible_destination", Rejected, 1),
        ("receiver_decline", Rejected, 1),
        ("destination_invalid", NumberInvalid, 1),
        ("destination_not_in_countries_whitelist", Rejected, 1),
        ("destination_not_in_service_plan", Rejected, 1),
        ("no_outbound_profile", Rejected, 1),
        ("unverified_origination_number", Rejected, 1),
        ("unverified_destination_not_allowed", Rejected, 1),
        ("account_disabled", Rejected, 1),
        ("outbound_profile_daily_spend_limit_exceeded", Rejected, 1),
        ("sender_canceled", Rejected, 1),
        ("file_download_failed", DocumentUnreadable, 2),
        ("file_format_invalid", DocumentUnreadable, 1),
        ("file_size_limit_exceeded", DocumentUnreadable, 1),
        ("page_count_limit_exceeded", DocumentUnreadable, 1),
        ("media_processing_exception", DocumentUnreadable, 1),
        ("something_new", CarrierError, 3),
    ];
    for (reason, code, attempts) in rows {
        let failure = failure(reason);
        assert_eq!((failure.code, failure.retry.attempts), (code, attempts), "{reason}");
    }
}

#[test]
fn a_mark_reads_back() {
    let mark = mark();
    assert_eq!(AttemptMark::decode(&mark.encode()), Some(mark));
    assert_eq!(AttemptMark::decode("%%%"), None);
}
