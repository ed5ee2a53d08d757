//! Ids: a prefix that names the kind and a ULID, as in `fax_01JD…`.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ulid::Ulid;

/// The text is not an id of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct MalformedId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// A new id, sortable by `at`.
            pub fn generate(at: Timestamp) -> Self {
                let since_epoch = u64::try_from(at.as_millisecond()).unwrap_or(0);
                Self(Ulid::from_datetime(SystemTime::UNIX_EPOCH + Duration::from_millis(since_epoch)))
            }

            /// Its 128 bits.
            pub fn bits(self) -> u128 {
                self.0.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            /// Takes only the canonical spelling, so that one resource has one address.
            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let ulid = text.strip_prefix(concat!($prefix, "_")).ok_or(MalformedId)?;
                let id = Ulid::from_string(ulid).map(Self).map_err(|_| MalformedId)?;
                if id.to_string() == text { Ok(id) } else { Err(MalformedId) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = MalformedId;

            fn try_from(text: String) -> Result<Self, MalformedId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    )*};
}

ids! {
    AccountId = "acct";
    KeyId = "key";
    FaxId = "fax";
    ScheduledId = "sched";
    NumberId = "num";
    ContactId = "ct";
    /// A document that was uploaded to be sent.
    UploadId = "upl";
    EventId = "evt";
    /// A webhook endpoint.
    EndpointId = "wh";
    DeliveryId = "dlv";
    /// An entry of an account's audit log.
    AuditId = "aud";
    /// Names one HTTP exchange, in `X-Request-Id`, in error bodies and in the log.
    RequestId = "req";
}

impl FaxId {
    /// It in 16 bytes, where many are kept together.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes()
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Ulid::from_bytes(bytes))
    }

    /// The id of the one fax that a scheduled fax becomes: always the same, sortable by the time of its sending.
    pub fn of_scheduled(scheduled: ScheduledId, send_at: Timestamp) -> Self {
        Self(derived(&scheduled.to_string(), send_at))
    }
}

impl EventId {
    /// Not after any event of `at` or later.
    pub fn earliest(at: Timestamp) -> Self {
        Self(Ulid::from_parts(u64::try_from(at.as_millisecond()).unwrap_or(0), 0))
    }
}

impl DeliveryId {
    /// The id of the one delivery of an event to an endpoint, sortable by the time of the event.
    pub fn of(event: EventId, endpoint: EndpointId, event_at: Timestamp) -> Self {
        Self(derived(&format!("{event}{endpoint}"), event_at))
    }
}

/// Always the same for the same name, and as unlikely to meet another as a random one.
fn derived(name: &str, at: Timestamp) -> Ulid {
    let random = Sha256::digest(name.as_bytes()).iter().take(10).fold(0, |bits: u128, byte| bits << 8 | u128::from(*byte));
    Ulid::from_parts(u64::try_from(at.as_millisecond()).unwrap_or(0), random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduled_fax_becomes_one_fax_and_no_other_ones() {
        let at = Timestamp::from_second(1_800_000_000).unwrap_or_default();
        let (one, other) = (ScheduledId::generate(at), ScheduledId::generate(at));
        assert_eq!(FaxId::of_scheduled(one, at), FaxId::of_scheduled(one, at));
        assert_ne!(FaxId::of_scheduled(one, at), FaxId::of_scheduled(other, at));
        let later = Timestamp::from_second(1_800_000_001).unwrap_or_default();
        assert!(FaxId::of_scheduled(one, at).to_string() < FaxId::of_scheduled(other, later).to_string());
    }

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = FaxId::generate(Timestamp::UNIX_EPOCH);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn another_prefix_another_spelling_and_rubbish_are_malformed() {
        let id = FaxId::generate(Timestamp::UNIX_EPOCH).to_string();
        for text in [id.replace("fax_", "num_"), id.to_lowercase(), format!("{id}0"), id[..10].to_owned(), String::new(), "fax_é".into()] {
            assert_eq!(text.parse::<FaxId>(), Err(MalformedId), "{text}");
        }
    }

    #[test]
    fn ids_sort_by_their_time() {
        let earlier = FaxId::generate(Timestamp::from_second(1).unwrap_or_default());
        let later = FaxId::generate(Timestamp::from_second(2).unwrap_or_default());
        assert!(earlier.to_string() < later.to_string());
    }
}
