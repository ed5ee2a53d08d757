//! Every five minutes: asks the carrier for faxes that came in, because a callback can get lost, and one with a large file never
//! arrives. What was noted before is known by the carrier's id.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sfm_carriers::{AnyCarrier, Carrier, Received};
use sfm_core::clock::Clock;
use sfm_service::reception::{InboundService, Noted};
use sfm_store::due::Cursors;
use sfm_store::platform::{ConfigError, Platform};
use sfm_web::runtime::{Error, Worker};
use tokio::time::Instant;

/// Calls that began earlier are over: longer than a call takes, and than our clock and the carrier's differ by. Lists go by the time at
/// which a call began, so that what began later is listed again.
const OVER_AFTER: SignedDuration = SignedDuration::from_hours(2);
/// How far back the first look goes.
const FIRST: SignedDuration = SignedDuration::from_hours(24);
/// Pages that are read before anything of them is noted: a span of time that has more is halved.
const MOST_PAGES: usize = 10;
/// The shortest span.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);
/// Pages of the shortest span: more than any carrier takes calls in a second.
const MOST_OF_A_SECOND: usize = 200;
/// After this a run begins no further span: the next run goes on. The function has 120 s.
const WORKS_FOR: Duration = Duration::from_secs(60);
/// Most of what is listed is known: each is one read.
const AT_A_TIME: usize = 16;
/// The name of the cursor: every call that began before it is noted.
const CURSOR: &str = "received-until";

#[derive(Debug)]
pub struct PollCarrier {
    carrier: AnyCarrier,
    reception: InboundService,
    cursors: Cursors,
    clock: Clock,
}

impl Worker for PollCarrier {
    type Event = Value;
    type Answer = ();

    fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            carrier: AnyCarrier::new(platform)?,
            reception: InboundService::new(platform)?,
            cursors: Cursors::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// Goes from the cursor to the present in spans of time, and moves the cursor after each: however much has come in, each run gets
    /// further. One fax that cannot be noted does not keep the others of its span waiting; the cursor then stays.
    async fn handle(&self, _: Value) -> Result<(), Error> {
        let (now, stop) = (self.clock.now(), Instant::now() + WORKS_FOR);
        let mut spans = Spans::new(self.cursors.reached(CURSOR).await?.unwrap_or(now - FIRST), now);
        let began = spans.from;
        while let Some((from, until)) = spans.next() {
            // However slow the carrier is, one span is read.
            if spans.from > began && Instant::now() >= stop {
                break;
            }
            let most_pages = if spans.is_shortest() { MOST_OF_A_SECOND } else { MOST_PAGES };
            let listed = match self.carrier.received(from, until, most_pages).await? {
                Some(listed) => listed,
                None if spans.is_shortest() => return Err("the carrier's list of one second is too long".into()),
                None => {
                    spans.halve();
                    continue;
                }
            };
            let noted: Vec<_> = stream::iter(listed).map(|received| self.note(received)).buffer_unordered(AT_A_TIME).collect().await;
            noted.into_iter().collect::<Result<(), Error>>()?;
            self.cursors.reach(CURSOR, until.min(now - OVER_AFTER)).await?;
            spans.done();
        }
        Ok(())
    }
}

/// The spans of time that a run goes through: the whole at first, halves of it where that is too much.
#[derive(Debug)]
struct Spans {
    from: Timestamp,
    end: Timestamp,
    length: SignedDuration,
}

impl Spans {
    fn new(from: Timestamp, end: Timestamp) -> Self {
        Self { from, end, length: end.duration_since(from).max(SHORTEST) }
    }

    /// The span to be read next; none at the end.
    fn next(&self) -> Option<(Timestamp, Timestamp)> {
        (self.from < self.end).then(|| (self.from, (self.from + self.length).min(self.end)))
    }

    fn is_shortest(&self) -> bool {
        self.length <= SHORTEST
    }

    /// The span was too much.
    fn halve(&mut self) {
        self.length = (self.length / 2).max(SHORTEST);
    }

    /// The span is read. The next one is longer: what made it short may be over.
    fn done(&mut self) {
        self.from = self.next().map_or(self.end, |(_, until)| until);
        self.length = self.length.saturating_mul(2);
    }
}

impl PollCarrier {
    async fn note(&self, received: Received) -> Result<(), Error> {
        let id = received.id.clone();
        match self.reception.note(received).await {
            Ok(Noted::New) => tracing::warn!(carrier_fax_id = %id, "a received fax that no callback told of"),
            Ok(Noted::Known | Noted::Refused) => {}
            Err(e) => {
                tracing::warn!(error = %e, carrier_fax_id = %id, "a received fax was not noted");
                return Err(e.into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes through a list of calls as a run does, up to so many spans; returns the spans that were read and where the run stopped.
    fn run(calls: &[i64], from: i64, end: i64, most: usize, spans_at_most: usize) -> (Vec<(i64, i64)>, i64) {
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        let (mut spans, mut read) = (Spans::new(at(from), at(end)), Vec::new());
        for _ in 0..spans_at_most {
            let Some((from, until)) = spans.next() else { break };
            let (from, until) = (from.as_second(), until.as_second());
            let listed = calls.iter().filter(|call| (from..=until).contains(*call)).count();
            if listed > most && !spans.is_shortest() {
                spans.halve();
                continue;
            }
            read.push((from, until));
            spans.done();
        }
        (read, spans.from.as_second())
    }

    #[test]
    fn a_quiet_day_is_one_span() {
        assert_eq!(run(&[5, 80_000], 0, 86_400, 10, 100), (vec![(0, 86_400)], 86_400));
        assert_eq!(run(&[], 7, 7, 10, 100), (vec![], 7));
    }

    #[test]
    fn however_much_has_come_in_each_run_gets_further_and_leaves_nothing_out() {
        // A quiet day, then 500 calls in five minutes, 40 of them in one second.
        let mut calls: Vec<i64> = (0..460).map(|call| 80_000 + call * 300 / 460).collect();
        calls.extend([80_150; 40]);
        let (mut from, mut read, mut runs) = (0, Vec::new(), 0);
        while from < 86_400 {
            let (spans, reached) = run(&calls, from, 86_400, 10, 20);
            assert!(reached > from, "run {runs} got no further than {from}");
            (from, runs) = (reached, runs + 1);
            read.extend(spans);
        }
        assert!(runs > 2, "{runs} runs");
        assert!(read.windows(2).all(|pair| pair[0].1 == pair[1].0), "a gap in {read:?}");
        assert!(calls.iter().all(|call| read.iter().any(|(from, until)| (from..=until).contains(&call))));
        let most = |(from, until): &(i64, i64)| calls.iter().filter(|call| (from..=until).contains(call)).count();
        assert!(read.iter().all(|span| most(span) <= 10 || span.1 - span.0 <= 1), "{read:?}");
    }
}
