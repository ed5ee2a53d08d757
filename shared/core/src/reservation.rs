//! What a fax that is being accepted has already of its account.

use jiff::Timestamp;

use crate::id::FaxId;
use crate::month::Month;

/// A place in the list of faxes and pages of the quota, taken for a fax that is being accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    pub fax: FaxId,
    pub pages: u32,
    /// The month whose quota pays.
    pub month: Month,
    pub seq: u64,
    /// The time of creation that the fax gets.
    pub at: Timestamp,
}

impl Reservation {
    /// Its pages, if this month pays them.
    pub fn pages_of(&self, month: Month) -> u64 {
        if self.month == month { self.pages.into() } else { 0 }
    }
}
