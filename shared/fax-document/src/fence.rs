//! The last line of defence around third-party parsers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::DocumentError;

/// Runs `work` and turns a panic inside it into [`DocumentError::Broken`].
pub(crate) fn fenced<T>(work: impl FnOnce() -> Result<T, DocumentError>) -> Result<T, DocumentError> {
    // Whatever `work` borrowed mutably is dropped unread by every caller when this fails.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(DocumentError::broken("its content is malformed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::panic)]
    fn a_panic_in_a_parser_is_a_broken_document() {
        let result: Result<(), _> = fenced(|| panic!("a bug in a parser"));
        assert_eq!(result.map_err(|e| e.code()), Err("document_broken"));
    }
}
