//! What is wrong with a token, in the words of Envoy.

use palisade_filter::authn::Authentication;
use serde_json::json;

use super::mint::{CLAIMS, base64url, jwk, jwks, sign, token};
use super::request::{authenticate, rules, said};

const BAD_FORMAT: &str =
    "401 Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections";
const HEADER_BASE64: &str = "401 Jwt header is an invalid Base64url encoded";
const HEADER_JSON: &str = "401 Jwt header is an invalid JSON";
const PAYLOAD_BASE64: &str = "401 Jwt payload is an invalid Base64url encoded";
const PAYLOAD_JSON: &str = "401 Jwt payload is an invalid JSON";
const SIGNATURE_BASE64: &str = "401 Jwt signature is an invalid Base64url encoded";
const ALG_MISSING: &str = "401 Jwt header [alg] field is required and must be a string";
const ALG_UNKNOWN: &str = "401 Jwt header [alg] is not supported";
const FAILS: &str = "401 Jwt verification fails";
const GOOD: &str = "iss/alice by ra[0]";

fn check(token: &str, expected: &str) {
    let authenticator = rules(json!([{
        "issuer": "iss",
        "audiences": ["svc"],
        "jwks": jwks(&[jwk("rsa", json!({}))]),
        "fromHeaders": [{"name": "x-jwt"}],
    }]));
    // Whatever tokens came before, with the same header or another.
    for before in [None, Some(token.to_owned()), Some(self::token(CLAIMS))] {
        if let Some(before) = &before {
            authenticate(&authenticator, &[("x-jwt", before)]);
        }
        let got = authenticate(&authenticator, &[("x-jwt", token)]);
        let shown: String = token.chars().take(120).collect();
        assert_eq!(said(&got), expected, "{shown} after {before:?}");
    }
}

fn header(header: &str) -> String {
    sign("RS256", "rsa", header, CLAIMS)
}

fn with(claims: &str) -> String {
    token(&format!(
        r#"{{"iss":"iss","aud":"svc","sub":"alice",{claims}}}"#
    ))
}

#[test]
fn shapes() {
    let good = token(CLAIMS);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = message.split_once('.').unwrap();
    check(&good, GOOD);
    let rows = [
        "",
        ".",
        "..",
        "a",
        "a.b",
        ".....",
        "a.b.c.d",
        &format!(".{good}"),
        &format!("{good}."),
        &format!("{head}..{payload}.{signature}"),
        &format!("{head}.{payload}."),
        &format!("{head}..{signature}"),
        &"a".repeat(1024 * 1024),
        &format!("{head}.{payload}.{}", "A".repeat(1024 * 1024)),
    ];
    for row in rows {
        check(row, BAD_FORMAT);
    }
}

#[test]
fn only_canonical_base64url() {
    let good = token(CLAIMS);
    let parts: Vec<_> = good.split('.').collect();
    let statuses = [HEADER_BASE64, PAYLOAD_BASE64, SIGNATURE_BASE64];
    for (index, status) in statuses.into_iter().enumerate() {
        let part = parts[index];
        let (_, last) = part.split_at(part.len() - 1);
        for spelling in [
            format!("{part}="),
            format!("{part}=="),
            format!("{part} "),
            format!("{part}\t"),
            format!("{}\n{}", &part[..4], &part[4..]),
            format!("{}+", &part[..part.len() - 1]),
            format!("{}/", &part[..part.len() - 1]),
            format!("{part}{last}{last}{last}{last}{last}!"),
            "A".to_owned(),
            "ü".to_owned(),
        ] {
            let mut parts: Vec<&str> = parts.clone();
            parts[index] = &spelling;
            let expected = match spelling.ends_with([' ', '\t']) && index == 2 {
                // White space at the end of a header's value is no part of it.
                true => GOOD,
                false => status,
            };
            check(&parts.join("."), expected);
        }
    }
    // `e31` is `{}` with bits left over, which `e30` is without.
    check("e31.e30.AAAA", HEADER_BASE64);
}

