//! Plans and what they grant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    Free,
    Pro,
    Business,
    Enterprise,
}

impl Plan {
    pub const ALL: [Self; 4] = [Self::Free, Self::Pro, Self::Business, Self::Enterprise];

    /// The REST API and webhooks are a Business feature.
    pub fn includes_api(self) -> bool {
        matches!(self, Self::Business | Self::Enterprise)
    }

    /// Pages a calendar month (UTC) where the account has no limit of its own.
    pub fn default_monthly_pages(self) -> u32 {
        match self {
            Self::Free => 10,
            Self::Pro => 200,
            Self::Business => 2_000,
            Self::Enterprise => 20_000,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Business => "business",
            Self::Enterprise => "enterprise",
        })
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|plan| plan.to_string() == text)
            .ok_or_else(|| "a plan is one of free, pro, business, enterprise".to_owned())
    }
}
