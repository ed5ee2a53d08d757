//! Whom an account may fax: a guard against numbers that nobody meant.

use serde::Serialize;

use crate::id::ContactId;
use crate::text_enum::text_enum;

text_enum! {
    /// To which numbers an account's faxes may go.
    #[derive(Default)]
    pub enum RecipientPolicy {
        #[default]
        Any = "any",
        /// To one that is in no contact and was never delivered to only when the request names it twice.
        ConfirmNew = "confirm_new",
        /// To those of its contacts alone.
        Contacts = "contacts",
    }
}

/// The number is that of a contact but for one digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SimilarContact {
    code: &'static str,
    message: &'static str,
    contact_id: ContactId,
}

impl SimilarContact {
    pub fn new(contact_id: ContactId) -> Self {
        let message =
            "The number differs from that of a contact in one digit, and is no contact's itself. Check that it is the one you mean.";
        Self { code: "similar_to_contact", message, contact_id }
    }
}

/// Why an account's policy keeps a fax from a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecipientRefused {
    #[error(
        "This account has never faxed this number, and it is in none of its contacts. Check it, and send again with confirm_to set to the same number."
    )]
    Unconfirmed,
    #[error("This account sends to the numbers of its contacts alone, and this is in none of them. Add a contact first.")]
    NotContact,
}

impl RecipientRefused {
    /// As errors and scheduled faxes name it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unconfirmed => "recipient_unconfirmed",
            Self::NotContact => "recipient_not_allowed",
        }
    }
}
