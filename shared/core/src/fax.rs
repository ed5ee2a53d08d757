//! A fax: what is stored of it. How its status changes is in [`progress`], what the API shows in [`resource`].

pub mod cancel;
pub mod deletion;
pub mod progress;
pub mod resource;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::due;
use crate::failure::FailureCode;
use crate::id::{AccountId, ContactId, FaxId, ScheduledId};
use crate::metadata::{Metadata, Reference};
use crate::month::Month;
use crate::phone::E164;
use crate::reservation::Reservation;
use crate::settings::{FaxHeader, Zone};
use crate::text_enum::text_enum;
use crate::trace::TraceParent;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Outbound,
    Inbound,
}

text_enum! {
    pub enum FaxStatus {
        Queued = "queued",
        Sending = "sending",
        Delivered = "delivered",
        Failed = "failed",
        Canceled = "canceled",
        Received = "received",
    }
}

impl FaxStatus {
    /// An inbound fax is `received`; all other statuses are those of outbound ones.
    pub fn direction(self) -> Direction {
        if self == Self::Received { Direction::Inbound } else { Direction::Outbound }
    }

    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Failed | Self::Canceled | Self::Received)
    }
}

text_enum! {
    /// What faxes are found by that have a value of it in common.
    pub enum FaxField {
        To = "to",
        From = "from",
        Reference = "reference",
    }
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum AttemptOutcome {
    Delivered(Delivered),
    Canceled(Canceled),
    Failed(FailureCode),
}

/// Spells `delivered` where a failed attempt has its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivered {
    Delivered,
}

/// Spells `canceled` where a failed attempt has its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Canceled {
    Canceled,
}

impl AttemptOutcome {
    pub const DELIVERED: Self = Self::Delivered(Delivered::Delivered);
    pub const CANCELED: Self = Self::Canceled(Canceled::Canceled);
}

/// One attempt to hand the fax to a machine, recorded before the carrier is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub number: u32,
    pub started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AttemptOutcome>,
    #[serde(default)]
    pub pages_sent: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
    /// Tells the worker whose claim was written from one that lost the race.
    pub claim: String,
    /// The carrier's own id, once it is known that the carrier has the fax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier_fax_id: Option<String>,
    /// Look-ups at the carrier that found nothing, since the last time that the fax was handed over.
    #[serde(default)]
    pub empty_lookups: u32,
    /// What the carrier said later, where that is not what it said first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contradicted_by: Option<AttemptOutcome>,
}

/// A fax as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fax {
    pub account_id: AccountId,
    pub id: FaxId,
    /// Its place in the account's list; gone once it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Its places in the lists of the faxes that have a value in common with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub postings: BTreeMap<FaxField, u64>,
    pub direction: Direction,
    pub status: FaxStatus,
    pub to: E164,
    /// None for a received fax whose caller withheld the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<E164>,
    pub pages: u32,
    #[serde(default)]
    pub pages_sent: u32,
    /// Of a received fax: the carrier has only a part of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureCode>,
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_id: Option<ScheduledId>,
    /// The fax that it repeats, whole or in part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resent_from: Option<FaxId>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<FaxHeader>,
    /// The zone that people are told its times in.
    #[serde(default, skip_serializing_if = "Zone::is_utc")]
    pub time_zone: Zone,
    pub live: bool,
    /// The month whose quota paid, and how many pages it paid.
    pub month: Month,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// When it was to be canceled while an attempt was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Timestamp>,
    /// Counts the writes of this item: each one is conditional on the one before it.
    pub version: u64,
    /// The moment of its next step in milliseconds since the epoch, and where the due index keeps it. None once it is final, and where it is
    /// deleted its document gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<u8>,
}

