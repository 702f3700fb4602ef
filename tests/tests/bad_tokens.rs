//! Bad tokens of every shape get their 401, and the worker that refused them lives.

use host_sim::envoy::{
    bootstrap::Listener,
    client::{Client, Request},
};
use palisade_filter::decision::Phase;
use palisade_tests::{
    Error, mesh,
    mesh::{Mesh, UPSTREAM},
    policies::{ISSUER, authentication_with_keys, require_token},
    tokens::{self, SigningKey},
};
use serde_json::json;

const NOT_JWT: &str =
    "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections";
const FAILS: &str = "Jwt verification fails";
const HEADER_JSON: &str = "Jwt header is an invalid JSON";
const PAYLOAD_JSON: &str = "Jwt payload is an invalid JSON";
const NO_ALG: &str = "Jwt header [alg] is not supported";

/// The tokens, each with the body of its 401.
fn bad_tokens(key: &SigningKey) -> Result<Vec<(&'static str, String, &'static str)>, Error> {
    let header = r#"{"alg":"RS256","kid":"k1","typ":"JWT"}"#;
    let claims = format!(
        r#"{{"iss":"{ISSUER}","sub":"alice","exp":{}}}"#,
        tokens::now() + 3600
    );
    let claims = claims.as_str();
    let good = key.sign(header, claims)?;
    let [head, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        return Err("a token has three sections".into());
    };
    let deep = format!("{}1{}", r#"{"a":"#.repeat(5000), "}".repeat(5000));
    let doubled = format!(r#"{{"iss":"https://other.example",{}"#, &claims[1..]);
    let forger = SigningKey::generate("k1")?;
    Ok(vec![
        ("one dot", "a.b".to_owned(), NOT_JWT),
        ("no dot", "abc".to_owned(), NOT_JWT),
        ("dots only", "..".to_owned(), NOT_JWT),
        ("five dots", format!("{good}.a.b.c"), NOT_JWT),
        ("1 MB", format!("{good}{}", "A".repeat(1 << 20)), NOT_JWT),
        ("60 KB", format!("{good}{}", "A".repeat(60 << 10)), FAILS),
        (
            "header not base64",
            format!("{head}!.{payload}.{signature}"),
            "Jwt header is an invalid Base64url encoded",
        ),
        (
            "payload not base64",
            format!("{head}.!!!.{signature}"),
            "Jwt payload is an invalid Base64url encoded",
        ),
        (
            "signature not base64",
            format!("{head}.{payload}.!!!"),
            "Jwt signature is an invalid Base64url encoded",
        ),
        ("header not JSON", key.sign("{alg", claims)?, HEADER_JSON),
        ("header no object", key.sign("[1]", claims)?, HEADER_JSON),
        (
            "header not UTF-8",
            key.sign(b"{\"alg\":\"\xff\"}", claims)?,
            HEADER_JSON,
        ),
        ("payload not JSON", key.sign(header, "{iss")?, PAYLOAD_JSON),
        ("payload null", key.sign(header, "null")?, PAYLOAD_JSON),
        (
            "payload not UTF-8",
            key.sign(header, b"{\"iss\":\"\xff\"}")?,
            PAYLOAD_JSON,
        ),
        ("deep header", key.sign(&deep, claims)?, HEADER_JSON),
        ("deep payload", key.sign(header, &deep)?, PAYLOAD_JSON),
        (
            "duplicate header",
            key.sign(r#"{"alg":"none","alg":"RS256"}"#, claims)?,
            HEADER_JSON,
        ),
        ("duplicate claim", key.sign(header, &doubled)?, PAYLOAD_JSON),
        (
            "alg none",
            tokens::unsigned(r#"{"alg":"none"}"#, claims, "AA"),
            NO_ALG,
        ),
        (
            "alg none unsigned",
            tokens::unsigned(r#"{"alg":"none"}"#, claims, ""),
            NOT_JWT,
        ),
        (
            "alg in lower case",
            key.sign(r#"{"alg":"rs256"}"#, claims)?,
            NO_ALG,
        ),
        (
            "no alg",
            key.sign(r#"{"kid":"k1"}"#, claims)?,
            "Jwt header [alg] field is required and must be a string",
        ),
        (
            "RSA key as HMAC secret",
            tokens::hmac(r#"{"alg":"HS256","kid":"k1"}"#, claims, key.modulus())?,
            "Jwks doesn't have key to match kid or alg from Jwt",
        ),
        (
            "unknown crit",
            key.sign(r#"{"alg":"RS256","crit":["x"],"x":1}"#, claims)?,
            FAILS,
        ),
        (
            "wrong typ",
            key.sign(r#"{"alg":"RS256","typ":7}"#, claims)?,
            HEADER_JSON,
        ),
        (
            "unknown kid",
            key.sign(r#"{"alg":"RS256","kid":"k2"}"#, claims)?,
            "Jwks doesn't have key to match kid or alg from Jwt",
        ),
        (
            "kid no string",
            key.sign(r#"{"alg":"RS256","kid":1}"#, claims)?,
            "Jwt header [kid] field is not a string",
        ),
        ("another key", forger.sign(header, claims)?, FAILS),
        (
            "signature of another token",
            format!("{head}.{payload}.{}", "AA".repeat(171)),
            FAILS,
        ),
        (
            "another issuer",
            key.token(&json!({"iss": "https://other.example"}))?,
            "Jwt issuer is not configured",
        ),
        (
            "no issuer",
            key.token(&json!({"sub": "alice"}))?,
            "Jwt issuer is not configured",
        ),
        (
            "expired",
            key.token(&json!({"iss": ISSUER, "exp": 1}))?,
            "Jwt is expired",
        ),
        (
            "not yet valid",
            key.token(&json!({"iss": ISSUER, "nbf": tokens::now() + 3600}))?,
            "Jwt not yet valid",
        ),
        (
            "exp no number",
            key.token(&json!({"iss": ISSUER, "exp": "soon"}))?,
            "Jwt payload [exp] field is not an integer",
        ),
    ])
}

#[test]
fn a_bad_token_gets_401_and_the_next_good_request_passes() -> Result<(), Error> {
    let mesh = Mesh::new()?;
    let key = SigningKey::generate("k1")?;
    let resources = [
        authentication_with_keys(&tokens::jwks([&key])),
        require_token(),
    ];
    let mut listener = Listener::new("inbound", UPSTREAM);
    // By default Envoy itself answers 431 to a token of a megabyte.
    listener.http.max_request_headers_kb = Some(4096);
    listener
        .http
        .filters
        .push(mesh::filter(mesh::configuration(&resources, &[]))?.to_json());
    let envoy = mesh.envoy(vec![listener], [])?;
    let client = Client::plain(envoy.listener("inbound")?);
    let good = key.token(&json!({"iss": ISSUER, "sub": "alice", "exp": tokens::now() + 3600}))?;

    let mut requests: Vec<_> = bad_tokens(&key)?
        .into_iter()
        .map(|(name, token, body)| (name, Request::get("/").bearer(token), body))
        .collect();
    requests.push(("empty", Request::get("/?access_token="), NOT_JWT));
    requests.push((
        "two headers",
        Request::get("/").bearer(&good).bearer(&good),
        NOT_JWT,
    ));
    for (name, request, body) in requests {
        let (response, evidence) = mesh::decide(&envoy, &client, request, name)?;
        assert_eq!(
            (response.status, response.text().as_str()),
            (401, body),
            "{name}"
        );
        let challenge = response.header("www-authenticate").unwrap_or_default();
        assert!(
            challenge.ends_with(r#", error="invalid_token""#),
            "{name}: {challenge}"
        );
        assert_eq!(
            (evidence.phase, evidence.status),
            (Phase::Authn, 401),
            "{name}"
        );

        let request = Request::get("/").bearer(&good);
        let (response, evidence) =
            mesh::decide(&envoy, &client, request, &format!("after {name}"))?;
        assert_eq!(response.status, 200, "after {name}: {evidence:?}");
        let principal = evidence.request_principal.as_deref();
        assert_eq!(
            principal,
            Some("https://issuer.example/alice"),
            "after {name}"
        );
    }

    // A header without a token in it carries none: not authenticated, which the policy refuses.
    let (response, evidence) = mesh::decide(&envoy, &client, Request::get("/").bearer(""), "none")?;
    assert_eq!((response.status, evidence.phase), (403, Phase::Allow));
    assert_eq!(
        envoy.admin().stat("wasm.palisade.vm_reload")?,
        0,
        "a virtual machine died"
    );
    Ok(())
}
