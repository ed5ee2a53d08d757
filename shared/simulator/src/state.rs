//! What the connections and the tasks of the faxes share.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde_json::Value;
use sfm_core::clock::Clock;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::Decode;
use super::id::Id;
use super::journal::{Journal, Record};
use super::ledger::{Entry, Ledger};
use super::shelf::Shelf;
use super::types::Fax;
use super::{callbacks, line};
use crate::tap::Tap;

/// "At most 2,000 faxes in process" (Telnyx).
const MOST_IN_PROCESS: usize = 2_000;

pub(crate) struct Settings {
    pub(crate) shelf: Shelf,
    /// Where this carrier is reached.
    pub(crate) base_url: String,
    pub(crate) clock: Clock,
    pub(crate) speed: f64,
    pub(crate) api_key: String,
    pub(crate) signing_key: SigningKey,
    pub(crate) default_webhook_url: String,
    pub(crate) decode: Decode,
    pub(crate) tap: Arc<dyn Tap>,
    pub(crate) http: reqwest::Client,
}

pub(crate) struct State {
    pub(crate) settings: Settings,
    calls: AtomicU64,
    book: Mutex<Book>,
    /// Empty once stopped.
    tasks: Mutex<Option<JoinSet<()>>>,
}

struct Book {
    /// Empty once stopped: what still runs in another thread must not write beside a successor.
    journal: Option<Journal>,
    ledger: Ledger,
}

impl Book {
    fn commit(&mut self, record: Record) -> io::Result<()> {
        let journal = self.journal.as_mut().ok_or_else(|| io::Error::other("the carrier has stopped"))?;
        journal.append(&record)?;
        self.ledger.apply(record);
        Ok(())
    }
}

/// Why a fax was not taken on.
#[derive(Debug)]
pub(crate) enum Refusal {
    TooManyInProcess,
    Journal(io::Error),
}

/// Why a fax was not canceled.
#[derive(Debug)]
pub(crate) enum NotCanceled {
    NoSuchFax,
    Ended,
    Journal(io::Error),
}

impl State {
    pub(crate) fn new(settings: Settings, journal: Journal, mut ledger: Ledger) -> Self {
        ledger.hasten_callbacks();
        Self {
            settings,
            calls: AtomicU64::new(0),
            book: Mutex::new(Book { journal: Some(journal), ledger }),
            tasks: Mutex::new(Some(JoinSet::new())),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    pub(crate) fn next_call(&self) -> String {
        self.calls.fetch_add(1, Ordering::Relaxed).to_string()
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&lock(&self.book).ledger)
    }

    pub(crate) fn read_entry<T>(&self, id: &Id, look: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.read(|ledger| ledger.entry(id).map(look))
    }

    /// Makes a record durable, then true.
    pub(crate) fn commit(&self, record: Record) -> io::Result<()> {
        lock(&self.book).commit(record)
    }

    /// Takes a fax on: durably, and started when this returns. It is shown as it was then.
    pub(crate) fn accept<T>(self: &Arc<Self>, fax: Fax, request: Value, show: impl FnOnce(&Entry) -> T) -> Result<Option<T>, Refusal> {
        let id = fax.id.clone();
        let shown = {
            let mut book = lock(&self.book);
            if book.ledger.in_process() >= MOST_IN_PROCESS {
                return Err(Refusal::TooManyInProcess);
            }
            book.commit(Record::Accepted { fax, request: Some(request) }).map_err(Refusal::Journal)?;
            book.ledger.entry(&id).map(show)
        };
        self.start(id);
        Ok(shown)
    }

    /// Lets a fax come in whose document is on the shelf: durably, and ringing when this returns.
    pub(crate) fn ring(self: &Arc<Self>, fax: Fax) -> io::Result<()> {
        let id = fax.id.clone();
        self.commit(Record::Accepted { fax, request: None })?;
        self.start(id);
        Ok(())
    }

    pub(crate) fn cancel(&self, id: &Id) -> Result<(), NotCanceled> {
        let mut book = lock(&self.book);
        let entry = book.ledger.entry(id).filter(|entry| !entry.deleted).ok_or(NotCanceled::NoSuchFax)?;
        if entry.ended.is_some() || !entry.is_outbound() {
            return Err(NotCanceled::Ended);
        }
        let at = self.now();
        let ending = line::canceled(entry, at, self.settings.speed);
        book.commit(Record::Ended { fax_id: id.clone(), at, ending }).map_err(NotCanceled::Journal)
    }

    /// Goes on with everything that the journal left unfinished.
    pub(crate) fn resume(self: &Arc<Self>) {
        let unprinted = self.settings.shelf.unprinted();
        let unfinished = |ledger: &Ledger| -> Vec<Id> {
            let is = |entry: &&Entry| !callbacks::finished(entry) || unprinted.contains(&entry.fax.id);
            let unfinished = ledger.entries().iter().filter(is);
            unfinished.map(|entry| entry.fax.id.clone()).collect()
        };
        for id in self.read(unfinished) {
            self.start(id);
        }
    }

    fn start(self: &Arc<Self>, id: Id) {
        self.spawn(line::play(Arc::clone(self), id.clone()));
        self.spawn(callbacks::tell(Arc::clone(self), id));
    }

    /// Runs a task for as long as the carrier runs.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = lock(&self.tasks).as_mut() {
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }
    }

    pub(crate) fn wake_all(&self) {
        self.read(|ledger| ledger.entries().iter().for_each(|entry| entry.bells.ring()));
    }

    /// Returns at `due`, or earlier when the bell rings; `None` waits for the bell alone.
    pub(crate) async fn wait(&self, due: Option<Timestamp>, bell: &Notify) {
        let Some(due) = due else {
            return bell.notified().await;
        };
        let ms = due.as_millisecond().saturating_sub(self.now().as_millisecond());
        let left = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        // Both ends of this wait lead to the same question.
        let _ = tokio::time::timeout(left, bell.notified()).await;
    }

    /// After this nothing new is started. Returns what runs, the first time; dropping it aborts it.
    pub(crate) fn halt(&self) -> Option<JoinSet<()>> {
        lock(&self.tasks).take()
    }

    /// After this nothing is written.
    pub(crate) fn seal(&self) {
        lock(&self.book).journal = None;
    }
}

/// A panic elsewhere does not make the books wrong: they change in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
