//! What stands around the acceptance of a fax: the answer to a repeated request, the rate limit, and the headers that tell of it.

use http::{HeaderMap, HeaderName, HeaderValue};
use sfm_core::clock::Clock;
use sfm_core::principal::Principal;
use sfm_core::rate::{RateLimitStatus, SLOTS, SPAN_SECONDS};
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::rates::{RateError, Rates};
use sfm_store::requests::{Created, IdempotencyStore, IdempotentRequest};

use crate::{ApiError, Request, Response, idempotency};

/// The fields of a body that matter; what else is in it is ignored.
const FIELDS: [&str; 5] = ["to", "from", "document", "document_url", "send_at"];

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
    pub async fn submit(
        &self,
        request: &Request,
        who: &Principal,
        route: &str,
        limit: &'static str,
        work: impl AsyncFnOnce(Option<&IdempotentRequest>) -> Result<Created<Response>, ApiError>,
    ) -> Result<Response, ApiError> {
        let key = idempotency::key(request, who, route);
        let mut kept = None;
        let mut named = None;
        if let Ok(Some(key)) = &key {
            let fingerprint = idempotency::fingerprint(request, &FIELDS);
            kept = self.requests.find(key, request.now).await?;
            named = Some(IdempotentRequest { key: key.clone(), fingerprint });
        }
        if let (Some(record), Some(named)) = (&kept, &named)
            && record.fingerprint == named.fingerprint
        {
            return idempotency::replay(record, named);
        }
        let window = if matches!(who, Principal::ApiKey { .. }) { route } else { limit };
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
                (Created::Replay(record), Some(named)) => idempotency::replay(&record, named),
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
