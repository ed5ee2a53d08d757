//! Contacts: the address book of an account.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::ApiTime;
use crate::id::{AccountId, ContactId};
use crate::phone::E164;

/// A name that a person gave: 1 to 200 characters, none of them a control character; trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 200 characters that can be printed")]
pub struct BadName;

impl std::str::FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let name = text.trim();
        let fits = !name.is_empty() && text.chars().count() <= 200 && !name.chars().any(char::is_control);
        if fits { Ok(Self(name.to_owned())) } else { Err(BadName) }
    }
}

/// A contact that is to be made.
#[derive(Debug, Clone)]
pub struct NewContact {
    pub name: Name,
    pub fax_number: E164,
    pub company: Option<Name>,
}

/// What is to be changed of a contact: what is None stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactChange {
    pub name: Option<Name>,
    pub fax_number: Option<E164>,
    /// `Some(None)` takes the company away.
    pub company: Option<Option<Name>>,
}

/// A contact as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub account_id: AccountId,
    pub id: ContactId,
    /// Its place in the account's list.
    pub seq: u64,
    pub name: Name,
    pub fax_number: E164,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<Name>,
    pub created_at: Timestamp,
}

impl Contact {
    /// The contact as it is after a change.
    pub fn changed(&self, change: &ContactChange) -> Self {
        Self {
            name: change.name.clone().unwrap_or_else(|| self.name.clone()),
            fax_number: change.fax_number.clone().unwrap_or_else(|| self.fax_number.clone()),
            company: change.company.clone().unwrap_or_else(|| self.company.clone()),
            ..self.clone()
        }
    }

    /// What the API shows of it.
    pub fn resource(&self) -> ContactResource<'_> {
        ContactResource {
            id: self.id,
            object: "contact",
            name: &self.name,
            fax_number: &self.fax_number,
            company: self.company.as_ref(),
            created_at: self.created_at.into(),
        }
    }
}

/// The contact resource of the API.
#[derive(Debug, Clone, Serialize)]
pub struct ContactResource<'a> {
    pub id: ContactId,
    pub object: &'static str,
    pub name: &'a Name,
    pub fax_number: &'a E164,
    pub company: Option<&'a Name>,
    pub created_at: ApiTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_neither_empty_nor_endless_nor_unprintable() {
        assert_eq!(" Dr. Smith\t".parse(), Ok(Name("Dr. Smith".into())));
        assert_eq!("é".repeat(200).parse::<Name>().map(|name| name.0.chars().count()), Ok(200));
        for bad in ["", "  \n ", "a\u{7}b", "a\nb", &"x".repeat(201)] {
            assert_eq!(bad.parse::<Name>(), Err(BadName), "{bad:?}");
        }
    }
}
