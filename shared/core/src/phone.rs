//! Telephone numbers in E.164.

use std::fmt;
use std::str::FromStr;

use phonenumber::country;
use phonenumber::metadata::{DATABASE, Descriptors};
use serde::{Deserialize, Serialize};

/// A telephone number in E.164: `+` and at most 15 digits, possible by libphonenumber's lengths but not necessarily assigned.
///
/// Its `Debug` form hides all but the last two digits, so that a number cannot slip into a log whole.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a possible telephone number; write it in E.164, as in +12125551234")]
pub struct BadNumber;

/// More than any way of writing 15 digits with punctuation takes.
const LONGEST_SPELLING: usize = 40;

impl E164 {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with all but its last two digits hidden.
    pub fn masked(&self) -> String {
        let shown = self.0.len().saturating_sub(2);
        format!("+…{}", &self.0[shown..])
    }
}

/// Reads libphonenumber's metadata, which takes a quarter of a second of a whole processor: done while a function is being initialised,
/// when Lambda lends it one, rather than by the first request that names a number.
pub fn prepare() {
    let _ = DATABASE.by_code(&1);
}

impl FromStr for E164 {
    type Err = BadNumber;

    /// Tolerates spaces and punctuation, and takes a number without a country code as a US one.
    fn from_str(text: &str) -> Result<Self, BadNumber> {
        let text = text.trim();
        let punctuation = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}');
        let well_formed = text.chars().enumerate().all(|(i, c)| c.is_ascii_digit() || punctuation(c) || (c == '+' && i == 0));
        if text.len() > LONGEST_SPELLING || !well_formed {
            return Err(BadNumber);
        }
        let number = phonenumber::parse(Some(country::Id::US), text).map_err(|_| BadNumber)?;
        let national = number.national().to_string();
        let lengths_fit = DATABASE
            .by_code(&number.code().value())
            .is_some_and(|regions| regions.iter().any(|region| is_possible(region.descriptors(), national.len())));
        let e164 = format!("+{}{national}", number.code().value());
        if lengths_fit && e164.len() <= 16 { Ok(Self(e164)) } else { Err(BadNumber) }
    }
}

/// Whether any kind of number of a region has this many national digits.
fn is_possible(region: &Descriptors, length: usize) -> bool {
    let kinds = [
        region.fixed_line(),
        region.mobile(),
        region.toll_free(),
        region.premium_rate(),
        region.shared_cost(),
        region.personal_number(),
        region.voip(),
        region.uan(),
    ];
    kinds.into_iter().flatten().flat_map(|kind| kind.possible_length()).any(|&possible| usize::from(possible) == length)
}

impl TryFrom<String> for E164 {
    type Error = BadNumber;

    /// Takes back what was written from an [`E164`]: its form alone is checked. A caller's text is parsed.
    fn try_from(text: String) -> Result<Self, BadNumber> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let well_formed = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if well_formed { Ok(Self(text)) } else { Err(BadNumber) }
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        text.parse::<E164>().ok().map(|n| n.to_string())
    }

    #[test]
    fn punctuation_is_tolerated_and_national_us_numbers_get_their_country() {
        for text in ["+12125551234", "+1 (212) 555-1234", "212.555.1234", "12125551234", "(212) 555 1234"] {
            assert_eq!(parsed(text).as_deref(), Some("+12125551234"), "{text}");
        }
        assert_eq!(parsed("+44 20 7946 0958").as_deref(), Some("+442079460958"));
        assert_eq!(parsed("+390612345678").as_deref(), Some("+390612345678"), "an Italian number keeps its leading zero");
    }

    #[test]
    fn the_magic_numbers_are_possible_though_unassigned() {
        for n in 1..=9 {
            let text = format!("+1500555000{n}");
            assert_eq!(parsed(&text).as_deref(), Some(text.as_str()));
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        for text in [
            "",
            "+",
            "hello",
            "+1212555",
            "+1212555123456",
            "+999123456789",
            "1-800-FLOWERS",
            "+1212555;ext=5",
            "++12125551234",
            "١٢٣٤٥٦٧٨٩٠",
            "+0000000000",
            "+1 212 555 1234 x9",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
        assert_eq!(parsed(&"1".repeat(10_000)), None);
    }

    #[test]
    fn a_debug_print_does_not_show_the_number() {
        let number: E164 = "+12125551234".parse().unwrap_or_else(|_| unreachable!());
        assert_eq!(format!("{number:?}"), "+…34");
    }
}
