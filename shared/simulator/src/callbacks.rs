//! Tells the product what happens to a fax: signed, again until it is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::{SignedDuration, Timestamp};

use super::event::{Callback, Event, Record, Tries};
use super::id::Id;
use super::outcome::CallbackMode;
use super::projection::Entry;
use super::resource;
use super::settings::Settings;
use super::state::State;

/// Stack time from one try of a callback to the next; after the last there is none. The schedule is ours.
const PAUSES: [SignedDuration; 5] = [
    SignedDuration::from_secs(1),
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
];
/// Real time that a receiver has for its answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// When it is tried again; never, if it is acknowledged or was tried often enough.
fn due(tries: &Tries) -> Option<Timestamp> {
    let pause = PAUSES.get(usize::try_from(tries.attempts).ok()?.checked_sub(1)?)?;
    (!tries.acknowledged).then(|| tries.last_at.checked_add(*pause).unwrap_or(Timestamp::MAX))
}

#[derive(Debug, PartialEq)]
enum Step {
    Send(Outgoing),
    /// Until then, or until something happens to the fax.
    Wait(Option<Timestamp>),
    Done,
}

#[derive(Debug, PartialEq)]
struct Outgoing {
    callback: Callback,
    attempt: u32,
    url: String,
    body: Vec<u8>,
}

/// Tells of a fax until there is nothing left to tell. One callback at a time, so that a fax's events come in order unless one of
/// them has to be repeated; the call does not wait for any of them.
pub(crate) async fn tell(state: Arc<State>, id: Id) {
    loop {
        let look = |entry: &Entry| (next(entry, state.now(), &state.settings), Arc::clone(&entry.notifiers));
        let Some((step, notifiers)) = state.read_entry(&id, look) else {
            return;
        };
        match step {
            Step::Done => return,
            Step::Wait(due) => state.wait(due, &notifiers.callbacks).await,
            Step::Send(outgoing) => {
                let acknowledged = post(&state, &id, &outgoing).await;
                let Outgoing { callback, attempt, .. } = outgoing;
                let record = Record::CalledBack { fax_id: id.clone(), at: state.now(), callback, attempt, acknowledged };
                if let Err(error) = state.commit(record) {
                    tracing::error!(fax = %id, %error, "the log takes no more records: callbacks rest until the next start");
                    return;
                }
            }
        }
    }
}

/// Whether nothing will ever be told of this fax any more. It has ended, then, too.
pub(crate) fn finished(entry: &Entry) -> bool {
    let told = |callback| entry.callbacks.get(&callback).is_some_and(|tries| due(tries).is_none());
    entry.ended.is_some() && planned(entry).into_iter().all(|(callback, _)| told(callback))
}

fn next(entry: &Entry, now: Timestamp, settings: &Settings) -> Step {
    let mut earliest = None;
    for (callback, occurred_at) in planned(entry) {
        let (due, attempt) = match entry.callbacks.get(&callback) {
            None => (occurred_at, 1),
            Some(tries) => match due(tries) {
                Some(due) => (due, tries.attempts + 1),
                None => continue,
            },
        };
        if due <= now {
            let url = entry.fax.webhook_url.as_ref().map_or(&*settings.default_webhook_url, |link| link.as_str()).to_owned();
            let body = resource::event(entry, settings, callback.event, occurred_at, attempt, &url);
            return Step::Send(Outgoing { callback, attempt, url, body });
        }
        earliest = Some(earliest.map_or(due, |earlier: Timestamp| earlier.min(due)));
    }
    if earliest.is_none() && entry.ended.is_some() { Step::Done } else { Step::Wait(earliest) }
}

/// What is to be told of that which has happened so far, in the order of telling.
fn planned(entry: &Entry) -> Vec<(Callback, Timestamp)> {
    let happened = happened(entry);
    let copy = |copy: u8| move |(event, at): &(Event, Timestamp)| (Callback { event: *event, copy }, *at);
    match CallbackMode::of(&entry.fax) {
        CallbackMode::Once | CallbackMode::ReceivedAsDelivered => happened.iter().map(copy(1)).collect(),
        CallbackMode::TwiceBackwards if entry.ended.is_some() => {
            let first = happened.iter().rev().map(copy(1));
            first.chain(happened.iter().rev().map(copy(2))).collect()
        }
        CallbackMode::TwiceBackwards | CallbackMode::Never => Vec::new(),
    }
}

fn happened(entry: &Entry) -> Vec<(Event, Timestamp)> {
    if !entry.is_outbound() {
        let as_delivered = CallbackMode::of(&entry.fax) == CallbackMode::ReceivedAsDelivered;
        let received = if as_delivered { Event::Delivered } else { Event::Received };
        let ended_at = entry.ended.as_ref().map(|ended| ended.at);
        let events =
            [(Event::ReceivingStarted, entry.sending_at), (Event::MediaProcessingStarted, entry.processing_at), (received, ended_at)];
        return events.into_iter().filter_map(|(event, at)| Some((event, at?))).collect();
    }
    let mut events = vec![(Event::Queued, entry.fax.created_at)];
    events.extend(entry.fetched.as_ref().map(|fetched| (Event::MediaProcessed, fetched.at)));
    events.extend(entry.sending_at.map(|at| (Event::SendingStarted, at)));
    events.extend(entry.ended.as_ref().map(|ended| {
        let event = if ended.ending.failure.is_some() { Event::Failed } else { Event::Delivered };
        (event, ended.at)
    }));
    events
}

/// Whether it was acknowledged: answered 2xx in time.
async fn post(state: &State, id: &Id, outgoing: &Outgoing) -> bool {
    let timestamp = state.now().as_second().to_string();
    let signature = sign(&state.settings.signing_key, &timestamp, &outgoing.body);
    let request = state
        .settings
        .http
        .post(&outgoing.url)
        .timeout(DEADLINE)
        .header("content-type", "application/json")
        .header("telnyx-timestamp", timestamp)
        .header("telnyx-signature-ed25519", signature)
        .body(outgoing.body.clone());
    match request.send().await {
        Ok(response) if response.status().is_success() => true,
        Ok(response) => {
            let status = response.status().as_u16();
            tracing::warn!(fax = %id, event = ?outgoing.callback.event, attempt = outgoing.attempt, status, "a callback was refused");
            false
        }
        Err(error) => {
            let error = error.without_url();
            tracing::warn!(fax = %id, event = ?outgoing.callback.event, attempt = outgoing.attempt, %error, "a callback got no answer");
            false
        }
    }
}

/// Telnyx: Ed25519 over `{timestamp}|{raw body}`, in base64.
fn sign(key: &SigningKey, timestamp: &str, body: &[u8]) -> String {
    let message = [timestamp.as_bytes(), b"|", body].concat();
    STANDARD.encode(key.sign(&message).to_bytes())
}
