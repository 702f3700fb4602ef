//! What each field and each condition matches, and that its `not` form matches the rest.

use super::support::{request, rule_of};

/// field, values, request, whether the field matches
type Row = (&'static str, &'static [&'static str], &'static str, bool);

const ALICE: &str = "GET / peer=spiffe://cluster.local/ns/foo/sa/alice";

const ROWS: &[Row] = &[
    // methods
    ("methods", &["GET"], "GET /", true),
    ("methods", &["PUT", "GET"], "GET /", true),
    ("methods", &["get"], "GET /", false),
    ("methods", &["P*"], "PATCH /", true),
    ("methods", &["*T"], "PUT /", true),
    ("methods", &["*"], "ANY /", true),
    // paths
    ("paths", &["/a"], "GET /a?b=c", true),
    ("paths", &["/a"], "GET /a#b", true),
    ("paths", &["/a"], "GET /A", false),
    ("paths", &["/a/*"], "GET /a/", true),
    ("paths", &["/a/*"], "GET /a", false),
    ("paths", &["*/b"], "GET /x?/b", false),
    ("paths", &["*/b"], "GET /a/b", true),
    ("paths", &["/a/*/b"], "GET /a/x/b", false),
    ("paths", &["/a/{*}/b"], "GET /a/x/b?q", true),
    ("paths", &["/a/{**}"], "GET /a/x/b", true),
    ("paths", &["*"], "GET /", true),
    // hosts
    ("hosts", &["Example.com"], "GET / host:EXAMPLE.COM", true),
    (
        "hosts",
        &["example.com"],
        "GET / host:example.com:80",
        false,
    ),
    (
        "hosts",
        &["example.com:*"],
        "GET / host:example.com:80",
        true,
    ),
    ("hosts", &["example.com"], "GET / host:example.com.", false),
    ("hosts", &["*"], "GET /", false),
    ("hosts", &["*"], "GET / host:", true),
    // ports
    ("ports", &["8080"], "GET / port=8080", true),
    ("ports", &["80", "90"], "GET / port=8080", false),
    ("ports", &["0080"], "GET / port=80", true),
    ("destination.port", &["8080"], "GET / port=8080", true),
    // peers
    (
        "principals",
        &["cluster.local/ns/foo/sa/alice"],
        ALICE,
        true,
    ),
    (
        "principals",
        &["spiffe://cluster.local/ns/foo/sa/alice"],
        ALICE,
        false,
    ),
    ("principals", &["*/sa/alice"], ALICE, true),
    ("principals", &["cluster.local/ns/foo/*"], ALICE, true),
    ("principals", &["*"], ALICE, true),
    ("principals", &["*"], "GET /", false),
    ("source.principal", &["*/alice"], ALICE, true),
    ("source.principal", &["*/alice"], "GET /", false),
    ("namespaces", &["foo"], ALICE, true),
    ("namespaces", &["f*"], ALICE, true),
    ("namespaces", &["*"], "GET /", false),
    ("source.namespace", &["bar"], ALICE, false),
    ("serviceAccounts", &["foo/alice"], ALICE, true),
    ("serviceAccounts", &["alice"], ALICE, true),
    ("serviceAccounts", &["bar/alice"], ALICE, false),
    ("serviceAccounts", &["alice"], "GET /", false),
    ("source.serviceAccount", &["alice"], ALICE, true),
    ("trustDomains", &["cluster.local"], ALICE, true),
    ("trustDomains", &["cluster"], ALICE, false),
    ("trustDomains", &["*"], "GET /", false),
    ("source.trustDomain", &["*local"], ALICE, true),
    // addresses
    ("ipBlocks", &["10.1.2.3"], "GET / ip=10.1.2.3", true),
    ("ipBlocks", &["10.1.2.3/16"], "GET / ip=10.1.9.9", true),
    (
        "ipBlocks",
        &["10.1.2.3"],
        "GET / ip=10.1.2.4 remote=10.1.2.3",
        false,
    ),
    (
        "ipBlocks",
        &["10.0.0.0/8"],
        "GET / ip=::ffff:10.1.2.3",
        true,
    ),
    (
        "ipBlocks",
        &["::ffff:10.0.0.0/104"],
        "GET / ip=10.1.2.3",
        true,
    ),
    (
        "source.ip",
        &["2001:db8::/32"],
        "GET / ip=2001:db8::1",
        true,
    ),
    (
        "remoteIpBlocks",
        &["10.1.2.3"],
        "GET / remote=10.1.2.3",
        true,
    ),
    ("remote.ip", &["10.1.2.3"], "GET / ip=10.1.2.3", false),
    ("destination.ip", &["10.9.0.0/16"], "GET /", true),
    // headers
    ("request.headers[X-H]", &["a"], "GET / x-h:a", true),
    ("request.headers[x-h]", &["a"], "GET / x-h:A", false),
    ("request.headers[x-h]", &["b"], "GET / x-h:a x-h:b", true),
    ("request.headers[x-h]", &["a"], "GET / x-h:a,b", false),
    ("request.headers[x-h]", &["*"], "GET / x-h:", true),
    ("request.headers[x-h]", &["*"], "GET /", false),
    ("request.headers[x-h]", &["a*"], "GET / x-h:ab", true),
    ("request.headers[:method]", &["GET"], "GET /", true),
    ("request.headers[:path]", &["/a?b"], "GET /a?b", true),
    ("request.headers[host]", &["h"], "GET / host:h", true),
    ("request.headers[host]", &["h"], "GET / host:H", false),
    // tokens
    (
        "requestPrincipals",
        &["i/s"],
        r#"GET / claims={"iss":"i","sub":"s"}"#,
        true,
    ),
    (
        "requestPrincipals",
        &["*"],
        r#"GET / claims={"iss":"i"}"#,
        false,
    ),
    ("requestPrincipals", &["*"], "GET /", false),
    (
        "request.auth.principal",
        &["i/*"],
        r#"GET / claims={"iss":"i","sub":"s"}"#,
        true,
    ),
    (
        "request.auth.audiences",
        &["a"],
        r#"GET / claims={"aud":"a"}"#,
        true,
    ),
    (
        "request.auth.audiences",
        &["b"],
        r#"GET / claims={"aud":["a","b"]}"#,
        true,
    ),
    (
        "request.auth.audiences",
        &["a/"],
        r#"GET / claims={"aud":"a"}"#,
        false,
    ),
    (
        "request.auth.presenter",
        &["p"],
        r#"GET / claims={"azp":"p"}"#,
        true,
    ),
    (
        "request.auth.claims[c]",
        &["v*"],
        r#"GET / claims={"c":["x","val"]}"#,
        true,
    ),
    (
        "request.auth.claims[c]",
        &["*"],
        r#"GET / claims={"c":""}"#,
        false,
    ),
    (
        "request.auth.claims[c]",
        &["*"],
        r#"GET / claims={"c":[]}"#,
        false,
    ),
    (
        "request.auth.claims[c]",
        &["*"],
        r#"GET / claims={"c":1}"#,
        false,
    ),
    (
        "request.auth.claims[c]",
        &["true", "*"],
        r#"GET / claims={"c":true}"#,
        false,
    ),
    (
        "request.auth.claims[c]",
        &["*"],
        r#"GET / claims={"c":null}"#,
        false,
    ),
    (
        "request.auth.claims[c]",
        &["*"],
        r#"GET / claims={"c":[["x"]]}"#,
        false,
    ),
    (
        "request.auth.claims[c]",
        &["*"],
        r#"GET / claims={"c":[1,"x"]}"#,
        true,
    ),
    ("request.auth.claims[c]", &["*"], "GET /", false),
    (
        "request.auth.claims[a][b]",
        &["v"],
        r#"GET / claims={"a":{"b":"v"}}"#,
        true,
    ),
    (
        "request.auth.claims[a][b]",
        &["v"],
        r#"GET / claims={"a":[{"b":"v"}]}"#,
        false,
    ),
    (
        "request.auth.claims[a.b]",
        &["v"],
        r#"GET / claims={"a":{"b":"v"}}"#,
        false,
    ),
    (
        "request.auth.claims[a.b]",
        &["v"],
        r#"GET / claims={"a.b":"v"}"#,
        true,
    ),
    (
        "request.auth.claims[scope]",
        &["w"],
        r#"GET / claims={"scope":["r","w"]}"#,
        true,
    ),
    // connection
    (
        "connection.sni",
        &["*.example.com"],
        "GET / sni=a.example.com",
        true,
    ),
    ("connection.sni", &["*"], "GET /", false),
    ("connection.sni", &["A.b"], "GET / sni=a.b", false),
    // metadata of other filters
    (
        "experimental.envoy.filters.a.b[c]",
        &["v"],
        r#"GET / metadata={"c":"v"}"#,
        true,
    ),
    (
        "experimental.envoy.filters.a.b[c]",
        &["[v]"],
        r#"GET / metadata={"c":["u","v"]}"#,
        true,
    ),
    (
        "experimental.envoy.filters.a.b[c]",
        &["v"],
        r#"GET / metadata={"c":["v"]}"#,
        false,
    ),
    (
        "experimental.envoy.filters.a.b[c]",
        &["*"],
        r#"GET / metadata={"d":"v"}"#,
        false,
    ),
];

#[test]
fn every_field_matches_what_it_says() {
    for (field, values, text, matches) in ROWS {
        let request = request(text);
        for negated in [false, true] {
            let rule = rule_of(field, values, negated);
            let expected = matches != &negated;
            let allow = format!(r#"{{"rules":[{rule}]}}"#);
            assert_eq!(request.passes(&allow), expected, "ALLOW {rule} on {text}");
            let deny = format!(r#"{{"action":"DENY","rules":[{rule}]}}"#);
            assert_eq!(request.passes(&deny), !expected, "DENY {rule} on {text}");
        }
    }
}

#[test]
fn what_the_host_failed_to_provide_fails_closed() {
    let rows = [
        ("ipBlocks", "10.0.0.0/8", "GET / ip=none"),
        ("source.ip", "10.0.0.0/8", "GET / ip=none"),
        ("remoteIpBlocks", "10.0.0.0/8", "GET / remote=none"),
        ("destination.ip", "10.0.0.0/8", "GET / dst=none"),
        ("ports", "8080", "GET / port=none"),
    ];
    for (field, value, text) in rows {
        for negated in [false, true] {
            let rule = rule_of(field, &[value], negated);
            for action in ["ALLOW", "DENY"] {
                let spec = format!(r#"{{"action":"{action}","rules":[{rule}]}}"#);
                assert!(!request(text).passes(&spec), "{action} {rule} on {text}");
            }
        }
    }
}
