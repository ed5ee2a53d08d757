//! The files of the carrier beside its log. Whoever finds one finds it whole.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::SimulatorError;
use super::id::Id;

#[derive(Debug)]
pub(crate) struct FileStore {
    /// Documents of calls that are not over yet, as they were fetched.
    fetched: PathBuf,
    /// What came out of the receiving machines, and the stories of the calls.
    received: PathBuf,
    /// Documents of faxes that come in.
    inbound: PathBuf,
}

impl FileStore {
    pub(crate) fn open(dir: &Path) -> Result<Self, SimulatorError> {
        let folder = |name: &str| {
            let path = dir.join(name);
            std::fs::create_dir_all(&path).map(|()| path.clone()).map_err(|source| SimulatorError::Storage { path, source })
        };
        Ok(Self { fetched: folder("fetched")?, received: folder("received")?, inbound: folder("inbound")? })
    }

    pub(crate) fn fetched(&self, id: &Id) -> PathBuf {
        self.fetched.join(format!("{id}.pdf"))
    }

    /// `kind` is the file's extension.
    pub(crate) fn received(&self, id: &Id, kind: &str) -> PathBuf {
        self.received.join(format!("{id}.{kind}"))
    }

    pub(crate) fn inbound(&self, id: &Id) -> PathBuf {
        self.inbound.join(format!("{id}.pdf"))
    }

    /// The faxes whose fetched document is still there. A folder that cannot be read has none.
    pub(crate) fn unprinted(&self) -> HashSet<Id> {
        let files = std::fs::read_dir(&self.fetched).into_iter().flatten().filter_map(Result::ok);
        files.filter_map(|file| Some(Id::from(file.file_name().to_str()?.strip_suffix(".pdf")?))).collect()
    }
}

/// Writes beside, then renames. Each call writes beside in a file of its own, because two may write the same file: one of a carrier that was
/// stopped, and one of the carrier after it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let unfinished = path.with_extension(format!("{extension}.{}.part", WRITES.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&unfinished, bytes)?;
    std::fs::rename(&unfinished, path)
}
