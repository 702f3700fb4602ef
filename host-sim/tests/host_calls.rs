//! What a request costs in host calls: only what the policies in force need is read, and once.

use std::collections::BTreeMap;

use host_sim::suite::mint;
use host_sim::vm::{Host, HttpRequest, LogLevel, Options, Plugin, Properties};
use serde_json::{Value, json};

const NOW: u64 = 1_780_272_000;

fn key(name: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/keys/");
    std::fs::read_to_string(format!("{root}{name}")).unwrap()
}

fn host(resources: &[Value], filter_state: &str) -> Host {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/palisade.wasm");
    let path = std::env::var("PALISADE_WASM").unwrap_or_else(|_| built.to_owned());
    let plugin = Plugin::from_file(path).expect("build the filter with `make wasm`");
    let options = Options {
        // Envoy's default; at debug a denial says what came nearest, and reads more for that.
        log_level: LogLevel::Info,
        ..Options::default()
    };
    let mut host = Host::new(&plugin, options).unwrap();
    let configuration = json!({
        "version": 1,
        "workload": {"namespace": "foo"},
        "filterState": filter_state,
        "resources": resources,
    });
    host.configure(configuration.to_string().as_bytes())
        .unwrap();
    host
}

fn object(kind: &str, spec: Value) -> Value {
    json!({"apiVersion": "security.istio.io/v1", "kind": kind,
        "metadata": {"name": "a", "namespace": "foo"}, "spec": spec})
}

fn allow(rule: Value) -> Value {
    object("AuthorizationPolicy", json!({"rules": [rule]}))
}

fn tokens() -> Value {
    let rule = json!({"issuer": "https://issuer.example", "jwks": key("jwks.json")});
    object("RequestAuthentication", json!({"jwtRules": [rule]}))
}

fn token() -> String {
    let claims = json!({"iss": "https://issuer.example", "sub": "alice", "exp": NOW + 1_000_000});
    let header = json!({"kid": "rsa"}).as_object().unwrap().clone();
    mint(&claims, &header, key("rsa.pem").as_bytes(), "RS256").unwrap()
}

/// The host calls of the third of three equal requests.
fn calls(
    resources: &[Value],
    token: Option<&str>,
    filter_state: &str,
) -> BTreeMap<&'static str, u64> {
    let mut host = host(resources, filter_state);
    let mut calls = BTreeMap::new();
    for _ in 0..3 {
        let mut request = HttpRequest::new("GET", "/a", "app.foo");
        request.properties = Properties::default()
            .source("10.0.0.1:4000".parse().unwrap())
            .direct_remote("palisade.direct_remote", "10.0.0.1".parse().unwrap())
            .tls("app.foo", Some("spiffe://cluster.local/ns/foo/sa/web"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        calls = host.http(0, request).unwrap().host_calls;
    }
    calls
}

/// Name, resources, token, and the calls beside those that every request costs.
type Row<'t> = (
    &'static str,
    Vec<Value>,
    Option<&'t str>,
    Vec<(&'static str, u64)>,
);

#[test]
fn each_attribute_costs_a_call_and_nothing_else_does() {
    const HEADERS: &str = "proxy_get_header_map_pairs";
    const PROPERTY: &str = "proxy_get_property";
    const CLOCK: &str = "proxy_get_current_time_nanoseconds";
    let paths = || json!({"to": [{"operation": {"paths": ["/a"], "methods": ["GET"]}}]});
    let peer = || json!({"from": [{"source": {"namespaces": ["foo"]}}]});
    let block = || json!({"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]});
    let everything = || {
        json!({
            "from": [{"source": {"namespaces": ["foo"], "ipBlocks": ["10.0.0.0/8"],
                "remoteIpBlocks": ["10.0.0.0/8"]}}],
            "to": [{"operation": {"paths": ["/a"]}}],
        })
    };
    let with_token = || json!({"from": [{"source": {"requestPrincipals": ["*"]}}]});
    let token = token();
    // What a request always costs: the decision is left for the access log. Counters are told by
    // the tick.
    let always = [("proxy_set_property", 1)];
    let rows: Vec<Row<'_>> = vec![
        ("nothing", vec![], None, vec![]),
        (
            "path and method",
            vec![allow(paths())],
            None,
            vec![(HEADERS, 1)],
        ),
        ("the peer", vec![allow(peer())], None, vec![(PROPERTY, 1)]),
        (
            "an address",
            vec![allow(block())],
            None,
            vec![(PROPERTY, 1)],
        ),
        (
            "peer, addresses, path",
            vec![allow(everything())],
            None,
            vec![(HEADERS, 1), (PROPERTY, 3)],
        ),
        (
            "no token where one may be",
            vec![tokens(), allow(paths())],
            None,
            vec![(HEADERS, 1)],
        ),
        (
            "a token",
            vec![tokens(), allow(with_token())],
            Some(&token),
            vec![
                (HEADERS, 1),
                (CLOCK, 1),
                ("proxy_remove_header_map_value", 1),
            ],
        ),
        (
            "a token and the path",
            vec![
                tokens(),
                allow(json!({"from": with_token()["from"], "to": paths()["to"]})),
            ],
            Some(&token),
            vec![
                (HEADERS, 1),
                (CLOCK, 1),
                ("proxy_remove_header_map_value", 1),
            ],
        ),
    ];
    for (name, resources, token, expected) in rows {
        let mut expected: BTreeMap<&str, u64> = always.into_iter().chain(expected).collect();
        assert_eq!(calls(&resources, token, "all"), expected, "{name}");
        expected.remove("proxy_set_property");
        assert_eq!(calls(&resources, token, "notable"), expected, "{name}");
    }
}
