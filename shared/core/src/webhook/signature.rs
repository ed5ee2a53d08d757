//! How a receiver knows that a webhook is ours: two schemes on one secret, over the exact bytes that are sent.
//!
//! - `X-SFM-Signature: t=…,v1=…` (the API reference; Stripe's form): HMAC-SHA256 over `{t}.{body}`, keyed on the whole `whsec_…` text,
//!   in hex. Receivers that split the header into a map keep the last `v1`.
//! - `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,…` (Standard Webhooks): HMAC-SHA256 over `{id}.{timestamp}.{body}`, keyed
//!   on the bytes that the text behind `whsec_` is the base64 of, in base64.
//!
//! While a secret is being rotated each header has a signature of both, the new one first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

use crate::hex;
use crate::id::EventId;
use crate::secret::Secret;

/// The headers of one attempt, by name.
pub type Headers = [(&'static str, String); 4];

/// Signs `body` with each of `secrets`, newest first.
pub fn sign<'s>(secrets: impl Iterator<Item = &'s Secret>, id: EventId, at: Timestamp, body: &[u8]) -> Headers {
    let seconds = at.as_second().to_string();
    let id = id.to_string();
    let mut stripe = format!("t={seconds}");
    let mut standard = Vec::new();
    for secret in secrets {
        let text = secret.expose();
        stripe.push_str(&format!(",v1={}", hex(&mac(text.as_bytes(), &[seconds.as_bytes(), b".", body]))));
        let key = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).unwrap_or_default();
        standard.push(format!("v1,{}", STANDARD.encode(mac(&key, &[id.as_bytes(), b".", seconds.as_bytes(), b".", body]))));
    }
    [("x-sfm-signature", stripe), ("webhook-id", id), ("webhook-timestamp", seconds), ("webhook-signature", standard.join(" "))]
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length (RFC 2104).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's reference implementations.
    #[test]
    fn the_standards_example_is_signed_as_the_standard_says() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap_or_default();
        let parts: [&[u8]; 5] = [b"msg_p5jXN8AQM9LWM0D4loKWxJek", b".", b"1614265330", b".", br#"{"test": 2432232314}"#];
        assert_eq!(STANDARD.encode(mac(&key, &parts)), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_has_its_signature_new_first() {
        let secrets = ["whsec_bmV3", "whsec_b2xk"].map(Secret::new);
        let at = Timestamp::from_second(1_800_000_000).unwrap_or_default();
        let id = EventId::generate(at);
        let both = sign(secrets.iter(), id, at, b"{}");
        let [new, old] = [0, 1].map(|i| sign(secrets[i..=i].iter(), id, at, b"{}"));
        let v1 = |headers: &Headers| headers[0].1.split_once(",v1=").map(|(_, v1)| v1.to_owned()).unwrap_or_default();
        assert_eq!(both[0].1, format!("t=1800000000,v1={},v1={}", v1(&new), v1(&old)));
        assert_eq!(both[3].1, format!("{} {}", new[3].1, old[3].1));
        assert_eq!((both[1].1.clone(), both[2].1.as_str()), (id.to_string(), "1800000000"));
    }
}
