//! Scheduled faxes: documents made ready now and sent at a time to come.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::{Number, NumberNotAllowed, SendNotAllowed};
use crate::clock::{ApiTime, parse_time};
use crate::fax::Fax;
use crate::id::{AccountId, ContactId, FaxId, RequestId, ScheduledId};
use crate::metadata::{Metadata, Reference};
use crate::phone::E164;
use crate::recipient::{RecipientRefused, SimilarContact};
use crate::text_enum::text_enum;
use crate::trace::TraceParent;

/// How far ahead a fax may be scheduled: the API reference, "POST /v1/scheduled".
const SOONEST: SignedDuration = SignedDuration::from_secs(60);
const LATEST: SignedDuration = SignedDuration::from_hours(180 * 24);

/// When a fax is to be sent: within the bounds of the contract, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendAt(Timestamp);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSendAt {
    #[error("must be a time in RFC 3339 with its offset, such as 2026-07-01T17:00:00Z or 2026-07-01T17:00:00+02:00")]
    Unreadable,
    #[error("must be at least 60 seconds ahead")]
    TooSoon,
    #[error("must be at most 180 days ahead")]
    TooLate,
}

impl SendAt {
    /// Reads `send_at`, an RFC 3339 time with its offset.
    ///
    /// # Errors
    /// [`BadSendAt`] when it is no such time, is over, or is too far ahead.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, BadSendAt> {
        let at = parse_time(text).ok_or(BadSendAt::Unreadable)?;
        let at = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
        match at.duration_since(now) {
            ahead if ahead < SOONEST => Err(BadSendAt::TooSoon),
            ahead if ahead > LATEST => Err(BadSendAt::TooLate),
            _ => Ok(Self(at)),
        }
    }

    pub fn at(self) -> Timestamp {
        self.0
    }
}

text_enum! {
    pub enum ScheduledStatus {
        Pending = "pending",
        Sent = "sent",
        Failed = "failed",
        Canceled = "canceled",
    }
}

text_enum! {
    /// Why a scheduled fax did not become a fax when its time came.
    pub enum Failure {
        QuotaExceeded = "quota_exceeded",
        BaaRequired = "baa_required",
        NoActiveNumber = "no_active_number",
        NumberNotAllowed = "number_not_allowed",
        RecipientNotAllowed = "recipient_not_allowed",
        DocumentUnreadable = "document_unreadable",
    }
}

impl Failure {
    /// What happened and what to do, for the person who scheduled the fax.
    pub fn message(self) -> &'static str {
        match self {
            Self::QuotaExceeded => {
                "When it was to be sent, this month's pages did not suffice. Upgrade the plan or send it next month (UTC)."
            }
            Self::BaaRequired => {
                "When it was to be sent, this account had no signed HIPAA Business Associate Agreement. Sign it in the dashboard and send again."
            }
            Self::NoActiveNumber => "When it was to be sent, the number to send from was no longer active. Choose another and send again.",
            Self::NumberNotAllowed => {
                "When it was to be sent, this account could not send to premium-rate, satellite or audiotext numbers. Ask the operator to allow them."
            }
            Self::RecipientNotAllowed => {
                "When it was to be sent, this account sent to the numbers of its contacts alone, and this was in none of them. Add a contact and send again."
            }
            Self::DocumentUnreadable => "When it was to be sent, its document was gone. Send it again.",
        }
    }
}

impl From<NumberNotAllowed> for Failure {
    fn from(NumberNotAllowed: NumberNotAllowed) -> Self {
        Self::NumberNotAllowed
    }
}

impl From<RecipientRefused> for Failure {
    /// One that was to be confirmed was, when it was scheduled.
    fn from(_: RecipientRefused) -> Self {
        Self::RecipientNotAllowed
    }
}

impl From<SendNotAllowed> for Failure {
    fn from(closed: SendNotAllowed) -> Self {
        match closed {
            SendNotAllowed::Quota { .. } => Self::QuotaExceeded,
            SendNotAllowed::Baa => Self::BaaRequired,
            SendNotAllowed::Number => Self::NoActiveNumber,
        }
    }
}

/// A scheduled fax as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    pub account_id: AccountId,
    pub id: ScheduledId,
    /// Its place in the account's list; numbers start at 1.
    pub seq: u64,
    pub status: ScheduledStatus,
    pub send_at: Timestamp,
    pub to: E164,
    /// The number asked for; without one it is the account's oldest active number at the time of sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<E164>,
    pub pages: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fax_id: Option<FaxId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The caller's trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
    /// The contact whose number differs from the fax's in one digit, where that is no contact's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar_to: Option<ContactId>,
    pub live: bool,
    pub created_at: Timestamp,
    /// The request that canceled it, which knows its own write by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canceled_by: Option<RequestId>,
    /// The moment of sending in milliseconds since the epoch, and where the due index keeps it. None once it is not pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<u8>,
}

