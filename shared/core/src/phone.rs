//! Telephone numbers in E.164.
//!
//! What stands after a `+` is the number: its digits are checked against the plan of their country, and never changed. A number without a `+`
//! is read by the North American plan. Whatever could be meant in two ways is refused with words. Reasons and measurements:
//! `docs/adr/0023-numbering-plans.md`.

mod plan;
#[rustfmt::skip]
mod plans;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use plan::Plan;

/// A telephone number in E.164: `+` and at most 15 digits, possible by its country's plan but not necessarily assigned.
///
/// Its `Debug` form hides all but the last two digits, so that a number cannot slip into a log whole.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

/// Why a text is no telephone number. Each message goes on from the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    #[error("is empty; write a number in E.164, as in +12125551234")]
    Empty,
    #[error("is longer than any telephone number; write one number in E.164, as in +12125551234")]
    TooLong,
    #[error("contains the invisible character U+{0:04X}, as copied text sometimes does; type the number anew")]
    Invisible(u32),
    #[error("contains {0:?}; write the digits alone, as in +12125551234, without letters or an extension")]
    Character(char),
    #[error("contains (0), the prefix of calls within a country; leave it out after the country code, as in +442079460958")]
    TrunkInParentheses,
    #[error("ends in a slash and a few digits, as two numbers or an extension are written; write one number in full, as in +442079460958")]
    Slash,
    #[error("begins with 0 after the country code, where no number of that country does; leave the 0 out, as in +442079460958")]
    TrunkZero,
    #[error("begins with 00; write + in its place, as in +442079460958")]
    DoubleZero,
    #[error("begins with a country code that does not exist; write the number in E.164, as in +12125551234")]
    Country,
    #[error("has {0} digits after the country code, and no number of that country has; write it in full, as in +442079460958")]
    Length(usize),
    #[error("has 7 digits, as a call within one area has; write it with its area code, as in +12125551234")]
    LocalOnly,
    #[error("is a short or emergency number, which no fax can be sent to; write a full number, as in +12125551234")]
    Short,
    #[error(
        "is neither a North American number of 10 digits nor begins with +; write other countries' numbers in E.164, as in +442079460958"
    )]
    NotNational,
    #[error("is not a North American number: area code and exchange begin with 2 to 9, and no area code ends in 11; check its digits")]
    NorthAmerican,
    #[error("is not a telephone number as it is stored: + and at most 15 digits")]
    Stored,
}

/// More than any way of writing 15 digits with punctuation takes.
const LONGEST_SPELLING: usize = 40;
/// The most digits of an E.164 number (ITU-T E.164, 6.1).
const LONGEST: usize = 15;
/// So many digits after the last slash are no subscriber's number.
const SHORTEST_AFTER_SLASH: usize = 3;
/// The prefix of calls abroad in the North American plan.
const NANP_ABROAD: &str = "011";

impl E164 {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with all but its last two digits hidden.
    pub fn masked(&self) -> String {
        let shown = self.0.len().saturating_sub(2);
        format!("+…{}", &self.0[shown..])
    }

    /// A number as a carrier tells it: one in E.164 is kept digit by digit, whatever its country's plan says of it.
    ///
    /// # Errors
    /// Anything else is read as [`E164::from_str`] reads it.
    pub fn from_carrier(text: &str) -> Result<Self, BadNumber> {
        let stored = Self::try_from(text.to_owned()).ok().filter(|number| !number.digits().starts_with('0'));
        stored.map_or_else(|| text.parse(), Ok)
    }

    /// Whether calls to it cost far more than others: premium rate, audiotext, satellite and other global networks.
    pub fn is_costly(&self) -> bool {
        Plan::split(self.digits()).is_some_and(|(plan, national)| plan.is_costly(national))
    }

    /// Whether a fault of release 0.1 may have changed this number: the number as it is does not occur in its country's plan.
    ///
    /// That release dropped a 1 that followed the country code, and gave +1 to numbers that lacked an area code.
    pub fn is_suspicious(&self) -> bool {
        let possible = self.as_str().parse::<Self>().is_ok();
        !possible || Plan::split(self.digits()).is_none_or(|(plan, national)| plan.code != 1 && !plan.is_in_use(national))
    }

    /// The number that release 0.1 may have made this one from: with the 1 that it dropped after the country code, if that is a number in use.
    pub fn with_lost_digit(&self) -> Option<Self> {
        let (plan, national) = Plan::split(self.digits()).filter(|(plan, _)| plan.code != 1)?;
        let national = format!("1{national}");
        let restored = format!("+{}{national}", plan.code).parse().ok()?;
        plan.is_in_use(&national).then_some(restored)
    }

