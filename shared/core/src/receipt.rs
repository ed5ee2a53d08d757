//! A receipt: what is known of a fax that is final, to be signed.

use serde::Serialize;
use serde_json::Value;

use crate::clock::ApiTime;
use crate::failure::FailureCode;
use crate::fax::resource::AttemptResource;
use crate::fax::{Direction, Fax, FaxStatus};
use crate::id::{AccountId, FaxId, ScheduledId};
use crate::phone::E164;

/// The document that was handed over, or came in, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptDocument {
    pub bytes: u64,
    /// In lower-case hexadecimal.
    pub sha256: String,
}

/// What is signed. Its JSON has objects, arrays, texts in ASCII, whole numbers, booleans and nulls alone.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    pub version: u32,
    pub account_id: AccountId,
    pub fax_id: FaxId,
    pub resent_from: Option<FaxId>,
    pub scheduled_id: Option<ScheduledId>,
    pub live: bool,
    pub direction: Direction,
    pub status: FaxStatus,
    pub failure: Option<FailureCode>,
    pub from: Option<E164>,
    pub to: E164,
    pub pages: u32,
    pub pages_sent: u32,
    pub partial: bool,
    pub created_at: ApiTime,
    pub completed_at: Option<ApiTime>,
    pub attempts: Vec<AttemptResource>,
    /// None once it is no longer kept.
    pub document: Option<ReceiptDocument>,
}

impl Receipt {
    /// The receipt of a fax. None while it is not final.
    pub fn of(fax: &Fax, document: Option<ReceiptDocument>) -> Option<Self> {
        fax.status.is_final().then(|| Self {
            version: 1,
            account_id: fax.account_id,
            fax_id: fax.id,
            resent_from: fax.resent_from,
            scheduled_id: fax.scheduled_id,
            live: fax.live,
            direction: fax.direction,
            status: fax.status,
            failure: fax.failure,
            from: fax.from.clone(),
            to: fax.to.clone(),
            pages: fax.pages,
            pages_sent: fax.pages_sent,
            partial: fax.partial,
            created_at: fax.created_at.into(),
            completed_at: fax.completed_at.map(ApiTime::from),
            attempts: fax.resource().attempts,
            document,
        })
    }

    /// What it says of the pages, and what it does not: for people.
    pub fn proof(&self) -> (String, &'static str) {
        let pages = |count: u32| if count == 1 { "1 page".to_owned() } else { format!("{count} pages") };
        match (self.direction, self.live) {
            (Direction::Inbound, _) => (
                format!("{} came in from the calling machine, as the carrier reported.", pages(self.pages)),
                "It does not prove who sent them, or what they mean.",
            ),
            (Direction::Outbound, false) => {
                ("This is a test: nothing was sent over the telephone.".to_owned(), "It proves nothing about any fax machine.")
            }
            (Direction::Outbound, true) => (
                match self.pages_sent {
                    0 => "The machine at the called number confirmed no page.".to_owned(),
                    sent => {
                        format!("The machine at the called number confirmed {} of {}, as the carrier reported.", sent, pages(self.pages))
                    }
                },
                "It does not prove that a person has read them, or whose machine it is.",
            ),
        }
    }
}

/// JSON as RFC 8785 has it, as far as our values go: no spaces, members sorted by their names, which are ASCII, and numbers whole.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn canonical(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    write(&serde_json::to_value(value)?, &mut text)?;
    Ok(text)
}

fn write(value: &Value, into: &mut String) -> Result<(), serde_json::Error> {
    match value {
        Value::Array(entries) => {
            into.push('[');
            for (i, entry) in entries.iter().enumerate() {
                if i > 0 {
                    into.push(',');
                }
                write(entry, into)?;
            }
            into.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            into.push('{');
            for (i, (name, member)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    into.push(',');
                }
                into.push_str(&serde_json::to_string(name)?);
                into.push(':');
                write(member, into)?;
            }
            into.push('}');
        }
        other => into.push_str(&serde_json::to_string(other)?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::canonical;

    #[test]
    fn members_are_sorted_at_every_depth_and_nothing_stands_between() {
        let value = json!({"b": [1, {"z": null, "a": true}], "a": "\u{8}\"\\\n/", "aa": {}, "B": []});
        assert_eq!(canonical(&value).unwrap(), r#"{"B":[],"a":"\b\"\\\n/","aa":{},"b":[1,{"a":true,"z":null}]}"#);
    }
}
