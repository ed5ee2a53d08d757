//! What an answer to a send means that is no acceptance: whether the carrier certainly took nothing, and whether it may later.

use serde_json::Value;

use super::UNPAID;
use crate::SendError;
use crate::api::Answer;
use crate::json::text;
use sfm_core::failure::FailureCode;
use sfm_core::fax::progress::CallReport;

pub(super) fn read(answer: Answer) -> SendError {
    let (status, retry_after) = (answer.status, answer.retry_after);
    let body = answer.json().unwrap_or_default();
    let not_taken = |retry_after, needs_operator| SendError::NotTaken { reason: format!("status {status}"), retry_after, needs_operator };
    match status {
        // About this fax alone.
        403 if !violations(&body).is_empty() => SendError::Refused(CallReport::failed(code(&body))),
        // A key or a project that an operator has to mend.
        401 | 403 | 404 => not_taken(retry_after, true),
        // No funds.
        402 => not_taken(retry_after.or(Some(UNPAID)), true),
        425 | 429 => not_taken(retry_after, false),
        // It gave up waiting; it sees a conflict, perhaps with this very fax. It may have it.
        408 | 409 => SendError::Ambiguous(format!("status {status}")),
        400..=499 => SendError::Refused(CallReport::failed(code(&body))),
        // A redirect says nothing about what was done before it, and neither does a failure.
        _ => SendError::Ambiguous(format!("status {status}")),
    }
}

/// The field that is refused tells whose fault it is.
fn code(body: &Value) -> FailureCode {
    let fields: Vec<&str> = violations(body).into_iter().filter_map(|violation| text(violation, "field")).collect();
    let about = |names: &[&str]| fields.iter().any(|field| names.contains(field));
    if about(&["to"]) {
        FailureCode::NumberInvalid
    } else if about(&["contentUrl", "files", "file"]) {
        FailureCode::DocumentUnreadable
    } else {
        FailureCode::Rejected
    }
}

/// `fieldViolations` stands in `details`, which is an object or a list of them, or by itself.
fn violations(body: &Value) -> Vec<&Value> {
    let details = &body["details"];
    let places = [body, details].into_iter().chain(details.as_array().into_iter().flatten());
    places.filter_map(|place| place["fieldViolations"].as_array()).flatten().collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;

    fn refusal(status: u16, body: &str) -> SendError {
        read(Answer { status, retry_after: None, body: Ok(Bytes::from(body.to_owned())) })
    }

    #[test]
    fn the_field_that_is_refused_tells_the_code() {
        let violation = |field: &str| json!([{"field": field, "description": "…"}]);
        let rows = [
            (json!({"code": "422", "details": {"fieldViolations": violation("to")}}), FailureCode::NumberInvalid),
            (
                json!({"details": [{"type": "ErrorInfo"}, {"type": "BadRequest", "fieldViolations": violation("to")}]}),
                FailureCode::NumberInvalid,
            ),
            (json!({"fieldViolations": violation("contentUrl")}), FailureCode::DocumentUnreadable),
            (json!({"details": {"fieldViolations": violation("from")}}), FailureCode::Rejected),
            (json!({"details": {"fieldViolations": "to"}}), FailureCode::Rejected),
            (json!([1]), FailureCode::Rejected),
        ];
        for (body, code) in rows {
            for status in [400, 422] {
                let SendError::Refused(report) = refusal(status, &body.to_string()) else { unreachable!("{status} refuses for good") };
                assert_eq!(report.result.map_err(|failure| failure.code), Err(code), "{body}");
            }
        }
        assert!(matches!(refusal(422, "<html>"), SendError::Refused(_)));
    }

    #[test]
    fn only_what_certainly_took_nothing_may_be_sent_again() {
        for status in [401, 402, 403, 404, 425, 429] {
            assert!(matches!(refusal(status, ""), SendError::NotTaken { .. }), "{status}");
        }
        for status in [302, 307, 408, 409, 500, 502, 503, 504] {
            assert!(matches!(refusal(status, ""), SendError::Ambiguous(_)), "{status}");
        }
        let SendError::NotTaken { retry_after, .. } = refusal(402, "") else { unreachable!() };
        assert_eq!(retry_after, Some(SignedDuration::from_mins(10)));
    }
}
