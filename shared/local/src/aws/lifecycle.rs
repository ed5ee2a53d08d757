//! Objects that are removed when they are old, as the lifecycle of their bucket says. The age is that of the file, which is as old on the stack's
//! clock as the object is.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use jiff::SignedDuration;
use sfm_core::clock::Clock;

/// Objects under a prefix, which ends with `/`, are removed so many days after they were put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleRule {
    pub bucket: String,
    pub prefix: String,
    pub days: u32,
}

/// Sees to it that files are as old as their objects, and removes old ones.
#[derive(Debug, Clone)]
pub(super) struct Lifecycle {
    dir: PathBuf,
    clock: Clock,
    rules: Arc<[LifecycleRule]>,
    /// Files that are being written, and may look older than they are.
    written: Arc<Mutex<HashSet<PathBuf>>>,
}

/// An object that is being put. Until it is dropped its file is not removed.
pub(super) struct Writing<'a> {
    lifecycle: &'a Lifecycle,
    file: PathBuf,
}

impl Lifecycle {
    pub(super) fn new(dir: &Path, clock: Clock, rules: Vec<LifecycleRule>) -> Self {
        Self { dir: dir.to_owned(), clock, rules: rules.into(), written: Arc::default() }
    }

    pub(super) fn write(&self, bucket: &str, key: &str) -> Writing<'_> {
        let file = self.dir.join(bucket).join(key);
        self.written().insert(file.clone());
        Writing { lifecycle: self, file }
    }

    /// Removes what is old and returns how many objects that were. Blocks.
    pub(super) fn expire(&self) -> io::Result<usize> {
        let mut removed = 0;
        for rule in self.rules.iter() {
            let age = SignedDuration::from_hours(24 * i64::from(rule.days));
            let Ok(before) = SystemTime::try_from(self.clock.now() - age) else { continue };
            removed += self.expire_in(&self.dir.join(&rule.bucket).join(&rule.prefix), before)?;
        }
        Ok(removed)
    }

    fn expire_in(&self, folder: &Path, before: SystemTime) -> io::Result<usize> {
        let entries = match std::fs::read_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut removed = 0;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                removed += self.expire_in(&path, before)?;
                continue;
            }
            let written = self.written();
            // Somebody may have deleted it meanwhile.
            let is_old = std::fs::metadata(&path).and_then(|file| file.modified()).is_ok_and(|at| at < before);
            if is_old && !written.contains(&path) {
                std::fs::remove_file(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn written(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing<'_> {
    /// The object is there: from now on it ages.
    pub(super) fn done(self) -> io::Result<()> {
        let now = SystemTime::try_from(self.lifecycle.clock.now()).map_err(io::Error::other)?;
        std::fs::File::options().append(true).open(&self.file)?.set_modified(now)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.lifecycle.written().remove(&self.file);
    }
}
