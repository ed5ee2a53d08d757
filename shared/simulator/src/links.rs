//! Links to the documents of received faxes: whoever has one may read the document, for ten minutes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use jiff::{SignedDuration, Timestamp};

use super::id::Id;

/// "Valid for 10 minutes" (Telnyx).
const VALID: SignedDuration = SignedDuration::from_mins(10);

/// The path of a link that holds from `since` on. Always the same for the same fax and time, over restarts too.
pub(crate) fn path(key: &SigningKey, id: &Id, since: Timestamp) -> String {
    let until = since.checked_add(VALID).unwrap_or(Timestamp::MAX).as_millisecond().to_string();
    let signature = URL_SAFE_NO_PAD.encode(key.sign(&message(id, &until)).to_bytes());
    format!("/media/{id}/{until}/{signature}")
}

/// Why a link opens nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shut {
    /// It was never given out.
    Unknown,
    Expired,
}

pub(crate) fn check(key: &SigningKey, id: &Id, until: &str, signature: &str, now: Timestamp) -> Result<(), Shut> {
    let bytes: Option<[u8; 64]> = URL_SAFE_NO_PAD.decode(signature).ok().and_then(|bytes| bytes.try_into().ok());
    let signature = Signature::from_bytes(&bytes.ok_or(Shut::Unknown)?);
    key.verifying_key().verify_strict(&message(id, until), &signature).map_err(|_| Shut::Unknown)?;
    let until: i64 = until.parse().map_err(|_| Shut::Unknown)?;
    if now.as_millisecond() < until { Ok(()) } else { Err(Shut::Expired) }
}

/// No callback is signed in this form, which begins with a number.
fn message(id: &Id, until: &str) -> Vec<u8> {
    format!("media/{id}/{until}").into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_link_opens_its_own_document_for_ten_minutes() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let (id, since) = (Id::from("fax"), Timestamp::UNIX_EPOCH);
        let path = path(&key, &id, since);
        let [_, _, named, until, signature] = path.split('/').collect::<Vec<_>>().try_into().unwrap();
        let after = |seconds: i64| since + SignedDuration::from_secs(seconds);
        assert_eq!(named, "fax");
        assert_eq!(check(&key, &id, until, signature, after(599)), Ok(()));
        assert_eq!(check(&key, &id, until, signature, after(600)), Err(Shut::Expired));
        assert_eq!(check(&key, &id, "9999999999999", signature, after(0)), Err(Shut::Unknown));
        assert_eq!(check(&key, &Id::from("other"), until, signature, after(0)), Err(Shut::Unknown));
        assert_eq!(check(&SigningKey::from_bytes(&[4; 32]), &id, until, signature, after(0)), Err(Shut::Unknown));
        for forged in ["", "x", &"A".repeat(86)] {
            assert_eq!(check(&key, &id, until, forged, after(0)), Err(Shut::Unknown));
        }
    }
}
