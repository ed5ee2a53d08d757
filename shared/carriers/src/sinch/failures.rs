//! What Sinch's `errorType` and `errorCode` mean to us. The codes are those of the vendor's SDK; code and retry are our own reading.

use sfm_core::failure::FailureCode::{self, *};
use sfm_core::failure::Retry;
use sfm_core::fax::progress::CallFailure;

const CALL: &str = "CALL_ERROR";
const FAX: &str = "FAX_ERROR";
const DOCUMENT: &str = "DOCUMENT_CONVERSION_ERROR";

/// By type and code: 133 stands under two types.
const FAILURES: &[(&str, u32, FailureCode, Retry)] = &[
    (CALL, 11, LineDropped, Retry::SOON),
    (CALL, 15, NumberUnreachable, Retry::LATER), // congestion
    (CALL, 16, NoAnswer, Retry::LATER),
    (CALL, 17, Busy, Retry::BUSY),
    (CALL, 19, LineDropped, Retry::SOON),    // immediate hang-up
    (CALL, 30, NoFaxTone, Retry::ONCE),      // no answer from a fax machine
    (CALL, 32, Rejected, Retry::NEVER),      // incompatible destination
    (CALL, 34, NumberInvalid, Retry::NEVER), // number not operational
    (CALL, 43, NumberUnreachable, Retry::LATER),
    (CALL, 49, NumberInvalid, Retry::NEVER), // number not active
    (FAX, 6, TrainingFailed, Retry::SOON),
    (FAX, 7, Rejected, Retry::NEVER),   // cannot receive the size
    (FAX, 8, LineDropped, Retry::SOON), // no response after a page: it may have printed
    (FAX, 10, LineDropped, Retry::SOON),
    (FAX, 12, TrainingFailed, Retry::SOON), // no response to DCS
    (FAX, 13, NoFaxTone, Retry::ONCE),      // nothing heard in time
    (FAX, 14, NoFaxTone, Retry::ONCE),
    (FAX, 18, TrainingFailed, Retry::SOON),
    (FAX, 20, TrainingFailed, Retry::SOON),
    (FAX, 21, LineDropped, Retry::SOON), // DCN after a page
    (FAX, 22, TrainingFailed, Retry::SOON),
    (FAX, 25, Rejected, Retry::NEVER), // cannot receive the resolution
    (FAX, 26, NoFaxTone, Retry::ONCE),
    (FAX, 28, TrainingFailed, Retry::SOON),
    (FAX, 29, LineDropped, Retry::SOON),
    (FAX, 31, Rejected, Retry::NEVER), // incompatible machine
    (FAX, 38, LineDropped, Retry::SOON),
    (FAX, 40, LineDropped, Retry::SOON),
    (FAX, 41, LineDropped, Retry::SOON),
    (FAX, 44, LineDropped, Retry::SOON),
    (FAX, 46, CarrierError, Retry::UNPAID),
    (FAX, 48, NoAnswer, Retry::LATER), // perhaps out of paper
    (FAX, 53, LineDropped, Retry::SOON),
    (FAX, 60, LineDropped, Retry::SOON),
    (FAX, 63, TrainingFailed, Retry::SOON),
    (FAX, 68, Rejected, Retry::NEVER),     // incompatible machine
    (FAX, 75, Rejected, Retry::NEVER),     // canceled by the user
    (FAX, 76, CarrierError, Retry::LATER), // canceled because it took too long
    (FAX, 77, LineDropped, Retry::SOON),
    (FAX, 79, Rejected, Retry::NEVER), // cannot be canceled, as it is complete
    (FAX, 80, LineDropped, Retry::SOON),
    (FAX, 82, TrainingFailed, Retry::SOON),
    (FAX, 84, LineDropped, Retry::SOON),
    (FAX, 113, DocumentUnreadable, Retry::NEW_LINK),
    (FAX, 117, DocumentUnreadable, Retry::NEVER), // no pages
    (FAX, 119, CarrierError, Retry::NEVER),       // simulated, as asked for
    (FAX, 131, LineDropped, Retry::SOON),         // incomplete
    (FAX, 132, NoFaxTone, Retry::ONCE),
    (FAX, 133, Rejected, Retry::NEVER), // number not permitted
    (DOCUMENT, 4, DocumentUnreadable, Retry::NEVER),
    (DOCUMENT, 54, DocumentUnreadable, Retry::NEW_LINK),
    (DOCUMENT, 55, DocumentUnreadable, Retry::NEW_LINK),
    (DOCUMENT, 57, DocumentUnreadable, Retry::NEW_LINK),
    (DOCUMENT, 69, DocumentUnreadable, Retry::NEW_LINK),
    (DOCUMENT, 122, DocumentUnreadable, Retry::NEVER),
    (DOCUMENT, 128, DocumentUnreadable, Retry::NEVER),
    (DOCUMENT, 129, DocumentUnreadable, Retry::NEVER),
    (DOCUMENT, 130, DocumentUnreadable, Retry::NEVER),
    (DOCUMENT, 133, DocumentUnreadable, Retry::NEVER),
];

/// Types whose codes are not told.
const TYPES: &[(&str, FailureCode, Retry)] =
    &[("LINE_ERROR", LineDropped, Retry::SOON), ("GENERAL_ERROR", CarrierError, Retry::LATER), ("FATAL_ERROR", CarrierError, Retry::LATER)];

