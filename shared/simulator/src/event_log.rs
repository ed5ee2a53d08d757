//! What happened, one JSON line each, appended before anybody is told: a killed process loses nothing that it acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::SimulatorError;
use super::event::Record;

const FILE: &str = "journal.jsonl";

#[derive(Debug)]
pub(crate) struct EventLog {
    file: File,
    length: u64,
}

impl EventLog {
    /// Opens the log in `dir` and reads it. What a crash left of a last line is cut off: nobody was told of it.
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
            // Half a line in the middle would make the log unreadable.
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
    serde_json::from_slice(bytes).map_err(|source| SimulatorError::EventLog { path: path.to_owned(), line, source })
}
