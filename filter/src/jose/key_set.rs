//! The keys of an issuer (RFC 7517 section 5).

use std::fmt;

use super::{Jwk, JwkError, Jwt, JwtStatus, Purpose};
use crate::crypto::Crypto;
use crate::json::{self, JsonError, Value};

/// The largest key set that is read, in bytes.
pub const MAX_LEN: usize = 1024 * 1024;

/// The most keys in a set: a token without `kid` is tried on each of them.
const MAX_KEYS: usize = 256;

const MAX_DEPTH: usize = 16;

const ED25519_SIGNATURE_LEN: usize = 64;

/// At least one key that can verify signatures.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Vec<Jwk>,
}

/// Why a document is not a key set.
#[derive(Debug)]
pub enum KeySetError {
    /// It is larger than a key set may be.
    TooLarge,
    /// It is not JSON.
    Json(JsonError),
    /// It has no `keys`, or they are not an array.
    NoKeys,
    /// There are more keys than a set may have.
    TooManyKeys(usize),
    /// None of the keys can be used; why each of them cannot.
    NoUsableKey(Vec<JwkError>),
}

impl KeySet {
    /// Reads a key set. Keys that cannot be used are passed over as long as one can: issuers
    /// publish keys for other purposes beside those for signatures.
    ///
    /// Unlike in Envoy, a map of key id to certificate in PEM is refused.
    pub fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        if text.len() > MAX_LEN {
            return Err(KeySetError::TooLarge);
        }
        let document = json::parse(text, MAX_DEPTH).map_err(KeySetError::Json)?;
        let list = document
            .as_object()
            .and_then(|map| map.get("keys"))
            .and_then(Value::as_list)
            .ok_or(KeySetError::NoKeys)?;
        if list.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys(list.len()));
        }
        let (mut keys, mut errors) = (Vec::new(), Vec::new());
        for value in list {
            match Jwk::read(value) {
                Ok(key) => keys.push(key),
                Err(error) => errors.push(error),
            }
        }
        match keys.is_empty() {
            true => Err(KeySetError::NoUsableKey(errors)),
            false => Ok(Self { keys }),
        }
    }

    /// The keys, in the order of the document.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Whether a key with this `kid` is in the set.
    pub fn has_key_id(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// Verifies the signature of a token with any key whose `kid` and `alg` are not others.
    ///
    /// A key verifies only what its type is for (RFC 8725 section 3.1): an RSA key is no HMAC
    /// secret, and a curve has its own algorithm. Envoy leaves that to the `alg` of the key. Nor
    /// does a key of another type end the search, as an Ed25519 key does in Envoy.
    pub fn verify(&self, jwt: &Jwt<'_>, crypto: &Crypto) -> Result<(), JwtStatus> {
        let mut status = JwtStatus::NoMatchingKey;
        for jwk in self.keys.iter().filter(|jwk| is_candidate(jwk, jwt)) {
            if jwk.key.fits(jwt.algorithm)
                && crypto.verify(jwt.algorithm, &jwk.key, jwt.signed, &jwt.signature)
            {
                return Ok(());
            }
            status = match status {
                JwtStatus::Ed25519SignatureLength => status,
                _ if jwk.key.is_ed25519() && jwt.signature.len() != ED25519_SIGNATURE_LEN => {
                    JwtStatus::Ed25519SignatureLength
                }
                _ => JwtStatus::VerificationFailed,
            };
        }
        Err(status)
    }
}

fn is_candidate(jwk: &Jwk, jwt: &Jwt<'_>) -> bool {
    let other_id = matches!((&jwk.id, &jwt.key_id), (Some(a), Some(b)) if **a != **b);
    let right_purpose = match jwk.purpose {
        Purpose::AnySignature => true,
        Purpose::Only(algorithm) => algorithm == jwt.algorithm,
        Purpose::Other => false,
    };
    right_purpose && !other_id
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "is larger than {MAX_LEN} bytes"),
            Self::Json(error) => write!(f, "is not JSON: {error}"),
            Self::NoKeys => f.write_str("has no array `keys`"),
            Self::TooManyKeys(count) => {
                write!(f, "has {count} keys, at most {MAX_KEYS} are read")
            }
            Self::NoUsableKey(errors) => {
                f.write_str("has no usable key")?;
                for (index, error) in errors.iter().enumerate() {
                    let separator = if index == 0 { ": " } else { ", " };
                    write!(f, "{separator}keys[{index}] {error}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for KeySetError {}
