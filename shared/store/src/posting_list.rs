//! What a posting list is called, and who is in it.

use std::collections::BTreeSet;

use sfm_core::fax::{Fax, FaxField};
use sfm_core::hex;
use sha2::{Digest as _, Sha256};

/// The list of the faxes with one value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingList {
    name: String,
    field: FaxField,
    value: String,
}

impl PostingList {
    pub(crate) fn of(field: FaxField, value: &str) -> Self {
        // A reference may have any characters, those too that divide the parts of a name.
        let of_value = match field {
            FaxField::To | FaxField::From => value.to_owned(),
            FaxField::Reference => hex(&Sha256::digest(value)[..16]),
        };
        Self { name: format!("faxes#{}#{of_value}", field.as_str()), field, value: value.to_owned() }
    }

    /// The item of its head.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn block(&self, number: u64) -> String {
        format!("{}#{number:08}", self.name)
    }

    /// Whether a fax is in the list, at one of these places: an entry may be of a fax that has another, or was deleted.
    pub(crate) fn has(&self, fax: &Fax, places: &BTreeSet<u64>) -> bool {
        let place = fax.postings.get(&self.field).is_some_and(|place| places.contains(place));
        place && fax.seq.is_some() && fax.field(self.field) == Some(&self.value)
    }
}
