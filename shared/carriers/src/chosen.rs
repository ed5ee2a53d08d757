//! The carrier that the configuration names.

use bytes::Bytes;
use jiff::Timestamp;

use super::sinch::{self, Sinch};
use super::telnyx::{self, Telnyx};
use super::{AttemptRef, Carrier, CarrierFax, CarrierFaxId, LookupError, MediaError, Received, SendError, Submission};
use sfm_core::phone::E164;
use sfm_store::platform::{ConfigError, Platform};

/// The carrier of the variable `CARRIER`: `telnyx` or `sinch`.
#[derive(Debug, Clone)]
pub enum AnyCarrier {
    Telnyx(Telnyx),
    Sinch(Sinch),
}

/// What reads that carrier's callbacks, each in its own way.
#[derive(Debug, Clone)]
pub enum Callbacks {
    Telnyx(telnyx::Callbacks),
    Sinch(sinch::Callbacks),
}

fn unknown(name: &str) -> ConfigError {
    ConfigError { name: "CARRIER".into(), reason: format!("is {name}, which is no carrier that we know") }
}

/// Whether the carrier of the variable `CARRIER` can stop a call.
pub fn can_stop(platform: &Platform) -> Result<bool, ConfigError> {
    match platform.var("CARRIER")?.as_str() {
        "telnyx" => Ok(true),
        "sinch" => Ok(false),
        other => Err(unknown(other)),
    }
}

/// Whether the carrier of the variable `CARRIER` writes the line above each page itself, and cannot be kept from it: then no other may be there.
pub fn writes_header(platform: &Platform) -> Result<bool, ConfigError> {
    match platform.var("CARRIER")?.as_str() {
        "telnyx" => Ok(false),
        "sinch" => Ok(true),
        other => Err(unknown(other)),
    }
}

impl Callbacks {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        match platform.var("CARRIER")?.as_str() {
            "telnyx" => telnyx::Callbacks::new(platform).map(Self::Telnyx),
            "sinch" => sinch::Callbacks::new(platform).map(Self::Sinch),
            other => Err(unknown(other)),
        }
    }
}

impl AnyCarrier {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        match platform.var("CARRIER")?.as_str() {
            "telnyx" => Telnyx::new(platform).map(Self::Telnyx),
            "sinch" => Sinch::new(platform).map(Self::Sinch),
            other => Err(unknown(other)),
        }
    }
}

impl Carrier for AnyCarrier {
    async fn send(&self, submission: &Submission) -> Result<CarrierFaxId, SendError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.send(submission).await,
            Self::Sinch(sinch) => sinch.send(submission).await,
        }
    }

    async fn find(&self, reference: &AttemptRef, to: &E164, from: &E164, since: Timestamp) -> Result<Option<CarrierFax>, LookupError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.find(reference, to, from, since).await,
            Self::Sinch(sinch) => sinch.find(reference, to, from, since).await,
        }
    }

    async fn get(&self, id: &CarrierFaxId) -> Result<Option<CarrierFax>, LookupError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.get(id).await,
            Self::Sinch(sinch) => sinch.get(id).await,
        }
    }

    async fn stop(&self, id: &CarrierFaxId) -> Result<(), LookupError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.stop(id).await,
            Self::Sinch(sinch) => sinch.stop(id).await,
        }
    }

    async fn received(&self, from: Timestamp, until: Timestamp, most_pages: usize) -> Result<Option<Vec<Received>>, LookupError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.received(from, until, most_pages).await,
            Self::Sinch(sinch) => sinch.received(from, until, most_pages).await,
        }
    }

    async fn document(&self, received: &Received) -> Result<Bytes, MediaError> {
        match self {
            Self::Telnyx(telnyx) => telnyx.document(received).await,
            Self::Sinch(sinch) => sinch.document(received).await,
        }
    }
}