impl Scheduled {
    /// Where its fax-ready PDF lies.
    pub fn document_key(&self) -> String {
        document_key(self.account_id, self.id)
    }

    /// The id of the one fax that it becomes.
    pub fn future_fax(&self) -> FaxId {
        FaxId::of_scheduled(self.id, self.send_at)
    }

    /// The fax that it becomes, at its place in the list.
    pub fn fax(&self, from: E164, now: Timestamp) -> Fax {
        let id = self.future_fax();
        Fax {
            scheduled_id: Some(self.id),
            reference: self.reference.clone(),
            metadata: self.metadata.clone(),
            trace: self.trace,
            similar_to: self.similar_to,
            live: self.live,
            ..Fax::queued(self.account_id, id, self.to.clone(), from, self.pages, now)
        }
    }

    /// What it costs of the quota: nothing for a test key.
    pub fn charged_pages(&self) -> u32 {
        if self.live { self.pages } else { 0 }
    }

    /// The number that it is sent from, of the active ones: the one asked for, else the oldest.
    pub fn sender<'n>(&self, active: &'n [Number]) -> Option<&'n Number> {
        Number::sender(self.from.as_ref(), active).ok().flatten()
    }

    /// What the API shows of it.
    pub fn resource(&self) -> ScheduledResource<'_> {
        ScheduledResource {
            id: self.id,
            object: "scheduled",
            status: self.status,
            send_at: self.send_at.into(),
            to: &self.to,
            from: self.from.as_ref(),
            pages: self.pages,
            fax_id: self.fax_id,
            failure: self.failure.map(FailureResource::from),
            reference: self.reference.as_ref(),
            metadata: &self.metadata,
            warnings: self.similar_to.map(SimilarContact::new).into_iter().collect(),
            live: self.live,
            created_at: self.created_at.into(),
        }
    }
}

/// Where the fax-ready PDF of a scheduled fax lies in the documents bucket: under a prefix that is kept longer than any schedule.
pub fn document_key(account: AccountId, id: ScheduledId) -> String {
    format!("scheduled/{account}/{id}.pdf")
}

/// The scheduled-fax resource of the API.
#[derive(Debug, Clone, Serialize)]
pub struct ScheduledResource<'a> {
    pub id: ScheduledId,
    pub object: &'static str,
    pub status: ScheduledStatus,
    pub send_at: ApiTime,
    pub to: &'a E164,
    pub from: Option<&'a E164>,
    pub pages: u32,
    pub fax_id: Option<FaxId>,
    pub failure: Option<FailureResource>,
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
}

#[derive(Debug, Clone, Serialize)]
pub struct FailureResource {
    pub code: Failure,
    pub message: &'static str,
}

impl From<Failure> for FailureResource {
    fn from(code: Failure) -> Self {
        Self { code, message: code.message() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_has_one_code_whether_it_refuses_now_or_later() {
        for closed in [SendNotAllowed::Quota { pages: 1, left: 0, limit: 0 }, SendNotAllowed::Baa, SendNotAllowed::Number] {
            let failure = Failure::from(closed);
            assert_eq!((serde_json::json!(failure), failure.as_str()), (closed.code().into(), closed.code()));
        }
    }

    #[test]
    fn a_send_time_has_an_offset_and_lies_between_a_minute_and_180_days_ahead() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap_or_default();
        let parsed = |text: &str| SendAt::parse(text, now).map(|at| at.0.as_second() - now.as_second());
        assert_eq!(parsed("2026-01-01T00:01:00Z"), Ok(60));
        assert_eq!(parsed("2026-01-01T02:01:00.000+02:00"), Ok(60));
        assert_eq!(parsed("2026-06-30T00:00:00Z"), Ok(180 * 86_400));
        assert_eq!(parsed("2026-01-01T00:00:59.999Z"), Err(BadSendAt::TooSoon));
        assert_eq!(parsed("2025-07-01T17:00:00Z"), Err(BadSendAt::TooSoon));
        assert_eq!(parsed("2026-06-30T00:00:00.001Z"), Err(BadSendAt::TooLate));
        assert_eq!(parsed("9999-12-31T00:00:00Z"), Err(BadSendAt::TooLate));
        for unreadable in
            ["", "2026-02-01", "2026-02-01T00:00:00", "1790000000", "tomorrow", "2026-02-30T00:00:00Z", "2026-02-01T25:00:00Z"]
        {
            assert_eq!(parsed(unreadable), Err(BadSendAt::Unreadable), "{unreadable}");
        }
    }
}
