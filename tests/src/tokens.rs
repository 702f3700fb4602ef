//! Signing keys, and tokens as good or as bad as a test wants.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPrivateKey, traits::PublicKeyParts};
use serde_json::{Value, json};

use crate::Error;

/// An RSA key that signs RS256 tokens.
pub struct SigningKey {
    id: String,
    key: EncodingKey,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl SigningKey {
    /// A new key (2048 bits) with this id.
    ///
    /// # Errors
    /// When there is no key to be had.
    pub fn generate(id: &str) -> Result<Self, Error> {
        let private = RsaPrivateKey::new(&mut rand::rngs::OsRng, 2048)?;
        Ok(Self {
            id: id.to_owned(),
            key: EncodingKey::from_rsa_der(private.to_pkcs1_der()?.as_bytes()),
            modulus: private.n().to_bytes_be(),
            exponent: private.e().to_bytes_be(),
        })
    }

    /// Its public part as a JWK (RFC 7517).
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.id,
            "n": URL_SAFE_NO_PAD.encode(&self.modulus),
            "e": URL_SAFE_NO_PAD.encode(&self.exponent),
        })
    }

    /// The modulus, which a confused verifier might take for an HMAC secret.
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// A well-formed token with these claims.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn token(&self, claims: &Value) -> Result<String, Error> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.id});
        self.sign(header.to_string(), claims.to_string())
    }

    /// A properly signed token whose header and payload are these bytes.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign(
        &self,
        header: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> Result<String, Error> {
        signed(header, payload, &self.key, Algorithm::RS256)
    }
}

/// A token whose signature is an HMAC with this secret (HS256).
///
/// # Errors
/// When it cannot be signed.
pub fn hmac(
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
    secret: &[u8],
) -> Result<String, Error> {
    signed(
        header,
        payload,
        &EncodingKey::from_secret(secret),
        Algorithm::HS256,
    )
}

/// A token with this signature, whatever it is worth.
pub fn unsigned(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>, signature: &str) -> String {
    format!(
        "{}.{}.{signature}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    )
}

/// A key set (RFC 7517, section 5) of these keys.
pub fn jwks<'a>(keys: impl IntoIterator<Item = &'a SigningKey>) -> Value {
    let keys: Vec<Value> = keys.into_iter().map(SigningKey::jwk).collect();
    json!({"keys": keys})
}

/// The time now, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn signed(
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
    key: &EncodingKey,
    algorithm: Algorithm,
) -> Result<String, Error> {
    let message = unsigned(header, payload, "");
    let message = message.trim_end_matches('.');
    Ok(format!(
        "{message}.{}",
        crypto::sign(message.as_bytes(), key, algorithm)?
    ))
}
