//! A fax as Telnyx writes it, in answers and as the payload of events.

use jiff::Timestamp;
use serde_json::Value;

use super::failures::failure;
use crate::json::{flag, number, phone, text, time};
use crate::{AttemptRef, CarrierFax, CarrierFaxId, Received};
use sfm_core::failure::FailureCode;
use sfm_core::fax::progress::CallReport;
use sfm_core::secret::Secret;

/// A fax that has an id: `id` in answers, `fax_id` in events.
#[derive(Clone, Copy)]
pub(super) struct TelnyxFax<'v> {
    id: &'v str,
    fields: &'v Value,
}

impl<'v> TelnyxFax<'v> {
    pub fn new(fields: &'v Value) -> Option<Self> {
        Some(Self { id: text(fields, "fax_id").or_else(|| text(fields, "id"))?, fields })
    }

    pub fn id(self) -> CarrierFaxId {
        CarrierFaxId(self.id.to_owned())
    }

    pub fn is_inbound(self) -> bool {
        text(self.fields, "direction") == Some("inbound")
    }

    pub fn reference(self) -> Option<AttemptRef> {
        AttemptRef::decode(text(self.fields, "client_state")?)
    }

    pub fn media_url(self) -> Option<Secret> {
        text(self.fields, "media_url").map(Secret::new)
    }

    pub fn delivered(self) -> CallReport {
        let duration_seconds = number(self.fields, "call_duration_secs");
        CallReport { result: Ok(()), pages_sent: number(self.fields, "page_count"), duration_seconds }
    }

    /// `fax.failed` tells neither pages nor duration (Telnyx's SDK). The resource of the fax has `page_count` by the vendor's release
    /// note of 17 February 2021, "Page Count Webhook Updates"; the SDK's description of it is "Number of transferred pages".
    pub fn failed(self) -> CallReport {
        let failure = failure(text(self.fields, "failure_reason").unwrap_or_default());
        let told = if may_have_sent_pages(failure.code) { self.delivered() } else { CallReport::failed(failure) };
        CallReport { result: Err(failure), ..told }
    }

    pub fn carrier_fax(self) -> CarrierFax {
        let report = match text(self.fields, "status") {
            Some("delivered") => Some(self.delivered()),
            Some("failed") => Some(self.failed()),
            _ => None,
        };
        CarrierFax { id: self.id(), report }
    }

    /// An inbound fax that is complete: `received`, or by some of the vendor's material `delivered`.
    pub fn received(self, now: Timestamp) -> Option<Received> {
        let complete = matches!(text(self.fields, "status"), Some("received" | "delivered"));
        if self.is_inbound() && complete { self.as_received(now) } else { None }
    }

    /// None where the number that was called cannot be read: it is none of ours.
    pub fn as_received(self, at: Timestamp) -> Option<Received> {
        let Some(to) = phone(self.fields, "to") else {
            tracing::warn!(carrier_fax_id = self.id, "a fax came in for what is no telephone number");
            return None;
        };
        Some(Received {
            id: self.id(),
            to,
            from: phone(self.fields, "from"),
            pages: number(self.fields, "page_count"),
            received_at: time(self.fields, "created_at").unwrap_or(at),
            media_url: self.media_url(),
            partial: flag(self.fields, "partial_content").unwrap_or(false),
        })
    }
}

/// Whether a call may have ended so with pages sent: not where it was never connected, or met no fax machine.
pub(super) fn may_have_sent_pages(code: FailureCode) -> bool {
    use FailureCode::{Busy, DocumentUnreadable, NoAnswer, NoFaxTone, NumberInvalid, NumberUnreachable};
    !matches!(code, Busy | NoAnswer | NoFaxTone | NumberInvalid | NumberUnreachable | DocumentUnreadable)
}
