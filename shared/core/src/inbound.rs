//! Faxes that come in, from the carrier's word to an inbound fax of the account whose number was called.
//!
//! What the carrier told is written down before it is told that we know: from then on the row's due time drives it, whatever becomes
//! of messages. The document is fetched soon, because its link lives for minutes, and as often as it takes.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::due;
use crate::id::{AccountId, FaxId};
use crate::phone::E164;
use crate::secret::{self, Secret};

/// A document that could not be fetched for this long is given up; a person is alarmed.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(72);
/// The pause after the first try that failed; it doubles, so that four tries lie within the 10 minutes of a link.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(20);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(30);
/// How long a row that is dealt with is kept, so that a fax that is told of again is known.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// One that is lost is kept for those who look for it.
const LOST_KEPT: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The carrier's own name of a fax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CarrierFaxId(pub String);

impl fmt::Display for CarrierFaxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fax that came in, as the carrier tells of it. Callbacks may tell of one more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    pub id: CarrierFaxId,
    /// The number that was called.
    pub to: E164,
    /// None where the caller withheld it, or it is no telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<E164>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    pub received_at: Timestamp,
    /// Where the document can be fetched for a while, if the carrier said so.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "secret::stored")]
    pub media_url: Option<Secret>,
    /// The call broke off: the document is a part of what was sent. Carriers may tell of it in a callback alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InboundStatus {
    /// Its document is to be fetched.
    Announced,
    /// It is an inbound fax of its account.
    Taken,
    /// Its document was never to be had.
    Lost,
}

/// A fax that came in, as it is stored until long after it was taken. One for each fax of the carrier, whoever's it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The carrier's name and its id of the fax.
    pub id: String,
    pub account_id: AccountId,
    /// The fax that it becomes.
    pub fax_id: FaxId,
    pub status: InboundStatus,
    pub received: Received,
    pub announced_at: Timestamp,
    #[serde(default)]
    pub tries: u32,
    /// Seconds since the epoch, once it is taken or lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// The moment of the next try in milliseconds since the epoch, and where the due index keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_shard: Option<u8>,
}

impl Inbound {
    /// What the carrier told of, for the account whose number was called.
    pub fn announced(carrier: &str, account_id: AccountId, received: Received, now: Timestamp) -> Self {
        let id = name(carrier, &received);
        Self {
            due_at: Some(now.as_millisecond()),
            due_shard: Some(due::shard(&id)),
            id,
            account_id,
            fax_id: FaxId::generate(now),
            status: InboundStatus::Announced,
            received,
            announced_at: now,
            tries: 0,
            expires_at: None,
        }
    }

    /// When it is looked at next; never, if it is dealt with.
    pub fn due(&self) -> Option<Timestamp> {
        self.due_at.filter(|_| self.status == InboundStatus::Announced).map(due::from_millis)
    }

    /// The document was not to be had: it is tried again later, or given up after three days.
    pub fn failed(&mut self, now: Timestamp) {
        self.tries += 1;
        if now > self.announced_at + GIVEN_UP_AFTER {
            self.settle(InboundStatus::Lost, now + LOST_KEPT);
            return;
        }
        let doubled = FIRST_PAUSE.saturating_mul(2i32.saturating_pow(self.tries.saturating_sub(1).min(10)));
        self.due_at = Some((now + doubled.min(LONGEST_PAUSE)).as_millisecond());
    }

    /// It has become a fax.
    pub fn taken(&mut self, now: Timestamp) {
        self.settle(InboundStatus::Taken, now + KEPT);
    }

    fn settle(&mut self, status: InboundStatus, kept_until: Timestamp) {
        self.status = status;
        self.expires_at = Some(kept_until.as_second());
        // It may be a key to the document.
        self.received.media_url = None;
        self.due_at = None;
        self.due_shard = None;
    }
}

/// The key of what a carrier told of: the same whenever it tells of it again.
pub fn name(carrier: &str, received: &Received) -> String {
    format!("{carrier}#{}", received.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap_or_default()
    }

    fn announced() -> Inbound {
        let to = "+12025550123".parse().unwrap_or_else(|_| unreachable!());
        let id = CarrierFaxId("f-1".into());
        let received = Received { id, to, from: None, pages: Some(1), received_at: at(-1), media_url: None, partial: false };
        Inbound::announced("telnyx", AccountId::generate(at(0)), received, at(0))
    }

    #[test]
    fn a_document_that_cannot_be_fetched_is_tried_four_times_within_ten_minutes_and_for_three_days() {
        let mut inbound = announced();
        let mut tried = Vec::new();
        while let Some(due) = inbound.due() {
            tried.push(due.duration_since(at(0)).as_secs());
            inbound.failed(due);
        }
        assert_eq!(tried[..6], [0, 20, 60, 140, 300, 620]);
        assert!(tried.windows(2).all(|pair| pair[1] - pair[0] <= 1800));
        assert_eq!(inbound.status, InboundStatus::Lost);
        assert!((259_200..=261_000).contains(tried.last().unwrap_or(&0)), "{:?}", tried.last());
    }

    #[test]
    fn what_is_taken_is_not_looked_at_again_and_known_for_a_month() {
        let mut inbound = announced();
        inbound.taken(at(5));
        assert_eq!((inbound.due(), inbound.due_shard), (None, None));
        assert_eq!(inbound.expires_at, Some(at(5).as_second() + 30 * 86_400));
        assert_eq!(inbound.id, "telnyx#f-1");
    }
}
