//! What a request costs in host calls: only what the policies in force need is read, and once.

mod support;

use std::collections::BTreeMap;

use host_sim::suite::mint;
use host_sim::vm::{Host, HttpRequest, LogLevel, Options, Plugin, Properties};
use serde_json::{Value, json};

const NOW: u64 = 1_780_272_000;

fn key(name: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/keys/");
    std::fs::read_to_string(format!("{root}{name}")).unwrap()
}

fn host(resources: &[Value], filter_state: Option<&str>) -> Host {
    let plugin = Plugin::from_file(support::wasm()).expect("build the filter with `make wasm`");
    let options = Options {
        // Envoy's default; at debug a denial says what came nearest, and reads more for that.
        log_level: LogLevel::Info,
        ..Options::default()
    };
    let mut host = Host::new(&plugin, options).unwrap();
    let mut configuration = json!({
        "version": 1,
        "workload": {"namespace": "foo"},
        "resources": resources,
    });
    if let Some(filter_state) = filter_state {
        configuration["filterState"] = filter_state.into();
    }
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
    filter_state: Option<&str>,
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
        // Counters are told by the tick, and what passes leaves nothing for the access log.
        let mut expected: BTreeMap<&str, u64> = expected.into_iter().collect();
        assert_eq!(calls(&resources, token, None), expected, "{name}");
        assert_eq!(
            calls(&resources, token, Some("notable")),
            expected,
            "{name}"
        );
        expected.insert("proxy_set_property", 1);
        assert_eq!(calls(&resources, token, Some("all")), expected, "{name}");
    }
}

#[test]
fn by_default_denials_audits_and_dry_runs_are_told() {
    let of = |action: &str, dry_run: bool, path: &str| {
        let spec = json!({"action": action, "rules": [{"to": [{"operation": {"paths": [path]}}]}]});
        let mut policy = object("AuthorizationPolicy", spec);
        policy["metadata"]["name"] = format!("{action}-{dry_run}").to_lowercase().into();
        if dry_run {
            policy["metadata"]["annotations"] = json!({"istio.io/dry-run": "true"});
        }
        policy
    };
    let rows = [
        ("nothing is in force", vec![], false),
        ("allowed", vec![of("ALLOW", false, "/a")], false),
        ("denied", vec![of("DENY", false, "/a")], true),
        ("denied by default", vec![of("ALLOW", false, "/b")], true),
        ("audited", vec![of("AUDIT", false, "/a")], true),
        ("not audited", vec![of("AUDIT", false, "/b")], false),
        ("would be denied", vec![of("DENY", true, "/a")], true),
        ("would be allowed", vec![of("DENY", true, "/b")], true),
        (
            "would be denied by default",
            vec![of("ALLOW", false, "/a"), of("ALLOW", true, "/b")],
            true,
        ),
    ];
    for (name, resources, told) in rows {
        let told_by =
            |filter_state| calls(&resources, None, filter_state).contains_key("proxy_set_property");
        assert_eq!(told_by(None), told, "{name}");
        assert!(told_by(Some("all")), "{name}");
    }
}

#[test]
fn who_the_peer_is_does_not_depend_on_who_came_before() {
    const CERTIFICATE: &str = "subject_peer_certificate";
    let tls = |uri| Properties::default().tls("app.foo", uri);
    let with = |part, text| tls(None).text(&["connection", part], text);
    let spiffe = "spiffe://cluster.local/ns/foo/sa/web";
    let peers = [
        (Properties::default().plaintext(), None),
        (tls(None), None),
        (tls(Some(spiffe)), Some(spiffe)),
        (with("dns_san_peer_certificate", "web.foo"), Some("web.foo")),
        (with(CERTIFICATE, "CN=web"), Some("CN=web")),
        (
            tls(Some(spiffe)).text(&["connection", CERTIFICATE], "CN=web"),
            Some(spiffe),
        ),
    ];
    let any = json!({"from": [{"source": {"principals": ["*"]}}]});
    let mut host = host(&[allow(any)], Some("all"));
    let mut ask = |peer: &Properties| {
        let mut request = HttpRequest::new("GET", "/a", "app.foo");
        request.properties = peer.clone();
        let exchange = host.http(0, request).unwrap();
        let evidence: Value = serde_json::from_slice(&exchange.filter_state["palisade"]).unwrap();
        let said = evidence["principal"].as_str().map(str::to_owned);
        (said, exchange.host_calls["proxy_get_property"])
    };
    for (before, name_before) in &peers {
        for (after, name_after) in &peers {
            assert_eq!(ask(before).0.as_deref(), *name_before);
            assert_eq!(
                ask(after).0.as_deref(),
                *name_after,
                "after {name_before:?}"
            );
        }
    }
    // What is asked first is what answered the last time.
    for (peer, calls) in [(&peers[0].0, 1), (&peers[2].0, 1), (&peers[1].0, 3)] {
        ask(peer);
        assert_eq!(ask(peer).1, calls, "{peer:?}");
    }
}
