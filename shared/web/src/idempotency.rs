//! `Idempotency-Key`: the first answer to a request is kept with what it created, and repeated.

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{ApiError, Request, Response};
use sfm_core::hex;
use sfm_core::principal::Principal;
use sfm_store::requests::{IdempotencyKey, IdempotencyRecord, IdempotentRequest};

const LONGEST_KEY: usize = 255;

/// What a request's `Idempotency-Key` names; none without the header.
pub(crate) fn key(request: &Request, who: &Principal, route: &str) -> Result<Option<IdempotencyKey>, ApiError> {
    match request.header("idempotency-key")? {
        None => Ok(None),
        Some(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(IdempotencyKey::new(who.account(), who.is_live(), route, key))),
        Some(_) => Err(ApiError::invalid("The Idempotency-Key must have 1 to 255 characters.").param("Idempotency-Key")),
    }
}

/// What makes two requests the same: the fields that matter, whatever their order and the white space between them.
///
/// A body that is no JSON object is compared as it is.
pub(crate) fn fingerprint(request: &Request, fields: &[&str]) -> String {
    let mut sha = Sha256::new();
    match request.json() {
        Ok(body) => {
            for field in fields {
                sha.update(field);
                canonical(body.get(field).unwrap_or(&Value::Null), &mut sha);
            }
        }
        Err(_) => sha.update(&request.body),
    }
    hex(&sha.finalize())
}

/// Feeds a value with the names of each object in order, and no white space.
fn canonical(value: &Value, sha: &mut Sha256) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            sha.update("{");
            for (index, (name, value)) in sorted.into_iter().enumerate() {
                sha.update(if index == 0 { "" } else { "," });
                sha.update(Value::from(name.as_str()).to_string());
                sha.update(":");
                canonical(value, sha);
            }
            sha.update("}");
        }
        Value::Array(values) => {
            sha.update("[");
            for (index, value) in values.iter().enumerate() {
                sha.update(if index == 0 { "" } else { "," });
                canonical(value, sha);
            }
            sha.update("]");
        }
        other => sha.update(other.to_string()),
    }
}

/// The first answer, byte for byte.
///
/// # Errors
/// 400 when it was the answer to another request with the same key.
pub(crate) fn replay(record: &IdempotencyRecord, request: &IdempotentRequest) -> Result<Response, ApiError> {
    if record.fingerprint != request.fingerprint {
        let message = "This Idempotency-Key was used for a request with another body. Use a new key for a new request.";
        return Err(ApiError::invalid(message).code("idempotency_key_reused").param("Idempotency-Key"));
    }
    let status = StatusCode::from_u16(record.status).map_err(ApiError::internal)?;
    let replayed = HeaderName::from_static("idempotent-replayed");
    Ok(Response::json_text(status, record.body.clone()).with_header(replayed, HeaderValue::from_static("true")))
}
