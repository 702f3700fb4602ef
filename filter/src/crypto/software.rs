//! Verification in this program, by RustCrypto: for what the host does not do.

use ed25519_dalek::VerifyingKey;
use hmac::{Hmac, Mac};
use jsonwebtoken::crypto::JwtVerifier;
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey};
use p256::ecdsa as p256_ecdsa;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p384::ecdsa as p384_ecdsa;
use p521::ecdsa as p521_ecdsa;
use rsa::pkcs8::DecodePublicKey;
use rsa::traits::SignatureScheme;
use rsa::{Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{Curve, der};

/// A verifier for a key made by [`Key`](super::Key).
pub struct Software {
    /// What signatures it verifies.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
}

/// Whether `point` (uncompressed, SEC 1 section 2.3.3) is on the curve.
pub fn is_on_curve(curve: Curve, point: &[u8]) -> bool {
    match curve {
        Curve::P256 => p256_ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
        Curve::P384 => p384_ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
        Curve::P521 => p521_ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
    }
}

/// Whether this is an Ed25519 key.
pub fn is_ed25519(key: &[u8]) -> bool {
    ed25519(key).is_some()
}

/// ECDSA with the hash that goes with the curve (RFC 7518 section 3.4); `info` is a
/// SubjectPublicKeyInfo.
pub fn verify_ecdsa(curve: Curve, info: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some(point) = der::public_key(info) else {
        return false;
    };
    match curve {
        Curve::P256 => p256_ecdsa::VerifyingKey::from_sec1_bytes(point).and_then(|key| {
            let signature = p256_ecdsa::Signature::from_slice(signature)?;
            key.verify_prehash(&Sha256::digest(message), &signature)
        }),
        Curve::P384 => p384_ecdsa::VerifyingKey::from_sec1_bytes(point).and_then(|key| {
            let signature = p384_ecdsa::Signature::from_slice(signature)?;
            key.verify_prehash(&Sha384::digest(message), &signature)
        }),
        Curve::P521 => p521_ecdsa::VerifyingKey::from_sec1_bytes(point).and_then(|key| {
            let signature = p521_ecdsa::Signature::from_slice(signature)?;
            key.verify_prehash(&Sha512::digest(message), &signature)
        }),
    }
    .is_ok()
}

impl Software {
    fn is_good(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = self.key.try_get_as_bytes() else {
            return false;
        };
        match self.algorithm {
            Algorithm::HS256 => hmac::<Hmac<Sha256>>(key, message, signature),
            Algorithm::HS384 => hmac::<Hmac<Sha384>>(key, message, signature),
            Algorithm::HS512 => hmac::<Hmac<Sha512>>(key, message, signature),
            Algorithm::RS256 => rsa(
                key,
                &Sha256::digest(message),
                signature,
                Pkcs1v15Sign::new::<Sha256>(),
            ),
            Algorithm::RS384 => rsa(
                key,
                &Sha384::digest(message),
                signature,
                Pkcs1v15Sign::new::<Sha384>(),
            ),
            Algorithm::RS512 => rsa(
                key,
                &Sha512::digest(message),
                signature,
                Pkcs1v15Sign::new::<Sha512>(),
            ),
            Algorithm::PS256 => rsa(
                key,
                &Sha256::digest(message),
                signature,
                Pss::new::<Sha256>(),
            ),
            Algorithm::PS384 => rsa(
                key,
                &Sha384::digest(message),
                signature,
                Pss::new::<Sha384>(),
            ),
            Algorithm::PS512 => rsa(
                key,
                &Sha512::digest(message),
                signature,
                Pss::new::<Sha512>(),
            ),
            Algorithm::ES256 => verify_ecdsa(Curve::P256, key, message, signature),
            Algorithm::ES384 => verify_ecdsa(Curve::P384, key, message, signature),
            Algorithm::EdDSA => ed25519(key)
                .zip(ed25519_dalek::Signature::from_slice(signature).ok())
                .is_some_and(|(key, signature)| key.verify(message, &signature).is_ok()),
            _ => false,
        }
    }
}

impl Verifier<Vec<u8>> for Software {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Error> {
        if self.is_good(message, signature) {
            Ok(())
        } else {
            Err(Error::new())
        }
    }
}

impl JwtVerifier for Software {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// In constant time.
fn hmac<M: Mac + hmac::digest::KeyInit>(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    <M as Mac>::new_from_slice(key)
        .is_ok_and(|mac| mac.chain_update(message).verify_slice(signature).is_ok())
}

fn rsa(info: &[u8], digest: &[u8], signature: &[u8], scheme: impl SignatureScheme) -> bool {
    RsaPublicKey::from_public_key_der(info)
        .is_ok_and(|key| key.verify(scheme, digest, signature).is_ok())
}

fn ed25519(key: &[u8]) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(key.try_into().ok()?).ok()
}
