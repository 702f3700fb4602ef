//! Policies and requests from a small world, so that they often meet.

use std::fmt::Write as _;

use palisade_filter::Headers;
use palisade_filter::attributes::Snapshot;
use palisade_filter::authn::Identity;
use palisade_filter::json::{self, Value};

/// Random numbers, the same ones for the same seed (SplitMix64).
pub struct Random(u64);

const TEXTS: [&str; 14] = [
    "a", "b", "ab", "abc", "ba", "a*", "ab*", "*a", "*bc", "*b", "*", "abcd*", "c", "bc",
];
const VALUES: [&str; 9] = ["a", "b", "ab", "abc", "ba", "bc", "abcde", "c", ""];
const PATHS: [&str; 15] = [
    "/", "/a", "/a/b", "/a/b/c", "/a*", "/a/*", "/*", "*b", "*/c", "*", "/a/{*}", "/{*}/b",
    "/a/{**}", "/{**}/c", "/b/{*}/c",
];
const TARGETS: [&str; 12] = [
    "/", "/a", "/a/b", "/a/b/c", "/b/a/c", "/b", "/a/", "/c", "/a?x=/b", "/a/b#c", "/b/b", "",
];
const HOSTS: [&str; 8] = [
    "a.com", "A.com", "*.com", "a.*", "b.com:80", "*", "*:80", "b.COM",
];
const AUTHORITIES: [&str; 6] = ["a.com", "A.COM", "b.com:80", "B.com", "a.org", ""];
const PRINCIPALS: [&str; 11] = [
    "cluster.local/ns/a/sa/x",
    "cluster.local/ns/b/sa/x",
    "old/ns/a/sa/y",
    "*/sa/x",
    "cluster.local/*",
    "*",
    "td/ns/a/sa/x",
    "cluster.local/ns/a*",
    "*/ns/b/sa/y",
    "x",
    "td/x",
];
const PEERS: [&str; 12] = [
    "spiffe://cluster.local/ns/a/sa/x",
    "spiffe://cluster.local/ns/b/sa/x",
    "spiffe://cluster.local/ns/b/sa/y",
    "spiffe://old/ns/a/sa/y",
    "spiffe://td/ns/a/sa/x",
    "spiffe://td/x",
    "a.com",
    "spiffe://td/ns/ns/a/sa/x",
    "spiffe://td/ns/a/k/sa/x/z/b",
    "spiffe://cluster.local/ns//sa/x",
    "",
    "spiffe://td/ns/b/ns/a/sa/sa/y",
];
const BLOCKS: [&str; 9] = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.3",
    "0.0.0.0/0",
    "192.168.0.0/24",
    "::/0",
    "2001:db8::/32",
    "::ffff:10.1.0.0/112",
    "2001:db8::1",
];
const ADDRESSES: [&str; 8] = [
    "10.1.2.3",
    "10.2.0.1",
    "192.168.0.9",
    "8.8.8.8",
    "2001:db8::1",
    "2001:db9::1",
    "::ffff:10.1.2.3",
    "::1",
];
const REQUEST_PRINCIPALS: [&str; 9] = [
    "i/s",
    "i/*",
    "*/s",
    "*",
    "j/s",
    "i*",
    "*s",
    "https://i/j/s",
    "i/t",
];

