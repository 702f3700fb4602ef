//! Random policies and requests over a small vocabulary, so that they meet often.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// The namespace of the workload that every policy selects.
pub const NAMESPACE: &str = "foo";

/// Issuers that a policy may name.
pub const ISSUERS: [&str; 2] = ["https://one.example", "https://two.example"];

/// One request, as a client sends it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The request target.
    pub path: String,
    /// The `Host` header.
    pub host: String,
    /// Other headers; a `${token}` in a value stands for [`Request::token`].
    pub headers: Vec<(String, String)>,
    /// The identity in the client certificate; `None` is plaintext.
    pub peer: Option<String>,
    /// The token to send, if any.
    pub token: Option<Token>,
}

/// A token to mint.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Token {
    /// Its claims.
    pub claims: Value,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Flaw {
    /// Nothing.
    None,
    /// Signed with another key.
    Forged,
    /// A `kid` that is not in the key set.
    UnknownKid,
    /// Cut short.
    Cut,
    /// No token at all.
    Garbage,
}

/// A random set of resources, all for the workload; `jwks` is the key set of every issuer.
pub fn resources(rng: &mut Rng, jwks: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for index in 0..rng.usize(0..=2) {
        all.push(request_authentication(rng, index, jwks));
    }
    for index in 0..rng.usize(if all.is_empty() { 1..=3 } else { 0..=3 }) {
        all.push(authorization_policy(rng, index));
    }
    all
}

/// A random request.
pub fn request(rng: &mut Rng) -> Request {
    let token = rng.u8(0..3) > 0;
    let mut headers = Vec::new();
    for name in ["x-a", "x-b", "X-A"] {
        if rng.u8(0..3) == 0 {
            headers.push((name.to_owned(), pick(rng, &HEADER_VALUES).to_owned()));
        }
    }
    if rng.u8(0..6) == 0 {
        headers.push((
            "x-forwarded-for".to_owned(),
            pick(rng, &FORWARDED).to_owned(),
        ));
    }
    if rng.u8(0..12) == 0 {
        headers.push(("origin".to_owned(), "https://a.example".to_owned()));
        headers.push(("access-control-request-method".to_owned(), "GET".to_owned()));
    }
    let mut path = pick(rng, &PATHS).to_owned();
    if token {
        match rng.u8(0..8) {
            0 => path.push_str(match path.contains('?') {
                true => "&access_token=${token}",
                false => "?x=1&access_token=${token}&y=2",
            }),
            1 => headers.push(("x-jwt".to_owned(), "${token}".to_owned())),
            2 => headers.push(("x-jwt".to_owned(), "Token.${token}".to_owned())),
            3 => headers.push(("cookie".to_owned(), "a=b; session=${token}".to_owned())),
            _ => headers.push(("authorization".to_owned(), "Bearer ${token}".to_owned())),
        }
    }
    if rng.u8(0..6) == 0 {
        headers.push(another_token(rng, token));
    }
    Request {
        method: pick(
            rng,
            &["GET", "GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"],
        )
        .to_owned(),
        path,
        host: pick(rng, &HOSTS).to_owned(),
        headers,
        peer: (rng.u8(0..4) > 0).then(|| pick(rng, &PEERS).to_owned()),
        token: token.then(|| self::token(rng)),
    }
}

/// A token in a second place: the same one, a bad one, or none that can be found.
fn another_token(rng: &mut Rng, token: bool) -> (String, String) {
    let value = if token && rng.bool() {
        "${token}"
    } else {
        "e30.e30.e30"
    };
    let (name, prefix) = match rng.u8(0..6) {
        0 => ("x-jwt", ""),
        1 => ("x-jwt", "Token."),
        2 => ("cookie", "session="),
        3 => ("cookie", "a=b; session="),
        4 => ("authorization", "bearer "),
        _ => ("authorization", "Bearer "),
    };
    (name.to_owned(), format!("{prefix}{value}"))
}

