//! What Telnyx's `failure_reason` means to us. The reasons are those of the vendor's SDK; code and retry are our own reading.

use sfm_core::failure::FailureCode::{self, *};
use sfm_core::failure::Retry;
use sfm_core::fax::progress::CallFailure;

const FAILURES: &[(&str, FailureCode, Retry)] = &[
    ("user_busy", Busy, Retry::BUSY),
    ("receiver_no_answer", NoAnswer, Retry::LATER),
    ("receiver_no_response", NoAnswer, Retry::LATER),
    ("receiver_call_dropped", LineDropped, Retry::SOON),
    ("sender_call_dropped", LineDropped, Retry::SOON),
    ("carrier_lost", LineDropped, Retry::SOON),
    ("fax_initial_communication_timeout", NoFaxTone, Retry::ONCE),
    ("fax_signaling_error", TrainingFailed, Retry::SOON),
    ("receiver_communication_error", TrainingFailed, Retry::SOON),
    ("sender_communication_error", TrainingFailed, Retry::SOON),
    ("invalid_ecm_response_from_receiver", TrainingFailed, Retry::SOON),
    ("receiver_recovery_on_timer_expire", TrainingFailed, Retry::SOON),
    ("destination_unreachable", NumberUnreachable, Retry::LATER),
    ("service_unavailable", CarrierError, Retry::LATER),
    ("connection_channel_limit_exceeded", CarrierError, Retry::LATER),
    ("receiver_unallocated_number", NumberInvalid, Retry::NEVER),
    ("receiver_invalid_number_format", NumberInvalid, Retry::NEVER),
    ("destination_invalid", NumberInvalid, Retry::NEVER),
    ("receiver_incompatible_destination", Rejected, Retry::NEVER),
    ("receiver_decline", Rejected, Retry::NEVER),
    ("destination_not_in_countries_whitelist", Rejected, Retry::NEVER),
    ("destination_not_in_service_plan", Rejected, Retry::NEVER),
    ("no_outbound_profile", Rejected, Retry::NEVER),
    ("unverified_origination_number", Rejected, Retry::NEVER),
    ("unverified_destination_not_allowed", Rejected, Retry::NEVER),
    ("account_disabled", Rejected, Retry::NEVER),
    ("outbound_profile_daily_spend_limit_exceeded", Rejected, Retry::NEVER),
    // The link may have expired on its way.
    ("file_download_failed", DocumentUnreadable, Retry::NEW_LINK),
    ("file_format_invalid", DocumentUnreadable, Retry::NEVER),
    ("file_size_limit_exceeded", DocumentUnreadable, Retry::NEVER),
    ("page_count_limit_exceeded", DocumentUnreadable, Retry::NEVER),
    ("media_processing_exception", DocumentUnreadable, Retry::NEVER),
];

/// Every reason that ends so says that too many calls were under way: of the connection, the user, the profile.
const CHANNEL_LIMIT: &str = "_channel_limit_exceeded";

/// What `actions/cancel` ends in.
const CANCELED: &str = "sender_canceled";

/// One that is not known is a carrier error, and tried again.
pub(super) fn failure(reason: &str) -> CallFailure {
    let reason = if reason.ends_with(CHANNEL_LIMIT) { "connection_channel_limit_exceeded" } else { reason };
    if reason == CANCELED {
        return CallFailure::CANCELED;
    }
    let row = FAILURES.iter().find(|(known, ..)| *known == reason);
    row.map_or(CarrierError.into(), |&(_, code, retry)| CallFailure::new(code, retry))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The facts' three classes, written down apart from the table: reason, code, calls at most, minutes before the next one.
    const FACTS: &[(&str, FailureCode, u32, i64)] = &[
        ("user_busy", Busy, 3, 3),
        ("receiver_no_answer", NoAnswer, 3, 5),
        ("receiver_no_response", NoAnswer, 3, 5),
        ("receiver_call_dropped", LineDropped, 3, 1),
        ("sender_call_dropped", LineDropped, 3, 1),
        ("carrier_lost", LineDropped, 3, 1),
        ("fax_signaling_error", TrainingFailed, 3, 1),
        ("fax_initial_communication_timeout", NoFaxTone, 2, 5),
        ("receiver_communication_error", TrainingFailed, 3, 1),
        ("sender_communication_error", TrainingFailed, 3, 1),
        ("invalid_ecm_response_from_receiver", TrainingFailed, 3, 1),
        ("receiver_recovery_on_timer_expire", TrainingFailed, 3, 1),
        ("service_unavailable", CarrierError, 3, 5),
        ("destination_unreachable", NumberUnreachable, 3, 5),
        ("connection_channel_limit_exceeded", CarrierError, 3, 5),
        ("user_channel_limit_exceeded", CarrierError, 3, 5),
        ("outbound_profile_channel_limit_exceeded", CarrierError, 3, 5),
        ("receiver_unallocated_number", NumberInvalid, 1, 0),
        ("receiver_invalid_number_format", NumberInvalid, 1, 0),
        ("receiver_incompatible_destination", Rejected, 1, 0),
        ("receiver_decline", Rejected, 1, 0),
        ("destination_invalid", NumberInvalid, 1, 0),
        ("destination_not_in_countries_whitelist", Rejected, 1, 0),
        ("destination_not_in_service_plan", Rejected, 1, 0),
        ("no_outbound_profile", Rejected, 1, 0),
        ("unverified_origination_number", Rejected, 1, 0),
        ("unverified_destination_not_allowed", Rejected, 1, 0),
        ("account_disabled", Rejected, 1, 0),
        ("outbound_profile_daily_spend_limit_exceeded", Rejected, 1, 0),
        ("sender_canceled", Rejected, 1, 0),
        ("file_download_failed", DocumentUnreadable, 2, 0),
        ("file_format_invalid", DocumentUnreadable, 1, 0),
        ("file_size_limit_exceeded", DocumentUnreadable, 1, 0),
        ("page_count_limit_exceeded", DocumentUnreadable, 1, 0),
        ("media_processing_exception", DocumentUnreadable, 1, 0),
        ("something_new", CarrierError, 3, 5),
        ("", CarrierError, 3, 5),
    ];

    #[test]
    fn each_reason_of_the_facts_has_its_code_and_retry() {
        for &(reason, code, attempts, minutes) in FACTS {
            let expected = CallFailure { canceled: reason == "sender_canceled", ..CallFailure::new(code, Retry::again(attempts, minutes)) };
            assert_eq!(failure(reason), expected, "{reason}");
        }
    }

    #[test]
    fn each_reason_of_the_table_stands_in_it_once_and_is_a_fact() {
        for (i, (reason, ..)) in FAILURES.iter().enumerate() {
            assert!(FAILURES[..i].iter().all(|(other, ..)| other != reason), "{reason} twice");
            assert!(FACTS.iter().any(|(fact, ..)| fact == reason), "{reason} is nowhere in the facts");
        }
    }
}
