//! Signatures: by the host where it can, else by RustCrypto.
//!
//! Envoy verifies RSASSA-PKCS1-v1_5 and ECDSA for its plugins with BoringSSL, some ten times as
//! fast as code inside wasm can. Everything else, and every host without that function, is left
//! to RustCrypto. Both sit behind `jsonwebtoken`'s `CryptoProvider`.

mod der;
pub mod host;
mod key;
mod provider;
mod software;

pub use host::{Host, NoHost};
pub use key::{Curve, Key, KeyError};

use jsonwebtoken::Algorithm as Standard;
use jsonwebtoken::crypto::CryptoProvider;

use crate::jose::{Algorithm, Hash};

/// The means to verify signatures.
#[derive(Clone, Debug)]
pub struct Crypto {
    provider: CryptoProvider,
    es512: fn(&Key, &[u8], &[u8]) -> bool,
}

impl Crypto {
    /// Everything in this program.
    pub fn software() -> Self {
        Self::with_host::<NoHost>()
    }

    /// What the host `H` can do is left to it. Where a call to it fails, this program verifies.
    pub fn with_host<H: Host>() -> Self {
        Self {
            provider: provider::provider::<H>(),
            es512: provider::verify_es512::<H>,
        }
    }

    /// Asks the host once, so that no later call is in vain where it has no such function.
    pub fn detect<H: Host>() -> Self {
        if host::is_there::<H>() {
            Self::with_host::<H>()
        } else {
            Self::software()
        }
    }

    /// Whether `signature` (in the form of RFC 7518) is that of `message` by `key`.
    ///
    /// A key that is not for `algorithm` verifies nothing.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        key: &Key,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> bool {
        if !key.fits(algorithm) {
            return false;
        }
        // Both halves of an ECDSA signature have the length of the field (RFC 7518 section 3.4).
        if let Some(curve) = key.curve()
            && signature.len() != curve.signature_len()
        {
            return false;
        }
        let Some(standard) = standard(algorithm) else {
            return (self.es512)(key, message, signature);
        };
        (self.provider.verifier_factory)(&standard, key.decoding_key())
            .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }
}

/// The name of an algorithm in `jsonwebtoken`, which does not know ES512.
fn standard(algorithm: Algorithm) -> Option<Standard> {
    Some(match algorithm {
        Algorithm::Hmac(Hash::Sha256) => Standard::HS256,
        Algorithm::Hmac(Hash::Sha384) => Standard::HS384,
        Algorithm::Hmac(Hash::Sha512) => Standard::HS512,
        Algorithm::Rsa(Hash::Sha256) => Standard::RS256,
        Algorithm::Rsa(Hash::Sha384) => Standard::RS384,
        Algorithm::Rsa(Hash::Sha512) => Standard::RS512,
        Algorithm::RsaPss(Hash::Sha256) => Standard::PS256,
        Algorithm::RsaPss(Hash::Sha384) => Standard::PS384,
        Algorithm::RsaPss(Hash::Sha512) => Standard::PS512,
        Algorithm::Ecdsa(Hash::Sha256) => Standard::ES256,
        Algorithm::Ecdsa(Hash::Sha384) => Standard::ES384,
        Algorithm::Ecdsa(Hash::Sha512) => return None,
        Algorithm::EdDsa => Standard::EdDSA,
    })
}
