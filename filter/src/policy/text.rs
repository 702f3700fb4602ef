//! Istio's string match: `x`, `x*`, `*x`, `*`.

use crate::bytes::{ends_with, same, starts_with};

/// A pattern for a whole value. Only a leading or a trailing star is special, the leading one
/// wins: `*x*` ends with a literal `x*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPattern {
    /// Any value, an empty one too (Envoy's `present_match`).
    Any,
    /// Any value that is not empty (Envoy's regular expression `.+`).
    NonEmpty,
    /// This value.
    Exact(Box<[u8]>),
    /// Values that begin so.
    Prefix(Box<[u8]>),
    /// Values that end so.
    Suffix(Box<[u8]>),
}

/// A [`TextPattern`] that ignores ASCII case, for hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern(TextPattern);

// === impl TextPattern ===

impl TextPattern {
    /// The pattern for a header: `*` is satisfied by an empty value.
    pub fn for_header(text: &str) -> Self {
        match text {
            "*" => Self::Any,
            _ => Self::for_value(text),
        }
    }

    /// The pattern for anything but a header: `*` wants a value that is not empty.
    pub fn for_value(text: &str) -> Self {
        if text == "*" {
            Self::NonEmpty
        } else if let Some(suffix) = text.strip_prefix('*') {
            Self::Suffix(suffix.as_bytes().into())
        } else if let Some(prefix) = text.strip_suffix('*') {
            Self::Prefix(prefix.as_bytes().into())
        } else {
            Self::exact(text)
        }
    }

    /// The pattern for this text and nothing else.
    pub fn exact(text: &str) -> Self {
        Self::Exact(text.as_bytes().into())
    }

    /// Whether the whole of `value` matches.
    pub fn matches(&self, value: impl AsRef<[u8]>) -> bool {
        let value = value.as_ref();
        match self {
            Self::Any => true,
            Self::NonEmpty => !value.is_empty(),
            Self::Exact(text) => same(value, text),
            Self::Prefix(prefix) => starts_with(value, prefix),
            Self::Suffix(suffix) => ends_with(value, suffix),
        }
    }
}

// === impl HostPattern ===

impl HostPattern {
    /// The pattern for `:authority`; the port, where the client sends one, is part of the value.
    pub fn new(text: &str) -> Self {
        Self(TextPattern::for_header(&text.to_ascii_lowercase()))
    }

    /// The pattern for a host in lower case.
    pub(super) fn lower_case(&self) -> &TextPattern {
        &self.0
    }

    /// Whether the whole of `host` matches, in whatever case.
    pub fn matches(&self, host: &[u8]) -> bool {
        let same = |part: Option<&[u8]>, text: &[u8]| {
            part.is_some_and(|part| part.eq_ignore_ascii_case(text))
        };
        match &self.0 {
            TextPattern::Any => true,
            TextPattern::NonEmpty => !host.is_empty(),
            TextPattern::Exact(text) => same(Some(host), text),
            TextPattern::Prefix(prefix) => same(host.get(..prefix.len()), prefix),
            TextPattern::Suffix(suffix) => same(
                host.len()
                    .checked_sub(suffix.len())
                    .and_then(|start| host.get(start..)),
                suffix,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_outer_stars_are_special() {
        // pattern, value, matches
        let rows = [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("abc", "Abc", false),
            ("ab*", "ab", true),
            ("ab*", "abc", true),
            ("ab*", "xab", false),
            ("*bc", "bc", true),
            ("*bc", "abc", true),
            ("*bc", "abcd", false),
            ("a*c", "abc", false),
            ("a*c", "a*c", true),
            ("*b*", "abc", false),
            ("*b*", "ab*", true),
            ("**", "a", false),
            ("**", "a*", true),
            ("*", "a", true),
            ("*", "", false),
        ];
        for (pattern, value, matches) in rows {
            let found = TextPattern::for_value(pattern).matches(value);
            assert_eq!(found, matches, "{pattern} on {value}");
        }
        assert!(TextPattern::for_header("*").matches(""));
        assert!(TextPattern::for_header("a*").matches(b"a\xff"));
    }

    #[test]
    fn hosts_ignore_case_and_keep_the_port() {
        let rows = [
            ("Example.COM", "eXample.com", true),
            ("example.com", "example.com:8080", false),
            ("example.com", "example.com.", false),
            ("example.com:*", "EXAMPLE.com:8080", true),
            ("*.example.com", "A.EXAMPLE.COM", true),
            ("*.example.com", "example.com", false),
            ("*", "", true),
            ("*longer-than-the-host", "host", false),
            ("longer-than-the-host*", "host", false),
        ];
        for (pattern, host, matches) in rows {
            let found = HostPattern::new(pattern).matches(host.as_bytes());
            assert_eq!(found, matches, "{pattern} on {host}");
        }
    }
}
