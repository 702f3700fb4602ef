//! The hash of a value, byte by byte from either end.
//!
//! Keys are the operator's, never the client's, and every rule that is found is tried: values with
//! the same hash cost a look, no more. Source: FNV-1a.

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The hash of the bytes so far.
#[derive(Clone, Copy)]
pub(super) struct Hash(u64);

impl Hash {
    /// The hash of nothing.
    pub(super) const EMPTY: Self = Self(OFFSET);

    /// The hash of one more byte.
    pub(super) fn then(self, byte: u8) -> Self {
        Self((self.0 ^ u64::from(byte)).wrapping_mul(PRIME))
    }

    /// The hash of all of `bytes`.
    pub(super) fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        bytes.into_iter().fold(Self::EMPTY, Self::then)
    }

    /// The key of the value in a dimension, for a kind of match.
    pub(super) fn key(self, dimension: u64, kind: u64) -> u64 {
        let salt = dimension.wrapping_mul(8).wrapping_add(kind);
        (self.0 ^ salt.wrapping_mul(SPREAD)).wrapping_mul(PRIME)
    }
}
