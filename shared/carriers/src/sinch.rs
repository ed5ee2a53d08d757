//! Sinch Fax, API v3.
//!
//! Facts from the vendor's published SDK sources and API description; which failure deserves another attempt is our own reading.
//! The service that receives faxes must keep their documents (`saveInboundFaxDocuments`, its default).

mod callbacks;
mod failures;
mod refusal;
mod wire;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{Method, request};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub use callbacks::Callbacks;
use url::Url;
use wire::{SinchFax, labels};

use super::api::{Answer, Api, Deadlines, Document, Search};
use super::json::number;
use super::{AttemptRef, Carrier, CarrierFax, CarrierFaxId, HeaderText, LookupError, MediaError, Received, SendError, Submission};
use sfm_core::phone::E164;
use sfm_store::credentials::{CredentialStore, Credentials, CredentialsError, needed};
use sfm_store::platform::{ConfigError, Platform};

/// The carrier's clock and ours may differ by this much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// One page of a list; the API gives 1,000 at most.
const LIST_PAGE: usize = 200;
/// Pages of a list that a look-up reads before it calls itself unable to tell.
const LIST_PAGES: usize = 200;
/// Characters of a line above the pages, the time and the page's number not included.
const HEADER_TEXT: usize = 50;
/// How long until a carrier whose account has no funds is tried again.
const UNPAID: SignedDuration = SignedDuration::from_mins(10);

#[derive(Debug, Clone)]
pub struct Sinch {
    api: Api,
    credentials: CredentialStore,
    project_id: String,
    /// Where callbacks go, the secret that ends it not included.
    callback_url: Option<Url>,
}

