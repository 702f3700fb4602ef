//! One key of a key set (RFC 7517).

use std::fmt;

use super::{Algorithm, base64url};
use crate::crypto::{Curve, Key, KeyError};
use crate::json::{Map, Value};

/// A key that can verify signatures.
#[derive(Clone, Debug)]
pub struct Jwk {
    /// `kid`; an empty one counts as none.
    pub id: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
    /// The key itself.
    pub key: Key,
}

/// What a key is for (RFC 7517 sections 4.2 to 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signatures of any algorithm that its type allows.
    AnySignature,
    /// Signatures of this `alg`.
    Only(Algorithm),
    /// No signatures: `use` or `key_ops` say something else. Envoy would take it all the same.
    Other,
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwkError {
    /// It is not a JSON object.
    NotObject,
    /// This member is missing or not a string.
    Missing(&'static str),
    /// This member is not base64url.
    BadBase64(&'static str),
    /// `kty` is not RSA, EC, OKP or oct.
    UnknownType(String),
    /// `crv` is not one that is supported.
    UnknownCurve(String),
    /// `alg` is not supported, or not for keys of this type or curve.
    BadAlgorithm(String),
    /// Its numbers are not those of a good key.
    Key(KeyError),
}

impl Jwk {
    /// Reads a key. Private members and certificates are passed over, as in Envoy.
    pub fn read(value: &Value) -> Result<Self, JwkError> {
        let map = value.as_object().ok_or(JwkError::NotObject)?;
        let purpose = purpose(map)?;
        let key = match required(map, "kty")? {
            "RSA" => Key::rsa(&bytes(map, "n")?, &bytes(map, "e")?),
            "EC" => Key::ec(curve(map, purpose)?, &bytes(map, "x")?, &bytes(map, "y")?),
            "OKP" => match required(map, "crv")? {
                "Ed25519" => Key::ed25519(&bytes(map, "x")?),
                other => return Err(JwkError::UnknownCurve(other.to_owned())),
            },
            "oct" => Key::hmac(&bytes(map, "k")?),
            other => return Err(JwkError::UnknownType(other.to_owned())),
        }
        .map_err(JwkError::Key)?;
        match purpose {
            Purpose::Only(algorithm) if !key.is_of_type(algorithm) => Err(JwkError::BadAlgorithm(
                optional(map, "alg").unwrap_or_default().to_owned(),
            )),
            _ => Ok(Self {
                id: optional(map, "kid")
                    .filter(|id| !id.is_empty())
                    .map(str::to_owned),
                purpose,
                key,
            }),
        }
    }
}

impl Jwk {
    /// Whether it is for signatures and too small for every one of them: worth a warning.
    pub fn is_too_small(&self) -> bool {
        match self.purpose {
            Purpose::Only(algorithm) => !self.key.fits(algorithm),
            Purpose::AnySignature => self.key.is_small_rsa(),
            Purpose::Other => false,
        }
    }
}

fn purpose(map: &Map) -> Result<Purpose, JwkError> {
    let verifies = |operation: &Value| operation.as_str() == Some("verify");
    let for_signatures = optional(map, "use").is_none_or(|name| name == "sig")
        && map
            .get("key_ops")
            .and_then(Value::as_list)
            .is_none_or(|operations| operations.iter().any(verifies));
    match optional(map, "alg").filter(|name| !name.is_empty()) {
        _ if !for_signatures => Ok(Purpose::Other),
        None => Ok(Purpose::AnySignature),
        Some(name) => Algorithm::new(name)
            .map(Purpose::Only)
            .ok_or_else(|| JwkError::BadAlgorithm(name.to_owned())),
    }
}

/// `crv`; where it is missing, as some issuers have it, `alg` says it, and P-256 else.
fn curve(map: &Map, purpose: Purpose) -> Result<Curve, JwkError> {
    match map.get("crv") {
        None => Ok(match purpose {
            Purpose::Only(Algorithm::Ecdsa(hash)) => Curve::of(hash),
            _ => Curve::P256,
        }),
        Some(Value::String(name)) => {
            Curve::new(name).ok_or_else(|| JwkError::UnknownCurve(name.to_string()))
        }
        Some(_) => Err(JwkError::Missing("crv")),
    }
}

fn optional<'a>(map: &'a Map, name: &str) -> Option<&'a str> {
    map.get(name).and_then(Value::as_str)
}

fn required<'a>(map: &'a Map, name: &'static str) -> Result<&'a str, JwkError> {
    optional(map, name).ok_or(JwkError::Missing(name))
}

fn bytes(map: &Map, name: &'static str) -> Result<Vec<u8>, JwkError> {
    base64url(required(map, name)?.as_bytes()).ok_or(JwkError::BadBase64(name))
}

impl fmt::Display for JwkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotObject => f.write_str("is not an object"),
            Self::Missing(name) => write!(f, "`{name}` must be there and a string"),
            Self::BadBase64(name) => write!(f, "`{name}` is not base64url without padding"),
            Self::UnknownType(name) => {
                write!(f, "`kty` `{name}` is not one of RSA, EC, OKP, oct")
            }
            Self::UnknownCurve(name) => {
                write!(
                    f,
                    "`crv` `{name}` is not one of P-256, P-384, P-521, Ed25519"
                )
            }
            Self::BadAlgorithm(name) => {
                write!(f, "`alg` `{name}` does not sign with a key of this type")
            }
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for JwkError {}