impl Fax {
    /// A fax of a live key that is being accepted. It gets its place in the list by [`Fax::placed`].
    pub fn queued(account_id: AccountId, id: FaxId, to: E164, from: E164, pages: u32, now: Timestamp) -> Self {
        Self {
            account_id,
            id,
            seq: None,
            postings: BTreeMap::new(),
            direction: Direction::Outbound,
            status: FaxStatus::Queued,
            to,
            from: Some(from),
            pages,
            pages_sent: 0,
            partial: false,
            failure: None,
            attempts: Vec::new(),
            scheduled_id: None,
            resent_from: None,
            reference: None,
            metadata: Metadata::default(),
            trace: None,
            similar_to: None,
            header: None,
            time_zone: Zone::default(),
            live: true,
            month: Month::of(now),
            created_at: now,
            completed_at: None,
            deleted_at: None,
            cancel_requested_at: None,
            version: 1,
            due_at: Some(now.as_millisecond()),
            due_shard: Some(due::shard(&id.to_string())),
        }
    }

    /// The same with what its account's faxes tell of it.
    pub fn of_account(self, account: &Account) -> Self {
        let header = self.from.as_ref().and_then(|from| FaxHeader::of(&account.settings, &account.name, from));
        Self { header, time_zone: account.settings.time_zone.clone(), ..self }
    }

    /// A fax that came in. It gets its place in the list by [`Fax::placed`].
    pub fn received(account_id: AccountId, id: FaxId, to: E164, from: Option<E164>, pages: u32, now: Timestamp) -> Self {
        Self {
            direction: Direction::Inbound,
            status: FaxStatus::Received,
            from,
            pages_sent: pages,
            completed_at: Some(now),
            due_at: None,
            due_shard: None,
            ..Self::queued(account_id, id, to.clone(), to, pages, now)
        }
    }

    /// The new fax at the place that was reserved for it, with the time of creation and the month that belong to the place.
    pub fn placed(self, reservation: &Reservation) -> Self {
        Self {
            seq: Some(reservation.seq),
            month: reservation.month,
            created_at: reservation.at,
            completed_at: self.completed_at.map(|_| reservation.at),
            due_at: self.due_at.map(|_| reservation.at.as_millisecond()),
            ..self
        }
    }

    /// Whether it has the reserved place. A deleted one has left it.
    pub fn has_place(&self, reservation: &Reservation) -> bool {
        self.id == reservation.fax && self.seq.is_none_or(|seq| seq == reservation.seq)
    }

    /// What a new fax costs of the quota: nothing where it came in, or is of a test key.
    pub fn charged_pages(&self) -> u32 {
        if self.live && self.direction == Direction::Outbound { self.pages } else { 0 }
    }

    /// What it is found by: its value of each field that it has.
    pub fn fields(&self) -> impl Iterator<Item = (FaxField, &str)> {
        FaxField::ALL.into_iter().filter_map(|field| Some((field, self.field(field)?)))
    }

    pub fn field(&self, field: FaxField) -> Option<&str> {
        match field {
            FaxField::To => Some(self.to.as_str()),
            FaxField::From => self.from.as_ref().map(E164::as_str),
            FaxField::Reference => self.reference.as_ref().map(Reference::as_str),
        }
    }

    /// The trace that it belongs to: its caller's, else one of its own.
    pub fn trace(&self) -> TraceParent {
        self.trace.unwrap_or_else(|| TraceParent::begun(self.id.bits()))
    }

    /// Where its fax-ready PDF lies.
    pub fn document_key(&self) -> String {
        document_key(self.account_id, self.id)
    }

    /// Pages that were charged and never sent: given back when the fax has failed or is canceled.
    pub fn refund(&self) -> u32 {
        if self.live && matches!(self.status, FaxStatus::Failed | FaxStatus::Canceled) { self.pages - self.pages_sent } else { 0 }
    }
}

/// Where the fax-ready PDF of a fax lies in the documents bucket.
pub fn document_key(account: AccountId, fax: FaxId) -> String {
    format!("faxes/{account}/{fax}.pdf")
}
