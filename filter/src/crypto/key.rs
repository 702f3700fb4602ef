//! Keys that are fit to verify signatures with.

use std::fmt;

use jsonwebtoken::DecodingKey;

use super::der;
use super::software::{is_ed25519, is_on_curve};
use crate::jose::{Algorithm, Hash};

/// A key whose numbers are sound. It is turned once, at load, into what verification takes.
#[derive(Clone, Debug)]
pub struct Key {
    kind: Kind,
    /// RSA and EC: a SubjectPublicKeyInfo in DER, as the host wants it. Else the key's bytes.
    decoding: DecodingKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A modulus of so many bits.
    Rsa(usize),
    Ec(Curve),
    Ed25519,
    /// A secret of so many bytes.
    Hmac(usize),
}

/// An elliptic curve of RFC 7518 section 6.2.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// P-256, for ES256
    P256,
    /// P-384, for ES384
    P384,
    /// P-521, for ES512
    P521,
}

/// Why a key is not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The RSA modulus has fewer than 1024 or more than 4096 bits.
    ModulusSize(usize),
    /// The RSA modulus is even.
    EvenModulus,
    /// The RSA exponent is neither 3 nor 65537.
    Exponent,
    /// The point is not on the curve.
    NotOnCurve,
    /// An Ed25519 key has 32 bytes that stand for a point.
    Ed25519,
    /// The secret has so few bytes that it is for no algorithm (RFC 7518 section 3.2).
    ShortSecret(usize),
}

/// What Envoy takes at least.
const MIN_MODULUS_BITS: usize = 1024;

/// What a signature takes at least (RFC 7518 section 3.3).
const STRONG_MODULUS_BITS: usize = 2048;

/// What RustCrypto verifies; more would cost an unbounded amount of time for every forged token.
const MAX_MODULUS_BITS: usize = 4096;

// === impl Key ===

impl Key {
    /// An RSA key of these big-endian numbers. The exponents are those that Envoy takes.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let (n, e) = (without_zeros(n), without_zeros(e));
        let leading = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        let bits = n.len().saturating_mul(8).saturating_sub(leading);
        if !(MIN_MODULUS_BITS..=MAX_MODULUS_BITS).contains(&bits) {
            return Err(KeyError::ModulusSize(bits));
        }
        if n.last().is_none_or(|byte| byte.is_multiple_of(2)) {
            return Err(KeyError::EvenModulus);
        }
        if e != [3] && e != [1, 0, 1] {
            return Err(KeyError::Exponent);
        }
        Ok(Self {
            kind: Kind::Rsa(bits),
            decoding: DecodingKey::from_rsa_der(&der::rsa_key_info(n, e)),
        })
    }

    /// The point of these big-endian coordinates.
    pub fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        let mut point = vec![4];
        for coordinate in [x, y].map(without_zeros) {
            let padding = curve
                .field_len()
                .checked_sub(coordinate.len())
                .ok_or(KeyError::NotOnCurve)?;
            point.resize(point.len().saturating_add(padding), 0);
            point.extend_from_slice(coordinate);
        }
        if !is_on_curve(curve, &point) {
            return Err(KeyError::NotOnCurve);
        }
        Ok(Self {
            kind: Kind::Ec(curve),
            decoding: DecodingKey::from_ec_der(&der::key_info(curve.identifier(), &point)),
        })
    }

    /// An Ed25519 key (RFC 8037 section 2).
    pub fn ed25519(x: &[u8]) -> Result<Self, KeyError> {
        if !is_ed25519(x) {
            return Err(KeyError::Ed25519);
        }
        Ok(Self {
            kind: Kind::Ed25519,
            decoding: DecodingKey::from_ed_der(x),
        })
    }

    /// A shared secret.
    pub fn hmac(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < Hash::Sha256.len() {
            return Err(KeyError::ShortSecret(secret.len()));
        }
        Ok(Self {
            kind: Kind::Hmac(secret.len()),
            decoding: DecodingKey::from_secret(secret),
        })
    }

    /// Whether keys of this type and curve are for `algorithm`.
    pub fn is_of_type(&self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Rsa(_) | Algorithm::RsaPss(_) => matches!(self.kind, Kind::Rsa(_)),
            Algorithm::Ecdsa(hash) => self.kind == Kind::Ec(Curve::of(hash)),
            Algorithm::EdDsa => self.kind == Kind::Ed25519,
            Algorithm::Hmac(_) => matches!(self.kind, Kind::Hmac(_)),
        }
    }

    /// Whether it may verify signatures of `algorithm`: by its type and its size. Unlike in Envoy
    /// an RSA key must have 2048 bits and a secret the length of the hash (RFC 7518 sections 3.2,
    /// 3.3 and 3.5): less can be found out.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        let long_enough = match (self.kind, algorithm) {
            (Kind::Hmac(len), Algorithm::Hmac(hash)) => len >= hash.len(),
            (Kind::Rsa(bits), _) => bits >= STRONG_MODULUS_BITS,
            _ => true,
        };
        long_enough && self.is_of_type(algorithm)
    }

    /// Whether it is an Ed25519 key.
    pub fn is_ed25519(&self) -> bool {
        self.kind == Kind::Ed25519
    }

    /// Whether it is an RSA key that is too small for signatures.
    pub fn is_small_rsa(&self) -> bool {
        matches!(self.kind, Kind::Rsa(bits) if bits < STRONG_MODULUS_BITS)
    }

    pub(super) fn curve(&self) -> Option<Curve> {
        match self.kind {
            Kind::Ec(curve) => Some(curve),
            _ => None,
        }
    }

    pub(super) fn decoding_key(&self) -> &DecodingKey {
        &self.decoding
    }
}

// === impl Curve ===

impl Curve {
    /// The curve of this `crv`.
    pub fn new(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "P-521" => Some(Self::P521),
            _ => None,
        }
    }

    /// The curve of the ECDSA algorithm with this hash.
    pub fn of(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::P256,
            Hash::Sha384 => Self::P384,
            Hash::Sha512 => Self::P521,
        }
    }

    /// The bytes of a signature: two integers of the size of the field.
    pub fn signature_len(self) -> usize {
        self.field_len().saturating_mul(2)
    }

    fn field_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// `id-ecPublicKey` and the named curve (RFC 5480 section 2.1.1), as an AlgorithmIdentifier.
    fn identifier(self) -> &'static [u8] {
        match self {
            Self::P256 => &[
                0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
                0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
            ],
            Self::P384 => &[
                0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
                0x81, 0x04, 0x00, 0x22,
            ],
            Self::P521 => &[
                0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
                0x81, 0x04, 0x00, 0x23,
            ],
        }
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

// === impl KeyError ===

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ModulusSize(bits) => write!(
                f,
                "RSA modulus has {bits} bits, must have {MIN_MODULUS_BITS} to {MAX_MODULUS_BITS}"
            ),
            Self::EvenModulus => f.write_str("RSA modulus is even"),
            Self::Exponent => f.write_str("RSA exponent is neither 3 nor 65537"),
            Self::NotOnCurve => f.write_str("point is not on the curve"),
            Self::Ed25519 => f.write_str("`x` is not an Ed25519 key of 32 bytes"),
            Self::ShortSecret(len) => write!(
                f,
                "secret has {len} bytes, must have at least {}",
                Hash::Sha256.len()
            ),
        }
    }
}

impl std::error::Error for KeyError {}
