//! Why faxes fail, in our words whatever the carrier, and whether it is worth another call.

use jiff::SignedDuration;

use crate::text_enum::text_enum;

text_enum! {
    pub enum FailureCode {
        Busy = "busy",
        NoAnswer = "no_answer",
        NoFaxTone = "no_fax_tone",
        LineDropped = "line_dropped",
        TrainingFailed = "training_failed",
        NumberInvalid = "number_invalid",
        NumberUnreachable = "number_unreachable",
        Rejected = "rejected",
        DocumentUnreadable = "document_unreadable",
        CarrierError = "carrier_error",
        Timeout = "timeout",
    }
}

impl FailureCode {
    /// What happened, for the person who sent the fax.
    pub fn message(self) -> &'static str {
        match self {
            Self::Busy => "The line was busy at every attempt.",
            Self::NoAnswer => "Nobody answered the call.",
            Self::NoFaxTone => "The call was answered, but not by a fax machine.",
            Self::LineDropped => "The call was cut off while the fax was being sent.",
            Self::TrainingFailed => "The two machines could not agree on a transmission speed.",
            Self::NumberInvalid => "The number is not in service. Check it and send again.",
            Self::NumberUnreachable => "The number could not be reached over the telephone network.",
            Self::Rejected => "The receiving side or the carrier refused the call.",
            Self::DocumentUnreadable => "The carrier could not read the document.",
            Self::CarrierError => "The carrier could not send the fax.",
            Self::Timeout => "The carrier never reported how the call ended.",
        }
    }

    /// How the next attempt is made after a call that ended this way.
    pub fn retry(self) -> Retry {
        match self {
            Self::Busy => Retry::BUSY,
            Self::NoAnswer | Self::NumberUnreachable | Self::CarrierError | Self::Timeout => Retry::LATER,
            Self::LineDropped | Self::TrainingFailed => Retry::SOON,
            Self::NoFaxTone => Retry::ONCE,
            Self::NumberInvalid | Self::Rejected | Self::DocumentUnreadable => Retry::NEVER,
        }
    }
}

/// How many attempts of a fax may end in this cause, and how long after it the next attempt comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    pub attempts: u32,
    pub after: SignedDuration,
}

impl Retry {
    pub const NEVER: Self = Self { attempts: 1, after: SignedDuration::ZERO };
    /// The line was fine: it was taken.
    pub const BUSY: Self = Self::again(3, 3);
    /// The call was cut off or went badly.
    pub const SOON: Self = Self::again(3, 1);
    pub const LATER: Self = Self::again(3, 5);
    /// Somebody may have answered who is no machine: not to be called over and over.
    pub const ONCE: Self = Self::again(2, 5);
    /// The carrier could not fetch or keep the document: once more with a new link, which made no call.
    pub const NEW_LINK: Self = Self::again(2, 0);
    /// Somebody has to pay the carrier first.
    pub const UNPAID: Self = Self::again(3, 60);

    pub const fn again(attempts: u32, minutes: i64) -> Self {
        Self { attempts, after: SignedDuration::from_mins(minutes) }
    }
}
