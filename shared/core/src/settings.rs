//! How an account's faxes are made, and what they tell of who sends them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::phone::E164;
use crate::submission::Paper;

const LONGEST_HEADER_NAME: usize = 60;
/// ITU-T T.30, 5.3.6.2.4.
const LONGEST_STATION_ID: usize = 20;

/// What an account chooses for all of its faxes. A setting that was never made has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaxSettings {
    /// Whether a line above each page tells when and by whom it was sent, as the law of many countries wants it (47 CFR 68.318(d)).
    #[serde(default = "wanted")]
    pub header: bool,
    /// Who sends, as the line tells it; without it the account's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_name: Option<HeaderName>,
    /// What the line tells beside the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station_id: Option<StationId>,
    #[serde(default, skip_serializing_if = "Zone::is_utc")]
    pub time_zone: Zone,
    /// The sheet of faxes that ask for none.
    #[serde(default)]
    pub paper: Paper,
}

fn wanted() -> bool {
    true
}

impl Default for FaxSettings {
    fn default() -> Self {
        Self { header: true, header_name: None, station_id: None, time_zone: Zone::default(), paper: Paper::default() }
    }
}

impl FaxSettings {
    pub fn changed(self, change: FaxSettingsChange) -> Self {
        Self {
            header: change.header.unwrap_or(self.header),
            header_name: change.header_name.map_or(self.header_name, |Emptied(name)| name),
            station_id: change.station_id.map_or(self.station_id, |Emptied(id)| id),
            time_zone: change.time_zone.unwrap_or(self.time_zone),
            paper: change.paper.unwrap_or(self.paper),
        }
    }
}

/// A change of settings; one that is emptied has its default again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaxSettingsChange {
    pub header: Option<bool>,
    pub header_name: Option<Emptied<HeaderName>>,
    pub station_id: Option<Emptied<StationId>>,
    pub time_zone: Option<Zone>,
    pub paper: Option<Paper>,
}

/// A value, or none where the text is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emptied<T>(pub Option<T>);

impl<T: FromStr> FromStr for Emptied<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.trim().is_empty() { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

/// A sender's name: 1 to 60 characters that the typeface of the line has; trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeaderName(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHeaderName {
    #[error("must have 1 to {LONGEST_HEADER_NAME} characters")]
    Length,
    #[error("has the character U+{:04X}, which cannot be printed in the line; it has Latin, Greek and Cyrillic letters", u32::from(*.0))]
    Character(char),
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HeaderName {
    type Err = BadHeaderName;

    fn from_str(text: &str) -> Result<Self, BadHeaderName> {
        let name = text.trim();
        if !(1..=LONGEST_HEADER_NAME).contains(&name.chars().count()) {
            return Err(BadHeaderName::Length);
        }
        match name.chars().find(|c| !is_printed(*c)) {
            Some(c) => Err(BadHeaderName::Character(c)),
            None => Ok(Self(name.to_owned())),
        }
    }
}

/// Whether the typeface of the line surely has a character.
pub fn is_printed(c: char) -> bool {
    match c {
        ' '..='~' | '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{17F}' | 'Ș'..='ț' => true,
        // Greek and Cyrillic letters of today; the first has places that nobody has.
        '\u{386}'..='\u{3CE}' => c.is_alphabetic(),
        '\u{400}'..='\u{45F}' | 'Ґ' | 'ґ' => true,
        '–' | '—' | '‘' | '’' | '“' | '”' | '„' | '•' | '…' | '€' | '™' | '№' => true,
        _ => false,
    }
}

/// A station's identification (CSID): 1 to 20 characters of printable ASCII; trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StationId(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {LONGEST_STATION_ID} letters, digits or signs of ASCII")]
pub struct BadStationId;

impl FromStr for StationId {
    type Err = BadStationId;

    fn from_str(text: &str) -> Result<Self, BadStationId> {
        let id = text.trim();
        let fits = (1..=LONGEST_STATION_ID).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if fits { Ok(Self(id.to_owned())) } else { Err(BadStationId) }
    }
}

impl fmt::Display for StationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StationId {
    /// Whether it is this number, however it is spelled.
    fn is_number(&self, number: &E164) -> bool {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        self.0.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c)) && digits(&self.0) == digits(number.as_str())
    }
}

/// A time zone of the IANA database by its name, such as `Europe/Berlin`. What is stored is taken at its word: so the database, 100 KB of a zip, is linked
/// only where a zone is chosen or a time shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Zone(Cow<'static, str>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time zone of the IANA database, such as America/New_York or UTC")]
pub struct UnknownZone;

impl Zone {
    const UTC: Self = Self(Cow::Borrowed("UTC"));

