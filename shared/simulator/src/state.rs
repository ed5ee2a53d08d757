//! What the connections and the tasks of the faxes share: the events under one lock, and the tasks that run.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::event::Record;
use super::event_log::EventLog;
use super::id::Id;
use super::projection::{Entry, Projection};
use super::settings::Settings;

pub(crate) struct State {
    pub(crate) settings: Settings,
    calls: AtomicU64,
    events: Mutex<Events>,
    /// Empty once stopped.
    tasks: Mutex<Option<JoinSet<()>>>,
}

/// The log on disk, and what it comes to in memory.
struct Events {
    /// Empty once stopped: what still runs in another thread must not write beside a successor.
    log: Option<EventLog>,
    projection: Projection,
}

impl Events {
    fn commit(&mut self, record: Record) -> io::Result<()> {
        let log = self.log.as_mut().ok_or_else(|| io::Error::other("the carrier has stopped"))?;
        log.append(&record)?;
        self.projection.apply(record);
        Ok(())
    }
}

impl State {
    pub(crate) fn new(settings: Settings, log: EventLog, mut projection: Projection) -> Self {
        projection.hasten_callbacks();
        Self {
            settings,
            calls: AtomicU64::new(0),
            events: Mutex::new(Events { log: Some(log), projection }),
            tasks: Mutex::new(Some(JoinSet::new())),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    pub(crate) fn next_call(&self) -> String {
        self.calls.fetch_add(1, Ordering::Relaxed).to_string()
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Projection) -> T) -> T {
        look(&lock(&self.events).projection)
    }

    pub(crate) fn read_entry<T>(&self, id: &Id, look: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.read(|projection| projection.entry(id).map(look))
    }

    /// Makes a record durable, then true.
    pub(crate) fn commit(&self, record: Record) -> io::Result<()> {
        lock(&self.events).commit(record)
    }

    /// Commits the record that is decided on, and shows its fax as it then is: nothing happens in between.
    pub(crate) fn decide<T, E: From<io::Error>>(
        &self,
        decide: impl FnOnce(&Projection) -> Result<Record, E>,
        show: impl FnOnce(&Entry) -> T,
    ) -> Result<Option<T>, E> {
        let mut events = lock(&self.events);
        let record = decide(&events.projection)?;
        let id = record.fax_id().clone();
        events.commit(record)?;
        Ok(events.projection.entry(&id).map(show))
    }

    /// Runs a task for as long as the carrier runs.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = lock(&self.tasks).as_mut() {
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }
    }

    pub(crate) fn wake_all(&self) {
        self.read(|projection| projection.entries().iter().for_each(|entry| entry.notifiers.notify()));
    }

    /// Returns at `due`, or earlier when it is notified; `None` waits for the notification alone.
    pub(crate) async fn wait(&self, due: Option<Timestamp>, notify: &Notify) {
        let Some(due) = due else {
            return notify.notified().await;
        };
        let ms = due.as_millisecond().saturating_sub(self.now().as_millisecond());
        let left = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        // Both ends of this wait lead to the same question.
        let _ = tokio::time::timeout(left, notify.notified()).await;
    }

    /// After this nothing new is started. Returns what runs, the first time; dropping it aborts it.
    pub(crate) fn halt(&self) -> Option<JoinSet<()>> {
        lock(&self.tasks).take()
    }

    /// After this nothing is written.
    pub(crate) fn seal(&self) {
        lock(&self.events).log = None;
    }
}

/// A panic elsewhere does not make the events wrong: they change in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
