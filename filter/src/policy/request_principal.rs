//! Patterns for issuer and subject of a verified token.

use super::TextPattern;
use crate::authn::Identity;

/// An entry of `requestPrincipals`: a pattern for `iss` and one for `sub`, both of which have to
/// match.
///
/// The entry is cut at its last slash, for issuers are URLs. A leading star belongs to the issuer
/// and makes everything behind the slash literal; a trailing star belongs to the subject. Without
/// a slash a starred entry speaks of one of the two (`*x` of the subject, `x*` of the issuer), and
/// one without a star never matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPrincipalPattern {
    issuer: TextPattern,
    subject: TextPattern,
}

impl RequestPrincipalPattern {
    /// Reads an entry.
    pub fn new(text: &str) -> Self {
        let any = TextPattern::NonEmpty;
        let exact = TextPattern::exact;
        let (issuer, subject) = match (text.rsplit_once('/'), text.starts_with('*')) {
            (None, true) => (any, TextPattern::for_value(text)),
            (None, false) if text.ends_with('*') => (TextPattern::for_value(text), any),
            (None, false) => (exact(text), exact("")),
            (Some((issuer, subject)), true) => (leading_star(issuer), exact(subject)),
            (Some((issuer, subject)), false) => (exact(issuer), trailing_star(subject)),
        };
        Self { issuer, subject }
    }

    /// The part for the issuer.
    pub(super) fn issuer(&self) -> &TextPattern {
        &self.issuer
    }

    /// The part for the subject.
    pub(super) fn subject(&self) -> &TextPattern {
        &self.subject
    }

    /// Whether the token's issuer and subject match; one that is no string never does.
    pub fn matches(&self, identity: &Identity) -> bool {
        let matches = |pattern: &TextPattern, value: Option<&str>| {
            value.is_some_and(|value| pattern.matches(value))
        };
        matches(&self.issuer, identity.issuer.as_deref())
            && matches(&self.subject, identity.subject.as_deref())
    }
}

/// An issuer that begins with a star; further stars are literal.
fn leading_star(issuer: &str) -> TextPattern {
    TextPattern::for_value(issuer)
}

/// A subject whose last star is special; others are literal.
fn trailing_star(subject: &str) -> TextPattern {
    match subject.strip_suffix('*') {
        None => TextPattern::exact(subject),
        Some("") => TextPattern::NonEmpty,
        Some(prefix) => TextPattern::Prefix(prefix.as_bytes().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_issuer_and_subject() {
        // pattern, issuer, subject, matches
        let rows = [
            ("*", "iss", "sub", true),
            ("*", "iss", "", false),
            ("iss/sub", "iss", "sub", true),
            ("iss/sub", "iss", "sub2", false),
            ("https://a/b/sub", "https://a/b", "sub", true),
            ("https://a/b/sub", "https://a", "b/sub", false),
            ("*foo", "anyone", "xfoo", true),
            ("*foo", "anyone", "foox", false),
            ("foo*", "foobar", "anyone", true),
            ("foo*", "foobar", "", false),
            ("*/sub", "iss", "sub", true),
            ("*/sub", "", "sub", false),
            ("*ss/sub", "iss", "sub", true),
            ("*ss/sub", "iss2", "sub", false),
            ("iss/*", "iss", "anyone", true),
            ("iss/*", "iss", "", false),
            ("iss/su*", "iss", "sub", true),
            ("iss/su*", "iss", "s", false),
            ("iss", "iss", "sub", false),
            ("iss", "iss", "", true),
            ("*/x*", "iss", "xy", false),
            ("*/x*", "iss", "x*", true),
            ("*/*", "iss", "sub", false),
            ("iss/*b", "iss", "ab", false),
            ("iss/*b", "iss", "*b", true),
            ("i*s/sub", "iss", "sub", false),
        ];
        for (pattern, issuer, subject, matches) in rows {
            let identity = Identity {
                issuer: Some(issuer.into()),
                subject: Some(subject.into()),
                ..Identity::default()
            };
            let found = RequestPrincipalPattern::new(pattern).matches(&identity);
            assert_eq!(found, matches, "{pattern} on {issuer} {subject}");
        }
    }

    #[test]
    fn a_claim_that_is_no_string_never_matches() {
        let pattern = RequestPrincipalPattern::new("*");
        let identity = Identity {
            issuer: Some("iss".into()),
            ..Identity::default()
        };
        assert!(!pattern.matches(&identity));
        assert!(!pattern.matches(&Identity::default()));
    }
}
