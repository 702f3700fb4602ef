//! Requests, resources, and what is said of them.

use palisade_filter::attributes::Snapshot;
use palisade_filter::authn::{Authentication, Authenticator, KeyStore};
use palisade_filter::config::{Mesh, Node, Workload};
use palisade_filter::crypto::Crypto;
use palisade_filter::json;
use palisade_filter::resource::RequestAuthentication;
use serde_json::{Value, json};

use super::mint::NOW;

pub type Headers<'a> = &'a [(&'a str, &'a str)];

pub fn resource(namespace: &str, name: &str, rules: Value) -> RequestAuthentication {
    let object = json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"jwtRules": rules},
    });
    let value = json::parse(object.to_string().as_bytes(), 32).unwrap();
    RequestAuthentication::read(&Node::root(&value)).unwrap()
}

pub fn compile(resources: &[RequestAuthentication]) -> Authenticator {
    let workload = Workload {
        namespace: "foo".to_owned(),
        ..Workload::default()
    };
    Authenticator::compile(resources, &workload, &Mesh::default(), Crypto::software())
}

pub fn rules(rules: Value) -> Authenticator {
    compile(&[resource("foo", "ra", rules)])
}

pub fn snapshot(headers: Headers<'_>, now: i64) -> Snapshot {
    let pseudo = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "httpbin.foo"),
        (":path", "/get?a=1"),
    ];
    let given = |name: &str| headers.iter().any(|(given, _)| *given == name);
    let pseudo = pseudo.into_iter().filter(|(name, _)| !given(name));
    Snapshot {
        headers: pseudo.chain(headers.iter().copied()).collect(),
        now,
        ..Snapshot::default()
    }
}

pub fn authenticate(authenticator: &Authenticator, headers: Headers<'_>) -> Authentication {
    let keys = KeyStore::new(authenticator.sources());
    authenticator.authenticate(&snapshot(headers, NOW), &keys)
}

/// In one line: who it is, or what is wrong.
pub fn said(authentication: &Authentication) -> String {
    match authentication {
        Authentication::Anonymous(_) => "anonymous".to_owned(),
        Authentication::Verified(verified) => format!(
            "{}/{} by {}[{}]",
            verified.identity.issuer.as_deref().unwrap_or("-"),
            verified.identity.subject.as_deref().unwrap_or("-"),
            verified.policy.rsplit('/').next().unwrap_or_default(),
            verified.rule,
        ),
        Authentication::Refused(refusal) => {
            let body = String::from_utf8_lossy(&refusal.reply.body);
            format!("{} {body}", refusal.reply.status)
        }
        Authentication::Waiting(id) => format!("waiting {}", id.index()),
    }
}

/// What the application sees: each of the headers as sent, after the changes.
pub fn upstream(authentication: &Authentication, sent: Headers<'_>, name: &str) -> Option<String> {
    let changes = match authentication {
        Authentication::Anonymous(changes) => changes,
        Authentication::Verified(verified) => &verified.changes,
        other => panic!("{}", said(other)),
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    if let Some((_, value)) = changes.set.iter().find(|(set, _)| **set == *name) {
        return Some(text(value));
    }
    if name == ":path" {
        let sent = sent.iter().find(|(sent, _)| *sent == name);
        let sent = sent.map_or("/get?a=1", |(_, path)| path).to_owned();
        return Some(changes.path.as_deref().map_or(sent, text));
    }
    if changes.remove.iter().any(|removed| **removed == *name) {
        return None;
    }
    let sent = sent.iter().find(|(sent, _)| *sent == name);
    sent.map(|(_, value)| (*value).to_owned())
}
