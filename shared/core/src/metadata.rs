//! What a caller notes on a fax for their own ends: a reference, and pairs of keys and values. Neither is ever logged.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const LONGEST_REFERENCE: usize = 100;
const MOST_PAIRS: usize = 20;
const LONGEST_KEY: usize = 40;
const LONGEST_VALUE: usize = 500;

/// Whose file a fax belongs to, in the caller's words: 1 to 100 characters, none of them a control character; trimmed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {LONGEST_REFERENCE} characters that can be printed")]
pub struct BadReference;

impl Reference {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let reference = text.trim();
        let fits = !reference.is_empty() && reference.chars().count() <= LONGEST_REFERENCE && !reference.chars().any(char::is_control);
        if fits { Ok(Self(reference.to_owned())) } else { Err(BadReference) }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reference(…)")
    }
}

/// At most 20 pairs: keys of 1 to 40 characters that can be printed, values of at most 500.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

/// Why pairs are no metadata. Those about a pair go on from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMetadata {
    #[error("may have at most {MOST_PAIRS} pairs")]
    TooMany,
    #[error("has a key that does not have 1 to {LONGEST_KEY} characters that can be printed")]
    Key,
    #[error("may have at most {LONGEST_VALUE} characters, none of them a control character but for tabs and line breaks")]
    Value,
}

impl Metadata {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a pair.
    ///
    /// # Errors
    /// [`BadMetadata`] when key or value does not fit, or there are too many.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), BadMetadata> {
        if key.is_empty() || key.chars().count() > LONGEST_KEY || key.chars().any(char::is_control) {
            return Err(BadMetadata::Key);
        }
        let fits = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
        if value.chars().count() > LONGEST_VALUE || !value.chars().all(fits) {
            return Err(BadMetadata::Value);
        }
        if self.0.len() == MOST_PAIRS && !self.0.contains_key(key) {
            return Err(BadMetadata::TooMany);
        }
        self.0.insert(key.to_owned(), value.to_owned());
        Ok(())
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} pairs)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_trimmed_and_has_up_to_100_printable_characters_and_is_not_shown() {
        let reference: Result<Reference, _> = " Case 4711/ü ".parse();
        assert_eq!(reference.as_ref().map(Reference::as_str), Ok("Case 4711/ü"));
        assert_eq!(format!("{reference:?}"), "Ok(Reference(…))");
        assert!("é".repeat(100).parse::<Reference>().is_ok());
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert_eq!(bad.parse::<Reference>(), Err(BadReference), "{bad:?}");
        }
    }

    #[test]
    fn metadata_has_twenty_pairs_of_printable_keys_and_values_that_are_not_shown() {
        let mut metadata = Metadata::default();
        for number in 0..20 {
            assert_eq!(metadata.insert(&format!("key {number}"), &"é".repeat(500)), Ok(()));
        }
        assert_eq!(metadata.insert("key 0", "two\r\nlines\t"), Ok(()));
        assert_eq!(metadata.insert("one more", ""), Err(BadMetadata::TooMany));
        for (key, value, bad) in [
            ("", "", BadMetadata::Key),
            (&*"k".repeat(41), "", BadMetadata::Key),
            ("a\tb", "", BadMetadata::Key),
            ("a", &*"x".repeat(501), BadMetadata::Value),
            ("a", "\u{0}", BadMetadata::Value),
        ] {
            assert_eq!(metadata.insert(key, value), Err(bad), "{key:?}");
        }
        assert_eq!(format!("{metadata:?}"), "Metadata(20 pairs)");
    }
}
