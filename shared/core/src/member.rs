//! Members: people who use the dashboard of an account. Membership and role come from here, never from what a token says.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::AccountId;
use crate::text_enum::text_enum;

/// An e-mail address in lower case, by which the issuer's users and our members are matched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address of at most 254 characters, such as ann@example.com")]
pub struct MalformedEmail;

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = MalformedEmail;

    /// Whether an address exists only its owner's provider knows: this keeps out what cannot be one.
    fn from_str(text: &str) -> Result<Self, MalformedEmail> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(MalformedEmail)?;
        let plain = text.len() <= 254 && text.chars().all(|c| c.is_ascii_graphic());
        let domain_fits = domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.');
        if plain && domain_fits && !local.is_empty() { Ok(Self(text.to_ascii_lowercase())) } else { Err(MalformedEmail) }
    }
}

impl TryFrom<String> for Email {
    type Error = MalformedEmail;

    fn try_from(text: String) -> Result<Self, MalformedEmail> {
        text.parse()
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_enum! {
    /// What somebody may do in an account: an owner everything; a member all but manage keys and webhooks, and delete faxes.
    pub enum Role {
        Owner = "owner",
        Member = "member",
    }
}

/// One person's membership of one account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Member {
    pub email: Email,
    pub account_id: AccountId,
    pub role: Role,
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_in_any_case_and_nonsense_is_none() {
        assert_eq!("Ann@Example.COM".parse::<Email>().map(String::from), Ok("ann@example.com".to_owned()));
        for wrong in ["", "ann", "@example.com", "ann@", "ann@localhost", "a b@example.com", "ann@example.com.", "änn@example.com"] {
            assert_eq!(wrong.parse::<Email>(), Err(MalformedEmail), "{wrong}");
        }
    }
}
