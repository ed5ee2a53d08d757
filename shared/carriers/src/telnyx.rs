//! Telnyx Programmable Fax, API v2.
//!
//! Facts from the vendor's published SDK sources and documentation; which failure deserves another attempt is our own reading.

mod callbacks;
mod failures;
mod wire;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, request};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub use callbacks::Callbacks;
use url::Url;
use wire::TelnyxFax;

use super::api::{Answer, Api, Deadlines, Document, Search};
use super::json::number;
use super::{AttemptRef, Carrier, CarrierFax, CarrierFaxId, LookupError, MediaError, Received, SendError, Submission};
use sfm_core::failure::FailureCode;
use sfm_core::fax::progress::CallReport;
use sfm_core::phone::E164;
use sfm_store::credentials::{CredentialStore, CredentialsError, needed};
use sfm_store::platform::{ConfigError, Platform};

/// The carrier's clock and ours may differ by this much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// One page of a list; the API gives 250 at most.
const LIST_PAGE: usize = 100;
/// Pages of a list that a look-up reads before it calls itself unable to tell.
const LIST_PAGES: usize = 200;

#[derive(Debug, Clone)]
pub struct Telnyx {
    api: Api,
    credentials: CredentialStore,
    connection_id: String,
    /// Where callbacks go; without it, where the connection says.
    webhook_url: Option<String>,
}

impl Telnyx {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            api: Api::new(platform, "TELNYX_API_URL")?,
            credentials: CredentialStore::new(platform)?,
            connection_id: platform.var("TELNYX_CONNECTION_ID")?,
            webhook_url: platform.var("CARRIER_CALLBACK_URL").ok().map(|url| format!("{url}/telnyx")),
        })
    }

    /// The same with other deadlines.
    pub fn within(mut self, deadlines: Deadlines) -> Self {
        self.api.deadlines = deadlines;
        self
    }

    async fn authorized(&self, method: Method, url: Url) -> Result<request::Builder, CredentialsError> {
        let credentials = self.credentials.get().await?;
        let key = needed(&credentials.telnyx_api_key, "telnyx_api_key")?;
        Ok(sfm_http_client::request(method, &url).header(AUTHORIZATION, format!("Bearer {}", key.expose())))
    }

    async fn ask(&self, method: Method, url: Url) -> Result<Answer, LookupError> {
        let request = self.authorized(method, url).await.map_err(|e| LookupError(e.to_string()))?;
        let answer = self.api.exchange(request, Bytes::new()).await?;
        if matches!(answer.status, 401 | 403) {
            self.credentials.forget();
        }
        Ok(answer)
    }

    /// Reads JSON; None for a 404.
    async fn read(&self, url: Url) -> Result<Option<Value>, LookupError> {
        let answer = self.ask(Method::GET, url).await?;
        match answer.status {
            200 => answer.json().map(Some).map_err(LookupError),
            404 => Ok(None),
            status => Err(LookupError(format!("status {status}"))),
        }
    }

    /// Goes through the faxes that a filter lets through until `pick` gives something, on `most_pages` pages; `all_or_nothing`: on the
    /// first one alone, if it says that there are more.
    async fn search<T>(
        &self,
        filter: &[(&str, &str)],
        (most_pages, all_or_nothing): (usize, bool),
        mut pick: impl FnMut(TelnyxFax<'_>) -> Option<T> + Send,
    ) -> Result<Search<T>, LookupError> {
        for page in 1..=most_pages {
            let mut url = self.api.url(&["v2", "faxes"]);
            url.query_pairs_mut()
                .extend_pairs(filter)
                .append_pair("page[number]", &page.to_string())
                .append_pair("page[size]", &LIST_PAGE.to_string());
            let list = self.read(url).await?.ok_or_else(|| LookupError("status 404".into()))?;
            let faxes = list["data"].as_array().ok_or_else(|| LookupError("the list has no data".into()))?;
            if let Some(found) = faxes.iter().filter_map(TelnyxFax::new).find_map(&mut pick) {
                return Ok(Search::Found(found));
            }
            // Pages may be smaller than was asked for.
            let total = number(&list["meta"], "total_pages").map(|total| total as usize);
            if total.map_or(faxes.len() < LIST_PAGE, |total| page >= total) {
                return Ok(Search::Nothing);
            }
            if all_or_nothing && total.is_some_and(|total| total > most_pages) {
                break;
            }
        }
        Ok(Search::TooLong)
    }

    /// Asks for a new link to the document of a received fax.
    async fn renewed(&self, id: &CarrierFaxId) -> Result<Url, MediaError> {
        let not_yet = |e: LookupError| MediaError::NotYet(e.0);
        let refresh = self.api.url(&["v2", "faxes", &id.0, "actions", "refresh"]);
        let refreshed = self.ask(Method::POST, refresh).await.map_err(not_yet)?.status;
        if !matches!(refreshed, 200..=299 | 400 | 404..=407 | 409..=424) {
            return Err(MediaError::NotYet(format!("the link could not be renewed: status {refreshed}")));
        }
        let fax = self.read(self.api.url(&["v2", "faxes", &id.0])).await.map_err(not_yet)?;
        let fax = fax.ok_or_else(|| MediaError::Gone("it does not know the fax".into()))?;
        match TelnyxFax::new(&fax["data"]).and_then(|fax| fax.media_url()) {
            Some(link) => self.media(link.expose()),
            None if refreshed < 300 => Err(MediaError::NotYet("it gives no link".into())),
            None => Err(MediaError::Gone(format!("it gives no link, and answers {refreshed} to the wish for one"))),
        }
    }

    /// A link that may be followed: plain HTTP only where the API itself is spoken to so, on a machine of one's own.
    fn media(&self, link: &str) -> Result<Url, MediaError> {
        let url = Url::parse(link).ok();
        let plain = self.api.url(&[]).scheme() == "http";
        let url = url.filter(|url| url.has_host() && (url.scheme() == "https" || plain && url.scheme() == "http"));
        url.ok_or_else(|| MediaError::NotYet("its link is no https:// URL".into()))
    }

    async fn fetched(&self, received: &Received) -> Result<Bytes, MediaError> {
        // A link is signed by itself: our key is for the API alone.
        let get = |url: Url| self.api.document(sfm_http_client::request(Method::GET, &url));
        if let Some(url) = received.media_url.as_ref().and_then(|link| self.media(link.expose()).ok())
            && let Document::Fetched(bytes) = get(url).await?
        {
            return Ok(bytes);
        }
        match get(self.renewed(&received.id).await?).await? {
            Document::Fetched(bytes) => Ok(bytes),
            Document::Refused(status @ (404 | 410)) => Err(MediaError::Gone(format!("status {status} under a new link"))),
            Document::Refused(status) => Err(MediaError::NotYet(format!("status {status} under a new link"))),
        }
    }
}

