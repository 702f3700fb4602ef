//! A request after authentication: what authorization has to judge.
//!
//! Envoy's `jwt_authn` changes the request before `rbac` sees it. A header that a rule writes is
//! first taken away from what the client sent; a policy that still saw the client's would let it
//! write its own claims.

use std::net::IpAddr;
use std::sync::Arc;

use crate::attributes::Attributes;
use crate::decision::RequestChanges;
use crate::headers::Headers;
use crate::json::Value;

/// The attributes of a request with other headers.
pub struct Changed<'a, A> {
    request: &'a A,
    headers: Headers,
}

impl<'a, A: Attributes> Changed<'a, A> {
    /// `request` after `changes`.
    pub fn new(request: &'a A, changes: &RequestChanges) -> Self {
        let RequestChanges { remove, set, path } = changes;
        let replaced = |name: &[u8]| {
            let same = |other: &str| other.as_bytes() == name;
            remove.iter().any(|other| same(other))
                || set.iter().any(|(other, _)| same(other))
                || (path.is_some() && same(":path"))
        };
        let kept = request.headers().iter().filter(|(name, _)| !replaced(name));
        let set = set.iter().map(|(name, value)| (name.as_bytes(), &**value));
        let path = path
            .iter()
            .map(|path| (b":path".as_slice(), path.as_slice()));
        Self {
            request,
            headers: kept.chain(path).chain(set).collect(),
        }
    }
}

impl<A: Attributes> Attributes for Changed<'_, A> {
    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn peer(&self) -> Option<&Arc<str>> {
        self.request.peer()
    }

    fn source_ip(&self) -> Option<IpAddr> {
        self.request.source_ip()
    }

    fn remote_ip(&self) -> Option<IpAddr> {
        self.request.remote_ip()
    }

    fn destination_ip(&self) -> Option<IpAddr> {
        self.request.destination_ip()
    }

    fn destination_port(&self) -> Option<u16> {
        self.request.destination_port()
    }

    fn sni(&self) -> Option<&str> {
        self.request.sni()
    }

    fn metadata(&self, filter: &str, path: &[String]) -> Option<Value> {
        self.request.metadata(filter, path)
    }

    fn now(&self) -> i64 {
        self.request.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Snapshot;

    #[test]
    fn removals_come_before_what_is_set() {
        let sent = [
            (":path", "/a?access_token=x"),
            ("x-sub", "mallory"),
            ("x-b", "1"),
            ("x-b", "2"),
        ];
        let request = Snapshot {
            headers: sent.into_iter().collect(),
            ..Snapshot::default()
        };
        let changes = RequestChanges {
            remove: ["x-sub".into()].into_iter().collect(),
            set: [("x-sub".into(), (*b"alice").into())].into_iter().collect(),
            path: Some(b"/a".to_vec()),
        };
        let changed = Changed::new(&request, &changes);
        let all = |name| changed.headers().get_all(name).collect::<Vec<_>>();
        assert_eq!(all("x-sub"), [b"alice"]);
        assert_eq!(all("x-b"), [b"1", b"2"]);
        assert_eq!(changed.headers().path_and_query(), Some(b"/a".as_slice()));
    }
}
