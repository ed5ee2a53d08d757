//! A fax as a caller asks for it.

use std::borrow::Cow;

use crate::id::{FaxId, UploadId};
use crate::metadata::{Metadata, Reference};
use crate::phone::E164;
use crate::text_enum::text_enum;
use crate::trace::TraceParent;

/// Most parts of a fax.
pub const MOST_PARTS: usize = 20;

/// What is to be sent, and where to.
#[derive(Debug)]
pub struct NewFax {
    pub to: E164,
    /// The number to send from; without it the account's oldest active one.
    pub from: Option<E164>,
    pub content: Content,
    pub format: PageFormat,
    pub cover: Option<CoverText>,
    /// The number once more, where the caller is sure of it.
    pub confirm_to: Option<E164>,
    pub reference: Option<Reference>,
    pub metadata: Metadata,
    /// Of the request.
    pub trace: Option<TraceParent>,
}

/// How a fax is to be sent again; the number, where none is named, is that of the first.
#[derive(Debug, Default)]
pub struct Resend {
    pub to: Option<E164>,
    pub from: Option<E164>,
    /// The other number once more, where the caller is sure of it.
    pub confirm_to: Option<E164>,
    pub pages: ResentPages,
    /// Of the request.
    pub trace: Option<TraceParent>,
}

/// Which of its pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResentPages {
    #[default]
    All,
    /// Those after the last one that the far machine confirmed.
    Unsent,
}

/// What a caller puts on a cover. Texts are of one line, none of them empty, but for the message.
#[derive(Debug, Default)]
pub struct CoverText {
    pub to_name: Option<String>,
    pub from_name: Option<String>,
    pub company: Option<String>,
    pub subject: Option<String>,
    /// Lines are divided by `\n`.
    pub message: Option<String>,
    pub confidential: bool,
}

/// How pages are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageFormat {
    pub resolution: Resolution,
    /// Without it the account's.
    pub paper: Option<Paper>,
}

text_enum! {
    /// Lines to the inch, down the page.
    #[derive(Default)]
    pub enum Resolution {
        /// 196.
        #[default]
        Fine = "fine",
        /// 98: half the time of the call.
        Standard = "standard",
    }
}

text_enum! {
    /// The sheet that pages are fitted to.
    #[derive(Default)]
    pub enum Paper {
        #[default]
        Letter = "letter",
        A4 = "a4",
        Legal = "legal",
    }
}

/// What a fax's pages are made of: 1 to [`MOST_PARTS`] parts, whose pages follow each other.
#[derive(Debug)]
pub struct Content(Vec<Part>);

/// A part, and the field that it came in, as errors name it: `document_url`, `documents[1].fax_id`.
#[derive(Debug)]
pub struct Part {
    pub source: Source,
    pub field: Cow<'static, str>,
}

#[derive(Debug)]
pub enum Source {
    /// The bytes, with the type that the caller says they have.
    Inline { bytes: Vec<u8>, declared: String },
    /// Where it can be fetched.
    Link(String),
    /// What was uploaded before.
    Upload(UploadId),
    /// The pages of an earlier fax of the account, sent or received.
    Fax(FaxId),
}

impl Content {
    pub fn single(source: Source, field: &'static str) -> Self {
        Self(vec![Part { source, field: Cow::Borrowed(field) }])
    }

    /// None when there are no parts, or more than [`MOST_PARTS`].
    pub fn new(parts: Vec<Part>) -> Option<Self> {
        (1..=MOST_PARTS).contains(&parts.len()).then_some(Self(parts))
    }

    pub fn into_parts(self) -> Vec<Part> {
        self.0
    }

    /// The earlier faxes whose pages are sent again, each once.
    pub fn faxes(&self) -> Vec<FaxId> {
        let mut faxes = Vec::new();
        for part in &self.0 {
            if let Source::Fax(id) = part.source
                && !faxes.contains(&id)
            {
                faxes.push(id);
            }
        }
        faxes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_has_one_to_twenty_parts_and_tells_each_fax_once() {
        let id = FaxId::generate(jiff::Timestamp::UNIX_EPOCH);
        let parts = |count: usize| (0..count).map(|_| Part { source: Source::Fax(id), field: "x".into() }).collect();
        assert!(Content::new(parts(0)).is_none() && Content::new(parts(21)).is_none());
        assert_eq!([1, 20].map(|count| Content::new(parts(count)).map(|content| content.faxes())), [Some(vec![id]), Some(vec![id])]);
    }
}
