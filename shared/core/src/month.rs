//! Calendar months in UTC, the period of a quota.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A month in UTC, written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    pub fn of(at: Timestamp) -> Self {
        let date = TimeZone::UTC.to_datetime(at).date();
        Self { year: date.year(), month: date.month() }
    }
}

impl Month {
    /// Its first moment.
    pub fn start(self) -> Timestamp {
        let first = jiff::civil::Date::new(self.year, self.month, 1).and_then(|date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)));
        first.unwrap_or(Timestamp::MIN)
    }

    /// The first moment of the month after it.
    pub fn end(self) -> Timestamp {
        let next =
            if self.month == 12 { Self { year: self.year.saturating_add(1), month: 1 } } else { Self { month: self.month + 1, ..self } };
        next.start()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('-').and_then(|(year, month)| Some(Self { year: year.parse().ok()?, month: month.parse().ok()? }));
        parsed.filter(|m| (1..=12).contains(&m.month)).ok_or("a month is written as 2026-11")
    }
}

impl TryFrom<String> for Month {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_at_midnight_in_utc_whatever_the_offset_was() {
        let month = |text: &str| text.parse().map(Month::of).map(|m: Month| m.to_string());
        assert_eq!(month("2026-11-30T23:59:59.999Z").ok().as_deref(), Some("2026-11"));
        assert_eq!(month("2026-11-30T20:00:00-05:00").ok().as_deref(), Some("2026-12"));
    }

    #[test]
    fn a_month_reads_back_and_nonsense_does_not() {
        assert_eq!("2026-01".parse::<Month>().map(|m| m.to_string()).as_deref(), Ok("2026-01"));
        assert!("2026-13".parse::<Month>().is_err());
        assert!("2026".parse::<Month>().is_err());
    }
}