const PATHS: [&str; 16] = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/c",
    "/admin",
    "/admin/x",
    "/ADMIN",
    "/a.txt",
    "/a?b=/admin",
    "//admin",
    "/a/../admin",
    "/a/%2e%2e/admin",
    "/a%2Fb",
    "/admin;x=1",
    "/a/./b",
];
const PATH_PATTERNS: [&str; 14] = [
    "/a", "/a/*", "*.txt", "*", "/admin", "/admin*", "*/b", "/a/{*}", "/a/{**}", "/{*}/b", "/a*b",
    "/", "/a%2Fb", "/admin/x",
];
const HOSTS: [&str; 6] = [
    "a.example",
    "A.Example",
    "b.example",
    "a.example:8080",
    "x.wild.example",
    "a.example.",
];
const HOST_PATTERNS: [&str; 6] = [
    "a.example",
    "*.wild.example",
    "b.*",
    "a.example:*",
    "*",
    "A.EXAMPLE",
];
const METHOD_PATTERNS: [&str; 6] = ["GET", "POST", "P*", "*E", "*", "get"];
const PEERS: [&str; 6] = [
    "spiffe://cluster.local/ns/foo/sa/one",
    "spiffe://cluster.local/ns/foo/sa/two",
    "spiffe://cluster.local/ns/bar/sa/one",
    "spiffe://cluster.local/ns/b.r/sa/one",
    "spiffe://other.td/ns/foo/sa/one",
    "spiffe://cluster.local/ns/foobar/sa/two",
];
const PRINCIPALS: [&str; 8] = [
    "cluster.local/ns/foo/sa/one",
    "cluster.local/ns/foo/*",
    "*/sa/two",
    "*",
    "other.td/ns/foo/sa/one",
    "cluster.local/ns/bar/sa/one",
    "*/ns/foo/sa/one",
    "cluster*",
];
const NAMESPACES: [&str; 6] = ["foo", "bar", "b.r", "foo*", "*bar", "*"];
const ACCOUNTS: [&str; 4] = ["one", "foo/two", "bar/one", "foo/one"];
const TRUST_DOMAINS: [&str; 4] = ["cluster.local", "other.td", "*.local", "*"];
const BLOCKS: [&str; 6] = [
    "127.0.0.1",
    "127.0.0.0/8",
    "10.0.0.0/8",
    "::1",
    "10.1.2.3/32",
    "0.0.0.0/0",
];
const FORWARDED: [&str; 4] = ["10.1.2.3", "9.9.9.9, 10.1.2.3", "10.1.2.3, 9.9.9.9", "::1"];
const HEADER_VALUES: [&str; 5] = ["one", "two", "one,two", "", "onetwo"];
const PATTERNS: [&str; 7] = ["one", "two", "one*", "*two", "*", "three", "o*e"];
const REQUEST_PRINCIPALS: [&str; 9] = [
    "https://one.example/alice",
    "https://one.example/*",
    "*/alice",
    "*",
    "https://two.example/al*",
    "https://one*",
    "*alice",
    "alice",
    "*one.example/alice",
];

fn pick<'a>(rng: &mut Rng, list: &[&'a str]) -> &'a str {
    rng.choice(list).copied().unwrap_or_default()
}

fn some(rng: &mut Rng, list: &[&str]) -> Value {
    (0..rng.usize(1..=2)).map(|_| pick(rng, list)).collect()
}

fn authorization_policy(rng: &mut Rng, index: usize) -> Value {
    let deny = rng.u8(0..3) == 0;
    let least = usize::from(deny);
    let rules: Vec<Value> = (0..rng.usize(least..=2)).map(|_| rule(rng)).collect();
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": format!("p{index}"), "namespace": NAMESPACE},
        "spec": {"action": if deny { "DENY" } else { "ALLOW" }, "rules": rules},
    })
}

fn rule(rng: &mut Rng) -> Value {
    let mut rule = Map::new();
    if rng.bool() {
        let list: Vec<Value> = (0..rng.usize(1..=2))
            .map(|_| json!({"source": source(rng)}))
            .collect();
        rule.insert("from".to_owned(), list.into());
    }
    if rng.bool() {
        let list: Vec<Value> = (0..rng.usize(1..=2))
            .map(|_| json!({"operation": operation(rng)}))
            .collect();
        rule.insert("to".to_owned(), list.into());
    }
    if rng.u8(0..3) == 0 {
        let list: Vec<Value> = (0..rng.usize(1..=2)).map(|_| condition(rng)).collect();
        rule.insert("when".to_owned(), list.into());
    }
    rule.into()
}

fn source(rng: &mut Rng) -> Value {
    let exclusive = rng.u8(0..5) == 0;
    if exclusive {
        return fields(rng, &[("serviceAccounts", &ACCOUNTS)]);
    }
    fields(
        rng,
        &[
            ("principals", &PRINCIPALS),
            ("namespaces", &NAMESPACES),
            ("trustDomains", &TRUST_DOMAINS),
            ("requestPrincipals", &REQUEST_PRINCIPALS),
            ("ipBlocks", &BLOCKS),
            ("remoteIpBlocks", &BLOCKS),
        ],
    )
}

fn operation(rng: &mut Rng) -> Value {
    fields(
        rng,
        &[
            ("hosts", &HOST_PATTERNS),
            ("methods", &METHOD_PATTERNS),
            ("paths", &PATH_PATTERNS),
        ],
    )
}

/// At least one of `known`, or its negation.
fn fields(rng: &mut Rng, known: &[(&str, &[&str])]) -> Value {
    let mut object = Map::new();
    while object.is_empty() {
        for (name, values) in known {
            match rng.usize(0..known.len() * 3) {
                0 | 1 => object.insert((*name).to_owned(), some(rng, values)),
                2 => {
                    let (first, rest) = name.split_at(1);
                    object.insert(
                        format!("not{}{rest}", first.to_uppercase()),
                        some(rng, values),
                    )
                }
                _ => None,
            };
        }
    }
    object.into()
}

