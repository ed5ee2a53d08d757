//! The one source of time. Everything that asks what time it is asks a [`Clock`], so that the local stack can move time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::fmt::temporal::Pieces;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, Serializer};

/// The system's clock plus an offset in milliseconds that all clones share.
///
/// In the cloud the offset stays zero; the local stack and the tests move it forward.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that stands `offset` ahead of the system's.
    pub fn ahead(offset: SignedDuration) -> Self {
        let clock = Self::default();
        clock.advance(offset);
        clock
    }

    /// Now, in whole milliseconds: what every stored time is rounded to.
    pub fn now(&self) -> Timestamp {
        let ms = Timestamp::now().as_millisecond() + self.offset_ms.load(Ordering::SeqCst);
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
    }

    /// Moves this clock and all its clones forward.
    pub fn advance(&self, by: SignedDuration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.offset_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// How far ahead of the system's clock this one stands.
    pub fn offset(&self) -> SignedDuration {
        SignedDuration::from_millis(self.offset_ms.load(Ordering::SeqCst))
    }
}

/// A moment as the API writes it: RFC 3339 in UTC, always with three digits of milliseconds, so that texts sort as their times do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct ApiTime(Timestamp);

impl ApiTime {
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl From<Timestamp> for ApiTime {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for ApiTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for ApiTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

/// Reads a moment in RFC 3339: date, `T`, time with seconds, and `Z` or an offset of at most 23:59. What else ISO 8601 and its kin allow (a zone's
/// name, other offsets, dates without dashes, a second 60) is None. One in the last hours of the year 9999, which people write for "never", is as
/// late as can be held.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    if !is_rfc_3339(text.as_bytes()) {
        return None;
    }
    text.parse().ok().or_else(|| {
        let pieces = Pieces::parse(text).ok()?;
        let far = pieces.date().year() == 9999 && pieces.time().is_some() && pieces.offset().is_some();
        far.then_some(Timestamp::MAX)
    })
}

/// Whether a text has the form of RFC 3339, section 5.6.
fn is_rfc_3339(text: &[u8]) -> bool {
    let fits = |text: &[u8], form: &[u8]| {
        text.len() == form.len()
            && text.iter().zip(form).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte.eq_ignore_ascii_case(form),
            })
    };
    let Some((moment, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let second_60 = moment.ends_with(b"60");
    let fraction = if rest.first() == Some(&b'.') { rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count() + 1 } else { 0 };
    let offset = &rest[fraction..];
    let has_offset = match offset {
        b"Z" | b"z" => true,
        [b'+' | b'-', offset @ ..] => fits(offset, b"00:00") && &offset[..2] <= b"23".as_slice() && &offset[3..] <= b"59".as_slice(),
        _ => false,
    };
    fits(moment, b"0000-00-00T00:00:00") && !second_60 && fraction != 1 && has_offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_needs_its_offset_and_may_be_as_late_as_it_can_be_written() {
        assert_eq!(parse_time("2026-07-01T19:00:00+02:00").map(Timestamp::as_second), Some(1_782_925_200));
        assert_eq!(parse_time("9999-12-31T23:59:59Z"), Some(Timestamp::MAX));
        for readable in ["2026-07-01t17:00:00z", "2026-07-01T17:00:00.000000Z", "2026-07-02T16:59:00+23:59", "2026-07-01T17:00:00-00:00"] {
            assert_eq!(parse_time(readable).map(Timestamp::as_second), Some(1_782_925_200), "{readable}");
        }
        let unreadable = [
            "",
            "now",
            "2026-07-01",
            "2026-07-01T17:00:00",
            "9999-12-31",
            "9999-12-31T23:59:59",
            "99999-01-01T00:00:00Z",
            "+002026-07-01T17:00:00Z",
            "2026-07-01T17:00Z",
            "2026-07-01T17:00:60Z",
            "2026-07-01T17:00:00.Z",
            "2026-07-01T17:00:00,5Z",
            "2026-07-01 17:00:00Z",
            "2026-07-01T17:00:00+25:00",
            "2026-07-01T17:00:00+23:60",
            "2026-07-01T17:00:00+0200",
            "2026-07-01T17:00:00+02",
            "2026-07-01T17:00:00+02:00:00",
            "2026-07-01T17:00:00-08:00[Europe/Paris]",
            "2026-07-01T17:00:00Z[UTC]",
            "20260701T170000Z",
            "2026-W27-3T17:00:00Z",
            "2026-07-01T24:00:00Z",
            "2026-02-30T17:00:00Z",
            "2026-07-01T17:00:00Z ",
        ];
        for unreadable in unreadable {
            assert_eq!(parse_time(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn times_have_milliseconds_even_where_they_are_zero() {
        let written = |ms| serde_json::to_string(&ApiTime(Timestamp::from_millisecond(ms).unwrap_or_default())).unwrap_or_default();
        assert_eq!(written(1_782_925_200_000), "\"2026-07-01T17:00:00.000Z\"");
        assert_eq!(written(1_782_925_200_600), "\"2026-07-01T17:00:00.600Z\"");
    }
}
