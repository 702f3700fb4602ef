//! Patterns for paths: string matches and templates.

use super::TextPattern;

/// A pattern for a normalized path without query and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPattern {
    /// A string match.
    Text(TextPattern),
    /// A template, such as `/accounts/{*}/items/{**}`.
    Template(PathTemplate),
}

/// A path with operators: `{*}` stands for exactly one segment, `{**}` for any number of them.
///
/// An operator takes the characters of RFC 3986 `pchar` and percent-encoded ones, as Envoy's
/// `uri_template` matcher does; `{**}` takes `/` too and may stand once, as the last operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    /// What comes before `{**}`, or everything.
    head: Vec<Piece>,
    /// The literal that follows `{**}`, where there is a `{**}`.
    tail: Option<Box<[u8]>>,
}

/// Why a path pattern is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPatternError {
    /// A brace that is not part of `{*}` or `{**}` as a whole segment.
    Brace,
    /// An operator behind `{**}`.
    AfterRest,
    /// A literal segment of a template with a character that no path segment has, or none.
    Literal,
    /// A template that does not begin with a slash.
    Relative,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Box<[u8]>),
    Segment,
}

const SEGMENT: &str = "{*}";
const REST: &str = "{**}";

// === impl PathPattern ===

impl PathPattern {
    /// Reads an entry of `paths`; it is a template when it has an operator.
    pub fn parse(text: &str) -> Result<Self, PathPatternError> {
        if text.contains(SEGMENT) || text.contains(REST) {
            PathTemplate::parse(text).map(Self::Template)
        } else if text.contains(['{', '}']) {
            Err(PathPatternError::Brace)
        } else {
            Ok(Self::Text(TextPattern::for_value(text)))
        }
    }

    /// Whether the whole of `path` matches.
    pub fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Text(pattern) => pattern.matches(path),
            Self::Template(template) => template.matches(path),
        }
    }
}

// === impl PathTemplate ===

impl PathTemplate {
    /// Reads a template, as strictly as Istio's webhook.
    pub fn parse(text: &str) -> Result<Self, PathPatternError> {
        let segments = text.strip_prefix('/').ok_or(PathPatternError::Relative)?;
        let (mut head, mut tail) = (Vec::new(), None);
        let mut literal = Vec::new();
        let last = segments.matches('/').count();
        for (index, segment) in segments.split('/').enumerate() {
            literal.push(b'/');
            match segment {
                SEGMENT | REST if tail.is_some() => return Err(PathPatternError::AfterRest),
                SEGMENT => {
                    head.push(Piece::Literal(std::mem::take(&mut literal).into()));
                    head.push(Piece::Segment);
                }
                REST => {
                    head.push(Piece::Literal(std::mem::take(&mut literal).into()));
                    tail = Some(());
                }
                _ if segment.contains(['{', '}']) => return Err(PathPatternError::Brace),
                // A trailing slash ends a template in an empty segment.
                "" if index == last => {}
                _ if !is_literal(segment) => return Err(PathPatternError::Literal),
                _ => literal.extend_from_slice(segment.as_bytes()),
            }
        }
        Ok(match tail {
            Some(()) => Self {
                head,
                tail: Some(literal.into()),
            },
            None => {
                head.push(Piece::Literal(literal.into()));
                Self { head, tail: None }
            }
        })
    }

    /// What every path that matches begins with.
    pub(super) fn start(&self) -> &[u8] {
        match self.head.first() {
            Some(Piece::Literal(text)) => text,
            _ => &[],
        }
    }

