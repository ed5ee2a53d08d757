//! What can be wrong with a document, in words for the person who sent it.

use crate::media_type::ACCEPTED;

/// Why a document cannot be faxed.
///
/// `Display` says what is wrong and what to do about it, in whole sentences for the sender; it never quotes the document's content beyond a
/// single character. [`code`](Self::code) is for programs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The bytes are damaged, cut short, or not what their type says.
    #[error("The document cannot be read: {reason}. Check that it opens on your computer, then send it again.")]
    Broken {
        /// What is wrong, as a clause.
        reason: String,
    },
    /// A password is needed to read the PDF.
    #[error("The PDF is encrypted and cannot be opened without its password. Save it without a password, then send it again.")]
    Encrypted,
    /// There is nothing to fax: no bytes, no pages, or text of nothing but white space.
    #[error("The document is empty: {reason}. Send a document that has at least one page.")]
    Empty {
        /// What is missing, as a clause.
        reason: String,
    },
    /// The only page has nothing on it that would be printed.
    #[error(
        "The document's only page is blank: nothing on it would be printed. Check that what is to be seen is darker than its paper, then \
             send it again."
    )]
    Blank,
    /// A picture has too many pixels, or the fax would have too many bytes.
    #[error("The document is too large: {reason}. Send it in smaller parts or at a lower resolution.")]
    TooLarge {
        /// Which limit was passed, as a clause.
        reason: String,
    },
    /// The document has more pages than one fax may have.
    #[error("The document has {pages} pages and a fax may have {limit}. Split it and send the parts as separate faxes.")]
    TooManyPages {
        /// Pages in the document.
        pages: usize,
        /// Pages allowed ([`Limits::pages`](crate::Limits::pages)).
        limit: u32,
    },
    /// The deadline passed before the document was drawn, and not for want of a processor, or the worker that drew it died of it.
    #[error(
        "The document is too complex: drawing its pages takes more time or memory than allowed. Print it to a new, simpler PDF or split \
         it, then send it again."
    )]
    TooComplex,
    /// The type is not one that can be faxed, contradicts what the caller declared, or a text has a character that cannot be drawn.
    #[error("The document's type is not supported: {reason}. {ACCEPTED}")]
    TypeUnsupported {
        /// What was found, and what was declared, as a clause.
        reason: String,
    },
}

impl DocumentError {
    /// A stable name of the error's kind, `document_*`, that never changes between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Broken { .. } => "document_broken",
            Self::Encrypted => "document_encrypted",
            Self::Empty { .. } => "document_empty",
            Self::Blank => "document_blank",
            Self::TooLarge { .. } => "document_too_large",
            Self::TooManyPages { .. } => "document_too_many_pages",
            Self::TooComplex => "document_too_complex",
            Self::TypeUnsupported { .. } => "document_type_unsupported",
        }
    }

    pub(crate) fn broken(reason: impl Into<String>) -> Self {
        Self::Broken { reason: reason.into() }
    }

    pub(crate) fn empty(reason: impl Into<String>) -> Self {
        Self::Empty { reason: reason.into() }
    }

    pub(crate) fn too_large(reason: impl Into<String>) -> Self {
        Self::TooLarge { reason: reason.into() }
    }

    pub(crate) fn unsupported(reason: impl Into<String>) -> Self {
        Self::TypeUnsupported { reason: reason.into() }
    }
}

/// Why bytes are not a PDF that [`convert`](crate::convert) wrote. Pages count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Not a PDF, or one that another program wrote.
    #[error("not a fax PDF: {0}")]
    NotFaxPdf(&'static str),
    /// A page is not one full-page Group 4 picture of a fax page's size.
    #[error("page {page} is not a fax page: {reason}")]
    NotFaxPage {
        /// The page, from 1.
        page: usize,
        /// What differs.
        reason: &'static str,
    },
    /// Group 4 data that does not decode to exactly the page's rows.
    #[error("the page's Group 4 data is damaged")]
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_says_what_to_do_in_whole_sentences() {
        let errors = [
            DocumentError::broken("it ends early"),
            DocumentError::Encrypted,
            DocumentError::empty("it has no bytes"),
            DocumentError::Blank,
            DocumentError::too_large("one picture is huge"),
            DocumentError::TooManyPages { pages: 201, limit: 200 },
            DocumentError::TooComplex,
            DocumentError::unsupported("it is a spreadsheet"),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(text.ends_with('.') && text.matches(". ").count() >= 1, "{text}");
            assert!(error.code().starts_with("document_"));
        }
    }
}
