//! Magic numbers: `+1500555xxxx` chooses how a fax ends that no telephone is involved in.

use jiff::SignedDuration;

use crate::failure::{FailureCode, Retry};
use crate::fax::progress::{CallFailure, CallReport};
use crate::phone::E164;

/// What the attempt of a test key's fax ends in. Any other number: delivered.
pub fn test_report(to: &E164, attempt: u32, pages: u32) -> CallReport {
    let (failure, pages_sent) = match to.as_str().strip_prefix("+1500555") {
        Some("0002") => (Some(FailureCode::Busy), 0),
        Some("0003") => (Some(FailureCode::NoAnswer), 0),
        Some("0004") if attempt == 1 => (Some(FailureCode::LineDropped), 0),
        Some("0005") => (Some(FailureCode::LineDropped), 1),
        Some("0006") => (Some(FailureCode::NoFaxTone), 0),
        Some("0007") => (Some(FailureCode::NumberInvalid), 0),
        _ => (None, pages),
    };
    // As often as a telephone would be tried, but without its pauses.
    let at_once = |code: FailureCode| Retry { after: SignedDuration::from_secs(1), ..code.retry() };
    let result = failure.map_or(Ok(()), |code| Err(CallFailure::new(code, at_once(code))));
    CallReport { result, pages_sent: Some(pages_sent), duration_seconds: Some(0) }
}