    /// Whether the whole of `path` matches.
    pub fn matches(&self, path: &[u8]) -> bool {
        let mut rest = path;
        for piece in &self.head {
            let next = match piece {
                Piece::Literal(text) => rest.strip_prefix(&**text),
                Piece::Segment => {
                    let end = rest.iter().position(|byte| !is_pchar(*byte));
                    match end.unwrap_or(rest.len()) {
                        0 => None,
                        end => rest.get(end..),
                    }
                }
            };
            match next {
                Some(next) => rest = next,
                None => return false,
            }
        }
        match &self.tail {
            None => rest.is_empty(),
            Some(tail) => rest
                .strip_suffix(&**tail)
                .is_some_and(|rest| rest.iter().all(|byte| *byte == b'/' || is_pchar(*byte))),
        }
    }
}

// === impl PathPatternError ===

impl PathPatternError {
    /// What to do about it.
    pub fn help(self) -> &'static str {
        match self {
            Self::Brace => "a segment is `{*}`, `{**}`, or a literal without braces",
            Self::AfterRest => "`{**}` must be the last operator",
            Self::Literal => {
                "beside `{*}` and `{**}` a template has literal segments only, of letters, digits \
                 and -._~%!$&'()+,;:@="
            }
            Self::Relative => "a template begins with `/`",
        }
    }
}

/// Whether a literal segment of a template is acceptable: `pchar` without `*`.
fn is_literal(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte != b'*' && is_pchar(byte))
}

/// RFC 3986 section 3.3 `pchar`, a percent sign standing for any encoded octet.
fn is_pchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=*".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_templates() {
        // template, path, matches
        let rows = [
            ("/foo/{*}", "/foo/bar", true),
            ("/foo/{*}", "/foo/", false),
            ("/foo/{*}", "/foo/a/b", false),
            ("/foo/{*}", "/foo/a%20b", true),
            ("/foo/{*}", "/foo/-._~%41!$&'()+,;:@=*", true),
            ("/foo/{*}", "/foo/a[b", false),
            ("/foo/{*}", "/foo/a|b", false),
            ("/Foo/{*}", "/foo/bar", false),
            ("/a.b/{*}", "/aXb/c", false),
            ("/foo/{*}/", "/foo/bar/", true),
            ("/foo/{*}/", "/foo/bar", false),
            ("/{*}/foo", "/bar/foo", true),
            ("/{*}/{*}", "/a/b", true),
            ("/{*}/{*}", "/a", false),
            ("/foo/{**}", "/foo/", true),
            ("/foo/{**}", "/foo/a/b", true),
            ("/foo/{**}", "/foo", false),
            ("/foo/{**}/", "/foo/bar/", true),
            ("/foo/{**}/", "/foo//", true),
            ("/foo/{**}/", "/foo/", false),
            ("/foo/{**}/", "/foo/bar", false),
            ("/{**}/path/template", "/a/b/path/template", true),
            ("/{**}/path/template", "/path/template", false),
            ("/{*}/x/{**}/y", "/a/x/b/c/y", true),
            ("/{*}/x/{**}/y", "/a/x/b[/y", false),
        ];
        for (template, path, matches) in rows {
            let pattern = PathPattern::parse(template).unwrap();
            assert_eq!(
                pattern.matches(path.as_bytes()),
                matches,
                "{template} on {path}"
            );
        }
    }

    #[test]
    fn refuses_what_the_webhook_refuses() {
        use PathPatternError::{AfterRest, Brace, Literal, Relative};
        let rows = [
            ("/foo/{*}/bar/*", Literal),
            ("/foo/{buzz}/bar", Brace),
            ("/{*}/foo/{buzz=**}/bar", Brace),
            ("/{*}/foo/{**}bar", Brace),
            ("/{*}/foo/{*}.txt", Brace),
            ("/{*}/foo/temp}/bar", Brace),
            ("/{*}/foo/?abc", Literal),
            ("/{*}//b", Literal),
            ("/{**}/a/{*}", AfterRest),
            ("/{**}/{**}", AfterRest),
            ("{*}/a", Relative),
            ("/a{", Brace),
            ("/a}", Brace),
        ];
        for (text, error) in rows {
            assert_eq!(PathPattern::parse(text), Err(error), "{text}");
        }
    }
}
