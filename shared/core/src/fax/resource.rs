//! What the API and the webhooks show of a fax.

use serde::Serialize;

use super::{AttemptOutcome, Direction, Fax, FaxStatus};
use crate::clock::ApiTime;
use crate::failure::FailureCode;
use crate::id::{FaxId, ScheduledId};
use crate::metadata::{Metadata, Reference};
use crate::phone::E164;
use crate::recipient::SimilarContact;

impl Fax {
    /// The fax resource of the API.
    pub fn resource(&self) -> FaxResource<'_> {
        FaxResource {
            id: self.id,
            object: "fax",
            direction: self.direction,
            status: self.status,
            to: &self.to,
            from: self.from.as_ref(),
            pages: self.pages,
            pages_sent: self.pages_sent,
            partial: self.partial,
            failure: self.failure.map(FailureResource::from),
            attempts: self
                .attempts
                .iter()
                .map(|a| AttemptResource {
                    number: a.number,
                    started_at: a.started_at.into(),
                    ended_at: a.ended_at.map(ApiTime::from),
                    outcome: a.outcome,
                    pages_sent: a.pages_sent,
                    duration_seconds: a.duration_seconds,
                })
                .collect(),
            scheduled_id: self.scheduled_id,
            resent_from: self.resent_from,
            reference: self.reference.as_ref(),
            metadata: &self.metadata,
            warnings: self.similar_to.map(SimilarContact::new).into_iter().collect(),
            live: self.live,
            created_at: self.created_at.into(),
            completed_at: self.completed_at.map(ApiTime::from),
            cancel_requested_at: self.cancel_requested_at.map(ApiTime::from),
        }
    }
}

/// The fax resource of the API.
#[derive(Debug, Clone, Serialize)]
pub struct FaxResource<'a> {
    pub id: FaxId,
    pub object: &'static str,
    pub direction: Direction,
    pub status: FaxStatus,
    pub to: &'a E164,
    pub from: Option<&'a E164>,
    pub pages: u32,
    pub pages_sent: u32,
    /// Shown where it is true alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    pub failure: Option<FailureResource>,
    pub attempts: Vec<AttemptResource>,
    pub scheduled_id: Option<ScheduledId>,
    /// Shown of a fax that repeats another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resent_from: Option<FaxId>,
    /// Shown where the caller gave it, as is the metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<&'a Reference>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: &'a Metadata,
    /// Shown where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<SimilarContact>,
    pub live: bool,
    pub created_at: ApiTime,
    pub completed_at: Option<ApiTime>,
    /// Shown where there was such a wish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<ApiTime>,
}

#[derive(Debug, Clone, Serialize)]
pub struct FailureResource {
    pub code: FailureCode,
    pub message: &'static str,
}

impl From<FailureCode> for FailureResource {
    fn from(code: FailureCode) -> Self {
        Self { code, message: code.message() }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct AttemptResource {
    pub number: u32,
    pub started_at: ApiTime,
    pub ended_at: Option<ApiTime>,
    pub outcome: Option<AttemptOutcome>,
    pub pages_sent: u32,
    pub duration_seconds: Option<u32>,
}
