//! The line of one fax: fetches the document, then plays the call.

use std::sync::Arc;

use jiff::Timestamp;

use super::id::Id;
use super::journal::Record;
use super::ledger::{Entry, Fetched};
use super::media;
use super::outcome::{Ending, FailureReason, Outcome};
use super::state::State;
use super::timeline::{Timeline, elapsed, moment};
use super::types::Fax;

/// What the line does next.
#[derive(Debug)]
enum Step {
    Fetch(Box<Fax>),
    /// Something became due. It happened when it was due, even if the clock has leapt far beyond.
    Commit(Record),
    Wait(Timestamp),
    Done,
}

/// Plays a fax to its end, from wherever it is.
pub(crate) async fn play(state: Arc<State>, id: Id) {
    loop {
        let look = |entry: &Entry| (next(entry, state.now(), state.settings.speed), Arc::clone(&entry.bells));
        let Some((step, bells)) = state.read_entry(&id, look) else {
            return;
        };
        let record = match step {
            Step::Done => return,
            Step::Wait(due) => {
                state.wait(Some(due), &bells.line).await;
                continue;
            }
            Step::Commit(record) => record,
            Step::Fetch(fax) => fetch(&state, &fax).await,
        };
        if let Record::Ended { ending, .. } = &record {
            let outcome = ending.failure.map_or("delivered", FailureReason::as_str);
            tracing::info!(fax = %id, outcome, pages = ending.page_count, "the call has ended");
        }
        if let Err(error) = state.commit(record) {
            tracing::error!(fax = %id, %error, "the journal takes no more records: the fax rests until the next start");
            return;
        }
    }
}

async fn fetch(state: &State, fax: &Fax) -> Record {
    let fetched = media::receive(&state.settings, fax).await;
    let (fax_id, at) = (fax.id.clone(), state.now());
    match fetched {
        Ok(page_bytes) => Record::Fetched { fax_id, at, page_bytes },
        Err(reason) => Record::Ended { fax_id, at, ending: Ending::without_call(reason) },
    }
}

fn next(entry: &Entry, now: Timestamp, speed: f64) -> Step {
    if entry.ended.is_some() {
        return Step::Done;
    }
    let Some(fetched) = &entry.fetched else {
        return Step::Fetch(Box::new(entry.fax.clone()));
    };
    let timeline = timeline(&entry.fax, fetched);
    let fax_id = entry.fax.id.clone();
    let (at, record) = match (timeline.sending, entry.sending_at) {
        (Some(sending), None) => {
            let at = moment(fetched.at, sending, speed);
            (at, Record::SendingStarted { fax_id, at })
        }
        (_, sending_at) => {
            // Not before it started to send, which another speed may have timed before a restart.
            let at = moment(fetched.at, timeline.end, speed).max(sending_at.unwrap_or(Timestamp::MIN));
            (at, Record::Ended { fax_id, at, ending: timeline.ending() })
        }
    };
    if at <= now { Step::Commit(record) } else { Step::Wait(at) }
}

/// How a fax ends that is canceled now.
pub(crate) fn canceled(entry: &Entry, now: Timestamp, speed: f64) -> Ending {
    match &entry.fetched {
        None => Ending::without_call(FailureReason::SenderCanceled),
        Some(fetched) => timeline(&entry.fax, fetched).canceled(elapsed(fetched.at, now, speed)),
    }
}

fn timeline(fax: &Fax, fetched: &Fetched) -> Timeline {
    Timeline::of(Outcome::of(&fax.to, fax.tag().attempt), &fetched.page_bytes, fax.id.chance())
}
