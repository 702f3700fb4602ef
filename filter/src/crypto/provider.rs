//! A `CryptoProvider` that asks the host first.

use std::marker::PhantomData;

use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use p521::ecdsa as p521_ecdsa;

use super::{Curve, Host, Key, der, host};
use crate::jose::Hash;

/// Verifies for keys made by [`Key`]. It signs nothing and derives nothing from keys: what could
/// panic or is not needed is not there.
pub fn provider<H: Host>() -> CryptoProvider {
    CryptoProvider {
        signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
        verifier_factory: verifier::<H>,
        key_utils: KeyUtils {
            rsa_pub_components_from_private_key: |_| Err(ErrorKind::UnsupportedAlgorithm.into()),
            rsa_pub_components_from_public_key: |_| Err(ErrorKind::UnsupportedAlgorithm.into()),
            ec_pub_components_from_private_key: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
            ed_pub_components_from_private_key: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
            compute_digest: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
        },
    }
}

/// ECDSA with P-521 and SHA-512, which `jsonwebtoken` does not know.
pub fn verify_es512<H: Host>(key: &Key, message: &[u8], signature: &[u8]) -> bool {
    let Ok(info) = key.decoding_key().try_get_as_bytes() else {
        return false;
    };
    let der = der::ecdsa_signature(signature);
    ask::<H>(Hash::Sha512, info, &der, message).unwrap_or_else(|| {
        let key = der::public_key(info)
            .and_then(|point| p521_ecdsa::VerifyingKey::from_sec1_bytes(point).ok());
        let signature = p521_ecdsa::Signature::from_slice(signature);
        match (key, signature) {
            (Some(key), Ok(signature)) => key.verify(message, &signature).is_ok(),
            _ => false,
        }
    })
}

/// Whether `point` (uncompressed, SEC 1 section 2.3.3) is on the curve.
pub fn is_on_curve(curve: Curve, point: &[u8]) -> bool {
    let algorithm = match curve {
        Curve::P256 => Algorithm::ES256,
        Curve::P384 => Algorithm::ES384,
        Curve::P521 => return p521_ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
    };
    (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &DecodingKey::from_ec_der(point)).is_ok()
}

/// Whether this is an Ed25519 key.
pub fn is_ed25519(key: &DecodingKey) -> bool {
    (DEFAULT_PROVIDER.verifier_factory)(&Algorithm::EdDSA, key).is_ok()
}

fn verifier<H: Host>(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let hash = match algorithm {
        Algorithm::RS256 | Algorithm::ES256 => Hash::Sha256,
        Algorithm::RS384 | Algorithm::ES384 => Hash::Sha384,
        Algorithm::RS512 => Hash::Sha512,
        _ => return software(*algorithm, key),
    };
    Ok(Box::new(HostFirst::<H> {
        algorithm: *algorithm,
        hash,
        key: key.clone(),
        host: PhantomData,
    }))
}

/// RustCrypto's verifier. It wants the public key out of the SubjectPublicKeyInfo.
fn software(algorithm: Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let family = algorithm.family();
    if !matches!(family, AlgorithmFamily::Rsa | AlgorithmFamily::Ec) {
        return (DEFAULT_PROVIDER.verifier_factory)(&algorithm, key);
    }
    let inner = der::public_key(key.try_get_as_bytes()?).ok_or(ErrorKind::InvalidKeyFormat)?;
    let key = match family {
        AlgorithmFamily::Rsa => DecodingKey::from_rsa_der(inner),
        _ => DecodingKey::from_ec_der(inner),
    };
    (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &key)
}

/// What the host says; `None` when it does not answer.
fn ask<H: Host>(hash: Hash, info: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
    host::decode(&H::verify_signature(&host::encode(
        hash, info, signature, text,
    ))?)
}

struct HostFirst<H> {
    algorithm: Algorithm,
    hash: Hash,
    key: DecodingKey,
    host: PhantomData<fn() -> H>,
}

impl<H: Host> Verifier<Vec<u8>> for HostFirst<H> {
    fn verify(
        &self,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> std::result::Result<(), signature::Error> {
        let info = self
            .key
            .try_get_as_bytes()
            .map_err(signature::Error::from_source)?;
        let answer = match self.algorithm.family() {
            AlgorithmFamily::Ec => {
                ask::<H>(self.hash, info, &der::ecdsa_signature(signature), message)
            }
            _ => ask::<H>(self.hash, info, signature, message),
        };
        match answer {
            Some(true) => Ok(()),
            Some(false) => Err(signature::Error::new()),
            None => software(self.algorithm, &self.key)
                .map_err(signature::Error::from_source)?
                .verify(message, signature),
        }
    }
}

impl<H: Host> JwtVerifier for HostFirst<H> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
