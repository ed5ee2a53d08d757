//! A carrier's HTTP API: each exchange is bounded in time and in size, and follows no redirect.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::request;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::{LARGEST_MEDIA, LookupError, MediaError, SendError};
use sfm_core::clock::Clock;
use sfm_store::platform::{ConfigError, Platform};

/// A page of a list is the longest answer that there is.
const LARGEST_ANSWER: usize = 2 * 1024 * 1024;
/// A document has its signature within so many bytes.
const SIGNATURE_WITHIN: usize = 1024;
/// Pauses that carriers ask for are cut to these: a longer one is more likely an error than meant.
const SHORTEST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// How long an exchange may take, its body included.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    pub call: Duration,
    /// A document, with everything that it takes to get a link to it.
    pub media: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { call: Duration::from_secs(15), media: Duration::from_secs(40) }
    }
}

/// An answer whose head has arrived; its body may have failed on its way.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub retry_after: Option<SignedDuration>,
    pub body: Result<Bytes, String>,
}

#[derive(Debug)]
pub(super) enum Failure {
    /// Not a byte of the request has left.
    NotSent(String),
    Unclear(String),
}

#[derive(Debug, Clone)]
pub(super) struct Api {
    http: sfm_http_client::Client,
    base: Url,
    pub clock: Clock,
    pub deadlines: Deadlines,
}

impl Api {
    /// The API whose URL the variable `name` has.
    pub fn new(platform: &Platform, name: &str) -> Result<Self, ConfigError> {
        let wrong = |reason: String| ConfigError { name: name.into(), reason };
        let base = Url::parse(&platform.var(name)?).map_err(|e| wrong(e.to_string()))?;
        if !matches!(base.scheme(), "https" | "http") {
            return Err(wrong("is not an https:// URL".into()));
        }
        let http = sfm_http_client::Client::new(sfm_http_client::Tls::new().map_err(|e| wrong(e.to_string()))?.config().clone());
        Ok(Self { http, base, clock: platform.clock(), deadlines: Deadlines::default() })
    }

    /// The URL of a path, whose segments may be any text.
    pub fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// One request, with the credentials that it is signed with, and its whole answer.
    ///
    /// # Errors
    /// [`Failure`] tells whether the carrier can have had the request.
    pub async fn exchange(&self, request: request::Builder, body: impl Into<Bytes>) -> Result<Answer, Failure> {
        self.bounded(request, body.into(), LARGEST_ANSWER, self.deadlines.call).await
    }

    /// Hands a fax over, unless it has become too late: the credentials may have been waited for.
    ///
    /// # Errors
    /// [`Failure`], also when it has become too late: then the carrier has not had it.
    pub async fn hand_over(&self, request: request::Builder, body: &Value, not_after: Timestamp) -> Result<Answer, Failure> {
        if self.clock.now() >= not_after {
            return Err(Failure::NotSent("it was too late to hand the fax over".into()));
        }
        self.exchange(request.header(CONTENT_TYPE, "application/json"), body.to_string()).await
    }

    /// An exchange whose body is over at the deadline too, or has failed.
    async fn bounded(&self, request: request::Builder, body: Bytes, limit: usize, time: Duration) -> Result<Answer, Failure> {
        let until = Instant::now() + time;
        let sent = timeout_at(until, self.http.send(request, body)).await;
        let mut answer = sent
            .map_err(|_| Failure::Unclear("no answer in time".into()))?
            .map_err(|e| if e.is_unsent() { Failure::NotSent(e.text()) } else { Failure::Unclear(e.text()) })?;
        let pause = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = pause.and_then(|text| pause_of(text, self.clock.now()));
        let body = match timeout_at(until, answer.body(limit)).await {
            Ok(read) => read.map_err(|e| e.text()),
            Err(_) => Err("the answer was not over in time".into()),
        };
        Ok(Answer { status: answer.status.as_u16(), retry_after, body })
    }

    /// Fetches a document. What stands under a link that is refused may be there under another one: the caller looks at the status.
    ///
    /// # Errors
    /// [`MediaError`] when there is no answer, or it is too large.
    pub async fn document(&self, request: request::Builder) -> Result<Document, MediaError> {
        let answer = self.bounded(request, Bytes::new(), LARGEST_MEDIA, self.deadlines.media).await;
        let answer = answer.map_err(|e| MediaError::NotYet(e.into_text()))?;
        match answer.status {
            200 => {
                let bytes = answer.body.map_err(MediaError::NotYet)?;
                let head = &bytes[..bytes.len().min(SIGNATURE_WITHIN)];
                let is_pdf = head.windows(5).any(|window| window == b"%PDF-");
                if is_pdf { Ok(Document::Fetched(bytes)) } else { Err(MediaError::NotYet("what came is no PDF".into())) }
            }
            status @ 300..=499 if !matches!(status, 408 | 425 | 429) => Ok(Document::Refused(status)),
            status => Err(MediaError::NotYet(format!("status {status}"))),
        }
    }
}

pub(super) enum Document {
    Fetched(Bytes),
    /// The answer was this status, of 3xx or 4xx.
    Refused(u16),
}

/// What came of going through a list.
pub(super) enum Search<T> {
    Found(T),
    Nothing,
    /// It has more pages than were to be read.
    TooLong,
}

impl<T> Search<T> {
    /// What a search came to.
    ///
    /// # Errors
    /// [`LookupError`] when the list is too long to be sure.
    pub fn found(self) -> Result<Option<T>, LookupError> {
        match self {
            Self::Found(found) => Ok(Some(found)),
            Self::Nothing => Ok(None),
            Self::TooLong => Err(LookupError("the list is too long to tell".into())),
        }
    }
}

impl Answer {
    /// The answer as JSON.
    ///
    /// # Errors
    /// What the answer was instead, for the log.
    pub fn json(self) -> Result<Value, String> {
        let body = self.body?;
        serde_json::from_slice(&body).map_err(|e| format!("status {}: {e}", self.status))
    }
}

impl Failure {
    pub fn into_text(self) -> String {
        match self {
            Self::NotSent(text) | Self::Unclear(text) => text,
        }
    }
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(text) => Self::not_taken(text),
            Failure::Unclear(text) => Self::Ambiguous(text),
        }
    }
}

impl From<Failure> for LookupError {
    fn from(failure: Failure) -> Self {
        Self(failure.into_text())
    }
}

/// The pause that a carrier asks for, within bounds.
fn pause_of(text: &str, now: Timestamp) -> Option<SignedDuration> {
    sfm_http_client::retry_after(text, now).map(|pause| pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_in_seconds_or_a_date_and_neither_endless_nor_none() {
        let now = Timestamp::from_second(784_111_777).unwrap_or_default();
        let seconds = |text| pause_of(text, now).map(|pause| pause.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 7 "), Some(7));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:51:37 GMT"), Some(120));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(1), "a moment that is over");
        assert_eq!(seconds("0"), Some(1));
        assert_eq!(seconds("99999999999999999999999"), Some(3600));
        assert_eq!(seconds("Wed, 01 Jan 2042 00:00:00 GMT"), Some(3600));
        for unreadable in ["", "soon", "-5", "1.5"] {
            assert_eq!(seconds(unreadable), None, "{unreadable}");
        }
    }
}
