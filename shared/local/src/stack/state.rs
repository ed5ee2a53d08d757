//! What a stack keeps in its folder beside the emulators' data: secrets, ports, the clock's offset and the demo account.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::error::StackError;

/// Held while a stack runs, so that a second one cannot start on the same data. The system lets go of it when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    pub fn take(dir: &Path) -> Result<Self, StackError> {
        let path = dir.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|e| StackError::io(&path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(StackError::InUse(dir.to_owned())),
            Err(std::fs::TryLockError::Error(e)) => Err(StackError::io(&path, e)),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Demo {
    pub account: String,
    pub key: String,
}

/// The ports of the last start. They are asked for again, so that links and callbacks on their way still arrive.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Ports {
    pub api: u16,
    pub aws: u16,
    pub carrier: u16,
    pub control: u16,
    #[serde(default)]
    pub issuer: u16,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct State {
    #[serde(skip)]
    path: PathBuf,
    pub aws_secret: String,
    pub control_token: String,
    pub carrier_api_key: String,
    carrier_signing_key: String,
    /// What receipts are signed with.
    #[serde(default = "random_text")]
    pub receipt_key: String,
    pub clock_offset_ms: i64,
    pub ports: Ports,
    pub demo: Option<Demo>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("path", &self.path).field("ports", &self.ports).finish_non_exhaustive()
    }
}

fn random_text() -> String {
    STANDARD.encode(rand::rng().random::<[u8; 24]>()).replace(['+', '/'], "x")
}

impl State {
    /// Reads the state of a folder, or makes one for a new folder.
    pub fn load(dir: &Path) -> Result<Self, StackError> {
        let path = dir.join("stack.json");
        match std::fs::read(&path) {
            Ok(bytes) => {
                let mut state: Self = serde_json::from_slice(&bytes).map_err(|e| StackError::io(&path, e.into()))?;
                state.path = path;
                Ok(state)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let state = Self {
                    path,
                    aws_secret: random_text(),
                    control_token: random_text(),
                    carrier_api_key: random_text(),
                    carrier_signing_key: STANDARD.encode(rand::rng().random::<[u8; 32]>()),
                    receipt_key: random_text(),
                    clock_offset_ms: 0,
                    ports: Ports::default(),
                    demo: None,
                };
                state.save()?;
                Ok(state)
            }
            Err(e) => Err(StackError::io(&path, e)),
        }
    }

    pub fn save(&self) -> Result<(), StackError> {
        let json = serde_json::to_vec_pretty(self).map_err(|e| StackError::io(&self.path, e.into()))?;
        write_private(&self.path, &json)
    }

    pub fn signing_key(&self) -> Result<SigningKey, StackError> {
        let seed: Option<[u8; 32]> = STANDARD.decode(&self.carrier_signing_key).ok().and_then(|bytes| bytes.try_into().ok());
        let bad = || StackError::io(&self.path, std::io::Error::other("the carrier's signing key is not 32 bytes in base64"));
        seed.map(|seed| SigningKey::from_bytes(&seed)).ok_or_else(bad)
    }
}

/// Replaces a file in one step with one that only its owner can read.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StackError> {
    let new = path.with_extension("new");
    let write = || {
        let _ = std::fs::remove_file(&new);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        std::fs::rename(&new, path)
    };
    write().map_err(|e| StackError::io(path, e))
}
