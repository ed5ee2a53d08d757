//! Receipts of faxes, signed with Ed25519 (RFC 8032), and the keys that verify them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use sfm_core::audit::{Action, AuditEntry};
use sfm_core::clock::Clock;
use sfm_core::fax::{Direction, FaxStatus};
use sfm_core::id::FaxId;
use sfm_core::principal::Principal;
use sfm_core::receipt::{Receipt, ReceiptDocument, canonical};
use sfm_core::secret::Secret;
use sfm_core::settings::Zone;
use sfm_store::StoreError;
use sfm_store::audit::Audit;
use sfm_store::documents::{DocumentStoreError, Documents};
use sfm_store::faxes::Faxes;
use sfm_store::platform::{ConfigError, Platform};
use sfm_store::receipt_keys::{ReceiptSecretStore, ReceiptSecrets, ReceiptSecretsError};

/// What the secret's text is hashed with, so that it makes a key of this use alone.
const USE: &[u8] = b"send-fax-mail receipts Ed25519 v1\n";

/// What an Ed25519 key in PEM begins with, in DER (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Issues receipts of faxes that are final.
#[derive(Debug, Clone)]
pub struct ReceiptIssuer {
    faxes: Faxes,
    documents: Documents,
    secrets: ReceiptSecretStore,
    audit: Audit,
    clock: Clock,
}

/// The keys that verify receipts.
#[derive(Debug, Clone)]
pub struct ReceiptKeys {
    secrets: ReceiptSecretStore,
}

/// A receipt with its signature over its canonical JSON.
#[derive(Debug)]
pub struct IssuedReceipt {
    pub receipt: Receipt,
    pub key_id: String,
    /// In standard base64.
    pub signature: String,
    /// Of what was sent, while it is kept.
    pub document: Option<Bytes>,
    /// What its times are told in, for people.
    pub time_zone: Zone,
}

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    #[error("there is no such fax")]
    NotFound,
    #[error("it is still {}", .0.as_str())]
    NotFinal(FaxStatus),
    #[error(transparent)]
    Secrets(#[from] ReceiptSecretsError),
    #[error(transparent)]
    Documents(#[from] DocumentStoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IssuedReceipt {
    /// What a verifier is given: the receipt, its signature and the key's id, on one line, without an end of line.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        canonical(&json!({"receipt": self.receipt, "key_id": self.key_id, "signature": self.signature}))
    }
}

impl ReceiptIssuer {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self {
            faxes: Faxes::new(platform)?,
            documents: Documents::new(platform)?,
            secrets: ReceiptSecretStore::new(platform)?,
            audit: Audit::new(platform)?,
            clock: platform.clock(),
        })
    }

    /// The receipt of a fax: the same one each time, while its document is kept. The audit log tells of the look before it is granted, as it has a picture
    /// of the first page. (1 RRU, 1 WRU, 1 GET)
    ///
    /// # Errors
    /// [`ReceiptError::NotFinal`] while it is under way.
    pub async fn issue(&self, who: &Principal, id: FaxId) -> Result<IssuedReceipt, ReceiptError> {
        let fax = self.faxes.visible(who.account(), id).await?.ok_or(ReceiptError::NotFound)?;
        if !fax.status.is_final() {
            return Err(ReceiptError::NotFinal(fax.status));
        }
        self.audit.record(&AuditEntry::new(who, Action::FaxViewed, id, self.clock.now()).detail("receipt")).await?;
        let key = signing_key(&self.secrets.get().await?.receipt_key);
        let document = self.documents.get(&fax.document_key()).await?;
        let told = document.as_ref().map(|pdf| ReceiptDocument { bytes: pdf.len() as u64, sha256: format!("{:x}", Sha256::digest(pdf)) });
        let receipt = Receipt::of(&fax, told).ok_or(ReceiptError::NotFinal(fax.status))?;
        let signed = canonical(&receipt).map_err(StoreError::from)?;
        let signature = STANDARD.encode(key.sign(signed.as_bytes()).to_bytes());
        // What came in is another program's PDF: it is not looked into.
        let document = document.filter(|_| fax.direction == Direction::Outbound);
        Ok(IssuedReceipt { receipt, key_id: key_id(&key.verifying_key()), signature, document, time_zone: fax.time_zone })
    }
}

/// A public key as the API shows it.
#[derive(Debug, Serialize)]
pub struct PublicKey {
    pub key_id: String,
    pub algorithm: &'static str,
    pub public_key_pem: String,
    pub jwk: Value,
}

/// The key that signs now, and those of before.
#[derive(Debug, Serialize)]
pub struct PublicKeys {
    pub object: &'static str,
    #[serde(flatten)]
    pub current: PublicKey,
    pub earlier: Vec<PublicKey>,
}

impl ReceiptKeys {
    pub fn new(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { secrets: ReceiptSecretStore::new(platform)? })
    }

    /// The public keys.
    ///
    /// # Errors
    /// Where the secret cannot be read.
    pub async fn public(&self) -> Result<PublicKeys, ReceiptSecretsError> {
        let ReceiptSecrets { receipt_key, earlier_receipt_keys } = self.secrets.get().await?;
        let earlier = earlier_receipt_keys.iter().map(public_key).collect();
        Ok(PublicKeys { object: "receipt_key", current: public_key(&receipt_key), earlier })
    }
}

fn signing_key(secret: &Secret) -> SigningKey {
    SigningKey::from_bytes(&Sha256::new().chain_update(USE).chain_update(secret.expose()).finalize().into())
}

/// Follows from the key: the beginning of its SHA-256.
fn key_id(key: &VerifyingKey) -> String {
    let hash = format!("{:x}", Sha256::digest(key.as_bytes()));
    format!("rk_{}", hash.get(..16).unwrap_or(&hash))
}

fn public_key(secret: &Secret) -> PublicKey {
    let key = signing_key(secret).verifying_key();
    let (key_id, der) = (key_id(&key), [SPKI.as_slice(), key.as_bytes()].concat());
    let jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key_id, "x": URL_SAFE_NO_PAD.encode(key.as_bytes())});
    let public_key_pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
    PublicKey { key_id, algorithm: "Ed25519", public_key_pem, jwk }
}