fn condition(rng: &mut Rng) -> Value {
    let (key, values): (&str, &[&str]) = match rng.u8(0..14) {
        0 => ("source.ip", &BLOCKS),
        1 => ("remote.ip", &BLOCKS),
        2 => ("source.namespace", &NAMESPACES),
        3 => ("source.principal", &PRINCIPALS),
        4 => ("request.auth.principal", &REQUEST_PRINCIPALS),
        5 => ("request.auth.audiences", &PATTERNS),
        6 => ("request.auth.presenter", &PATTERNS),
        7 => ("request.auth.claims[group]", &PATTERNS),
        8 => ("request.auth.claims[scope]", &PATTERNS),
        9 => ("request.auth.claims[realm][roles]", &PATTERNS),
        10 => ("request.auth.claims[level]", &PATTERNS),
        11 => ("destination.ip", &BLOCKS),
        _ => ("request.headers[x-a]", &PATTERNS),
    };
    let mut condition = json!({"key": key});
    let which = rng.u8(0..4);
    if which != 0 {
        condition["values"] = some(rng, values);
    }
    if which == 0 || which == 1 {
        condition["notValues"] = some(rng, values);
    }
    condition
}

fn request_authentication(rng: &mut Rng, index: usize, jwks: &str) -> Value {
    let rules: Vec<Value> = (0..rng.usize(1..=2)).map(|_| jwt_rule(rng, jwks)).collect();
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": format!("r{index}"), "namespace": NAMESPACE},
        "spec": {"jwtRules": rules},
    })
}

fn jwt_rule(rng: &mut Rng, jwks: &str) -> Value {
    let mut rule = json!({"issuer": pick(rng, &ISSUERS), "jwks": jwks});
    if rng.u8(0..4) == 0 {
        rule["audiences"] = some(rng, &["one", "https://two/", "three"]);
    }
    match rng.u8(0..6) {
        0 => rule["fromHeaders"] = json!([{"name": "x-jwt"}]),
        1 => rule["fromHeaders"] = json!([{"name": "x-jwt", "prefix": "Token."}]),
        2 => rule["fromParams"] = json!(["access_token"]),
        3 => rule["fromCookies"] = json!(["session"]),
        _ => {}
    }
    if rng.bool() {
        rule["forwardOriginalToken"] = true.into();
    }
    if rng.u8(0..4) == 0 {
        rule["outputPayloadToHeader"] = "x-payload".into();
    }
    if rng.u8(0..3) == 0 {
        rule["outputClaimToHeaders"] = json!([
            {"header": "x-a", "claim": "group"},
            {"header": "x-level", "claim": "level"},
            {"header": "x-roles", "claim": "realm.roles"},
        ]);
    }
    if rng.u8(0..6) == 0 {
        rule["spaceDelimitedClaims"] = json!(["group"]);
    }
    rule
}

fn token(rng: &mut Rng) -> Token {
    let mut claims = json!({"iss": pick(rng, &["https://one.example", "https://one.example",
        "https://two.example", "https://three.example"])});
    let mut claim = |rng: &mut Rng, name: &str, values: &[Value]| {
        if rng.bool() {
            claims[name] = rng.choice(values).cloned().unwrap_or_default();
        }
    };
    claim(rng, "sub", &[json!("alice"), json!("bob"), json!("")]);
    claim(
        rng,
        "aud",
        &[
            json!("one"),
            json!(["two", "x"]),
            json!("http://one/"),
            json!([]),
        ],
    );
    claim(rng, "azp", &[json!("one"), json!("two")]);
    claim(
        rng,
        "group",
        &[
            json!("one"),
            json!(["one", "two"]),
            json!("one two"),
            json!([1]),
        ],
    );
    claim(rng, "scope", &[json!("one two"), json!("three"), json!("")]);
    claim(
        rng,
        "realm",
        &[
            json!({"roles": ["one"]}),
            json!({"roles": "two"}),
            json!("one"),
        ],
    );
    claim(
        rng,
        "level",
        &[json!(7), json!(-7), json!(1.5), json!(true), json!(null)],
    );
    if rng.u8(0..3) == 0 {
        claims["exp"] = rng
            .choice(&[json!(4_102_444_800_u64), json!(1_000)])
            .cloned()
            .into();
    }
    if rng.u8(0..8) == 0 {
        claims["nbf"] = rng
            .choice(&[json!(4_102_444_800_u64), json!(1_000)])
            .cloned()
            .into();
    }
    let flaw = match rng.u8(0..12) {
        0 => Flaw::Forged,
        1 => Flaw::UnknownKid,
        2 => Flaw::Cut,
        3 => Flaw::Garbage,
        _ => Flaw::None,
    };
    Token { claims, flaw }
}
