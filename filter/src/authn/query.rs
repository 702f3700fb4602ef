//! Tokens in the query of a request.

use std::borrow::Cow;

/// The first value of the parameter `name`, percent-decoded; a parameter without `=` is empty.
pub fn first<'q>(query: &'q [u8], name: &str) -> Option<Cow<'q, [u8]>> {
    parameters(query)
        .find(|parameter| is_named(parameter, name))
        .map(|parameter| decode(split(parameter).1))
}

/// `path` without every parameter `name` of its query. Everything else stays byte for byte.
///
/// Envoy writes the whole query anew: sorted and decoded, so that `%26` becomes a separator. That
/// would give the application other parameters than those that were sent.
pub fn cut(path: &[u8], names: &[&str]) -> Vec<u8> {
    let mut parts = path.splitn(2, |byte| *byte == b'?');
    let (Some(before), Some(after)) = (parts.next(), parts.next()) else {
        return path.to_vec();
    };
    let (query, fragment) = match after.iter().position(|byte| *byte == b'#') {
        Some(at) => after.split_at_checked(at).unwrap_or((after, &[])),
        None => (after, [].as_slice()),
    };
    let kept = parameters(query)
        .filter(|parameter| !names.iter().any(|name| is_named(parameter, name)))
        .collect::<Vec<_>>()
        .join(&b'&');
    let mark: &[u8] = if kept.is_empty() { b"" } else { b"?" };
    [before, mark, &kept, fragment].concat()
}

fn parameters(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|byte| *byte == b'&')
}

fn is_named(parameter: &[u8], name: &str) -> bool {
    decode(split(parameter).0).as_ref() == name.as_bytes()
}

fn split(parameter: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = parameter.splitn(2, |byte| *byte == b'=');
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}

/// Replaces each `%XX`; what is no such triple stays, and `+` is no space, as in Envoy.
fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'%') {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((byte, tail)) = rest.split_first() {
        let decoded = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => hex(*high, *low).map(|byte| (byte, tail)),
            _ => None,
        };
        let (byte, tail) = decoded.unwrap_or((*byte, tail));
        out.push(byte);
        rest = tail;
    }
    Cow::Owned(out)
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_the_first_counts() {
        let rows: &[(&str, Option<&str>)] = &[
            ("t=a", Some("a")),
            ("x=1&t=a&t=b", Some("a")),
            ("t", Some("")),
            ("t=", Some("")),
            ("%74=%61%2Eb", Some("a.b")),
            ("t=%6", Some("%6")),
            ("t=%zz+", Some("%zz+")),
            ("T=a", None),
            ("x=t=a", None),
            ("", None),
        ];
        for (query, value) in rows {
            let got = first(query.as_bytes(), "t");
            assert_eq!(got.as_deref(), value.map(str::as_bytes), "{query}");
        }
    }

    #[test]
    fn only_the_token_is_cut() {
        let rows = [
            ("/x?t=a", "/x"),
            ("/x?a=1&t=a", "/x?a=1"),
            ("/x?t=a&a=1", "/x?a=1"),
            ("/x?b=%26&t=a&a=%20&flag&t", "/x?b=%26&a=%20&flag"),
            ("/x?%74=a&&b", "/x?&b"),
            ("/x?t=a#t=a", "/x#t=a"),
            ("/x", "/x"),
        ];
        for (path, rest) in rows {
            assert_eq!(cut(path.as_bytes(), &["t"]), rest.as_bytes(), "{path}");
        }
    }
}
