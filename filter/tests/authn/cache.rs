//! What is remembered of verified tokens, and what ends it.

use palisade_filter::authn::{Authentication, Authenticator, KeyStore};
use serde_json::{Value, json};

use super::mint::{CLAIMS, NOW, jwk, jwks, sign, token};
use super::request::{rules, said, snapshot};

const URI: &str = "https://iss.example/jwks";

fn ask(authenticator: &Authenticator, keys: &KeyStore, token: &str, now: i64) -> Authentication {
    let bearer = format!("Bearer {token}");
    authenticator.authenticate(&snapshot(&[("authorization", &bearer)], now), keys)
}

fn inline(more: Value) -> (Authenticator, KeyStore) {
    let mut rule = json!({"issuer": "iss", "jwks": jwks(&[jwk("rsa", json!({}))])});
    if let (Value::Object(rule), Value::Object(more)) = (&mut rule, more) {
        rule.extend(more);
    }
    let authenticator = rules(json!([rule]));
    let keys = KeyStore::new(authenticator.sources());
    (authenticator, keys)
}

#[test]
fn a_token_that_is_sent_again_is_not_verified_again() {
    let (authenticator, keys) = inline(json!({"outputPayloadToHeader": "x-payload"}));
    let first = ask(&authenticator, &keys, &token(CLAIMS), NOW);
    let again = ask(&authenticator, &keys, &token(CLAIMS), NOW);
    assert_eq!(first, again);
    let stats = authenticator.token_cache();
    assert_eq!((stats.hits, stats.entries), (1, 1));
}

#[test]
fn it_still_has_to_be_in_time() {
    let claims = r#"{"iss":"iss","sub":"alice","nbf":1900000000,"exp":1900000100}"#;
    let (authenticator, keys) = inline(json!({}));
    for (now, expected) in [
        (NOW, "iss/alice by ra[0]"),
        (NOW + 160, "iss/alice by ra[0]"),
        (NOW + 161, "401 Jwt is expired"),
        (NOW - 61, "401 Jwt not yet valid"),
        (NOW, "iss/alice by ra[0]"),
    ] {
        assert_eq!(
            said(&ask(&authenticator, &keys, &token(claims), now)),
            expected,
            "{now}"
        );
    }
    assert_eq!(authenticator.token_cache().hits, 4);
}

#[test]
fn bad_tokens_drive_nothing_out_and_are_never_remembered() {
    let (authenticator, keys) = inline(json!({}));
    let good = token(CLAIMS);
    ask(&authenticator, &keys, &good, NOW);
    let (signed, _) = good.rsplit_once('.').unwrap();
    for flood in 0..3000 {
        let forged = format!(
            "{signed}.{}",
            super::mint::base64url(format!("{flood:0256}"))
        );
        let said = said(&ask(&authenticator, &keys, &forged, NOW));
        assert_eq!(said, "401 Jwt verification fails");
    }
    assert_eq!(authenticator.token_cache().entries, 1);
    ask(&authenticator, &keys, &good, NOW);
    assert_eq!(authenticator.token_cache().hits, 1);
}

#[test]
fn a_token_of_one_rule_is_none_of_another() {
    let keys = jwks(&[jwk("rsa", json!({}))]);
    let rule = |audience: &str, header: &str| {
        json!({"issuer": "iss", "jwks": keys, "audiences": [audience],
            "fromHeaders": [{"name": header}]})
    };
    let authenticator = rules(json!([rule("svc", "x-a"), rule("other", "x-b")]));
    let store = KeyStore::new(authenticator.sources());
    let token = token(CLAIMS);
    for (header, expected) in [
        ("x-a", "iss/alice by ra[0]"),
        ("x-b", "403 Audiences in Jwt are not allowed"),
        ("x-a", "iss/alice by ra[0]"),
        ("x-b", "403 Audiences in Jwt are not allowed"),
    ] {
        let request = snapshot(&[(header, &token)], NOW);
        assert_eq!(
            said(&authenticator.authenticate(&request, &store)),
            expected
        );
    }
}

#[test]
fn it_ends_with_the_keys_that_verified_it() {
    let authenticator = rules(json!([{"issuer": "iss", "jwksUri": URI}]));
    let mut keys = KeyStore::new(authenticator.sources());
    let token = sign("RS256", "rsa", r#"{"alg":"RS256","kid":"one"}"#, CLAIMS);
    let publish = |keys: &mut KeyStore, body: String, now: i64| {
        for fetch in keys.due(now) {
            keys.on_fetched(fetch.id, body.as_bytes(), now).unwrap();
        }
    };
    let with_key = |key: &str| jwks(&[jwk(key, json!({"kid": "one"}))]);
    let Authentication::Waiting(id) = ask(&authenticator, &keys, &token, NOW) else {
        panic!("keys without a fetch")
    };
    keys.want(id, NOW);
    publish(&mut keys, with_key("rsa"), NOW);
    assert_eq!(
        said(&ask(&authenticator, &keys, &token, NOW)),
        "iss/alice by ra[0]"
    );
    assert_eq!(
        said(&ask(&authenticator, &keys, &token, NOW)),
        "iss/alice by ra[0]"
    );
    // The issuer withdraws the key.
    let later = NOW + 24 * 3600;
    publish(&mut keys, with_key("p256"), later);
    let refused = said(&ask(&authenticator, &keys, &token, later));
    assert!(refused.starts_with("401 "), "{refused}");
}
