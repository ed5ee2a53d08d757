//! Carriers' JSON, read tolerantly: a field that is absent, null or of another type than documented is none, and what nobody asks for
//! is ignored.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde_json::Value;

use sfm_core::phone::E164;

pub(super) fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value[field].as_str().filter(|text| !text.is_empty())
}

/// A whole number, or the text of one.
pub(super) fn number(value: &Value, field: &str) -> Option<u32> {
    match &value[field] {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| number.try_into().ok()),
    }
}

/// True or false, or the text of either.
pub(super) fn flag(value: &Value, field: &str) -> Option<bool> {
    match &value[field] {
        Value::String(text) => text.parse().ok(),
        other => other.as_bool(),
    }
}

/// A moment; one without an offset is in UTC.
pub(super) fn time(value: &Value, field: &str) -> Option<Timestamp> {
    let text = text(value, field)?;
    text.parse().ok().or_else(|| Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}

/// A telephone number, digit by digit as the carrier tells it. What else stands there (`anonymous`, the name of a SIP user) is none.
pub(super) fn phone(value: &Value, field: &str) -> Option<E164> {
    E164::from_carrier(text(value, field)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_another_type_than_documented_are_none() {
        let value = json!({"a": 3, "b": "3", "c": -1, "d": 4_294_967_296_u64, "e": null, "f": [1], "g": "", "h": "true", "i": false});
        let numbers = ["a", "b", "c", "d", "e", "f", "g", "z"].map(|field| number(&value, field));
        assert_eq!(numbers, [Some(3), Some(3), None, None, None, None, None, None]);
        assert_eq!(["h", "i", "a", "e"].map(|field| flag(&value, field)), [Some(true), Some(false), None, None]);
        assert_eq!(["b", "g", "a"].map(|field| text(&value, field)), [Some("3"), None, None]);
        assert_eq!(text(&json!([1]), "a"), None);
    }

    #[test]
    fn a_time_may_lack_its_offset_and_a_number_may_be_withheld() {
        for spelling in ["2026-07-01T17:00:00Z", "2026-07-01T19:00:00+02:00", "2026-07-01T17:00:00", "2026-07-01 17:00:00.000000+00:00"] {
            assert_eq!(time(&json!({"t": spelling}), "t").map(Timestamp::as_second), Some(1_782_925_200), "{spelling}");
        }
        assert_eq!(time(&json!({"t": "yesterday"}), "t"), None);
        for withheld in ["anonymous", "Restricted", "sip:fax@example.com", "unknown", "+", "0"] {
            assert_eq!(phone(&json!({"from": withheld}), "from"), None, "{withheld}");
        }
        assert_eq!(phone(&json!({"from": "+12125551234"}), "from").map(|n| n.to_string()).as_deref(), Some("+12125551234"));
    }
}