/// The field of the request that an error is about: `errors[].source.pointer`, a JSON pointer (Telnyx's API errors).
fn refused_field(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(answer.body.as_ref().ok()?).ok()?;
    let errors = body["errors"].as_array()?;
    errors.iter().find_map(|error| error["source"]["pointer"].as_str().map(str::to_owned))
}

impl Carrier for Telnyx {
    async fn send(&self, submission: &Submission) -> Result<CarrierFaxId, SendError> {
        let mut body = json!({
            "connection_id": self.connection_id,
            "to": submission.to,
            "from": submission.from,
            "media_url": submission.media_url.expose(),
            "quality": "high",
            "monochrome": true,
            "store_media": false,
            "client_state": submission.reference.encode(),
        });
        if let Some(url) = &self.webhook_url {
            body["webhook_url"] = url.as_str().into();
        }
        let request = self.authorized(Method::POST, self.api.url(&["v2", "faxes"])).await;
        let answer = self.api.hand_over(request?, &body, submission.not_after).await?;
        let status = answer.status;
        let retry_after = answer.retry_after;
        let not_taken = |needs_operator| SendError::NotTaken { reason: format!("status {status}"), retry_after, needs_operator };
        match status {
            200..=299 => {
                let accepted = answer.json().map_err(SendError::Ambiguous)?;
                let fax =
                    TelnyxFax::new(&accepted["data"]).ok_or_else(|| SendError::Ambiguous(format!("status {status} without an id")))?;
                Ok(fax.id())
            }
            // Too many in process.
            425 | 429 => Err(not_taken(false)),
            400..=499 if status != 408 => match (status, refused_field(&answer)) {
                // A key, or a bill, that an operator has to mend: nothing was taken. A 403 that names a field is about this fax alone.
                (401 | 402, _) | (403, None) => {
                    self.credentials.forget();
                    Err(not_taken(true))
                }
                (_, Some(field)) if field == "/to" => Err(SendError::Refused(CallReport::failed(FailureCode::NumberInvalid))),
                _ => Err(SendError::Refused(CallReport::failed(FailureCode::Rejected))),
            },
            _ => Err(SendError::Ambiguous(format!("status {status}"))),
        }
    }

    async fn find(&self, reference: &AttemptRef, to: &E164, from: &E164, since: Timestamp) -> Result<Option<CarrierFax>, LookupError> {
        let filter = [
            ("filter[created_at][gte]", &*(since - CLOCK_SKEW).to_string()),
            ("filter[direction][eq]", "outbound"),
            ("filter[to][eq]", to.as_str()),
            ("filter[from][eq]", from.as_str()),
        ];
        self.search(&filter, (LIST_PAGES, false), |fax| (fax.reference().as_ref() == Some(reference)).then(|| fax.carrier_fax()))
            .await?
            .found()
    }

    async fn get(&self, id: &CarrierFaxId) -> Result<Option<CarrierFax>, LookupError> {
        let Some(answer) = self.read(self.api.url(&["v2", "faxes", &id.0])).await? else { return Ok(None) };
        let fax = TelnyxFax::new(&answer["data"]).ok_or_else(|| LookupError("an answer without an id".into()))?;
        Ok(Some(fax.carrier_fax()))
    }

    async fn stop(&self, id: &CarrierFaxId) -> Result<(), LookupError> {
        match self.ask(Method::POST, self.api.url(&["v2", "faxes", &id.0, "actions", "cancel"])).await?.status {
            // It does not know it any more, or it has ended: a look-up tells.
            200..=299 | 404 | 409 | 410 | 422 => Ok(()),
            status => Err(LookupError(format!("status {status}"))),
        }
    }

    async fn received(&self, from: Timestamp, until: Timestamp, most_pages: usize) -> Result<Option<Vec<Received>>, LookupError> {
        let mut received = Vec::new();
        let now = self.api.clock.now();
        let filter = [
            ("filter[created_at][gte]", &*from.to_string()),
            ("filter[created_at][lte]", &*until.to_string()),
            ("filter[direction][eq]", "inbound"),
        ];
        let pick = |fax: TelnyxFax<'_>| {
            received.extend(fax.received(now));
            None::<()>
        };
        let searched = self.search(&filter, (most_pages, true), pick).await?;
        Ok((!matches!(searched, Search::TooLong)).then_some(received))
    }

    async fn document(&self, received: &Received) -> Result<Bytes, MediaError> {
        let fetched = tokio::time::timeout(self.api.deadlines.media, self.fetched(received)).await;
        fetched.unwrap_or_else(|_| Err(MediaError::NotYet("it took too long".into())))
    }
}
