//! What happens on the line while pages are sent (ITU-T T.30), with its time in seconds of the telephone.

#[cfg(test)]
mod tests;

use std::fmt;

use super::id::Id;
use super::remote_machine::{MOST_TRAININGS, Rate, RemoteMachine};

/// A frame of error correction has 256 octets, a partial page 256 frames (T.4, annex A).
const FRAME: usize = 256;
const PARTIAL_PAGE: usize = 256 * FRAME;
/// The most frames of one partial page that noise damages.
const MOST_DAMAGED: f64 = 8.0;
/// A training that fails: the command, 1.5 s of training check, the refusal. Our reckoning of T.30's signals.
const FAILED_TRAINING: f64 = 4.0;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) at: f64,
    pub(crate) what: What,
}

/// Pages count from 1, as people count them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    Dialled,
    Ringing,
    BusyTone,
    NotAssigned,
    RungOut,
    NoFaxTone,
    Answered {
        csid: Option<String>,
    },
    TrainingFailed(Rate),
    TrainingGivenUp,
    Trained {
        rate: Rate,
        ecm: bool,
    },
    /// Bytes of a page are on the line until `until`: the whole page, or a partial page of error correction.
    Image {
        page: usize,
        bytes: usize,
        until: f64,
    },
    /// The receiver has asked for damaged frames again.
    Resent {
        page: usize,
        frames: usize,
    },
    /// All of a page has arrived.
    Arrived {
        page: usize,
        last: bool,
    },
    Confirmed {
        page: usize,
    },
    NotConfirmed {
        page: usize,
    },
    Dropped,
    Canceled,
    HungUp,
}

/// The exchange from the answer on, as it goes when nothing breaks it off; its last event is its end.
pub(crate) fn exchange(answered: f64, page_bytes: &[usize], machine: &RemoteMachine, id: &Id) -> Vec<Event> {
    let mut line = Exchange { now: answered, events: Vec::new() };
    line.tell(What::Answered { csid: machine.csid.clone() });
    let (failed, held) = machine.trainings();
    let set_up = held.or(failed.last().copied()).map_or(0.0, |rate| rate.modulation.pace().set_up);
    line.now += set_up;
    for rate in failed {
        line.now += FAILED_TRAINING;
        line.tell(What::TrainingFailed(rate));
    }
    let Some(rate) = held else {
        line.tell(What::TrainingGivenUp);
        return line.events;
    };
    line.tell(What::Trained { rate, ecm: machine.ecm });
    let pace = rate.modulation.pace();
    for (bytes, page) in page_bytes.iter().zip(1..) {
        let last = page == page_bytes.len();
        if machine.ecm {
            line.corrected_page(page, *bytes, rate, machine.noise, id)
        } else {
            line.image(page, *bytes, rate)
        }
        line.tell(What::Arrived { page, last });
        let gap = if last { pace.closing } else { pace.between };
        line.now += gap / 2.0;
        line.tell(What::Confirmed { page });
        line.now += gap / 2.0;
    }
    line.tell(What::HungUp);
    line.events
}

struct Exchange {
    now: f64,
    events: Vec<Event>,
}

impl Exchange {
    fn tell(&mut self, what: What) {
        self.events.push(Event { at: self.now, what });
    }

    fn image(&mut self, page: usize, bytes: usize, rate: Rate) {
        let until = self.now + rate.seconds(bytes);
        self.tell(What::Image { page, bytes, until });
        self.now = until;
    }

    /// A page in partial pages, each of them confirmed or, by chance, asked for again in part.
    fn corrected_page(&mut self, page: usize, bytes: usize, rate: Rate, noise: f64, id: &Id) {
        let between = rate.modulation.pace().between;
        for first in (0..bytes).step_by(PARTIAL_PAGE) {
            if first > 0 {
                self.now += between;
            }
            let part = (bytes - first).min(PARTIAL_PAGE);
            self.image(page, part, rate);
            // The partial page's own number in 0..1; below `noise` it is damaged, the more frames the lower.
            let luck = id.chance(&format!("page {page} from {first}"));
            if luck < noise {
                let damaged = 1 + (luck / noise * MOST_DAMAGED) as usize;
                let frames = damaged.min(part.div_ceil(FRAME));
                self.now += between;
                self.tell(What::Resent { page, frames });
                self.now += rate.seconds((frames * FRAME).min(part));
            }
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dialled => write!(f, "dialled"),
            Self::Ringing => write!(f, "ringing"),
            Self::BusyTone => write!(f, "busy"),
            Self::NotAssigned => write!(f, "announcement: the number is not assigned"),
            Self::RungOut => write!(f, "nobody answered"),
            Self::NoFaxTone => write!(f, "no fax tone: a person, or no machine"),
            Self::Answered { csid: Some(csid) } => write!(f, "answered by \"{csid}\" (CSI, DIS)"),
            Self::Answered { csid: None } => write!(f, "answered by a machine without a name (DIS)"),
            Self::TrainingFailed(rate) => write!(f, "training at {rate} failed (DCS, TCF, FTT)"),
            Self::TrainingGivenUp => write!(f, "given up after {MOST_TRAININGS} failed trainings (DCN)"),
            Self::Trained { rate, ecm } => {
                write!(f, "trained at {rate}, {} error correction (DCS, TCF, CFR)", if *ecm { "with" } else { "without" })
            }
            Self::Image { page, bytes, .. } => write!(f, "page {page}: {bytes} bytes"),
            Self::Resent { page, frames } => write!(f, "page {page}: {frames} damaged frames are sent again (PPR)"),
            Self::Arrived { page, last } => write!(f, "page {page} is through ({})", if *last { "EOP" } else { "MPS" }),
            Self::Confirmed { page } => write!(f, "page {page} is confirmed (MCF)"),
            Self::NotConfirmed { page } => write!(f, "page {page} was never confirmed"),
            Self::Dropped => write!(f, "the line dropped"),
            Self::Canceled => write!(f, "canceled by the sender"),
            Self::HungUp => write!(f, "hung up (DCN)"),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bit/s ({})", self.bits_per_second, self.modulation.name())
    }
}
