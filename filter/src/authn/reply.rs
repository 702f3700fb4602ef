//! The answer to a request whose token is refused.

use std::borrow::Cow;
use std::sync::Arc;

use crate::decision::LocalReply;
use crate::headers::Headers;
use crate::jose::JwtStatus;

/// A request that is refused because of its token, or for want of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What is wrong.
    pub status: JwtStatus,
    /// The answer, word for word as Envoy's `jwt_authn` gives it.
    pub reply: LocalReply,
    /// The resource whose rule refuses it, as `namespace/name`.
    pub policy: Arc<str>,
    /// The index of that rule in its `jwtRules`.
    pub rule: usize,
}

/// No more of the path is told back to the client.
const MAX_PATH_LEN: usize = 256;

impl Refusal {
    /// Answers a request with these headers.
    pub fn new(status: JwtStatus, headers: &Headers, policy: Arc<str>, rule: usize) -> Self {
        let body = match status.text() {
            Cow::Borrowed(text) => text.as_bytes().into(),
            Cow::Owned(text) => text.into_bytes().into(),
        };
        let reply = LocalReply {
            status: status.http_status(),
            body,
            headers: vec![("www-authenticate".into(), challenge(status, headers))],
            details: status.details(),
        };
        Self {
            status,
            reply,
            policy,
            rule,
        }
    }
}

/// RFC 6750 section 3, with the request's URI as realm, byte for byte. A missing token is no error.
fn challenge(status: JwtStatus, headers: &Headers) -> Vec<u8> {
    let path = headers
        .get("x-envoy-original-path")
        .or(headers.path_and_query())
        .map(|path| path.get(..MAX_PATH_LEN).unwrap_or(path));
    let [scheme, authority, path] =
        [headers.get(":scheme"), headers.authority(), path].map(Option::unwrap_or_default);
    let error: &[u8] = match status {
        JwtStatus::Missing => b"",
        _ => b", error=\"invalid_token\"",
    };
    let parts = [
        b"Bearer realm=\"",
        scheme,
        b"://",
        authority,
        path,
        b"\"",
        error,
    ];
    parts.concat()
}
