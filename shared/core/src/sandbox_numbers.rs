//! Magic numbers: `+1500555xxxx` chooses how a fax ends that no telephone is involved in.

use jiff::SignedDuration;

use crate::failure::{FailureCode, Retry};
use crate::fax::progress::{CallFailure, CallReport};
use crate::phone::E164;

/// What the numbers begin with.
const MAGIC: &str = "+1500555";
/// The one among them whose machine has one line, as most machines have.
const ONE_LINE: &str = "0022";

/// Whether each call to a number finds a line of its own, so that a service under load can be tried with it.
pub fn has_lines_enough(to: &E164) -> bool {
    to.as_str().strip_prefix(MAGIC).is_some_and(|number| number != ONE_LINE)
}

/// What the attempt of a test key's fax ends in. Any other number: delivered.
pub fn test_report(to: &E164, attempt: u32, pages: u32) -> CallReport {
    let (failure, pages_sent) = match to.as_str().strip_prefix(MAGIC) {
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
