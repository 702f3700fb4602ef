//! Requests as they come in every day.

use std::path::Path;

use host_sim::suite::mint;
use host_sim::vm::{Host, HttpRequest, LogLevel, Options, Plugin, Properties};
use serde_json::{Value, json};

use super::probes::{self, MEMORY};
use super::{Branch, Error};

/// How often each kind of request comes.
const TIMES: usize = 3;

/// More rules than a page of them has, so that the index has something to choose from.
const RULES: usize = 40;

/// Which way the branches of the instrumented `module` go.
pub fn observe(module: &[u8]) -> Result<Vec<Branch>, Error> {
    let plugin = Plugin::from_bytes(module)?;
    let mut all: Vec<Branch> = Vec::new();
    for rules in [1, RULES] {
        let mut host = Host::new(&plugin, options())?;
        host.configure(configuration(rules)?.to_string().as_bytes())?;
        // What happens at load is not what has to be fast.
        host.take_memory(0, MEMORY);
        for request in requests()? {
            host.http(0, request)?;
        }
        let branches = probes::read(&host.take_memory(0, MEMORY));
        all.resize(branches.len(), Branch::default());
        for (all, branch) in all.iter_mut().zip(branches) {
            all.taken |= branch.taken;
            all.passed |= branch.passed;
        }
    }
    if all.iter().all(|branch| *branch == Branch::default()) {
        return Err("no branch was observed".into());
    }
    Ok(all)
}

fn options() -> Options {
    Options {
        // Envoy's default.
        log_level: LogLevel::Info,
        ..Options::default()
    }
}

fn configuration(rules: usize) -> Result<Value, Error> {
    let mut list: Vec<Value> = (1..rules).map(other_rule).collect();
    list.push(json!({
        "from": [{"source": {"requestPrincipals": ["issuer/*"]}}],
        "to": [{"operation": {"methods": ["GET"], "paths": ["/last/*"]}}],
    }));
    let rule = json!({"issuer": "issuer", "jwks": key("jwks.json")?, "forwardOriginalToken": true});
    Ok(json!({
        "version": 1,
        "workload": {"namespace": "foo"},
        "resources": [
            object("RequestAuthentication", &json!({"jwtRules": [rule]})),
            object("AuthorizationPolicy", &json!({"rules": list})),
        ],
    }))
}

/// A rule that no request matches.
fn other_rule(number: usize) -> Value {
    match number % 4 {
        0 => json!({"to": [{"operation": {"paths": [format!("/service-{number}/*")]}}]}),
        1 => json!({"from": [{"source": {"principals": [format!("td/ns/foo/sa/{number}")]}}]}),
        2 => json!({"from": [{"source": {"remoteIpBlocks": [format!("10.0.{number}.0/24")]}}]}),
        _ => {
            json!({"when": [{"key": "request.auth.claims[group]", "values": [format!("g{number}")]}]})
        }
    }
}

fn object(kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": "security.istio.io/v1", "kind": kind,
        "metadata": {"name": "a", "namespace": "foo"}, "spec": spec})
}

/// A token that is known by then, new ones, a forged one, none; and what no rule allows.
fn requests() -> Result<Vec<HttpRequest>, Error> {
    let known = token("known", "rsa", "RS256")?;
    let mut requests = Vec::new();
    for number in 0..TIMES {
        let subject = format!("user-{number}");
        let new = token(&subject, "rsa", "RS256")?;
        let elliptic = token(&subject, "p256", "ES256")?;
        let forged = forge(&token(&format!("forger-{number}"), "rsa", "RS256")?, &known)?;
        for token in [&known, &new, &elliptic, &known, &forged] {
            requests.push(request("/last/x", Some(token)));
        }
        requests.push(request("/none", Some(&known)));
        requests.push(request("/last/x", None));
    }
    Ok(requests)
}

fn request(path: &str, token: Option<&str>) -> HttpRequest {
    let mut request = HttpRequest::new("GET", path, "app.foo");
    request.properties = Properties::default().source(([10, 1, 1, 1], 4000).into());
    let common = [
        ("user-agent", "curl/8.5.0"),
        ("accept", "*/*"),
        ("x-forwarded-proto", "http"),
        ("x-request-id", "5a1c2f9e-3d0b-4f6a-9c77-2b6d8e1f0a34"),
    ];
    for (name, value) in common {
        request = request.header(name, value);
    }
    match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    }
}

fn token(subject: &str, key_id: &str, algorithm: &str) -> Result<String, Error> {
    let claims = json!({"iss": "issuer", "sub": subject, "exp": 4_000_000_000_u64,
        "group": ["x", "y"]});
    let header = json!({"kid": key_id});
    let header = header.as_object().cloned().unwrap_or_default();
    let pem = key(&format!("{key_id}.pem"))?;
    Ok(mint(&claims, &header, pem.as_bytes(), algorithm)?)
}

/// `token` with the signature of another one.
fn forge(token: &str, other: &str) -> Result<String, Error> {
    let (signed, _) = token.rsplit_once('.').ok_or("no token")?;
    let (_, signature) = other.rsplit_once('.').ok_or("no token")?;
    Ok(format!("{signed}.{signature}"))
}

fn key(name: &str) -> Result<String, Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/keys");
    Ok(std::fs::read_to_string(root.join(name))?)
}
