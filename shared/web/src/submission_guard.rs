//! What stands around the acceptance of a fax: the answer to a repeated request, the rate limit, and the headers that tell of it.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use sfm_core::clock::Clock;
use sfm_core::hex;
use sfm_core::principal::Principal;
use sfm_core::rate::{RateLimitStatus, SLOTS, SPAN_SECONDS};
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::rates::{RateError, Rates};
use sfm_store::requests::{Created, IdempotencyKey, IdempotencyRecord, IdempotencyStore, IdempotentRequest};
use sha2::{Digest as _, Sha256};

use crate::{ApiError, Request, Response};

const LONGEST_KEY: usize = 255;
/// The fields of a body that matter; what else is in it is ignored.
const FIELDS: [&str; 5] = ["to", "from", "document", "document_url", "send_at"];
/// Fields that came later. They count only where they are given, so that a request without them is the same as it was for the release before.
const LATER_FIELDS: [&str; 8] = ["confirm_to", "cover", "documents", "metadata", "pages", "paper", "reference", "resolution"];

#[derive(Debug)]
pub struct SubmissionGuard {
    requests: IdempotencyStore,
    rates: Rates,
    clock: Clock,
}

impl SubmissionGuard {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { requests: IdempotencyStore::new(platform)?, rates: Rates::new(platform)?, clock: platform.clock() })
    }

    /// Answers a request of `who` by what `work` makes of it, in the contract's order: the kept answer, the rate limit (429), the reuse of an
    /// `Idempotency-Key` for another request (400), the work.
    ///
    /// `limit` names the rate limit in the headers. A key has a window for each route; a member of the dashboard has one over all routes of
    /// the limit.
    ///
    /// # Errors
    /// As said, and those of `work`, each with the headers of the rate limit once a slot was taken.
    pub async fn submit(
        &self,
        request: &Request,
        who: &Principal,
        route: &str,
        limit: &'static str,
        work: impl AsyncFnOnce(Option<&IdempotentRequest>) -> Result<Created<Response>, ApiError>,
    ) -> Result<Response, ApiError> {
        self.submit_within(route, request, who, route, limit, work).await
    }

    /// The same for a route that shares the window `window` of a key with others.
    ///
    /// # Errors
    /// As [`SubmissionGuard::submit`].
    pub async fn submit_within(
        &self,
        window: &str,
        request: &Request,
        who: &Principal,
        route: &str,
        limit: &'static str,
        work: impl AsyncFnOnce(Option<&IdempotentRequest>) -> Result<Created<Response>, ApiError>,
    ) -> Result<Response, ApiError> {
        let key = idempotency_key(request, who, route);
        let mut kept = None;
        let mut named = None;
        if let Ok(Some(key)) = &key {
            let fingerprint = fingerprint(request);
            kept = self.requests.find(key, request.now).await?;
            named = Some(IdempotentRequest { key: key.clone(), fingerprint });
        }
        if let (Some(record), Some(named)) = (&kept, &named)
            && record.fingerprint == named.fingerprint
        {
            return replay(record, named);
        }
        let window = if matches!(who, Principal::ApiKey { .. }) { window } else { limit };
        let status = match self.rates.take(&who.to_string(), window, self.clock.now()).await {
            Ok(status) => status,
            Err(RateError::Limited(status)) => return Err(with_rate_limit(ApiError::rate_limited(status), status, limit)),
            Err(RateError::Store(e)) => return Err(e.into()),
        };
        let answer = async {
            key?;
            let created = match kept {
                Some(record) => Created::Replay(record),
                None => work(named.as_ref()).await?,
            };
            match (created, &named) {
                (Created::New(response), _) => Ok(response),
                (Created::Replay(record), Some(named)) => replay(&record, named),
                (Created::Replay(_), None) => Err(ApiError::internal("a kept answer to a request without a key")),
            }
        };
        match answer.await {
            Ok(response) => Ok(with_rate_limit(response, status, limit)),
            Err(error) => Err(with_rate_limit(error, status, limit)),
        }
    }
}

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): the name of the limit with its quota and window, and
/// what remains with the seconds until there is more.
fn with_rate_limit<T: AsMut<HeaderMap>>(mut answer: T, status: RateLimitStatus, limit: &str) -> T {
    let fields = [
        ("ratelimit-policy", format!("\"{limit}\";q={SLOTS};w={SPAN_SECONDS}")),
        ("ratelimit", format!("\"{limit}\";r={};t={}", status.remaining, status.reset_seconds)),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.as_mut().insert(HeaderName::from_static(name), value);
        }
    }
    answer
}

