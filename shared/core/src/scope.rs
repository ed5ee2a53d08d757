//! What a key may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    #[serde(rename = "faxes:send")]
    FaxesSend,
    #[serde(rename = "faxes:read")]
    FaxesRead,
    #[serde(rename = "numbers:read")]
    NumbersRead,
    #[serde(rename = "contacts:read")]
    ContactsRead,
    #[serde(rename = "contacts:write")]
    ContactsWrite,
    #[serde(rename = "scheduled:read")]
    ScheduledRead,
    #[serde(rename = "scheduled:write")]
    ScheduledWrite,
}

impl Scope {
    pub const ALL: [Self; 7] = [
        Self::FaxesSend,
        Self::FaxesRead,
        Self::NumbersRead,
        Self::ContactsRead,
        Self::ContactsWrite,
        Self::ScheduledRead,
        Self::ScheduledWrite,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::FaxesSend => "faxes:send",
            Self::FaxesRead => "faxes:read",
            Self::NumbersRead => "numbers:read",
            Self::ContactsRead => "contacts:read",
            Self::ContactsWrite => "contacts:write",
            Self::ScheduledRead => "scheduled:read",
            Self::ScheduledWrite => "scheduled:write",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| format!("a scope is one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}
