//! Which attributes a set of policies can read.

use std::ops::{BitOr, BitOrAssign};

/// A set of attributes; what is not in it is never read, so the host need not provide it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs(u16);

impl Needs {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// [`Attributes::headers`](crate::Attributes::headers)
    pub const HEADERS: Self = Self(1);
    /// [`Attributes::peer`](crate::Attributes::peer)
    pub const PEER: Self = Self(1 << 1);
    /// [`Attributes::source_ip`](crate::Attributes::source_ip)
    pub const SOURCE_IP: Self = Self(1 << 2);
    /// [`Attributes::remote_ip`](crate::Attributes::remote_ip)
    pub const REMOTE_IP: Self = Self(1 << 3);
    /// [`Attributes::destination_ip`](crate::Attributes::destination_ip)
    pub const DESTINATION_IP: Self = Self(1 << 4);
    /// [`Attributes::destination_port`](crate::Attributes::destination_port)
    pub const DESTINATION_PORT: Self = Self(1 << 5);
    /// [`Attributes::sni`](crate::Attributes::sni)
    pub const SNI: Self = Self(1 << 6);
    /// [`Attributes::metadata`](crate::Attributes::metadata)
    pub const METADATA: Self = Self(1 << 7);
    /// The claims of the verified token.
    pub const IDENTITY: Self = Self(1 << 8);

    /// Whether everything of `other` is in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Needs {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Needs {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl FromIterator<Needs> for Needs {
    fn from_iter<I: IntoIterator<Item = Needs>>(sets: I) -> Self {
        sets.into_iter().fold(Self::NONE, BitOr::bitor)
    }
}
