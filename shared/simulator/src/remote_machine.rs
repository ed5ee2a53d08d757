//! The machine at the far end, and what it and the line agree on (ITU-T T.30). Pure: the same fax always meets the same machine.

use super::id::Id;
use super::types::E164;

/// The modulations of fax machines, by their recommendations of the ITU-T.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Modulation {
    V34,
    V17,
    V29,
    V27ter,
}

/// Seconds that a call takes beside its pages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// From the answer to the first page: tones, capabilities, training.
    pub(crate) set_up: f64,
    /// The confirmation of a page, or of a partial page, and the start of the next.
    pub(crate) between: f64,
    /// The last confirmation and the disconnect.
    pub(crate) closing: f64,
}

impl Modulation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V34 => "V.34",
            Self::V17 => "V.17",
            Self::V29 => "V.29",
            Self::V27ter => "V.27ter",
        }
    }

    /// What older modulations need is taken to be what V.17 needs: their signals between the pages are the same, V.21 at 300 bit/s.
    pub(crate) fn pace(self) -> Pace {
        match self {
            Self::V34 => Pace { set_up: 6.0, between: 1.0, closing: 1.0 },
            Self::V17 | Self::V29 | Self::V27ter => Pace { set_up: 12.0, between: 4.0, closing: 3.5 },
        }
    }

    /// Every rate that is tried with such a machine, in bits per second, the fastest first: each failed training steps down.
    fn ladder(self) -> impl Iterator<Item = Rate> {
        const ALL: [Rate; 9] = [
            Rate { modulation: Modulation::V34, bits_per_second: 33_600 },
            Rate { modulation: Modulation::V17, bits_per_second: 14_400 },
            Rate { modulation: Modulation::V17, bits_per_second: 12_000 },
            Rate { modulation: Modulation::V17, bits_per_second: 9_600 },
            Rate { modulation: Modulation::V17, bits_per_second: 7_200 },
            Rate { modulation: Modulation::V29, bits_per_second: 9_600 },
            Rate { modulation: Modulation::V29, bits_per_second: 7_200 },
            Rate { modulation: Modulation::V27ter, bits_per_second: 4_800 },
            SLOWEST,
        ];
        let has = move |other: Self| match self {
            Self::V34 => other != Self::V29,
            Self::V17 => matches!(other, Self::V17 | Self::V27ter),
            Self::V29 => matches!(other, Self::V29 | Self::V27ter),
            Self::V27ter => other == Self::V27ter,
        };
        ALL.into_iter().filter(move |rate| has(rate.modulation))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) modulation: Modulation,
    pub(crate) bits_per_second: u32,
}

const SLOWEST: Rate = Rate { modulation: Modulation::V27ter, bits_per_second: 2_400 };

impl Rate {
    pub(crate) fn seconds(self, bytes: usize) -> f64 {
        bytes as f64 * 8.0 / f64::from(self.bits_per_second)
    }
}

/// After so many failed trainings the caller hangs up.
pub(crate) const MOST_TRAININGS: usize = 3;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RemoteMachine {
    /// What it calls itself, at most 20 characters (T.30, 5.3.6.2.4); many keep silent.
    pub(crate) csid: Option<String>,
    /// The best that it can do.
    pub(crate) best: Modulation,
    /// Error correction: pages go in numbered frames, and damaged ones are asked for again.
    pub(crate) ecm: bool,
    /// How many trainings the line spoils before one holds.
    pub(crate) failed_trainings: usize,
    /// The share of partial pages of which some frames arrive damaged.
    pub(crate) noise: f64,
}

