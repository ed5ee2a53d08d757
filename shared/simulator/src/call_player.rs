//! The player of one call: fetches the document, then plays the call; when it is over, prints what was received.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use super::event::{Fetched, Record};
use super::id::Id;
use super::outcome::{Ending, FailureReason, Outcome, has_one_line};
use super::projection::{Entry, Projection};
use super::remote_machine::RemoteMachine;
use super::state::State;
use super::timeline::{Timeline, elapsed, moment};
use super::types::Fax;
use super::{media, printout};

/// Seconds from the end of a call that came in until its document is there. Our own.
const PROCESSING: f64 = 2.0;

/// What the player does next.
#[derive(Debug)]
enum Step {
    Fetch(Box<Fax>),
    /// Something became due. It happened when it was due, even if the clock has leapt far beyond.
    Commit(Record),
    /// The call is over: what came of it is printed before anybody is told.
    End(Record, Timeline),
    Wait(Timestamp),
    /// It has ended, with this call if there was one to print.
    Ended(Option<Timeline>),
}

/// Plays a fax to its end, from wherever it is.
pub(crate) async fn play(state: Arc<State>, id: Id) {
    let mut printed = None;
    loop {
        let look = |entry: &Entry| (next(entry, state.now(), state.settings.speed), Arc::clone(&entry.notifiers));
        let Some((step, notifiers)) = state.read_entry(&id, look) else {
            return;
        };
        let record = match step {
            Step::Ended(call) => {
                let kept = state.settings.files.fetched(&id);
                // After a start, or if it was canceled, it may have to be printed still.
                if let Some(call) = call.filter(|call| printed.as_ref() != Some(call) && kept.exists()) {
                    print(&state, &id, &call).await;
                }
                // Of a call that never was there is none.
                let _ = tokio::fs::remove_file(kept).await;
                return;
            }
            Step::Wait(due) => {
                state.wait(Some(due), &notifiers.call).await;
                continue;
            }
            Step::Commit(record) => record,
            Step::End(record, call) => {
                print(&state, &id, &call).await;
                printed = Some(call);
                record
            }
            Step::Fetch(fax) => fetch(&state, &fax).await,
        };
        if let Record::Ended { ending, .. } = &record {
            let outcome = ending.failure.map_or("delivered", FailureReason::as_str);
            tracing::info!(fax = %id, outcome, pages = ending.page_count, seconds = ending.call_duration_secs, "the call has ended");
        }
        if let Err(error) = state.decide(|projection| Ok::<_, io::Error>(dialled(record, projection)), |_| ()) {
            tracing::error!(fax = %id, %error, "the log takes no more records: the fax rests until the next start");
            return;
        }
    }
}

/// Without its printout a fax is as good as with it.
async fn print(state: &Arc<State>, id: &Id, call: &Timeline) {
    let (state, id, call) = (Arc::clone(state), id.clone(), call.clone());
    let printing = tokio::task::spawn_blocking(move || {
        if let Err(error) = printout::print(&state.settings.files, &id, &call) {
            tracing::error!(fax = %id, %error, "what was received cannot be kept");
        }
    });
    if let Err(error) = printing.await {
        tracing::error!(%error, "the printer has given up");
    }
}

async fn fetch(state: &State, fax: &Fax) -> Record {
    let fetched = media::receive(&state.settings, fax).await;
    let (fax_id, at) = (fax.id.clone(), state.now());
    match fetched {
        Ok(page_bytes) => Record::Fetched { fax_id, at, page_bytes, engaged: false },
        Err(reason) => Record::Ended { fax_id, at, ending: Ending::without_call(reason) },
    }
}

/// The record as it is once the number is dialled: where its machine has one line, another call may have it.
fn dialled(record: Record, projection: &Projection) -> Record {
    match record {
        Record::Fetched { fax_id, at, page_bytes, .. } => {
            let called = projection.entry(&fax_id).filter(|entry| entry.is_outbound()).map(|entry| &entry.fax.to);
            let engaged = called.is_some_and(|to| has_one_line(to) && projection.is_being_called(to));
            Record::Fetched { fax_id, at, page_bytes, engaged }
        }
        other => other,
    }
}

fn next(entry: &Entry, now: Timestamp, speed: f64) -> Step {
    if let Some(ended) = &entry.ended {
        let call = entry.fetched.as_ref().filter(|_| entry.is_outbound()).map(|fetched| {
            let call = call(&entry.fax, fetched);
            let canceled = ended.ending.failure == Some(FailureReason::SenderCanceled);
            if canceled { call.canceled(elapsed(fetched.at, ended.at, speed)) } else { call }
        });
        return Step::Ended(call);
    }
    let Some(fetched) = &entry.fetched else {
        return Step::Fetch(Box::new(entry.fax.clone()));
    };
    let call = call(&entry.fax, fetched);
    let fax_id = entry.fax.id.clone();
    // Nothing happens before what precedes it, which another speed may have timed before a restart.
    let due = |seconds: f64| moment(fetched.at, seconds, speed).max(entry.updated_at());
    let (at, step) = match call.sending() {
        Some(sending) if entry.sending_at.is_none() => {
            let at = due(sending);
            (at, Step::Commit(Record::SendingStarted { fax_id, at }))
        }
        _ if entry.is_outbound() => {
            let at = due(call.end());
            (at, Step::End(Record::Ended { fax_id, at, ending: call.ending() }, call))
        }
        _ if entry.processing_at.is_none() => {
            let at = due(call.end());
            (at, Step::Commit(Record::Processing { fax_id, at }))
        }
        _ => {
            let at = due(call.end() + PROCESSING);
            (at, Step::Commit(Record::Ended { fax_id, at, ending: call.ending() }))
        }
    };
    if at <= now { step } else { Step::Wait(at) }
}

/// Why a fax was not canceled.
#[derive(Debug)]
pub(crate) enum NotCanceled {
    NoSuchFax,
    Ended,
    Storage(io::Error),
}

impl From<io::Error> for NotCanceled {
    fn from(error: io::Error) -> Self {
        Self::Storage(error)
    }
}

/// Hangs up: the call ends as it is now.
pub(crate) fn cancel(state: &State, id: &Id) -> Result<(), NotCanceled> {
    let decide = |projection: &Projection| {
        let entry = projection.entry(id).filter(|entry| !entry.deleted).ok_or(NotCanceled::NoSuchFax)?;
        if entry.ended.is_some() || !entry.is_outbound() {
            return Err(NotCanceled::Ended);
        }
        let at = state.now();
        Ok(Record::Ended { fax_id: id.clone(), at, ending: canceled(entry, at, state.settings.speed) })
    };
    state.decide(decide, |_| ()).map(drop)
}

/// How a fax ends that is canceled now.
fn canceled(entry: &Entry, now: Timestamp, speed: f64) -> Ending {
    match &entry.fetched {
        None => Ending::without_call(FailureReason::SenderCanceled),
        Some(fetched) => call(&entry.fax, fetched).canceled(elapsed(fetched.at, now, speed)).ending(),
    }
}

fn call(fax: &Fax, fetched: &Fetched) -> Timeline {
    // What answers a call that comes in is the carrier's own machine, which always takes it.
    let outcome = match &fax.media_url {
        Some(_) if fetched.engaged => Outcome::Busy,
        Some(_) => Outcome::of(&fax.to, fax.tag().attempt),
        None => Outcome::Delivered,
    };
    Timeline::of(outcome, &fetched.page_bytes, &RemoteMachine::answering(&fax.to, &fax.id), &fax.id)
}
