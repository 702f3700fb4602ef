//! JSON Web Tokens, signatures and keys (RFC 7515, 7517, 7518, 7519, 8037), read strictly.
//!
//! Everything that a conforming issuer sends is answered as Envoy's `jwt_authn` answers it, with
//! the same words. What only an attacker sends and Envoy lets pass is refused: see
//! [`jwt::Jwt::parse`] and [`key_set::KeySet::verify`].

mod algorithm;
pub mod jwk;
pub mod jwt;
pub mod key_set;
mod status;

pub use algorithm::{Algorithm, Hash};
pub use jwk::{Jwk, JwkError, Purpose};
pub use jwt::{Jwt, LastHeader, Registered, Validity};
pub use key_set::{KeySet, KeySetError};
pub use status::JwtStatus;

use base64_simd::URL_SAFE_NO_PAD;

/// Decodes base64url without padding (RFC 7515 section 2); only the canonical form is accepted, so
/// that no two texts stand for the same bytes.
fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}
