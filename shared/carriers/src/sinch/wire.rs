//! A fax as Sinch writes it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::failures::failure;
use crate::json::{flag, number, phone, text, time};
use crate::{AttemptRef, CarrierFax, CarrierFaxId, Received};
use sfm_core::fax::progress::CallReport;

/// The labels that carry a reference: texts by name.
pub(super) fn labels(reference: &AttemptRef) -> Value {
    json!({"account": reference.account_id, "fax": reference.fax_id, "attempt": reference.attempt.to_string()})
}

/// A fax that has an id.
#[derive(Clone, Copy)]
pub(super) struct SinchFax<'v> {
    id: &'v str,
    fields: &'v Value,
}

impl<'v> SinchFax<'v> {
    pub fn new(fields: &'v Value) -> Option<Self> {
        Some(Self { id: text(fields, "id")?, fields })
    }

    pub fn id(self) -> CarrierFaxId {
        CarrierFaxId(self.id.to_owned())
    }

    fn status(self) -> &'v str {
        text(self.fields, "status").unwrap_or_default()
    }

    pub fn is_inbound(self) -> bool {
        text(self.fields, "direction") == Some("INBOUND")
    }

    pub fn is_final(self) -> bool {
        matches!(self.status(), "COMPLETED" | "FAILURE")
    }

    pub fn has_file(self) -> bool {
        flag(self.fields, "hasFile").unwrap_or_default()
    }

    pub fn reference(self) -> Option<AttemptRef> {
        let labels = &self.fields["labels"];
        let id = |name| text(labels, name);
        Some(AttemptRef { account_id: id("account")?.parse().ok()?, fax_id: id("fax")?.parse().ok()?, attempt: number(labels, "attempt")? })
    }

    /// None while the call is not over. How long it took is not told: the times that are include the wait for it.
    pub fn report(self) -> Option<CallReport> {
        let result = match self.status() {
            "COMPLETED" => Ok(()),
            "FAILURE" => Err(failure(text(self.fields, "errorType").unwrap_or_default(), number(self.fields, "errorCode"))),
            _ => return None,
        };
        let all = result.is_ok().then(|| number(self.fields, "numberOfPages")).flatten();
        Some(CallReport { result, pages_sent: number(self.fields, "pagesSentSuccessfully").or(all), duration_seconds: None })
    }

    pub fn carrier_fax(self) -> CarrierFax {
        CarrierFax { id: self.id(), report: self.report() }
    }

    /// An inbound fax that is complete. None also where the number that was called cannot be read: it is none of ours.
    pub fn received(self, now: Timestamp) -> Option<Received> {
        if !self.is_inbound() || self.status() != "COMPLETED" {
            return None;
        }
        let Some(to) = phone(self.fields, "to") else {
            tracing::warn!(carrier_fax_id = self.id, "a fax came in for what is no telephone number");
            return None;
        };
        Some(Received {
            id: self.id(),
            to,
            from: phone(self.fields, "from"),
            pages: number(self.fields, "numberOfPages"),
            // When the call began: the number may change hands before it ends.
            received_at: time(self.fields, "createTime").or_else(|| time(self.fields, "completedTime")).unwrap_or(now),
            media_url: None,
            partial: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfm_core::failure::FailureCode;
    use sfm_core::id::{AccountId, FaxId};

    fn report(fields: Value) -> Option<CallReport> {
        SinchFax::new(&fields).and_then(SinchFax::report)
    }

    #[test]
    fn a_mark_comes_back_in_the_labels() {
        let now = Timestamp::UNIX_EPOCH;
        let reference = AttemptRef { account_id: AccountId::generate(now), fax_id: FaxId::generate(now), attempt: 2 };
        let fields = json!({"id": "1", "labels": labels(&reference)});
        assert!(labels(&reference).as_object().is_some_and(|all| all.values().all(Value::is_string)), "the API takes texts alone");
        assert_eq!(SinchFax::new(&fields).and_then(SinchFax::reference), Some(reference));
        for foreign in [json!(null), json!({}), json!({"account": "x", "fax": "y", "attempt": "1"}), json!("labels")] {
            assert_eq!(SinchFax::new(&json!({"id": "1", "labels": foreign})).and_then(SinchFax::reference), None, "{foreign}");
        }
    }

    #[test]
    fn a_fax_that_is_not_over_has_no_report_whatever_its_status_is_called() {
        for status in [json!("QUEUED"), json!("IN_PROGRESS"), json!("TELEPATHY"), json!(null), json!(7)] {
            assert_eq!(report(json!({"id": "1", "status": status})), None, "{status}");
        }
    }

    #[test]
    fn pages_are_those_that_were_sent() {
        let failed = json!({"id": "1", "status": "FAILURE", "errorType": "CALL_ERROR", "errorCode": 11, "numberOfPages": 5, "pagesSentSuccessfully": 2});
        let expected = CallReport { pages_sent: Some(2), ..CallReport::failed(FailureCode::LineDropped) };
        assert_eq!(report(failed), Some(expected));
        let silent = json!({"id": "1", "status": "FAILURE", "errorType": "CALL_ERROR", "errorCode": "17", "numberOfPages": 5});
        assert_eq!(report(silent), Some(CallReport::failed(FailureCode::Busy)));
        let delivered = json!({"id": "1", "status": "COMPLETED", "numberOfPages": 5});
        assert_eq!(report(delivered), Some(CallReport { result: Ok(()), pages_sent: Some(5), duration_seconds: None }));
    }
}
