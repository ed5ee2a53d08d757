//! The lines of level ERROR that a stack writes: each says that a person must look at something now.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::fmt::MakeWriter;

/// What the threads that were told to write here have written, a JSON object a line.
#[derive(Debug, Default, Clone)]
pub struct Errors {
    lines: Arc<Mutex<Vec<u8>>>,
    silent: Arc<AtomicBool>,
}

impl Errors {
    /// Of one more process, which can be silenced alone.
    pub fn of_a_process(&self) -> Self {
        Self { lines: self.lines.clone(), silent: Arc::default() }
    }

    /// Who is dead says nothing more.
    pub fn silence(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    /// From now on this thread's lines come here: those of a stack whose runtime does this at the start of each of its threads, though
    /// others run in the same process.
    pub fn of_this_thread(&self) {
        self.of_this_thread_from(LevelFilter::ERROR);
    }

    /// The same for whatever a function logs by default.
    pub fn all_of_this_thread(&self) {
        self.of_this_thread_from(LevelFilter::INFO);
    }

    fn of_this_thread_from(&self, level: LevelFilter) {
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level).with_writer(self.clone());
        // For as long as the thread lives.
        std::mem::forget(dispatcher::set_default(&Dispatch::new(lines.finish())));
    }

    /// What has come since the last time.
    pub fn take(&self) -> Vec<String> {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap());
        String::from_utf8(lines).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Write for Errors {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.silent.load(Ordering::SeqCst) { Ok(bytes.len()) } else { self.lines.lock().unwrap().write(bytes) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Errors {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
