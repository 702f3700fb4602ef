//! Why a fetched document is of no use.

use std::fmt;

use crate::jose::KeySetError;

/// Why a fetched document is of no use.
#[derive(Debug)]
pub enum FetchError {
    /// The key set is none.
    KeySet(KeySetError),
    /// The discovery document is not a JSON object, or too large.
    Discovery,
    /// The discovery document is of another issuer.
    OtherIssuer(String),
    /// The discovery document names no usable `jwks_uri`.
    JwksUri(String),
    /// There is no such key set.
    UnknownId,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeySet(error) => write!(f, "key set {error}"),
            Self::Discovery => f.write_str("discovery document is not a JSON object"),
            Self::OtherIssuer(issuer) => {
                write!(f, "discovery document is of the issuer `{issuer}`")
            }
            Self::JwksUri(what) => write!(f, "`jwks_uri` of discovery document {what}"),
            Self::UnknownId => f.write_str("there is no such key set"),
        }
    }
}

impl std::error::Error for FetchError {}
