//! The calls to one number, so that ours do not make each other busy: several at a time, or one where the number was seen to have no second line.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::failure::FailureCode;
use crate::fax::{Attempt, AttemptOutcome, Fax};
use crate::id::{AccountId, FaxId};

/// Calls to a number at a time. Our choice: more than four lines have only those who receive faxes for others.
const MOST_CALLS: usize = 4;
/// How long a number that was busy with our own call is called once at a time. Our choice: the lines of an office change seldom, and an hour of
/// waiting for each other is little beside attempts that fail.
const ONE_AT_A_TIME: SignedDuration = SignedDuration::from_hours(1);
/// A call that was announced and not recorded as an attempt after so long is not made: its worker died.
const ANNOUNCED_FOR: SignedDuration = SignedDuration::from_mins(2);

/// A call to the number, of whatever account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub account_id: AccountId,
    pub fax_id: FaxId,
    pub attempt: u32,
    pub announced_at: Timestamp,
}

impl Call {
    /// Its attempt, where `fax` is its fax and the attempt is recorded.
    fn attempt<'f>(&self, fax: Option<&'f Fax>) -> Option<&'f Attempt> {
        fax.filter(|fax| fax.id == self.fax_id)?.attempt(self.attempt)
    }

    fn is_over(&self, fax: Option<&Fax>, now: Timestamp) -> bool {
        match self.attempt(fax) {
            Some(attempt) => attempt.ended_at.is_some(),
            None => now > self.announced_at + ANNOUNCED_FOR,
        }
    }
}

/// What is known of a number that is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    #[serde(default)]
    pub calls: Vec<Call>,
    /// When it was last busy while another call of ours was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_at: Option<Timestamp>,
    /// Counts the writes: each one is conditional on the one before it.
    #[serde(default)]
    pub version: u64,
}

impl Line {
    /// Looks at what became of the calls: `faxes` are theirs, in their order. Those that are over are forgotten, after it was seen whether one of them
    /// met a line that was busy with another.
    pub fn look(&mut self, faxes: &[Option<Fax>], now: Timestamp) {
        let calls: Vec<_> = std::mem::take(&mut self.calls).into_iter().zip(faxes).collect();
        let attempts = || calls.iter().filter_map(|(call, fax)| call.attempt(fax.as_ref()));
        let met_another =
            |busy: &&Attempt| attempts().any(|other| other.claim != busy.claim && other.ended_at.is_none_or(|end| end >= busy.started_at));
        let busy = attempts().filter(|attempt| attempt.outcome == Some(AttemptOutcome::Failed(FailureCode::Busy)));
        self.busy_at = busy.filter(met_another).filter_map(|attempt| attempt.ended_at).chain(self.busy_at).max();
        self.calls = calls.into_iter().filter(|(call, fax)| !call.is_over(fax.as_ref(), now)).map(|(call, _)| call).collect();
    }

    /// Announces a call, if there is room for it. The same one may be announced again.
    pub fn announce(&mut self, call: Call, now: Timestamp) -> bool {
        let others = self.calls.iter().filter(|other| other.fax_id != call.fax_id).count();
        let one_at_a_time = self.busy_at.is_some_and(|at| now <= at + ONE_AT_A_TIME);
        if others >= if one_at_a_time { 1 } else { MOST_CALLS } {
            return false;
        }
        self.calls.retain(|other| other.fax_id != call.fax_id);
        self.calls.push(call);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::progress::{CallReport, NextAction};
    use crate::phone::E164;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn number(text: &str) -> Result<E164, crate::phone::BadNumber> {
        text.parse()
    }

    fn fax() -> Result<Fax, crate::phone::BadNumber> {
        let (to, from) = (number("+12125551234")?, number("+12125550000")?);
        Ok(Fax::queued(AccountId::generate(NOW), FaxId::generate(NOW), to, from, 1, NOW))
    }

    fn call(fax: &Fax, attempt: u32) -> Call {
        Call { account_id: fax.account_id, fax_id: fax.id, attempt, announced_at: NOW }
    }

    fn at(seconds: i64) -> Timestamp {
        NOW + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn four_calls_at_a_time_and_one_after_it_was_busy_with_our_own() -> Result<(), Box<dyn std::error::Error>> {
        let mut line = Line::default();
        let mut faxes: Vec<Fax> = (0..5).map(|_| fax()).collect::<Result<_, _>>()?;
        for fax in &mut faxes[..4] {
            assert!(line.announce(call(fax, 1), NOW));
            fax.claim(1, fax.id.to_string(), NOW);
        }
        assert!(!line.announce(call(&faxes[4], 1), NOW), "a fifth waits");
        assert!(line.announce(call(&faxes[3], 1), NOW), "who was let in may ask again");
        for fax in &mut faxes[1..4] {
            fax.reported(1, &CallReport::failed(FailureCode::Busy), at(5));
        }
        let seen: Vec<_> = faxes[..4].iter().cloned().map(Some).collect();
        line.look(&seen, at(6));
        assert_eq!((line.calls.len(), line.busy_at), (1, Some(at(5))));
        assert!(!line.announce(call(&faxes[4], 1), at(6)), "there is one line, and it is taken");
        faxes[0].reported(1, &CallReport { result: Ok(()), pages_sent: Some(1), duration_seconds: Some(30) }, at(40));
        line.look(&[Some(faxes[0].clone())], at(41));
        assert!(line.announce(call(&faxes[4], 1), at(41)));
        assert!(!line.announce(call(&faxes[1], 2), at(3600)));
        assert!(line.announce(call(&faxes[1], 2), at(3606)), "after an hour it may have more lines");
        Ok(())
    }

    #[test]
    fn a_number_that_is_busy_with_strangers_is_called_as_before() -> Result<(), Box<dyn std::error::Error>> {
        let (mut line, mut busy, mut earlier) = (Line::default(), fax()?, fax()?);
        earlier.claim(1, "earlier".into(), NOW);
        earlier.reported(1, &CallReport::failed(FailureCode::NoAnswer), at(10));
        assert!(line.announce(call(&earlier, 1), NOW) && line.announce(call(&busy, 1), at(11)));
        busy.claim(1, "busy".into(), at(11));
        busy.reported(1, &CallReport::failed(FailureCode::Busy), at(15));
        line.look(&[Some(earlier), Some(busy)], at(16));
        assert_eq!(line, Line::default());
        Ok(())
    }

    #[test]
    fn a_call_that_was_never_made_holds_the_line_for_two_minutes() -> Result<(), Box<dyn std::error::Error>> {
        let (mut line, fax) = (Line::default(), fax()?);
        assert_eq!(fax.next_action(NOW), NextAction::Submit(1));
        assert!(line.announce(call(&fax, 1), NOW));
        for (seconds, left) in [(0, 1), (120, 1), (121, 0)] {
            line.look(&vec![Some(fax.clone()); line.calls.len()], at(seconds));
            assert_eq!(line.calls.len(), left, "after {seconds} s");
        }
        Ok(())
    }
}