#[test]
fn headers() {
    let deep = format!(
        r#"{{"alg":"RS256","a":{}{}}}"#,
        "[".repeat(99),
        "]".repeat(99)
    );
    let rows = [
        ("", BAD_FORMAT),
        ("{", HEADER_JSON),
        ("null", HEADER_JSON),
        ("[]", HEADER_JSON),
        (r#""RS256""#, HEADER_JSON),
        (r#"{"alg":"RS256"} x"#, HEADER_JSON),
        (r#"{"alg":"RS256",}"#, HEADER_JSON),
        (r#"{'alg':'RS256'}"#, HEADER_JSON),
        (r#"{alg:"RS256"}"#, HEADER_JSON),
        ("{\"alg\":\"RS256\",\"x\":\"\u{1}\"}", HEADER_JSON),
        ("\u{feff}{\"alg\":\"RS256\"}", HEADER_JSON),
        (r#"{"alg":"RS256","alg":"RS256"}"#, HEADER_JSON),
        (r#"{"alg":"RS256","x":{"a":1,"a":1}}"#, HEADER_JSON),
        (&deep, HEADER_JSON),
        (r#"{"alg":"RS256","typ":1}"#, HEADER_JSON),
        (r#"{"alg":"RS256","typ":null}"#, HEADER_JSON),
        ("{}", ALG_MISSING),
        (r#"{"alg":null}"#, ALG_MISSING),
        (r#"{"alg":256}"#, ALG_MISSING),
        (r#"{"alg":["RS256"]}"#, ALG_MISSING),
        (r#"{"alg":"none"}"#, ALG_UNKNOWN),
        (r#"{"alg":"None"}"#, ALG_UNKNOWN),
        (r#"{"alg":""}"#, ALG_UNKNOWN),
        (r#"{"alg":"rs256"}"#, ALG_UNKNOWN),
        (r#"{"alg":"ES256K"}"#, ALG_UNKNOWN),
        (r#"{"alg":"Ed25519"}"#, ALG_UNKNOWN),
        (
            r#"{"alg":"RS256","kid":1}"#,
            "401 Jwt header [kid] field is not a string",
        ),
        (
            r#"{"alg":"RS256","kid":null}"#,
            "401 Jwt header [kid] field is not a string",
        ),
        (r#"{"alg":"RS256","crit":["exp"]}"#, FAILS),
        (r#"{"alg":"RS256","crit":[]}"#, FAILS),
        (r#"{"alg":"RS256","crit":["b64"],"b64":false}"#, FAILS),
        (r#"{"alg":"RS256","b64":false}"#, FAILS),
        (r#"{"alg":"RS256","b64":"true"}"#, FAILS),
        (r#"{"alg":"RS256","b64":true}"#, GOOD),
        (r#"{"alg":"RS256","typ":"JWT"}"#, GOOD),
        (r#"{"alg":"RS256","typ":"at+jwt"}"#, GOOD),
        (r#"{"alg":"RS256","kid":"any"}"#, GOOD),
        ("{\r\n \"alg\":\"RS256\"}", GOOD),
        // Keys that the token brings along are nobody's.
        (
            r#"{"alg":"RS256","jwk":{"kty":"oct","k":"AAAA"},"jku":"http://a/"}"#,
            GOOD,
        ),
    ];
    for (text, expected) in rows {
        check(&header(text), expected);
    }
}

#[test]
fn claims() {
    let deep = format!(r#""a":{}{}"#, "[".repeat(99), "]".repeat(99));
    let nested = format!(r#""a":{}{}"#, "[".repeat(98), "]".repeat(98));
    let rows = [
        (r#""jti":1"#, "401 Jwt payload [jti] field is not a string"),
        (
            r#""jti":null"#,
            "401 Jwt payload [jti] field is not a string",
        ),
        (
            r#""iat":"1""#,
            "401 Jwt payload [iat] field is not an integer",
        ),
        (
            r#""nbf":true"#,
            "401 Jwt payload [nbf] field is not an integer",
        ),
        (
            r#""exp":null"#,
            "401 Jwt payload [exp] field is not an integer",
        ),
        (
            r#""exp":-1"#,
            "401 Jwt payload [exp] field is not a positive 64 bit integer",
        ),
        (
            r#""nbf":1e30"#,
            "401 Jwt payload [nbf] field is not a positive 64 bit integer",
        ),
        (
            r#""iat":18446744073709551615"#,
            "401 Jwt payload [iat] field is not a positive 64 bit integer",
        ),
        (r#""exp":1e400"#, PAYLOAD_JSON),
        (r#""exp":NaN"#, PAYLOAD_JSON),
        (r#""iss":"iss""#, PAYLOAD_JSON),
        (&deep, PAYLOAD_JSON),
        (&nested, GOOD),
        (r#""iat":3000000000"#, GOOD),
        (r#""exp":0"#, GOOD),
        (r#""exp":1.9e9"#, GOOD),
        (r#""exp":1899999940"#, GOOD),
        (r#""exp":1899999939"#, "401 Jwt is expired"),
        (r#""exp":1899999940.9"#, GOOD),
        (r#""nbf":1900000060"#, GOOD),
        (r#""nbf":1900000061"#, "401 Jwt not yet valid"),
        (r#""nbf":1900000061,"exp":1"#, "401 Jwt not yet valid"),
        (r#""exp":18446744073709549568"#, GOOD),
    ];
    for (claims, expected) in rows {
        check(&with(claims), expected);
    }
    let rows = [
        (
            r#"{"iss":1}"#,
            "401 Jwt payload [iss] field is not a string",
        ),
        (
            r#"{"iss":null}"#,
            "401 Jwt payload [iss] field is not a string",
        ),
        (
            r#"{"sub":{}}"#,
            "401 Jwt payload [sub] field is not a string",
        ),
        (
            r#"{"aud":1}"#,
            "401 Jwt payload [aud] field is not a string or string list",
        ),
        (
            r#"{"aud":["a",1]}"#,
            "401 Jwt payload [aud] field is not a string or string list",
        ),
        (
            r#"{"aud":null}"#,
            "401 Jwt payload [aud] field is not a string or string list",
        ),
        ("{}", "401 Jwt issuer is not configured"),
        (r#"{"iss":"ISS"}"#, "401 Jwt issuer is not configured"),
        (r#"{"iss":"iss"}"#, "403 Audiences in Jwt are not allowed"),
        (
            r#"{"iss":"iss","aud":[]}"#,
            "403 Audiences in Jwt are not allowed",
        ),
        (
            r#"{"iss":"iss","aud":["x","https://svc/"]}"#,
            "iss/- by ra[0]",
        ),
        ("[]", PAYLOAD_JSON),
        ("null", PAYLOAD_JSON),
        ("", BAD_FORMAT),
    ];
    for (claims, expected) in rows {
        check(&token(claims), expected);
    }
    let not_utf8 = [b"{\"iss\":\"\xff\"}".as_slice()].concat();
    let token = format!(
        "{}.{}.AAAA",
        base64url(r#"{"alg":"RS256"}"#),
        base64url(not_utf8)
    );
    check(&token, PAYLOAD_JSON);
}

/// Earlier checks are told, not later ones.
#[test]
fn the_order_of_checks() {
    let forged = |claims: &str| {
        let token = token(claims);
        let (message, _) = token.rsplit_once('.').unwrap();
        format!("{message}.{}", base64url([1; 256]))
    };
    let rows = [
        (
            r#"{"iss":"x","exp":1,"aud":"x"}"#,
            "401 Jwt issuer is not configured",
        ),
        (r#"{"iss":"iss","exp":1,"aud":"x"}"#, "401 Jwt is expired"),
        (
            r#"{"iss":"iss","aud":"x"}"#,
            "403 Audiences in Jwt are not allowed",
        ),
        (r#"{"iss":"iss","aud":"svc"}"#, FAILS),
        (
            r#"{"iss":"iss","iat":"x","aud":1}"#,
            "401 Jwt payload [iat] field is not an integer",
        ),
    ];
    for (claims, expected) in rows {
        check(&forged(claims), expected);
    }
}

#[test]
fn the_public_key_is_no_secret() {
    // RFC 8725 section 2.1: HMAC with what everybody knows of the RSA key.
    let key = jwk("rsa", json!({}));
    let header = r#"{"alg":"HS256"}"#;
    let token = sign("HS256", "hmac", header, CLAIMS);
    check(&token, FAILS);
    let authenticator = rules(json!([{
        "issuer": "iss",
        "jwks": jwks(&[json!({"kty": "oct", "k": key["n"]})]),
    }]));
    let bearer = format!("Bearer {}", super::mint::token(CLAIMS));
    let got = authenticate(&authenticator, &[("authorization", &bearer)]);
    assert_eq!(said(&got), FAILS);
}

#[test]
fn the_answer_is_envoys() {
    let authenticator = rules(json!([{
        "issuer": "iss",
        "jwks": jwks(&[jwk("rsa", json!({}))]),
    }]));
    let bearer = format!("Bearer {}", with(r#""exp":1"#));
    let path = format!("/{}", "p".repeat(300));
    let headers = [("authorization", bearer.as_str()), (":path", &path)];
    let Authentication::Refused(refusal) = authenticate(&authenticator, &headers) else {
        panic!()
    };
    let realm = format!("https://httpbin.foo{}", &path[..256]);
    let challenge = format!("Bearer realm=\"{realm}\", error=\"invalid_token\"");
    let expected = [("www-authenticate".into(), challenge.into_bytes())];
    assert_eq!(refusal.reply.headers, expected);
    assert_eq!(
        refusal.reply.details,
        "jwt_authn_access_denied{Jwt_is_expired}"
    );
    assert_eq!(refusal.policy.to_string(), "foo/ra");
}
