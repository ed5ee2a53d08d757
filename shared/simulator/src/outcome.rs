//! What becomes of a call, chosen by the number that is called, or for one that comes in by the number that calls.

use serde::{Deserialize, Serialize};

use super::types::{Direction, E164, Fax};

/// The numbers that choose: `+1500555` and four digits.
const MAGIC: &str = "+1500555";

/// What the far end does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    Busy,
    NoAnswer,
    /// The line drops in the middle of a page, half-way through the document.
    DroppedMidPage,
    /// The line drops after the first page.
    DroppedAfterPage,
    NoFaxTone,
    Unallocated,
    TrainingFails,
    /// A page, half-way through the document, goes out and is never confirmed.
    NotConfirmed,
}

impl Outcome {
    pub(crate) fn of(to: &E164, attempt: u32) -> Self {
        match magic(to) {
            Some("0002") => Self::Busy,
            Some("0003") => Self::NoAnswer,
            Some("0004") if attempt <= 1 => Self::DroppedMidPage,
            Some("0005") => Self::DroppedAfterPage,
            Some("0006") => Self::NoFaxTone,
            Some("0007") => Self::Unallocated,
            Some("0020") => Self::TrainingFails,
            Some("0021") => Self::NotConfirmed,
            _ => Self::Delivered,
        }
    }
}

/// How the carrier tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallbackMode {
    Once,
    Never,
    /// When all is over, the last event first, and the whole once more. Telnyx promises neither order nor uniqueness.
    TwiceBackwards,
    /// A received fax as some of Telnyx's material has it: `fax.delivered`, told from a sent one by its direction alone.
    ReceivedAsDelivered,
}

impl CallbackMode {
    /// For a fax that is sent the number that is called chooses, for one that comes in its sender's.
    pub(crate) fn of(fax: &Fax) -> Self {
        match (fax.direction, magic(&fax.to), magic(&fax.from)) {
            (Direction::Outbound, Some("0008"), _) | (Direction::Inbound, _, Some("0012")) => Self::Never,
            (Direction::Outbound, Some("0009"), _) | (Direction::Inbound, _, Some("0011")) => Self::TwiceBackwards,
            (Direction::Inbound, _, Some("0010")) => Self::ReceivedAsDelivered,
            _ => Self::Once,
        }
    }
}

/// The sender as far as the wire tells of it: one of a fax that comes in may keep back who it is.
pub(crate) fn shown_from(fax: &Fax) -> &str {
    let withheld = fax.direction == Direction::Inbound && magic(&fax.from) == Some("0013");
    if withheld { "anonymous" } else { fax.from.as_str() }
}

/// How many downloads of a fax that came in are refused, for a passing trouble.
pub(crate) fn refused_downloads(from: &E164) -> u32 {
    if magic(from) == Some("0014") { 2 } else { 0 }
}

/// Whether the machine at a number takes one call at a time.
pub(crate) fn has_one_line(number: &E164) -> bool {
    magic(number) == Some("0022")
}

fn magic(number: &E164) -> Option<&str> {
    number.as_str().strip_prefix(MAGIC)
}

/// Telnyx's `failure_reason`, as far as this carrier gives one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureReason {
    UserBusy,
    ReceiverNoAnswer,
    ReceiverCallDropped,
    FaxInitialCommunicationTimeout,
    ReceiverUnallocatedNumber,
    FaxSignalingError,
    ReceiverCommunicationError,
    SenderCanceled,
    FileDownloadFailed,
    FileFormatInvalid,
    FileSizeLimitExceeded,
    PageCountLimitExceeded,
    MediaProcessingException,
}

impl FailureReason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UserBusy => "user_busy",
            Self::ReceiverNoAnswer => "receiver_no_answer",
            Self::ReceiverCallDropped => "receiver_call_dropped",
            Self::FaxInitialCommunicationTimeout => "fax_initial_communication_timeout",
            Self::ReceiverUnallocatedNumber => "receiver_unallocated_number",
            Self::FaxSignalingError => "fax_signaling_error",
            Self::ReceiverCommunicationError => "receiver_communication_error",
            Self::SenderCanceled => "sender_canceled",
            Self::FileDownloadFailed => "file_download_failed",
            Self::FileFormatInvalid => "file_format_invalid",
            Self::FileSizeLimitExceeded => "file_size_limit_exceeded",
            Self::PageCountLimitExceeded => "page_count_limit_exceeded",
            Self::MediaProcessingException => "media_processing_exception",
        }
    }
}

/// How a fax ended. The values are the telephone's, however fast it was played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ending {
    /// Empty when delivered.
    pub(crate) failure: Option<FailureReason>,
    /// Pages that were sent.
    pub(crate) page_count: usize,
    pub(crate) call_duration_secs: u64,
}

impl Ending {
    /// An end before any call was made.
    pub(crate) fn without_call(reason: FailureReason) -> Self {
        Self { failure: Some(reason), page_count: 0, call_duration_secs: 0 }
    }
}