    /// Whether exactly one digit of the two differs.
    pub fn is_one_digit_off(&self, other: &Self) -> bool {
        let differ = |(a, b): &(u8, u8)| a != b;
        self.0.len() == other.0.len() && self.0.bytes().zip(other.0.bytes()).filter(differ).count() == 1
    }

    /// Whether the number begins with these digits, with or without its country code.
    pub fn begins_with(&self, digits: &str) -> bool {
        let national = Plan::split(self.digits()).map(|(_, national)| national);
        self.digits().starts_with(digits) || national.is_some_and(|national| national.starts_with(digits))
    }

    fn digits(&self) -> &str {
        self.0.strip_prefix('+').unwrap_or_default()
    }
}

impl FromStr for E164 {
    type Err = BadNumber;

    /// Reads a number as a caller writes it. Spaces and punctuation are tolerated.
    ///
    /// # Errors
    /// Whatever is not surely one possible number: the reason says what to write.
    fn from_str(text: &str) -> Result<Self, BadNumber> {
        let text = text.trim();
        if text.len() > LONGEST_SPELLING {
            return Err(BadNumber::TooLong);
        }
        let (international, digits) = spelled(text)?;
        if digits.is_empty() {
            return Err(BadNumber::Empty);
        }
        if international {
            return checked(&digits);
        }
        if let Some(abroad) = digits.strip_prefix(NANP_ABROAD) {
            return checked(abroad);
        }
        match digits.len() {
            10 => checked(&format!("1{digits}")),
            11 if digits.starts_with('1') => checked(&digits),
            7 => Err(BadNumber::LocalOnly),
            8 if digits.starts_with('1') => Err(BadNumber::LocalOnly),
            1..=6 => Err(BadNumber::Short),
            _ if digits.starts_with("00") => Err(BadNumber::DoubleZero),
            _ => Err(BadNumber::NotNational),
        }
    }
}

/// Takes the punctuation out of a spelling: whether it begins with `+`, and its digits.
fn spelled(text: &str) -> Result<(bool, String), BadNumber> {
    let (mut international, mut digits) = (false, String::new());
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if !international && digits.is_empty() => international = true,
            ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' => {}
            _ if is_invisible(c) => return Err(BadNumber::Invisible(c.into())),
            _ => return Err(BadNumber::Character(c)),
        }
    }
    let bare: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}')).collect();
    if bare.contains("(0)") {
        return Err(BadNumber::TrunkInParentheses);
    }
    // `030/123456` has its area code before the slash; `123456/57` means 123456 and 123457.
    if bare.rsplit_once('/').is_some_and(|(_, last)| last.chars().filter(char::is_ascii_digit).count() <= SHORTEST_AFTER_SLASH) {
        return Err(BadNumber::Slash);
    }
    Ok((international, digits))
}

/// Control and format characters and odd spaces (Unicode general categories Cc, Cf, Zs), which nobody sees in what was copied.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Checks the digits of an E.164 number against their country's plan.
fn checked(digits: &str) -> Result<E164, BadNumber> {
    if digits.len() > LONGEST {
        return Err(BadNumber::TooLong);
    }
    if digits.len() <= 5 {
        return Err(BadNumber::Short);
    }
    let (plan, national) = Plan::split(digits).ok_or(BadNumber::Country)?;
    if plan.code == 1 {
        return north_american(national).map(|()| E164(format!("+{digits}")));
    }
    if plan.has_trunk_zero(national) {
        return Err(BadNumber::TrunkZero);
    }
    if !plan.has_length(national) {
        return Err(BadNumber::Length(national.len()));
    }
    Ok(E164(format!("+{digits}")))
}

/// `[2-9]XX[2-9]XXXXXX`; area codes that end in 11 are the service codes 211 to 911 (NANPA, area code assignment guidelines).
fn north_american(national: &str) -> Result<(), BadNumber> {
    match *national.as_bytes() {
        [_, _, _, _, _, _, _] => Err(BadNumber::LocalOnly),
        [b'2'..=b'9', b'1', b'1', ..] => Err(BadNumber::NorthAmerican),
        [b'2'..=b'9', _, _, b'2'..=b'9', _, _, _, _, _, _] => Ok(()),
        [_, _, _, _, _, _, _, _, _, _] => Err(BadNumber::NorthAmerican),
        _ => Err(BadNumber::Length(national.len())),
    }
}

impl TryFrom<String> for E164 {
    type Error = BadNumber;

    /// Takes back what was written from an [`E164`]: its form alone is checked. A caller's text is parsed.
    fn try_from(text: String) -> Result<Self, BadNumber> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let well_formed = (1..=LONGEST).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if well_formed { Ok(Self(text)) } else { Err(BadNumber::Stored) }
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
mod tests;