/// What a request's `Idempotency-Key` names; none without the header.
fn idempotency_key(request: &Request, who: &Principal, route: &str) -> Result<Option<IdempotencyKey>, ApiError> {
    match request.header("idempotency-key")? {
        None => Ok(None),
        Some(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(IdempotencyKey::new(who.account(), who.is_live(), route, key))),
        Some(_) => Err(ApiError::invalid("The Idempotency-Key must have 1 to 255 characters.").param("Idempotency-Key")),
    }
}

/// What makes two requests the same: the fields that matter, whatever their order and the white space between them.
///
/// A body that is no JSON object is compared as it is.
fn fingerprint(request: &Request) -> String {
    let mut sha = Sha256::new();
    match request.json() {
        Ok(body) => {
            for field in FIELDS {
                sha.update(field);
                canonical(body.get(field).unwrap_or(&Value::Null), &mut sha);
            }
            for (field, value) in LATER_FIELDS.iter().filter_map(|field| Some((field, body.get(field)?))) {
                sha.update(field);
                canonical(value, &mut sha);
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
        // Straight into the hash: the document may be some megabytes. A hash takes every byte.
        other => serde_json::to_writer(sha, other).unwrap_or_default(),
    }
}

/// The first answer, byte for byte.
///
/// # Errors
/// 400 when it was the answer to another request with the same key.
fn replay(record: &IdempotencyRecord, request: &IdempotentRequest) -> Result<Response, ApiError> {
    if record.fingerprint != request.fingerprint {
        let message = "This Idempotency-Key was used for a request with another body. Use a new key for a new request.";
        return Err(ApiError::invalid(message).code("idempotency_key_reused").param("Idempotency-Key"));
    }
    let status = StatusCode::from_u16(record.status).map_err(ApiError::internal)?;
    let replayed = HeaderName::from_static("idempotent-replayed");
    Ok(Response::json_text(status, record.body.clone()).with_header(replayed, HeaderValue::from_static("true")))
}

#[cfg(test)]
mod tests {
    use sfm_core::id::RequestId;

    use super::*;

    fn fingerprint_of(body: &str) -> String {
        let now = jiff::Timestamp::UNIX_EPOCH;
        fingerprint(&Request {
            id: RequestId::generate(now),
            now,
            method: http::Method::POST,
            path: String::new(),
            headers: HeaderMap::new(),
            path_params: Default::default(),
            query: Vec::new(),
            body: body.to_owned().into(),
            claims: Default::default(),
            json: Default::default(),
        })
    }

    #[test]
    fn a_request_without_the_later_fields_is_the_same_as_it_was_before_them() {
        let known = r#"to"+15005550001"fromnulldocument{"content":"QQ==","content_type":"text/plain"}document_urlnullsend_atnull"#;
        let body = r#"{"document": {"content_type": "text/plain", "content": "QQ=="}, "to": "+15005550001", "documents": null, "x": 1}"#;
        assert_eq!(fingerprint_of(body), hex(&Sha256::digest(known)));
    }

    #[test]
    fn each_later_field_makes_another_request() {
        let mut seen = std::collections::BTreeSet::from([fingerprint_of(r#"{"to": "+15005550001"}"#)]);
        for field in LATER_FIELDS {
            for value in ["1", "[1]", "[2]"] {
                assert!(seen.insert(fingerprint_of(&format!(r#"{{"to": "+15005550001", "{field}": {value}}}"#))), "{field}: {value}");
            }
        }
    }
}
