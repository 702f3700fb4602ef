//! Authorizers that are asked with the request's own method and path.
//! Source: Envoy, `ext_authz` with `http_service`.

use std::borrow::Cow;
use std::sync::Arc;

use super::{AUTHZ_DENIED, Answer, Grant, Meaning};
use crate::attributes::Attributes;
use crate::config::{ExtAuthzHttp, HeaderNames};
use crate::decision::{LocalReply, RequestChanges};
use crate::headers::Headers;

/// Headers of a check, by name; repeated ones are joined.
type CheckHeaders = Vec<(String, Vec<u8>)>;

const OK: u16 = 200;

/// In an answer that allows: names of headers to take away from the request.
const HEADERS_TO_REMOVE: &[u8] = b"x-envoy-auth-headers-to-remove";

/// What an authorizer is always told.
const ALWAYS: [&[u8]; 4] = [b":method", b":path", b":authority", b"authorization"];

/// What a client is told of a denial, whatever else is named.
const ALWAYS_TO_CLIENT: [&[u8]; 2] = [b"www-authenticate", b"location"];

/// The headers of the question.
pub(super) fn check(http: &ExtAuthzHttp, attributes: &impl Attributes) -> CheckHeaders {
    let mut headers: CheckHeaders = Vec::new();
    for (name, value) in attributes.headers().iter() {
        let sent = ALWAYS.contains(&name)
            || (http.request_headers.contain(name)
                && name != b"content-length"
                && !name.starts_with(b":"));
        if sent {
            join(&mut headers, &String::from_utf8_lossy(name), value);
        }
    }
    if let Some((_, path)) = headers.iter_mut().find(|(name, _)| name == ":path") {
        path.splice(..0, http.path_prefix.bytes());
    }
    for (name, value) in &http.additional_headers {
        let name = name.to_ascii_lowercase();
        headers.retain(|(other, _)| *other != name);
        headers.push((name, value.clone().into_bytes()));
    }
    headers.push((":scheme".to_owned(), b"http".to_vec()));
    headers.push(("content-length".to_owned(), b"0".to_vec()));
    headers
}

/// What the answer means: 200 allows, 5xx (and what is no final status) says nothing, the rest denies.
pub(super) fn read(http: &ExtAuthzHttp, answer: &Answer) -> Meaning {
    match answer.status() {
        None | Some(..200 | 500..) => Meaning::Error,
        Some(OK) => Meaning::Granted(grant(http, &answer.headers)),
        Some(status) => Meaning::Denied(LocalReply {
            status,
            body: answer.body.clone().into(),
            headers: for_client(&http.downstream_on_deny, &answer.headers),
            details: AUTHZ_DENIED.into(),
        }),
    }
}

fn grant(http: &ExtAuthzHttp, answer: &Headers) -> Grant {
    let mut changes = RequestChanges::default();
    for names in answer.get_all("x-envoy-auth-headers-to-remove") {
        let names = String::from_utf8_lossy(names).to_ascii_lowercase();
        let names = names.split(',').map(str::trim);
        let names = names.filter(|name| removable(name)).map(Arc::from);
        changes.remove.extend(names);
    }
    let mut response_headers = Vec::new();
    for (name, value) in own(answer) {
        let text: Arc<str> = String::from_utf8_lossy(name).into();
        if http.downstream_on_allow.contain(name) {
            response_headers.push((text.to_string(), value.to_vec()));
        }
        if http.upstream_on_allow.contain(name) && !changes.remove.contains(&text) {
            // Of a repeated header the last one stays.
            changes.set.retain(|(other, _)| *other != text);
            changes.set.push((text, value.into()));
        }
    }
    Grant {
        changes,
        response_headers,
    }
}

/// The headers of a denial that the client gets: all of them where none is named.
fn for_client(names: &HeaderNames, answer: &Headers) -> Vec<(Cow<'static, str>, Vec<u8>)> {
    own(answer)
        .filter(|(name, _)| {
            names.is_empty() || names.contain(name) || ALWAYS_TO_CLIENT.contains(name)
        })
        .map(|(name, value)| {
            let name = String::from_utf8_lossy(name).into_owned();
            (name.into(), value.to_vec())
        })
        .collect()
}

/// The headers that the authorizer itself means.
fn own(answer: &Headers) -> impl Iterator<Item = (&[u8], &[u8])> {
    let framing: [&[u8]; 4] = [
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"host",
    ];
    answer.iter().filter(move |(name, _)| {
        !name.starts_with(b":") && *name != HEADERS_TO_REMOVE && !framing.contains(name)
    })
}

/// Whether a request stays whole without this header.
pub(super) fn removable(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(':') && name != "host"
}

/// Adds a header; one that is there already gets the value behind its own.
pub(super) fn join(headers: &mut CheckHeaders, name: &str, value: &[u8]) {
    match headers.iter_mut().find(|(other, _)| other == name) {
        Some((_, all)) => {
            all.push(b',');
            all.extend_from_slice(value);
        }
        None => headers.push((name.to_owned(), value.to_vec())),
    }
}
