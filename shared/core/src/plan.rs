//! Plans and what they grant.

use crate::text_enum::text_enum;

text_enum! {
    pub enum Plan {
        Free = "free",
        Pro = "pro",
        Business = "business",
        Enterprise = "enterprise",
    }
}

impl Plan {
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
