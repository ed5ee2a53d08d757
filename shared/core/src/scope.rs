//! What a key may do.

use crate::text_enum::text_enum;

text_enum! {
    pub enum Scope {
        FaxesSend = "faxes:send",
        FaxesRead = "faxes:read",
        FaxesDelete = "faxes:delete",
        NumbersRead = "numbers:read",
        ContactsRead = "contacts:read",
        ContactsWrite = "contacts:write",
        ScheduledRead = "scheduled:read",
        ScheduledWrite = "scheduled:write",
    }
}
