//! API keys: how they are made, recognised and stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::id::{AccountId, KeyId};
use crate::plan::Plan;
use crate::scope::Scope;
use crate::secret::Secret;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 32 base62 digits are 190 random bits.
const RANDOM_LEN: usize = 32;
const CHECKSUM_LEN: usize = 6;

/// An API key in full. It exists where it is made and where a request brings it; everywhere else there is its [`KeyHash`].
#[derive(Debug, Clone)]
pub struct ApiKey(Secret);

/// Whether a key's faxes reach a telephone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Live,
    Test,
}

impl Mode {
    fn prefix(self) -> &'static str {
        match self {
            Self::Live => "sfm_live_",
            Self::Test => "sfm_test_",
        }
    }
}

impl ApiKey {
    pub fn generate(mode: Mode) -> Self {
        let mut rng = rand::rng();
        let random: String = (0..RANDOM_LEN).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect();
        let body = format!("{}{random}", mode.prefix());
        Self(Secret::new(format!("{body}{}", checksum(&body))))
    }

    /// Reads a key as a caller sent it. A mistyped one fails its checksum here, before anything is looked up.
    pub fn parse(text: &str) -> Option<Self> {
        let mode = [Mode::Live, Mode::Test].into_iter().find(|mode| text.starts_with(mode.prefix()))?;
        let expected_len = mode.prefix().len() + RANDOM_LEN + CHECKSUM_LEN;
        if text.len() != expected_len || !text.is_ascii() {
            return None;
        }
        let (body, sum) = text.split_at(expected_len - CHECKSUM_LEN);
        (checksum(body) == sum).then(|| Self(Secret::new(text)))
    }

    pub fn hash(&self) -> KeyHash {
        KeyHash(URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.expose().as_bytes())))
    }

    /// The first characters, by which people tell their keys apart: 4 of the 32 random ones.
    pub fn shown_prefix(&self) -> &str {
        self.0.expose().get(..13).unwrap_or_default()
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// CRC-32 (ISO-HDLC) of the key's body in base62.
fn checksum(body: &str) -> String {
    let mut crc = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(crc % 62) as usize];
        crc /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

/// SHA-256 of a key in base64url: what is stored, and what a key is found by.
///
/// Looking a key up by the hash of 190 random bits compares nothing that timing could leak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash(String);

impl KeyHash {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A key as it is stored. `plan` repeats the account's, and changes with it in one transaction, so that one read tells all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyRecord {
    pub key_hash: KeyHash,
    pub id: KeyId,
    pub account_id: AccountId,
    pub scopes: Vec<Scope>,
    pub plan: Plan,
    pub live: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<jiff::Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_is_recognised_and_no_two_are_alike() {
        let (a, b) = (ApiKey::generate(Mode::Live), ApiKey::generate(Mode::Live));
        assert!(a.expose().starts_with("sfm_live_"));
        assert!(ApiKey::generate(Mode::Test).expose().starts_with("sfm_test_"));
        assert!(ApiKey::parse(a.expose()).is_some_and(|parsed| parsed.hash() == a.hash()));
        assert_ne!(a.expose(), b.expose());
    }

    #[test]
    fn every_single_mistyped_character_is_noticed() {
        let key = ApiKey::generate(Mode::Live).expose().to_owned();
        for i in 0..key.len() {
            for wrong in ['x', 'Y', '7'] {
                let mut typo: Vec<char> = key.chars().collect();
                if typo[i] != wrong {
                    typo[i] = wrong;
                    assert!(ApiKey::parse(&typo.into_iter().collect::<String>()).is_none(), "character {i}");
                }
            }
        }
        assert!(ApiKey::parse("").is_none());
        assert!(ApiKey::parse(&key[1..]).is_none());
        assert!(ApiKey::parse(&format!("{key}é")).is_none());
    }

    #[test]
    fn a_debug_print_does_not_show_the_key() {
        assert_eq!(format!("{:?}", ApiKey::generate(Mode::Live)), "ApiKey(***)");
    }
}
