//! Signed tokens: JSON Web Signature in its compact form (RFC 7515), as JSON Web Tokens have it (RFC 7519).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A key that signs with ES256: ECDSA on P-256 with SHA-256 (RFC 7518, section 3.4).
pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl SigningKey {
    /// A new key in PKCS #8.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(super) fn generate() -> Result<Vec<u8>, String> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        made.map(|key| key.as_ref().to_vec()).map_err(|e| e.to_string())
    }

    /// # Errors
    /// When it is no such key.
    pub(super) fn from_pkcs8(bytes: &[u8]) -> Result<Self, String> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &random).map_err(|e| e.to_string())?;
        Ok(Self { pair, random })
    }

    /// The key that verifies, as a JSON Web Key (RFC 7517; RFC 7518, section 6.2.1).
    pub(super) fn public(&self) -> Value {
        // One byte that says "uncompressed", then the two coordinates (SEC 1, section 2.3.3).
        let point = self.pair.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(point));
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        })
    }

    /// # Errors
    /// When the system has no randomness.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, String> {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": self.public()["kid"]});
        let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = self.pair.sign(&self.random, message.as_bytes()).map_err(|e| e.to_string())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// A token as it came: nothing of it is true yet.
pub(super) struct Token<'a> {
    header: Value,
    /// What is signed.
    message: &'a str,
    claims: Value,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// None for what has not the form of a signed token.
    pub(super) fn parse(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let part = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        Some(Self { header: part(header)?, message, claims: part(claims)?, signature: URL_SAFE_NO_PAD.decode(signature).ok()? })
    }

    /// Which of the issuer's keys it says to be signed with.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header["kid"].as_str()
    }

    /// The claims, if the key signed them. It is the key that says how: the token's own `alg` must be that of the key's kind.
    pub(super) fn verified(self, key: &Value) -> Option<Value> {
        let bytes = |field: &str| URL_SAFE_NO_PAD.decode(key[field].as_str()?).ok();
        let message = self.message.as_bytes();
        let verified = match (key["kty"].as_str()?, self.header["alg"].as_str()?) {
            ("RSA", "RS256") => {
                let key = RsaPublicKeyComponents { n: bytes("n")?, e: bytes("e")? };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, &self.signature)
            }
            ("EC", "ES256") if key["crv"] == "P-256" => {
                let point = [vec![4], bytes("x")?, bytes("y")?].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, &self.signature)
            }
            _ => return None,
        };
        verified.ok().map(|()| self.claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The claims of the examples of RFC 7515, appendices A.2 and A.3.
    const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RS256: &str = "eyJhbGciOiJSUzI1NiJ9";
    const ES256: &str = "eyJhbGciOiJFUzI1NiJ9";
    const RSA_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const EC_SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn rsa() -> Value {
        json!({"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})
    }

    fn ec() -> Value {
        json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    fn issuer(header: &str, signature: &str, key: &Value) -> Option<String> {
        let token = format!("{header}.{CLAIMS}.{signature}");
        Some(Token::parse(&token)?.verified(key)?["iss"].as_str()?.to_owned())
    }

    #[test]
    fn the_examples_of_the_rfc_are_verified_and_nothing_else_is() {
        let joe = Some("joe".to_owned());
        assert_eq!(issuer(RS256, RSA_SIGNATURE, &rsa()), joe);
        assert_eq!(issuer(ES256, EC_SIGNATURE, &ec()), joe);
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        for (header, signature, key) in [
            (RS256, RSA_SIGNATURE, ec()),
            (ES256, RSA_SIGNATURE, rsa()),
            (RS256, EC_SIGNATURE, rsa()),
            (ES256, "", ec()),
            (&none, "", rsa()),
            (RS256, &RSA_SIGNATURE.replacen('c', "d", 1), rsa()),
            (ES256, &EC_SIGNATURE.replacen('D', "E", 1), ec()),
        ] {
            assert_eq!(issuer(header, signature, &key), None, "{header} {signature}");
        }
    }

    #[test]
    fn what_a_new_key_signs_its_public_key_verifies() {
        let key = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let token = key.sign(&json!({"iss": "here"})).unwrap();
        let parsed = Token::parse(&token).unwrap();
        assert_eq!(parsed.key_id(), key.public()["kid"].as_str());
        assert_eq!(parsed.verified(&key.public()), Some(json!({"iss": "here"})));
        let other = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        assert_eq!(Token::parse(&token).unwrap().verified(&other.public()), None);
    }
}
