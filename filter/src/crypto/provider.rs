//! A `CryptoProvider` that asks the host first.

use std::marker::PhantomData;

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

use super::software::{Software, verify_ecdsa};
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
    ask::<H>(Hash::Sha512, info, &der, message)
        .unwrap_or_else(|| verify_ecdsa(Curve::P521, info, message, signature))
}

fn verifier<H: Host>(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let hash = match algorithm {
        Algorithm::RS256 | Algorithm::ES256 => Hash::Sha256,
        Algorithm::RS384 | Algorithm::ES384 => Hash::Sha384,
        Algorithm::RS512 => Hash::Sha512,
        _ => return Ok(Box::new(software(*algorithm, key))),
    };
    Ok(Box::new(HostFirst::<H> {
        algorithm: *algorithm,
        hash,
        info: key.try_get_as_bytes()?.into(),
        host: PhantomData,
    }))
}

fn software(algorithm: Algorithm, key: &DecodingKey) -> Software {
    Software {
        algorithm,
        key: key.clone(),
    }
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
    /// The key as SubjectPublicKeyInfo, which is public: a [`DecodingKey`] would be wiped each time.
    info: Box<[u8]>,
    host: PhantomData<fn() -> H>,
}

impl<H: Host> Verifier<Vec<u8>> for HostFirst<H> {
    fn verify(
        &self,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> std::result::Result<(), signature::Error> {
        let info = &self.info;
        let is_ec = self.algorithm.family() == AlgorithmFamily::Ec;
        let answer = if is_ec {
            ask::<H>(self.hash, info, &der::ecdsa_signature(signature), message)
        } else {
            ask::<H>(self.hash, info, signature, message)
        };
        match answer {
            Some(true) => Ok(()),
            Some(false) => Err(signature::Error::new()),
            None => {
                let key = if is_ec {
                    DecodingKey::from_ec_der(info)
                } else {
                    DecodingKey::from_rsa_der(info)
                };
                let algorithm = self.algorithm;
                Software { algorithm, key }.verify(message, signature)
            }
        }
    }
}

impl<H: Host> JwtVerifier for HostFirst<H> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
