//! The checks that stand before the body of a request is looked at.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use sfm_core::clock::Clock;
use sfm_core::principal::Principal;
use sfm_core::rate::{RateLimitStatus, SLOTS, SPAN_SECONDS};
use sfm_core::scope::Scope;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::rates::{RateError, Rates};
use sfm_store::requests::{IdempotencyKey, IdempotencyRecord, IdempotencyStore};
use sfm_web::auth::KeyAuth;
use sfm_web::{ApiError, Request, Response, idempotency};

/// The fields of a body that matter; what else is in it is ignored.
const FIELDS: [&str; 5] = ["to", "from", "document", "document_url", "send_at"];

#[derive(Debug)]
pub struct SubmissionGuard {
    auth: KeyAuth,
    requests: IdempotencyStore,
    rates: Rates,
    clock: Clock,
}

/// Whether a request is to be worked on.
#[derive(Debug)]
pub enum Precheck {
    New(AdmittedRequest),
    /// It was answered before: this is the answer.
    Replay(Response),
}

/// A request that passed the door, and took a slot of its key's rate limit.
#[derive(Debug)]
pub struct AdmittedRequest {
    pub who: Principal,
    /// The name that its `Idempotency-Key` gives it.
    name: Option<IdempotencyKey>,
    fingerprint: String,
    quota: RateLimitStatus,
    /// The limit's name in the `RateLimit` headers.
    policy: &'static str,
}

impl SubmissionGuard {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            auth: KeyAuth::new(platform)?,
            requests: IdempotencyStore::new(platform)?,
            rates: Rates::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Key (401), plan and scope (403), kept answer, rate limit (429), reuse of a key for another request (400), in this order.
    pub async fn admit(&self, request: &Request, scope: Scope, route: &'static str, policy: &'static str) -> Result<Precheck, ApiError> {
        let who = self.auth.authorize(request, scope).await?;
        self.admit_as(request, who, route, policy).await
    }

    /// The same for a member in the dashboard, whose token and membership have been checked. The limit is the member's, over all
    /// routes of the policy; a key's is for each route.
    pub async fn admit_as(&self, request: &Request, who: Principal, route: &str, policy: &'static str) -> Result<Precheck, ApiError> {
        let window = if matches!(who, Principal::ApiKey { .. }) { route } else { policy };
        let name = idempotency::name(request, who.account(), who.is_live(), route);
        let (mut fingerprint, mut kept) = (String::new(), None);
        if let Ok(Some(name)) = &name {
            fingerprint = idempotency::fingerprint(request, &FIELDS);
            kept = self.requests.find(name, request.now).await?;
        }
        if let Some(reply) = kept.take_if(|reply| reply.fingerprint == fingerprint) {
            return idempotency::replay(reply, &fingerprint).map(Precheck::Replay);
        }
        let quota = match self.rates.take(&who.to_string(), window, self.clock.now()).await {
            Ok(quota) => quota,
            Err(RateError::Limited(quota)) => return Err(tell(ApiError::rate_limited(quota), quota, policy)),
            Err(RateError::Store(e)) => return Err(e.into()),
        };
        let refused = |problem| tell(problem, quota, policy);
        let name = name.map_err(refused)?;
        match kept {
            None => Ok(Precheck::New(AdmittedRequest { who, name, fingerprint, quota, policy })),
            Some(reply) => idempotency::replay(reply, &fingerprint).map(Precheck::Replay).map_err(refused),
        }
    }

    /// The kept answer of a request that lost the race for its name, and is refused for what the winner did.
    pub async fn answer_of_winner(&self, admitted: &AdmittedRequest, refusal: ApiError) -> Result<Response, ApiError> {
        let Some(name) = &admitted.name else { return Err(refusal) };
        match self.requests.find(name, self.clock.now()).await? {
            Some(reply) => admitted.replay(reply),
            None => Err(refusal),
        }
    }
}

impl AdmittedRequest {
    /// The answer to keep for repetitions of this request; none when it has no name.
    pub fn reply(&self, body: String, now: Timestamp) -> Option<IdempotencyRecord> {
        self.name.clone().map(|name| IdempotencyRecord::new(name, self.fingerprint.clone(), StatusCode::CREATED.as_u16(), body, now))
    }

    /// The answer that a request with the same name got, if it was the same request.
    pub fn replay(&self, reply: IdempotencyRecord) -> Result<Response, ApiError> {
        idempotency::replay(reply, &self.fingerprint)
    }

    /// Tells in the headers of an answer, whatever it is, what is left of the rate limit.
    pub fn told(&self, answer: Result<Response, ApiError>) -> Result<Response, ApiError> {
        match answer {
            Ok(response) => Ok(tell(response, self.quota, self.policy)),
            Err(problem) => Err(tell(problem, self.quota, self.policy)),
        }
    }
}

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): the name of the limit with its quota and window, and
/// what remains with the seconds until there is more.
fn tell<T: AsMut<HeaderMap>>(mut answer: T, quota: RateLimitStatus, policy: &str) -> T {
    let fields = [
        ("ratelimit-policy", format!("\"{policy}\";q={SLOTS};w={SPAN_SECONDS}")),
        ("ratelimit", format!("\"{policy}\";r={};t={}", quota.remaining, quota.reset_seconds)),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.as_mut().insert(HeaderName::from_static(name), value);
        }
    }
    answer
}
