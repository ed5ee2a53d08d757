//! Ids in the form of a UUID.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Id(String);

impl Id {
    /// A random one (UUID version 4).
    pub(crate) fn fresh() -> Self {
        Self::uuid(rand::random(), 4)
    }

    /// Always the same for the same name (UUID version 8): what is told again keeps its id, over restarts too.
    pub(crate) fn derived(&self, name: &str) -> Self {
        Self::uuid(self.digest(name), 8)
    }

    /// A number in 0..=1 that belongs to this id and what it decides: chance that a restart does not change.
    pub(crate) fn chance(&self, of: &str) -> f64 {
        let [high, low, ..] = self.digest(&format!("chance of {of}")).to_be_bytes();
        f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
    }

    fn digest(&self, name: &str) -> u128 {
        let digest = Sha256::new().chain_update(&self.0).chain_update("/").chain_update(name).finalize();
        digest.iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte))
    }

    /// RFC 9562: the version stands in bits 76–79, the variant `10` in bits 62–63.
    fn uuid(bits: u128, version: u128) -> Self {
        let bits = bits & !(0xf << 76) & !(0b11 << 62) | (version << 76) | (0b10 << 62);
        let hex = format!("{bits:032x}");
        Self(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
    }
}

impl From<&str> for Id {
    /// Whatever stands in a request: one that names no fax finds none.
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
