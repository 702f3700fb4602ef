//! The answer to a request whose token is refused.

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
        let reply = LocalReply {
            status: status.http_status(),
            body: status.to_string().into_bytes(),
            headers: vec![(
                "www-authenticate".to_owned(),
                challenge(status, headers).into_bytes(),
            )],
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

/// RFC 6750 section 3, with the request's URI as realm. A missing token is no error.
fn challenge(status: JwtStatus, headers: &Headers) -> String {
    let path = headers
        .get("x-envoy-original-path")
        .or(headers.path_and_query())
        .map(|path| path.get(..MAX_PATH_LEN).unwrap_or(path));
    let [scheme, authority, path] = [headers.get(":scheme"), headers.authority(), path]
        .map(|value| String::from_utf8_lossy(value.unwrap_or_default()));
    let error = match status {
        JwtStatus::Missing => "",
        _ => ", error=\"invalid_token\"",
    };
    [
        "Bearer realm=\"",
        &scheme,
        "://",
        &authority,
        &path,
        "\"",
        error,
    ]
    .concat()
}
