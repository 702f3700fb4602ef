//! Signature algorithms of RFC 7518 section 3.1 and RFC 8037.

/// An algorithm that a token can be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-2 (`HS256`, `HS384`, `HS512`).
    Hmac(Hash),
    /// RSASSA-PKCS1-v1_5 (`RS256`, `RS384`, `RS512`).
    Rsa(Hash),
    /// RSASSA-PSS (`PS256`, `PS384`, `PS512`).
    RsaPss(Hash),
    /// ECDSA; the hash names the curve too (`ES256`, `ES384`, `ES512`).
    Ecdsa(Hash),
    /// Ed25519 (`EdDSA`).
    EdDsa,
}

/// A hash function of the SHA-2 family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

impl Algorithm {
    /// The algorithm of this `alg`; names are case-sensitive (RFC 7515 section 4.1.1). `None` for
    /// `none` and everything else that is not supported.
    pub fn new(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hmac(Hash::Sha256),
            "HS384" => Self::Hmac(Hash::Sha384),
            "HS512" => Self::Hmac(Hash::Sha512),
            "RS256" => Self::Rsa(Hash::Sha256),
            "RS384" => Self::Rsa(Hash::Sha384),
            "RS512" => Self::Rsa(Hash::Sha512),
            "PS256" => Self::RsaPss(Hash::Sha256),
            "PS384" => Self::RsaPss(Hash::Sha384),
            "PS512" => Self::RsaPss(Hash::Sha512),
            "ES256" => Self::Ecdsa(Hash::Sha256),
            "ES384" => Self::Ecdsa(Hash::Sha384),
            "ES512" => Self::Ecdsa(Hash::Sha512),
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }
}

impl Hash {
    /// The bytes of its output.
    #[allow(clippy::len_without_is_empty, reason = "no hash is empty")]
    pub fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}
