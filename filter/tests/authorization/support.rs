//! Policies and requests in a few words.

use palisade_filter::authn::Identity;
use palisade_filter::authz::Authorization;
use palisade_filter::config::{Mesh, Node, Workload};
use palisade_filter::decision::Verdict;
use palisade_filter::json::{self, Value};
use palisade_filter::policy::PolicySet;
use palisade_filter::resource::AuthorizationPolicy;
use palisade_filter::{Attributes as _, Headers, Protocol, attributes::Snapshot};

/// A request and what its token says.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub attributes: Snapshot,
    pub identity: Option<Identity>,
}

/// `METHOD path name:value.. attribute=value..`, all but method and path optional.
///
/// Attributes: `peer`, `ip`, `remote`, `dst`, `port` (`none` for one that is not there), `sni`,
/// `claims` (a JSON object without spaces).
pub fn request(text: &str) -> Request {
    let mut words = text.split_whitespace();
    let mut headers = vec![
        (":method", words.next().unwrap()),
        (":path", words.next().unwrap()),
    ];
    let mut request = Request {
        attributes: Snapshot {
            source_ip: "10.8.0.8".parse().ok(),
            remote_ip: "10.8.0.8".parse().ok(),
            destination_ip: "10.9.0.9".parse().ok(),
            destination_port: Some(8080),
            ..Snapshot::default()
        },
        identity: None,
    };
    let attributes = &mut request.attributes;
    for word in words {
        let split = word.find(['=', ':']).unwrap();
        let (name, value) = (&word[..split], &word[split + 1..]);
        match (name, &word[split..=split]) {
            ("host", ":") => headers.push((":authority", value)),
            (name, ":") => headers.push((name, value)),
            ("peer", _) => attributes.peer = Some(value.into()),
            ("ip", _) => attributes.source_ip = value.parse().ok(),
            ("remote", _) => attributes.remote_ip = value.parse().ok(),
            ("dst", _) => attributes.destination_ip = value.parse().ok(),
            ("port", _) => attributes.destination_port = value.parse().ok(),
            ("sni", _) => attributes.sni = Some(value.to_owned()),
            ("claims", _) => request.identity = Some(identity(value)),
            ("metadata", _) => {
                attributes.metadata = [("envoy.filters.a.b".to_owned(), parse(value))].into();
            }
            (other, _) => panic!("unknown attribute {other}"),
        }
    }
    attributes.headers = headers.into_iter().collect::<Headers>();
    request
}

fn identity(claims: &str) -> Identity {
    let Value::Object(claims) = parse(claims) else {
        panic!("claims must be an object")
    };
    let text = |name| claims.get(name).and_then(Value::as_str).map(Into::into);
    Identity {
        issuer: text("iss"),
        subject: text("sub"),
        claims: claims.clone(),
        ..Identity::default()
    }
}

pub fn parse(text: &str) -> Value {
    json::parse(text.as_bytes(), 32).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Reads the policy `foo/<name>`, or the refusal.
pub fn read(name: &str, metadata: &str, spec: &str) -> Result<AuthorizationPolicy, String> {
    let text = format!(
        r#"{{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy",
            "metadata":{{"name":"{name}","namespace":"foo"{metadata}}},"spec":{spec}}}"#
    );
    let value = parse(&text);
    AuthorizationPolicy::read(&Node::root(&value)).map_err(|error| error.to_string())
}

/// The policy `foo/<name>`.
pub fn policy(name: &str, spec: &str) -> AuthorizationPolicy {
    read(name, "", spec).unwrap()
}

/// The policy `foo/<name>` with the dry-run annotation.
pub fn dry_run(name: &str, spec: &str) -> AuthorizationPolicy {
    let annotation = r#","annotations":{"istio.io/dry-run":"true"}"#;
    read(name, annotation, spec).unwrap()
}

pub fn workload() -> Workload {
    Workload {
        namespace: "foo".to_owned(),
        ..Workload::default()
    }
}

pub fn compile(policies: &[AuthorizationPolicy]) -> PolicySet {
    PolicySet::compile(policies, &workload(), &Mesh::default(), Protocol::Http)
}

pub fn compile_tcp(policies: &[AuthorizationPolicy]) -> PolicySet {
    PolicySet::compile(policies, &workload(), &Mesh::default(), Protocol::Tcp)
}

impl Request {
    pub fn decide<'p>(&self, set: &'p PolicySet) -> Authorization<'p> {
        assert_eq!(self.attributes.now(), 0, "policies know no clock");
        set.authorize(&self.attributes, self.identity.as_ref())
    }

    /// Whether a single policy with this `spec` lets the request go on.
    pub fn passes(&self, spec: &str) -> bool {
        let set = compile(&[policy("p", spec)]);
        self.decide(&set).verdict() == Verdict::Allow
    }
}

/// A rule of one field: one of a source, of an operation, or the key of a condition.
pub fn rule_of(field: &str, values: &[&str], negated: bool) -> String {
    let values = values
        .iter()
        .map(|value| format!("{value:?}"))
        .collect::<Vec<_>>()
        .join(",");
    if field.contains('.') {
        let list = if negated { "notValues" } else { "values" };
        return format!(r#"{{"when":[{{"key":"{field}","{list}":[{values}]}}]}}"#);
    }
    let name = match (negated, field.split_at(1)) {
        (false, _) => field.to_owned(),
        (true, (first, rest)) => format!("not{}{rest}", first.to_uppercase()),
    };
    match field {
        "hosts" | "ports" | "methods" | "paths" => {
            format!(r#"{{"to":[{{"operation":{{"{name}":[{values}]}}}}]}}"#)
        }
        _ => format!(r#"{{"from":[{{"source":{{"{name}":[{values}]}}}}]}}"#),
    }
}
