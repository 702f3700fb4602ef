//! What a verified token leaves in the request's headers.

use std::sync::Arc;

use base64_simd::STANDARD;

use super::number;
use crate::decision::{RequestChanges, SetHeader};
use crate::headers::Headers;
use crate::json::{Map, Value};
use crate::resource::request_authentication::{ClaimToHeader, JwtRule};

/// What one rule writes.
#[derive(Clone, Debug)]
pub struct Output {
    payload: Option<Arc<str>>,
    /// Headers and the paths of the claims in them.
    claims: Vec<(Arc<str>, Vec<String>)>,
}

/// Headers and their values, in the order in which they are written.
pub type Written = Box<[SetHeader]>;

/// The headers that rules write, in lower case, each once.
#[derive(Clone, Debug)]
pub struct Outputs(Vec<Arc<str>>);

/// Adds what is `written`. Claims of two rules, or two claims, in one header: the last is kept.
pub fn write(written: &Written, changes: &mut RequestChanges) {
    for (header, value) in written {
        changes.set.retain(|(name, _)| name != header);
        changes.set.push((Arc::clone(header), Arc::clone(value)));
    }
}

impl Output {
    /// What `rule` writes.
    pub fn new(rule: &JwtRule) -> Self {
        let claims = rule.output_claim_to_headers.iter();
        let claims =
            claims.map(|ClaimToHeader { header, claim }| (header.as_str().into(), claim.clone()));
        Self {
            payload: rule.output_payload_to_header.as_deref().map(Arc::from),
            claims: claims.collect(),
        }
    }

    /// What a verified token leaves in headers: its `payload` as it was sent, in base64url, and
    /// `claims`.
    pub fn of(&self, payload: &[u8], claims: &Map) -> Written {
        let payload = self
            .payload
            .iter()
            .map(|header| (Arc::clone(header), payload.into()));
        let claims = self.claims.iter().filter_map(|(header, claim)| {
            let value = find(claims, claim).and_then(text);
            let value = value.filter(|value| !value.is_empty())?;
            Some((Arc::clone(header), value.into_bytes().into()))
        });
        payload.chain(claims).collect()
    }
}

impl Outputs {
    /// The headers of all rules.
    pub fn new<'a>(rules: impl Iterator<Item = &'a JwtRule>) -> Self {
        let mut headers: Vec<_> = rules
            .flat_map(|rule| {
                let claims = rule.output_claim_to_headers.iter();
                let claims = claims.map(|output| output.header.clone());
                claims.chain(rule.output_payload_to_header.clone())
            })
            .collect();
        headers.sort();
        headers.dedup();
        Self(headers.into_iter().map(Arc::from).collect())
    }

    /// Whether some rule writes this header.
    pub fn contains(&self, header: &str) -> bool {
        self.0.iter().any(|known| **known == *header)
    }

    /// Takes away what the client sent in these headers: it could pass for what we write.
    pub fn sanitize(&self, headers: &Headers) -> RequestChanges {
        let sent = |name: &&Arc<str>| headers.get(name).is_some();
        RequestChanges {
            remove: self.0.iter().filter(sent).cloned().collect(),
            ..RequestChanges::default()
        }
    }
}

fn find<'m>(claims: &'m Map, path: &[String]) -> Option<&'m Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(claims.get(first)?, |value, name| {
        value.as_object()?.get(name)
    })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => is_header_value(text).then(|| text.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => value.as_f64().map(number::claim),
        Value::List(_) | Value::Object(_) => {
            let mut text = String::new();
            push_json(value, &mut text);
            Some(STANDARD.encode_to_string(text))
        }
    }
}

/// Text with line ends or NUL is no header value: it is left out rather than split in two.
fn is_header_value(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
}

/// JSON as protocol buffers write it.
fn push_json(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => out.push_str(&number::json(value.as_f64().unwrap_or_default())),
        Value::String(text) => push_string(text, out),
        Value::List(list) => {
            out.push('[');
            for (index, value) in list.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                push_json(value, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                push_string(key, out);
                out.push(':');
                push_json(value, out);
            }
            out.push('}');
        }
    }
}

fn push_string(text: &str, out: &mut String) {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    out.push_str(&quoted.replace('<', "\\u003c").replace('>', "\\u003e"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn claims_as_text() {
        let rows: &[(&str, &str, Option<&str>)] = &[
            (r#"{"a":"x y"}"#, "a", Some("x y")),
            (r#"{"a":true}"#, "a", Some("true")),
            (r#"{"a":12}"#, "a", Some("12")),
            (r#"{"a":-7}"#, "a", Some("-7.000000")),
            (r#"{"a":1.5}"#, "a", Some("1.500000")),
            (r#"{"a":null}"#, "a", None),
            (r#"{"a":["b",1,null]}"#, "a", Some("WyJiIiwxLG51bGxd")),
            (r#"{"a":{"b":"<"}}"#, "a", Some("eyJiIjoiXHUwMDNjIn0=")),
            (r#"{"a":{"b":{"c":"x"}}}"#, "a.b.c", Some("x")),
            (r#"{"a.b":"x"}"#, "a.b", None),
            (r#"{"a":"x"}"#, "a.b", None),
            (r#"{"a":"x\r\nevil: 1"}"#, "a", None),
        ];
        for (claims, path, expected) in rows {
            let claims = parse(claims.as_bytes(), 9).unwrap();
            let path: Vec<_> = path.split('.').map(str::to_owned).collect();
            let got = find(claims.as_object().unwrap(), &path).and_then(text);
            assert_eq!(got.as_deref(), *expected, "{claims:?}");
        }
    }
}
