//! Rules that require a token.

use serde_json::{Value, json};

use super::mint::{jwk, jwks, token};
use super::request::{Headers, authenticate, rules, said};

fn rule(issuer: &str, header: &str, presence: &str) -> Value {
    json!({
        "issuer": issuer,
        "jwks": jwks(&[jwk("rsa", json!({}))]),
        "fromHeaders": [{"name": header}],
        "presence": presence,
    })
}

#[test]
fn each_required_token_must_be_there_and_good() {
    let [a, b] = ["a", "b"].map(|issuer| token(&format!(r#"{{"iss":"{issuer}","sub":"s"}}"#)));
    let (a, b) = (("x-a", a.as_str()), ("x-b", b.as_str()));
    let junk = ("x-b", "junk");
    let format =
        "401 Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections";
    let missing = "401 Jwt is missing";
    let rows: &[(&str, &str, Headers<'_>, &str)] = &[
        ("REQUIRED", "REQUIRED", &[], missing),
        ("REQUIRED", "REQUIRED", &[a], missing),
        ("REQUIRED", "REQUIRED", &[b], missing),
        ("REQUIRED", "REQUIRED", &[a, b], "b/s by ra[1]"),
        ("REQUIRED", "REQUIRED", &[a, junk], format),
        ("REQUIRED", "OPTIONAL", &[], missing),
        ("REQUIRED", "OPTIONAL", &[a], "a/s by ra[0]"),
        ("REQUIRED", "OPTIONAL", &[b], missing),
        ("REQUIRED", "OPTIONAL", &[a, b], "b/s by ra[1]"),
        ("REQUIRED", "OPTIONAL", &[a, junk], format),
        ("OPTIONAL", "OPTIONAL", &[], "anonymous"),
        ("OPTIONAL", "OPTIONAL", &[a, junk], "a/s by ra[0]"),
    ];
    for (first, second, headers, expected) in rows {
        let list = json!([rule("a", "x-a", first), rule("b", "x-b", second)]);
        let got = authenticate(&rules(list), headers);
        assert_eq!(said(&got), *expected, "{first} {second} {headers:?}");
    }
}

#[test]
fn a_missing_token_is_no_invalid_one() {
    let authenticator = rules(json!([rule("a", "x-a", "REQUIRED")]));
    let palisade_filter::authn::Authentication::Refused(refusal) =
        authenticate(&authenticator, &[])
    else {
        panic!()
    };
    let (_, challenge) = &refusal.reply.headers[0];
    assert_eq!(challenge, b"Bearer realm=\"https://httpbin.foo/get?a=1\"");
    assert!(authenticator.requires_token());
}
