//! A fax as a caller asks for it.

use crate::phone::E164;

/// What is to be sent, and where to.
#[derive(Debug)]
pub struct NewFax {
    pub to: E164,
    /// The number to send from; without it the account's oldest active one.
    pub from: Option<E164>,
    pub document: Document,
}

/// How a fax is to be sent again; the number, where none is named, is that of the first.
#[derive(Debug, Default)]
pub struct Resend {
    pub to: Option<E164>,
    pub from: Option<E164>,
    pub pages: ResentPages,
}

/// Which of its pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResentPages {
    #[default]
    All,
    /// Those after the last one that the far machine confirmed.
    Unsent,
}

/// The document as the caller gave it.
#[derive(Debug)]
pub enum Document {
    /// The bytes, with the type that the caller says they have.
    Inline { bytes: Vec<u8>, declared: String },
    /// Where it can be fetched.
    Link(String),
}

impl Document {
    /// The field that it came in, as errors name it.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Inline { .. } => "document.content",
            Self::Link(_) => "document_url",
        }
    }
}