impl RemoteMachine {
    /// The machine that answers at `number` when the fax `id` is sent. How common which machines are is ours: most of those in use
    /// speak V.17 or V.34, and one line in six is poor.
    pub(crate) fn answering(number: &E164, id: &Id) -> Self {
        let best = match id.chance("modulation") {
            ..0.3 => Modulation::V34,
            ..0.8 => Modulation::V17,
            ..0.92 => Modulation::V29,
            _ => Modulation::V27ter,
        };
        let failed_trainings = match id.chance("training") {
            ..0.84 => 0,
            ..0.95 => 1,
            _ => MOST_TRAININGS - 1,
        };
        let csid = match id.chance("csid") {
            ..0.6 => Some(number.as_str().to_owned()),
            ..0.8 => Some(format!("FAX {}", number.last_four())),
            _ => None,
        };
        // V.34 is not to be had without error correction (T.30, annex F), V.27ter hardly ever with it. A step down leaves it as it is.
        let ecm = match best {
            Modulation::V34 => true,
            Modulation::V17 | Modulation::V29 => id.chance("ecm") < 0.75,
            Modulation::V27ter => false,
        };
        Self { csid, best, ecm, failed_trainings, noise: 0.2 }
    }

    /// The rates at which training fails, and the one at which it holds, if the caller has the patience.
    pub(crate) fn trainings(&self) -> (Vec<Rate>, Option<Rate>) {
        // Where there is nothing below, the slowest is tried again.
        let mut rates = self.best.ladder().chain(std::iter::repeat(SLOWEST));
        let failed = rates.by_ref().take(self.failed_trainings.min(MOST_TRAININGS)).collect();
        (failed, rates.next().filter(|_| self.failed_trainings < MOST_TRAININGS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(best: Modulation, failed_trainings: usize) -> RemoteMachine {
        RemoteMachine { csid: None, best, ecm: false, failed_trainings, noise: 0.0 }
    }

    fn held(best: Modulation, failed: usize) -> Option<(&'static str, u32)> {
        machine(best, failed).trainings().1.map(|rate| (rate.modulation.name(), rate.bits_per_second))
    }

    #[test]
    fn a_failed_training_steps_down() {
        assert_eq!(
            [0, 1, 2].map(|failed| held(Modulation::V34, failed)),
            [Some(("V.34", 33_600)), Some(("V.17", 14_400)), Some(("V.17", 12_000))]
        );
        assert_eq!(
            [0, 1, 2].map(|failed| held(Modulation::V17, failed)),
            [Some(("V.17", 14_400)), Some(("V.17", 12_000)), Some(("V.17", 9_600))]
        );
        assert_eq!(
            [0, 1, 2].map(|failed| held(Modulation::V29, failed)),
            [Some(("V.29", 9_600)), Some(("V.29", 7_200)), Some(("V.27ter", 4_800))]
        );
        assert_eq!(held(Modulation::V27ter, 1), Some(("V.27ter", 2_400)));
        assert_eq!(held(Modulation::V27ter, 2), Some(("V.27ter", 2_400)), "there is nothing below");
    }

    #[test]
    fn after_three_failed_trainings_the_caller_gives_up() {
        for best in [Modulation::V34, Modulation::V17, Modulation::V29, Modulation::V27ter] {
            assert_eq!(held(best, MOST_TRAININGS), None);
            assert_eq!(machine(best, MOST_TRAININGS).trainings().0.len(), MOST_TRAININGS);
        }
    }

    #[test]
    fn the_same_fax_meets_the_same_machine_and_many_faxes_meet_all_kinds() -> Result<(), Box<dyn std::error::Error>> {
        let number = E164::try_from("+120255501230000".to_owned())?;
        let met: Vec<RemoteMachine> =
            (0..300).map(|fax| RemoteMachine::answering(&number, &Id::from(format!("fax-{fax}").as_str()))).collect();
        assert_eq!(met[7], RemoteMachine::answering(&number, &Id::from("fax-7")));
        for best in [Modulation::V34, Modulation::V17, Modulation::V29, Modulation::V27ter] {
            assert!(met.iter().any(|machine| machine.best == best), "{best:?}");
        }
        for failed in 0..MOST_TRAININGS {
            assert!(met.iter().any(|machine| machine.failed_trainings == failed));
        }
        assert!(met.iter().all(|machine| machine.trainings().1.is_some()), "chance alone spoils no call");
        assert!(met.iter().all(|machine| machine.ecm || machine.best != Modulation::V34));
        assert!(met.iter().any(|machine| machine.best == Modulation::V17 && !machine.ecm));
        assert!(met.iter().flat_map(|machine| &machine.csid).all(|csid| csid.len() <= 20));
        Ok(())
    }
}