    pub fn is_utc(&self) -> bool {
        *self == Self::UTC
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    /// A moment as a clock in the zone shows it, in the format of `strftime`.
    pub fn show(&self, at: Timestamp, format: &str) -> String {
        let zone = TimeZone::get(&self.0).unwrap_or(TimeZone::UTC);
        at.to_zoned_datetime(zone).strftime(format).to_string()
    }

    /// The minute in which something was sent, with the zone's abbreviation.
    pub fn minute(&self, at: Timestamp) -> String {
        self.show(at, "%Y-%m-%d %H:%M %Z")
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        if text.eq_ignore_ascii_case("utc") {
            return Ok(Self::UTC);
        }
        let zone = TimeZone::get(text).ok().filter(|zone| !zone.is_unknown()).ok_or(UnknownZone)?;
        Ok(Self(zone.iana_name().ok_or(UnknownZone)?.to_owned().into()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The line above each page of a fax, as its account wanted it when the fax was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaxHeader {
    /// Name, identification and number of the sender.
    pub sender: String,
    /// When the line was written that its document was stored with. None where the room for it was empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Timestamp>,
}

impl FaxHeader {
    /// The line of a fax from one of the account's numbers; none where it wants none.
    pub fn of(settings: &FaxSettings, account_name: &str, from: &E164) -> Option<Self> {
        let name: String = match &settings.header_name {
            Some(name) => name.0.clone(),
            None => account_name.trim().chars().filter(|c| is_printed(*c)).take(LONGEST_HEADER_NAME).collect(),
        };
        let station = settings.station_id.as_ref();
        let number = if station.is_some_and(|id| id.is_number(from)) { "" } else { from.as_str() };
        let parts = [name.as_str(), station.map_or("", |id| &id.0), number];
        let sender = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ");
        settings.header.then_some(Self { sender, written_at: None })
    }

    /// Whether the document has another line than that of a hand-over at `now`.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let minute = |at: Timestamp| at.as_second().div_euclid(60);
        self.written_at.is_none_or(|written| minute(written) != minute(now))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_line_names_sender_station_and_number_each_once() {
        let from: E164 = "+12125551234".parse().unwrap();
        let sender = |name: &str, settings| FaxHeader::of(&settings, name, &from).map(|header| header.sender);
        let with = |station: &str| FaxSettings { station_id: Some(station.parse().unwrap()), ..FaxSettings::default() };
        assert_eq!(sender("Clinic", FaxSettings::default()).unwrap(), "Clinic  +12125551234");
        assert_eq!(sender("Clinic", with("WARD 7")).unwrap(), "Clinic  WARD 7  +12125551234");
        assert_eq!(sender("Clinic", with("+1 (212) 555-1234")).unwrap(), "Clinic  +1 (212) 555-1234");
        assert_eq!(sender("Clinic", with("12345")).unwrap(), "Clinic  12345  +12125551234");
        let named = FaxSettings { header_name: Some("Dr. Müller".parse().unwrap()), ..FaxSettings::default() };
        assert_eq!(sender("Clinic", named).unwrap(), "Dr. Müller  +12125551234");
        assert_eq!(sender("診療所", FaxSettings::default()).unwrap(), "+12125551234");
        assert_eq!(sender(&"x".repeat(200), FaxSettings::default()).unwrap().len(), 60 + 2 + 12);
        assert_eq!(sender("Clinic", FaxSettings { header: false, ..FaxSettings::default() }), None);
    }

    #[test]
    fn the_line_is_stale_in_any_other_minute() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let header = |written_at| FaxHeader { sender: String::new(), written_at };
        assert!(header(None).is_stale(at(0)));
        let written = header(Some(at(120)));
        assert_eq!([60, 119, 120, 179, 180].map(|now| written.is_stale(at(now))), [true, true, false, false, true]);
    }

    #[test]
    fn a_zone_shows_its_own_time_summer_and_winter() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let shown = |text: &str| berlin.minute(text.parse().unwrap());
        assert_eq!(shown("2026-11-24T16:05:59Z"), "2026-11-24 17:05 CET");
        assert_eq!(shown("2026-07-24T16:05:00Z"), "2026-07-24 18:05 CEST");
        assert_eq!("Asia/Kathmandu".parse::<Zone>().unwrap().minute(Timestamp::UNIX_EPOCH), "1970-01-01 05:30 +0530");
        for utc in ["UTC", "utc"] {
            assert_eq!(utc.parse::<Zone>().unwrap().minute(Timestamp::UNIX_EPOCH), "1970-01-01 00:00 UTC");
        }
        assert_eq!(serde_json::to_string(&berlin).unwrap(), "\"Europe/Berlin\"");
        assert_eq!(serde_json::from_str::<Zone>("\"Europe/Berlin\"").unwrap(), berlin);
        for bad in ["", " ", "Europe", "Mars/Olympus", "../etc/passwd", "+01:00", "Etc/Unknown", &"x".repeat(9999)] {
            assert!(bad.parse::<Zone>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_and_identifications_have_bounds() {
        for good in ["A", "Kanzlei Müller & Söhne – Köln", "Клиника №1", "Ιατρείο Αθήνα", "Škoda's “Łódź” Ðæ ß €", &"é".repeat(60)]
        {
            assert!(good.parse::<HeaderName>().is_ok(), "{good}");
        }
        assert_eq!(" x ".parse::<HeaderName>(), "x".parse());
        for bad in ["", "  ", &"x".repeat(61)] {
            assert_eq!(bad.parse::<HeaderName>(), Err(BadHeaderName::Length));
        }
        for bad in ["a\nb", "a\u{AD}b", "診療所", "مستشفى", "שלום", "😀", "\u{202E}x"] {
            assert!(matches!(bad.parse::<HeaderName>(), Err(BadHeaderName::Character(_))), "{bad}");
        }
        assert!("+49 30 1234567 x/#*".parse::<StationId>().is_ok());
        for bad in ["", " ", "é", "a\tb", &"1".repeat(21)] {
            assert!(bad.parse::<StationId>().is_err(), "{bad}");
        }
        assert_eq!("".parse::<Emptied<StationId>>(), Ok(Emptied(None)));
        assert!("é".parse::<Emptied<StationId>>().is_err());
    }

    #[test]
    fn settings_that_were_never_made_have_their_defaults() {
        assert_eq!(serde_json::from_str::<FaxSettings>("{}").unwrap(), FaxSettings::default());
    }
}