impl Sinch {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        let callback_url = platform.var("CARRIER_CALLBACK_URL").ok().map(|url| Url::parse(&url)).transpose();
        Ok(Self {
            api: Api::new(platform, "SINCH_API_URL")?,
            credentials: CredentialStore::new(platform)?,
            project_id: platform.var("SINCH_PROJECT_ID")?,
            callback_url: callback_url.map_err(|e| ConfigError { name: "CARRIER_CALLBACK_URL".into(), reason: e.to_string() })?,
        })
    }

    /// The same with other deadlines.
    pub fn within(mut self, deadlines: Deadlines) -> Self {
        self.api.deadlines = deadlines;
        self
    }

    /// The URL of the faxes, or of what is below them.
    fn url(&self, below: &[&str]) -> Url {
        self.api.url(&[&["v3", "projects", &self.project_id, "faxes"], below].concat())
    }

    fn authorized(&self, credentials: &Credentials, method: Method, url: Url) -> Result<request::Builder, CredentialsError> {
        let id = needed(&credentials.sinch_key_id, "sinch_key_id")?;
        let secret = needed(&credentials.sinch_key_secret, "sinch_key_secret")?;
        let login = STANDARD.encode(format!("{}:{}", id.expose(), secret.expose()));
        Ok(sfm_http_client::request(method, &url).header(AUTHORIZATION, format!("Basic {login}")))
    }

    /// The body of a send.
    fn body(&self, submission: &Submission, credentials: &Credentials) -> Result<Value, CredentialsError> {
        let mut body = json!({
            "to": submission.to,
            "from": submission.from,
            "contentUrl": submission.media_url.expose(),
            // Retries are ours.
            "maxRetries": 0,
            "imageConversionMethod": "MONOCHROME",
            "resolution": "FINE",
            "labels": labels(&submission.reference),
        });
        // It always writes a line above each page, by default "-" and the number of the page.
        body["headerPageNumbers"] = submission.header.is_some().into();
        if let Some(HeaderText { sender, time_zone }) = &submission.header {
            body["headerText"] = sender.chars().take(HEADER_TEXT).collect::<String>().into();
            body["headerTimeZone"] = time_zone.name().into();
        }
        if let Some(mut url) = self.callback_url.clone() {
            let secret = needed(&credentials.callback_secret, "callback_secret")?;
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().extend(["sinch", secret.expose()]);
            }
            body["callbackUrl"] = url.as_str().into();
            // Else it comes as a form.
            body["callbackUrlContentType"] = "application/json".into();
        }
        Ok(body)
    }

    async fn read(&self, url: Url) -> Result<Answer, LookupError> {
        let credentials = self.credentials.get().await.map_err(|e| LookupError(e.to_string()))?;
        let request = self.authorized(&credentials, Method::GET, url).map_err(|e| LookupError(e.to_string()))?;
        let answer = self.api.exchange(request, Bytes::new()).await?;
        if matches!(answer.status, 401 | 403) {
            self.credentials.forget();
        }
        Ok(answer)
    }

    /// Reads a fax as it is now and makes something of it; None when the carrier does not know it.
    async fn fax<T>(&self, id: &str, make: impl FnOnce(SinchFax<'_>) -> T) -> Result<Option<T>, LookupError> {
        let answer = self.read(self.url(&[id])).await?;
        match answer.status {
            200 => {
                let fields = answer.json().map_err(LookupError)?;
                let fax = SinchFax::new(&fields).filter(|fax| fax.id().0 == id);
                fax.map(|fax| Some(make(fax))).ok_or_else(|| LookupError("the answer is not that fax".into()))
            }
            404 => Ok(None),
            status => Err(LookupError(format!("status {status}"))),
        }
    }

    /// Goes through the faxes that a filter lets through until `pick` gives something, on `most_pages` pages; `all_or_nothing`: on the
    /// first one alone, if it says that there are more.
    ///
    /// Labels are compared here and not by the API's own filter: how that one is spelled is told in two ways, and a filter that is
    /// misunderstood and finds nothing would have a fax sent twice.
    async fn search<T>(
        &self,
        filter: &[(&str, &str)],
        (most_pages, all_or_nothing): (usize, bool),
        mut pick: impl FnMut(SinchFax<'_>) -> Option<T> + Send,
    ) -> Result<Search<T>, LookupError> {
        for page in 1..=most_pages {
            let mut url = self.url(&[]);
            url.query_pairs_mut()
                .extend_pairs(filter)
                .append_pair("page", &page.to_string())
                .append_pair("pageSize", &LIST_PAGE.to_string());
            let answer = self.read(url).await?;
            if answer.status != 200 {
                return Err(LookupError(format!("status {}", answer.status)));
            }
            let list = answer.json().map_err(LookupError)?;
            let faxes = list["faxes"].as_array().ok_or_else(|| LookupError("the list has no faxes".into()))?;
            if let Some(found) = faxes.iter().filter_map(SinchFax::new).find_map(&mut pick) {
                return Ok(Search::Found(found));
            }
            // Pages may be smaller than was asked for.
            let total = number(&list, "totalPages").map(|total| total as usize);
            if total.map_or(faxes.len() < LIST_PAGE, |total| page >= total) {
                return Ok(Search::Nothing);
            }
            if all_or_nothing && total.is_some_and(|total| total > most_pages) {
                break;
            }
        }
        Ok(Search::TooLong)
    }

    async fn fetched(&self, id: &str) -> Result<Bytes, MediaError> {
        let not_yet = |e: CredentialsError| MediaError::NotYet(e.to_string());
        let credentials = self.credentials.get().await.map_err(not_yet)?;
        let request = self.authorized(&credentials, Method::GET, self.url(&[id, "file"])).map_err(not_yet)?;
        let status = match self.api.document(request.header(ACCEPT, "application/pdf")).await? {
            Document::Fetched(bytes) => return Ok(bytes),
            Document::Refused(status) => status,
        };
        if matches!(status, 401 | 403) {
            self.credentials.forget();
        }
        if !matches!(status, 404 | 410) {
            return Err(MediaError::NotYet(format!("status {status}")));
        }
        match self.fax(id, |fax| fax.has_file()).await {
            Err(e) => Err(MediaError::NotYet(e.0)),
            Ok(Some(true)) => Err(MediaError::NotYet(format!("status {status}, though it says that it has it"))),
            Ok(Some(false)) => Err(MediaError::Gone("it says so".into())),
            Ok(None) => Err(MediaError::Gone("it does not know the fax".into())),
        }
    }
}

/// A time in a filter, whose operator belongs to its name: `createTime>=2026-07-01T17:00:00Z`.
fn whole_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Carrier for Sinch {
    async fn send(&self, submission: &Submission) -> Result<CarrierFaxId, SendError> {
        let credentials = self.credentials.get().await?;
        let body = self.body(submission, &credentials)?;
        let request = self.authorized(&credentials, Method::POST, self.url(&[]))?;
        let answer = self.api.hand_over(request, &body, submission.not_after).await?;
        if matches!(answer.status, 401 | 403) {
            self.credentials.forget();
        }
        match answer.status {
            200..=299 => {
                let accepted = answer.json().map_err(SendError::Ambiguous)?;
                // One fax, or a list of them, which has one recipient here.
                let fax = SinchFax::new(&accepted).or_else(|| SinchFax::new(&accepted["faxes"][0]));
                fax.map(|fax| fax.id()).ok_or_else(|| SendError::Ambiguous("an answer without an id".into()))
            }
            _ => Err(refusal::read(answer)),
        }
    }

    async fn find(&self, reference: &AttemptRef, to: &E164, _from: &E164, since: Timestamp) -> Result<Option<CarrierFax>, LookupError> {
        let filter = [("createTime>", &*whole_seconds(since - CLOCK_SKEW)), ("direction", "OUTBOUND"), ("to", to.as_str())];
        self.search(&filter, (LIST_PAGES, false), |fax| (fax.reference().as_ref() == Some(reference)).then(|| fax.carrier_fax()))
            .await?
            .found()
    }

    async fn get(&self, id: &CarrierFaxId) -> Result<Option<CarrierFax>, LookupError> {
        self.fax(&id.0, |fax| fax.carrier_fax()).await
    }

    async fn stop(&self, _: &CarrierFaxId) -> Result<(), LookupError> {
        Err(LookupError("Sinch stops no call".into()))
    }

    async fn received(&self, from: Timestamp, until: Timestamp, most_pages: usize) -> Result<Option<Vec<Received>>, LookupError> {
        let mut received = Vec::new();
        let now = self.api.clock.now();
        let filter = [
            ("createTime>", &*whole_seconds(from)),
            ("createTime<", &*whole_seconds(until + SignedDuration::from_secs(1))),
            ("direction", "INBOUND"),
            ("status", "COMPLETED"),
        ];
        let pick = |fax: SinchFax<'_>| {
            received.extend(fax.received(now));
            None::<()>
        };
        let searched = self.search(&filter, (most_pages, true), pick).await?;
        Ok((!matches!(searched, Search::TooLong)).then_some(received))
    }

    async fn document(&self, received: &Received) -> Result<Bytes, MediaError> {
        let fetched = tokio::time::timeout(self.api.deadlines.media, self.fetched(&received.id.0)).await;
        fetched.unwrap_or_else(|_| Err(MediaError::NotYet("it took too long".into())))
    }
}
