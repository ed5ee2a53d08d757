//! What libphonenumber's metadata says of a country's numbers, as far as the service asks for it.

use super::plans::{PLANS, VALID};

/// The numbering plan behind a country calling code.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) code: u16,
    /// Bit n: a national number may have n digits.
    pub(super) lengths: u16,
    /// Bit n: a national number may begin with 0 and then n.
    pub(super) zeros: u16,
    /// How premium-rate numbers begin.
    pub(super) premium: &'static [Start],
}

/// The first digits of national numbers, and the lengths for which they tell (bit n: n digits).
#[derive(Debug)]
pub(super) struct Start(pub(super) &'static str, pub(super) u16);

impl Start {
    fn has(&self, national: &str) -> bool {
        national.starts_with(self.0) && has_bit(self.1, national.len())
    }
}

/// Global networks and services whose calls cost dollars a minute: Inmarsat, the satellite systems behind +881, the networks behind +882 and
/// +883, personal numbers and international premium rate (ITU-T E.164.D, list of assigned country codes).
const COSTLY_CODES: [u16; 6] = [870, 878, 881, 882, 883, 979];

/// Audiotext of North America: area code 900 (NANPA), and exchange 976 of any area.
const NANP: u16 = 1;

impl Plan {
    /// Splits the digits after a `+` into a country calling code that exists and the national number.
    pub(super) fn split(digits: &str) -> Option<(&'static Self, &str)> {
        // No calling code begins with 0 (ITU-T E.164.D). They are prefix-free: at most one of the three lengths is one.
        if digits.starts_with('0') {
            return None;
        }
        (1..=3).find_map(|length| {
            let (code, national) = digits.split_at_checked(length)?;
            let code = code.parse().ok()?;
            let found = PLANS.binary_search_by_key(&code, |plan| plan.code).ok()?;
            Some((&PLANS[found], national))
        })
    }

    pub(super) fn has_length(&self, national: &str) -> bool {
        has_bit(self.lengths, national.len())
    }

    /// Whether it begins with a 0 that no number of this plan begins with: the trunk prefix of national calls, which has no place
    /// after a country code.
    pub(super) fn has_trunk_zero(&self, national: &str) -> bool {
        let digits = national.as_bytes();
        digits.first() == Some(&b'0') && !digits.get(1).is_some_and(|second| has_bit(self.zeros, usize::from(second - b'0')))
    }

    pub(super) fn is_costly(&self, national: &str) -> bool {
        COSTLY_CODES.contains(&self.code)
            || self.premium.iter().any(|start| start.has(national))
            || (self.code == NANP && (national.starts_with("900") || national.get(3..6) == Some("976")))
    }

    /// Whether a number that begins so is in use somewhere in this plan, by its first two digits and its length.
    pub(super) fn is_in_use(&self, national: &str) -> bool {
        let found = VALID.binary_search_by_key(&self.code, |(code, _)| *code);
        found.is_ok_and(|at| VALID[at].1.iter().any(|start| start.has(national)))
    }
}

fn has_bit(mask: u16, bit: usize) -> bool {
    bit < 16 && mask & (1 << bit) != 0
}
