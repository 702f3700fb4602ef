//! Tokens in cookies.

use crate::headers::Headers;

/// The first cookie `name`, without the quotes that may be around it (RFC 6265 section 4.1.1).
pub fn first<'h>(headers: &'h Headers, name: &str) -> Option<&'h [u8]> {
    headers
        .get_all("cookie")
        .flat_map(|value| value.split(|byte| *byte == b';'))
        .find_map(|cookie| {
            let mut parts = cookie.splitn(2, |byte| *byte == b'=');
            let (key, value) = (parts.next()?, parts.next()?);
            (trim_start(key) == name.as_bytes()).then(|| unquote(value))
        })
}

fn trim_start(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(spaces..).unwrap_or_default()
}

fn unquote(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies() {
        let rows: &[(&str, Option<&str>)] = &[
            ("t=a", Some("a")),
            ("x=1;  t=\"a\"; t=b", Some("a")),
            ("t=a=b", Some("a=b")),
            ("t=\"", Some("\"")),
            ("t", None),
            ("T=a", None),
            ("t =a", None),
        ];
        for (cookie, value) in rows {
            let headers = [("cookie", "y=2"), ("cookie", cookie)]
                .into_iter()
                .collect();
            let got = first(&headers, "t");
            assert_eq!(got, value.map(str::as_bytes), "{cookie}");
        }
    }
}
