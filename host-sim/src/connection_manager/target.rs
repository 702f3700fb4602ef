//! The request target (RFC 9112 section 3.2).

use super::Refusal;

/// A request target in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// The scheme of a target in absolute form.
    pub(super) scheme: Option<&'static str>,
    /// Its authority, which takes the place of the `Host` header; without the user.
    pub(super) authority: Option<&'a str>,
    /// The path with the query.
    pub(super) path: &'a str,
}

impl<'a> Target<'a> {
    /// Reads a target in origin form (`/path`) or absolute form (`http://host/path`).
    pub(super) fn parse(target: &'a str) -> Result<Self, Refusal> {
        if target.starts_with('/') {
            return Ok(Self {
                scheme: None,
                authority: None,
                path: target,
            });
        }
        let (scheme, rest) = target.split_once("://").ok_or(Refusal::Target)?;
        let scheme = ["http", "https"]
            .into_iter()
            .find(|known| scheme.eq_ignore_ascii_case(known))
            .ok_or(Refusal::Target)?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        if !is_authority(authority) {
            return Err(Refusal::Target);
        }
        Ok(Self {
            scheme: Some(scheme),
            authority: Some(authority),
            path,
        })
    }
}

/// A host name or address and perhaps a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = |port: &str| {
        port.strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:".contains(&byte);
    !host.is_empty() && host.bytes().all(is_host) && (port.is_empty() || is_port(port))
}
