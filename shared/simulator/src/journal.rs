//! What happened, one JSON line each, appended before anybody is told: a killed process loses nothing that it acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SimulatorError;
use super::callbacks::Callback;
use super::id::Id;
use super::outcome::Ending;
use super::types::Fax;

const FILE: &str = "journal.jsonl";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(crate) enum Record {
    Accepted {
        fax: Fax,
        /// What was asked for, word for word but for the link to the document: so that it can be held against the vendor's own models.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<serde_json::Value>,
    },
    /// The document is kept and decoded; the number is dialled, or a call comes in.
    Fetched {
        fax_id: Id,
        at: Timestamp,
        page_bytes: Vec<usize>,
    },
    /// The first page is on the line, whichever way.
    SendingStarted {
        fax_id: Id,
        at: Timestamp,
    },
    /// The call of a fax that comes in is over; its document is being made.
    Processing {
        fax_id: Id,
        at: Timestamp,
    },
    Ended {
        fax_id: Id,
        at: Timestamp,
        ending: Ending,
    },
    CalledBack {
        fax_id: Id,
        at: Timestamp,
        callback: Callback,
        attempt: u32,
        acknowledged: bool,
    },
    /// The link to the document of a received fax was renewed.
    Refreshed {
        fax_id: Id,
        at: Timestamp,
    },
    Deleted {
        fax_id: Id,
        at: Timestamp,
    },
}

impl Record {
    pub(crate) fn fax_id(&self) -> &Id {
        match self {
            Self::Accepted { fax, .. } => &fax.id,
            Self::Fetched { fax_id, .. }
            | Self::SendingStarted { fax_id, .. }
            | Self::Processing { fax_id, .. }
            | Self::Ended { fax_id, .. }
            | Self::CalledBack { fax_id, .. }
            | Self::Refreshed { fax_id, .. }
            | Self::Deleted { fax_id, .. } => fax_id,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    length: u64,
}

impl Journal {
    /// Opens the journal in `dir` and reads it. What a crash left of a last line is cut off: nobody was told of it.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Vec<Record>), SimulatorError> {
        let path = dir.join(FILE);
        let (records, length) = load(&path)?;
        let opened = OpenOptions::new().create(true).append(true).open(&path).and_then(|file| {
            file.set_len(length)?;
            Ok(file)
        });
        let file = opened.map_err(|source| SimulatorError::Storage { path, source })?;
        Ok((Self { file, length }, records))
    }

    /// Once this returns, the record outlives the process: it is the kernel's.
    pub(crate) fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // Half a line in the middle would make the journal unreadable.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

/// The records in `dir`, read beside a carrier that may be writing.
pub(crate) fn read(dir: &Path) -> Result<Vec<Record>, SimulatorError> {
    Ok(load(&dir.join(FILE))?.0)
}

/// The whole lines of the file, and how many bytes they take.
fn load(path: &Path) -> Result<(Vec<Record>, u64), SimulatorError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(SimulatorError::Storage { path: path.to_owned(), source }),
    };
    let mut records = Vec::new();
    let mut length = 0;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if line.last() != Some(&b'\n') {
            break;
        }
        records.push(parse(path, index + 1, line)?);
        length += line.len() as u64;
    }
    Ok((records, length))
}

fn parse(path: &Path, line: usize, bytes: &[u8]) -> Result<Record, SimulatorError> {
    serde_json::from_slice(bytes).map_err(|source| SimulatorError::Journal { path: path.to_owned(), line, source })
}