/// Rules in a set, at most.
const RULES: u64 = 40;

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Policies of all actions in `foo`, as JSON.
    pub fn policies(&mut self) -> Vec<String> {
        let actions = [
            ("ALLOW", ""),
            ("DENY", ""),
            ("AUDIT", ""),
            ("ALLOW", DRY_RUN),
            ("DENY", DRY_RUN),
            ("CUSTOM", ""),
        ];
        let mut policies = Vec::new();
        for (index, (action, metadata)) in actions.into_iter().enumerate() {
            let provider = match action {
                "CUSTOM" => r#","provider":{"name":"authz"}"#,
                _ => "",
            };
            if self.one_in(2) {
                continue;
            }
            let rules: Vec<String> = (0..1 + self.below(RULES))
                .map(|_| self.rule(action == "CUSTOM"))
                .collect();
            policies.push(format!(
                r#"{{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy","metadata":{{"name":"p{index}","namespace":"foo"{metadata}}},"spec":{{"action":"{action}"{provider},"rules":[{}]}}}}"#,
                rules.join(",")
            ));
        }
        policies
    }

    /// A request, some of whose attributes may be missing.
    pub fn request(&mut self) -> (Snapshot, Option<Identity>) {
        let mut headers = vec![(":method", self.of(&["GET", "POST", "PUT"]))];
        if !self.one_in(20) {
            headers.push((":path", self.of(&TARGETS)));
        }
        if !self.one_in(20) {
            headers.push((":authority", self.of(&AUTHORITIES)));
        }
        for _ in 0..self.below(4) {
            headers.push((self.of(&["x-a", "x-b"]), self.of(&VALUES)));
        }
        let mut address = || {
            let known = !self.one_in(20);
            known.then(|| self.of(&ADDRESSES).parse().unwrap())
        };
        let (source_ip, remote_ip, destination_ip) = (address(), address(), address());
        let snapshot = Snapshot {
            headers: headers.into_iter().collect::<Headers>(),
            peer: (!self.one_in(4)).then(|| self.of(&PEERS).into()),
            source_ip,
            remote_ip,
            destination_ip,
            destination_port: (!self.one_in(20)).then(|| [80, 8080, 443][self.index(3)]),
            sni: (!self.one_in(3)).then(|| self.of(&VALUES).to_owned()),
            ..Snapshot::default()
        };
        (snapshot, (!self.one_in(3)).then(|| self.identity()))
    }

    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn identity(&mut self) -> Identity {
        let list = format!(r#"["{}","{}",7]"#, self.of(&VALUES), self.of(&VALUES));
        let text = format!(r#""{}""#, self.of(&VALUES));
        let claim = match self.below(4) {
            0 => "7".to_owned(),
            1 => list,
            _ => text,
        };
        let nested = self.of(&VALUES);
        let claims = format!(r#"{{"c":{claim},"o":{{"c":"{nested}"}}}}"#);
        let Ok(Value::Object(claims)) = json::parse(claims.as_bytes(), 8) else {
            panic!("{claims}");
        };
        Identity {
            issuer: (!self.one_in(8)).then(|| self.of(&["i", "j", "https://i/j", ""]).into()),
            subject: (!self.one_in(8)).then(|| self.of(&["s", "t", ""]).into()),
            claims,
            ..Identity::default()
        }
    }

    /// A rule; without a token's attributes where nothing is known of it.
    fn rule(&mut self, before_token: bool) -> String {
        let mut parts = Vec::new();
        if self.one_in(200) {
            return "{}".to_owned();
        }
        // Rules that want much are seldom matched, and that is what most rules are like.
        if !self.one_in(8) {
            parts.push(self.alternatives("from", "source", before_token));
        }
        if !self.one_in(8) {
            parts.push(self.alternatives("to", "operation", before_token));
        }
        if !self.one_in(4) {
            let conditions: Vec<String> = (0..1 + self.below(2))
                .map(|_| self.condition(before_token))
                .collect();
            parts.push(format!(r#""when":[{}]"#, conditions.join(",")));
        }
        format!("{{{}}}", parts.join(","))
    }

    fn alternatives(&mut self, list: &str, name: &str, before_token: bool) -> String {
        let alternatives: Vec<String> = (0..1 + self.below(2))
            .map(|_| {
                let mut fields = String::new();
                let mut used: Vec<&str> = Vec::new();
                for _ in 0..2 + self.below(2) {
                    let (field, negated, values) = match name {
                        "source" => self.source(before_token),
                        _ => self.operation(),
                    };
                    if !used.contains(&field) {
                        used.push(field);
                        let values = self.list(values);
                        let name = if self.one_in(5) { negated } else { field };
                        let comma = if fields.is_empty() { "" } else { "," };
                        let _ = write!(fields, r#"{comma}"{name}":{values}"#);
                    }
                }
                format!(r#"{{"{name}":{{{fields}}}}}"#)
            })
            .collect();
        format!(r#""{list}":[{}]"#, alternatives.join(","))
    }

    fn source(&mut self, before_token: bool) -> Field {
        let fields: [Field; 6] = [
            ("ipBlocks", "notIpBlocks", &BLOCKS),
            ("remoteIpBlocks", "notRemoteIpBlocks", &BLOCKS),
            ("principals", "notPrincipals", &PRINCIPALS),
            ("namespaces", "notNamespaces", &["a", "b", "a*", "*b", "*"]),
            (
                "trustDomains",
                "notTrustDomains",
                &["cluster.local", "td", "old", "*"],
            ),
            (
                "requestPrincipals",
                "notRequestPrincipals",
                &REQUEST_PRINCIPALS,
            ),
        ];
        fields[self.index(if before_token { 2 } else { 6 })]
    }

    fn operation(&mut self) -> Field {
        let fields: [Field; 4] = [
            ("paths", "notPaths", &PATHS),
            ("methods", "notMethods", &["GET", "POST", "P*", "*"]),
            ("hosts", "notHosts", &HOSTS),
            ("ports", "notPorts", &["80", "8080", "443"]),
        ];
        fields[self.index(4)]
    }

    fn condition(&mut self, before_token: bool) -> String {
        let keys: [(&str, &[&str]); 9] = [
            ("request.headers[x-a]", &TEXTS),
            ("request.headers[x-b]", &TEXTS),
            ("connection.sni", &TEXTS),
            ("destination.ip", &BLOCKS),
            ("destination.port", &["80", "8080"]),
            ("source.serviceAccount", &["a/x", "b/x", "y", "a/sa"]),
            ("request.auth.claims[c]", &TEXTS),
            ("request.auth.claims[o][c]", &TEXTS),
            ("request.auth.principal", &REQUEST_PRINCIPALS),
        ];
        let (key, values) = keys[self.index(if before_token { 5 } else { 9 })];
        let list = if self.one_in(5) {
            "notValues"
        } else {
            "values"
        };
        let values = self.list(values);
        format!(r#"{{"key":"{key}","{list}":{values}}}"#)
    }

    fn list(&mut self, values: &[&str]) -> String {
        let values: Vec<String> = (0..1 + self.below(3))
            .map(|_| format!("{:?}", self.of(values)))
            .collect();
        format!("[{}]", values.join(","))
    }

    fn of<'v>(&mut self, values: &[&'v str]) -> &'v str {
        values[self.index(values.len())]
    }

    fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}

/// A field, its negation, and values for it.
type Field = (&'static str, &'static str, &'static [&'static str]);

const DRY_RUN: &str = r#","annotations":{"istio.io/dry-run":"true"}"#;
