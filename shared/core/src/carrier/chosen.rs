//! The carrier that the configuration names.

use bytes::Bytes;
use jiff::Timestamp;

use super::telnyx::Telnyx;
use super::{AttemptMark, Carrier, CarrierFax, CarrierFaxId, LookupError, MediaError, Received, SendError, Submission};
use crate::phone::E164;
use crate::platform::{ConfigError, Platform};

/// The carrier of the variable `CARRIER`: `telnyx` or `sinch`.
#[derive(Debug, Clone)]
pub enum Chosen {
    Telnyx(Telnyx),
}

impl Chosen {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        match platform.var("CARRIER")?.as_str() {
            "telnyx" => Telnyx::new(platform).map(Self::Telnyx),
            other => Err(ConfigError { name: "CARRIER".into(), reason: format!("is {other}, which is no carrier that we know") }),
        }
    }
}

impl Carrier for Chosen {
    async fn send(&self, submission: &Submission) -> Result<CarrierFaxId, SendError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.send(submission).await,
        }
    }

    async fn find(&self, mark: &AttemptMark, to: &E164, from: &E164, since: Timestamp) -> Result<Option<CarrierFax>, LookupError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.find(mark, to, from, since).await,
        }
    }

    async fn get(&self, id: &CarrierFaxId) -> Result<Option<CarrierFax>, LookupError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.get(id).await,
        }
    }

    async fn received(&self, since: Timestamp) -> Result<Vec<Received>, LookupError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.received(since).await,
        }
    }

    async fn document(&self, received: &Received) -> Result<Bytes, MediaError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.document(received).await,
        }
    }
}
