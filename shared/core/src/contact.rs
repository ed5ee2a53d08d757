//! Contacts: the address book of an account.

use icu_normalizer::DecomposingNormalizerBorrowed;
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

impl Name {
    /// Its words as they are compared: in lower case, without accents.
    fn words(&self) -> impl Iterator<Item = String> {
        words(&self.0)
    }
}

/// Letters without their case and their accents; what is no letter and no digit divides words.
fn words(text: &str) -> impl Iterator<Item = String> {
    let plain: String = DecomposingNormalizerBorrowed::new_nfkd().normalize(text).to_uppercase().to_lowercase();
    let plain = plain.chars().filter(|c| !('\u{300}'..='\u{36F}').contains(c)).map(|c| match c {
        'ł' => 'l',
        'ø' => 'o',
        'đ' => 'd',
        c => c,
    });
    let plain: String = plain.collect();
    plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// What contacts are looked for by: the beginnings of words of their name and company, all of which must be there; or, where it has digits and no
/// letter, the beginning of their number, with or without its country code. 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactQuery {
    Words(Vec<String>),
    Digits(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 200 characters")]
pub struct BadQuery;

impl std::str::FromStr for ContactQuery {
    type Err = BadQuery;

    fn from_str(text: &str) -> Result<Self, BadQuery> {
        if !(1..=200).contains(&text.chars().count()) {
            return Err(BadQuery);
        }
        let is_number = text.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "+-().".contains(c));
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        Ok(if is_number && !digits.is_empty() { Self::Digits(digits) } else { Self::Words(words(text).collect()) })
    }
}

impl ContactQuery {
    pub fn finds(&self, contact: &Contact) -> bool {
        match self {
            Self::Digits(digits) => contact.fax_number.begins_with(digits),
            Self::Words(wanted) => {
                let names = [Some(&contact.name), contact.company.as_ref()];
                let words: Vec<String> = names.into_iter().flatten().flat_map(Name::words).collect();
                !wanted.is_empty() && wanted.iter().all(|wanted| words.iter().any(|word| word.starts_with(wanted)))
            }
        }
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
    fn a_contact_is_found_by_the_beginnings_of_its_words_or_of_its_number() {
        let contact = Contact {
            account_id: AccountId::generate(Timestamp::UNIX_EPOCH),
            id: ContactId::generate(Timestamp::UNIX_EPOCH),
            seq: 1,
            name: Name("Dr. Zoë Müller-Łęcka".into()),
            fax_number: "+493012345678".parse().unwrap_or_else(|_| unreachable!()),
            company: Some(Name("Großklinik 4 Ωμέγα".into())),
            created_at: Timestamp::UNIX_EPOCH,
        };
        let finds = |query: &str| query.parse::<ContactQuery>().map(|query| query.finds(&contact));
        for query in ["m", "Muller", "MÜLLER", "müll zoe", "lec", "łę", "dr", "Dr.", "gross", "GROSSK", "ωμεγα", "4 gro"] {
            assert_eq!(finds(query), Ok(true), "{query}");
        }
        for query in ["uller", "x", "zoe x", "klinik4"] {
            assert_eq!(finds(query), Ok(false), "{query}");
        }
        for query in ["+49", "49 30", "3012", "(30) 123-456", "+493012345678", "4"] {
            assert_eq!(finds(query), Ok(true), "{query}");
        }
        assert_eq!([finds("0123"), finds("+3012"), finds("5678")], [Ok(false), Ok(true), Ok(false)]);
        for nothing in ["  ", "+", "...", "\t"] {
            assert_eq!(finds(nothing), Ok(false), "{nothing:?}");
        }
        for bad in ["", &"x".repeat(201)] {
            assert_eq!(finds(bad), Err(BadQuery), "{bad}");
        }
    }

    #[test]
    fn names_are_trimmed_and_neither_empty_nor_endless_nor_unprintable() {
        assert_eq!(" Dr. Smith\t".parse(), Ok(Name("Dr. Smith".into())));
        assert_eq!("é".repeat(200).parse::<Name>().map(|name| name.0.chars().count()), Ok(200));
        for bad in ["", "  \n ", "a\u{7}b", "a\nb", &"x".repeat(201)] {
            assert_eq!(bad.parse::<Name>(), Err(BadName), "{bad:?}");
        }
    }
}