/// One that is not known is a carrier error, and tried again.
pub(super) fn failure(kind: &str, code: Option<u32>) -> CallFailure {
    let by_code =
        FAILURES.iter().find(|row| row.0 == kind && Some(row.1) == code).map(|&(_, _, code, retry)| CallFailure::new(code, retry));
    let by_type = || TYPES.iter().find(|row| row.0 == kind).map(|&(_, code, retry)| CallFailure::new(code, retry));
    by_code.or_else(by_type).unwrap_or_else(|| CarrierError.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The facts, written down apart from the table: type, code of theirs, code of ours, calls at most, minutes before the next one.
    const FACTS: &[(&str, u32, FailureCode, u32, i64)] = &[
        ("CALL_ERROR", 11, LineDropped, 3, 1),
        ("CALL_ERROR", 15, NumberUnreachable, 3, 5),
        ("CALL_ERROR", 16, NoAnswer, 3, 5),
        ("CALL_ERROR", 17, Busy, 3, 3),
        ("CALL_ERROR", 19, LineDropped, 3, 1),
        ("CALL_ERROR", 30, NoFaxTone, 2, 5),
        ("CALL_ERROR", 32, Rejected, 1, 0),
        ("CALL_ERROR", 34, NumberInvalid, 1, 0),
        ("CALL_ERROR", 43, NumberUnreachable, 3, 5),
        ("CALL_ERROR", 49, NumberInvalid, 1, 0),
        ("FAX_ERROR", 8, LineDropped, 3, 1),
        ("FAX_ERROR", 10, LineDropped, 3, 1),
        ("FAX_ERROR", 12, TrainingFailed, 3, 1),
        ("FAX_ERROR", 13, NoFaxTone, 2, 5),
        ("FAX_ERROR", 14, NoFaxTone, 2, 5),
        ("FAX_ERROR", 21, LineDropped, 3, 1),
        ("FAX_ERROR", 22, TrainingFailed, 3, 1),
        ("FAX_ERROR", 25, Rejected, 1, 0),
        ("FAX_ERROR", 28, TrainingFailed, 3, 1),
        ("FAX_ERROR", 31, Rejected, 1, 0),
        ("FAX_ERROR", 46, CarrierError, 3, 60),
        ("FAX_ERROR", 48, NoAnswer, 3, 5),
        ("FAX_ERROR", 68, Rejected, 1, 0),
        ("FAX_ERROR", 75, Rejected, 1, 0),
        ("FAX_ERROR", 76, CarrierError, 3, 5),
        ("FAX_ERROR", 79, Rejected, 1, 0),
        ("FAX_ERROR", 113, DocumentUnreadable, 2, 0),
        ("FAX_ERROR", 117, DocumentUnreadable, 1, 0),
        ("FAX_ERROR", 119, CarrierError, 1, 0),
        ("FAX_ERROR", 131, LineDropped, 3, 1),
        ("FAX_ERROR", 132, NoFaxTone, 2, 5),
        ("FAX_ERROR", 133, Rejected, 1, 0),
        ("DOCUMENT_CONVERSION_ERROR", 4, DocumentUnreadable, 1, 0),
        ("DOCUMENT_CONVERSION_ERROR", 54, DocumentUnreadable, 2, 0),
        ("DOCUMENT_CONVERSION_ERROR", 55, DocumentUnreadable, 2, 0),
        ("DOCUMENT_CONVERSION_ERROR", 57, DocumentUnreadable, 2, 0),
        ("DOCUMENT_CONVERSION_ERROR", 69, DocumentUnreadable, 2, 0),
        ("DOCUMENT_CONVERSION_ERROR", 122, DocumentUnreadable, 1, 0),
        ("DOCUMENT_CONVERSION_ERROR", 128, DocumentUnreadable, 1, 0),
        ("DOCUMENT_CONVERSION_ERROR", 129, DocumentUnreadable, 1, 0),
        ("DOCUMENT_CONVERSION_ERROR", 130, DocumentUnreadable, 1, 0),
        ("DOCUMENT_CONVERSION_ERROR", 133, DocumentUnreadable, 1, 0),
        ("LINE_ERROR", 1, LineDropped, 3, 1),
        ("GENERAL_ERROR", 1, CarrierError, 3, 5),
        ("FATAL_ERROR", 1, CarrierError, 3, 5),
        // Unknown: a code of a known type, a code of another type, a type.
        ("CALL_ERROR", 12, CarrierError, 3, 5),
        ("FAX_ERROR", 17, CarrierError, 3, 5),
        ("NEW_ERROR", 17, CarrierError, 3, 5),
    ];

    #[test]
    fn each_error_of_the_facts_has_its_code_and_retry() {
        for &(kind, theirs, code, attempts, minutes) in FACTS {
            assert_eq!(failure(kind, Some(theirs)), CallFailure::new(code, Retry::again(attempts, minutes)), "{kind} {theirs}");
        }
        assert_eq!(failure("", None), CarrierError.into());
        assert_eq!(failure("LINE_ERROR", None), LineDropped.into());
    }

    /// What the vendor's SDK lists beyond the facts.
    #[test]
    fn each_error_of_the_table_stands_in_it_once_and_is_the_vendors() {
        let further = [6, 7, 18, 20, 26, 29, 38, 40, 41, 44, 53, 60, 63, 77, 80, 82, 84];
        for (i, &(kind, code, ..)) in FAILURES.iter().enumerate() {
            assert!(FAILURES[..i].iter().all(|row| (row.0, row.1) != (kind, code)), "{kind} {code} twice");
            let known = FACTS.iter().any(|fact| (fact.0, fact.1) == (kind, code)) || (kind == FAX && further.contains(&code));
            assert!(known, "{kind} {code} is nowhere in the facts");
        }
    }
}
