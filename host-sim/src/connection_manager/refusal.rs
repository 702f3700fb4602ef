//! Why Envoy answers a request itself.

use std::fmt;

/// Why Envoy answers a request itself, before any filter sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The method is none that Envoy's parser knows.
    Method,
    /// The target is neither an absolute path nor an `http` or `https` URL.
    Target,
    /// The path has a character that needs escaping, or an escaped NUL.
    PathCharacter,
    /// The path has a fragment.
    Fragment,
    /// A header's name or value has a character that it must not have.
    Header,
    /// There are too many headers, or too many bytes of them.
    TooLarge,
}

impl Refusal {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::TooLarge => 431,
            _ => 400,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "the method is none that it knows; methods are upper case",
            Self::Target => "the target is neither an absolute path nor a http URL",
            Self::PathCharacter => "the path has a character that is not allowed there",
            Self::Fragment => "the path has a fragment",
            Self::Header => "a header has a character that is not allowed there",
            Self::TooLarge => "more than 100 headers, or more than 60 KiB of them",
        })
    }
}

impl std::error::Error for Refusal {}
