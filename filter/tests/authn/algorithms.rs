//! Every algorithm accepts what is signed with it and nothing else.

use palisade_filter::crypto::Crypto;
use palisade_filter::jose::{Jwt, JwtStatus, KeySet};
use serde_json::{Value, json};

use super::mint::{CLAIMS, jwk, jwks, sign};

const ALGORITHMS: &[(&str, &str)] = &[
    ("HS256", "hmac"),
    ("HS384", "hmac"),
    ("HS512", "hmac"),
    ("RS256", "rsa"),
    ("RS384", "rsa"),
    ("RS512", "rsa"),
    ("PS256", "rsa"),
    ("PS384", "rsa"),
    ("PS512", "rsa"),
    ("ES256", "p256"),
    ("ES384", "p384"),
    ("ES512", "p521"),
    ("EdDSA", "ed25519"),
];

fn verify(keys: &[Value], token: &str) -> Result<(), JwtStatus> {
    let keys = KeySet::parse(jwks(keys).as_bytes()).unwrap();
    keys.verify(&Jwt::parse(token.as_bytes())?, &Crypto::software())
}

fn header(algorithm: &str) -> String {
    json!({ "alg": algorithm }).to_string()
}

#[test]
fn a_signature_is_good_for_its_algorithm_and_key_only() {
    for (signed_with, key) in ALGORITHMS {
        for (claimed, other) in ALGORITHMS {
            let token = sign(signed_with, key, &header(claimed), CLAIMS);
            let good = signed_with == claimed && key == other;
            let got = verify(&[jwk(other, json!({}))], &token);
            assert_eq!(
                got.is_ok(),
                good,
                "{signed_with} {key} as {claimed} {other}"
            );
        }
    }
}

#[test]
fn the_algorithm_of_the_key_is_the_only_one() {
    let token = sign("RS256", "rsa", &header("RS256"), CLAIMS);
    let rows = [
        ("RS256", Ok(())),
        ("RS384", Err(JwtStatus::NoMatchingKey)),
        ("PS256", Err(JwtStatus::NoMatchingKey)),
    ];
    for (algorithm, result) in rows {
        let got = verify(&[jwk("rsa", json!({ "alg": algorithm }))], &token);
        assert_eq!(got, result, "{algorithm}");
    }
}

#[test]
fn key_ids_choose_the_key() {
    let token = |kid: Value| {
        let header = json!({"alg": "ES256", "kid": kid}).to_string();
        sign("ES256", "p256", &header, CLAIMS)
    };
    let good = |more| jwk("p256", more);
    let wrong = |more| {
        let mut key = jwk("p256", more);
        key["x"] = json!("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
        key["y"] = json!("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
        key
    };
    let rows = [
        (vec![good(json!({"kid": "a"}))], "a", Ok(())),
        (vec![good(json!({}))], "a", Ok(())),
        (vec![good(json!({"kid": "a"}))], "", Ok(())),
        (vec![good(json!({"kid": ""}))], "a", Ok(())),
        (vec![good(json!({"kid": 1}))], "a", Ok(())),
        (
            vec![good(json!({"kid": "b"}))],
            "a",
            Err(JwtStatus::NoMatchingKey),
        ),
        (
            vec![wrong(json!({"kid": "a"})), good(json!({"kid": "b"}))],
            "a",
            Err(JwtStatus::VerificationFailed),
        ),
        // Issuers that use an id twice: each key is tried.
        (
            vec![wrong(json!({"kid": "a"})), good(json!({"kid": "a"}))],
            "a",
            Ok(()),
        ),
        (vec![wrong(json!({})), good(json!({}))], "a", Ok(())),
    ];
    for (keys, kid, result) in rows {
        assert_eq!(verify(&keys, &token(json!(kid))), result, "{keys:?} {kid}");
    }
}

#[test]
fn keys_that_are_too_small_or_for_something_else_verify_nothing() {
    let short = json!({"kty": "oct", "k": super::mint::base64url([7; 47])});
    let rows = [
        (
            jwk("rsa1024", json!({})),
            "RS256",
            "rsa1024",
            JwtStatus::VerificationFailed,
        ),
        (short, "HS384", "hmac", JwtStatus::VerificationFailed),
        (
            jwk("rsa", json!({"use": "enc"})),
            "RS256",
            "rsa",
            JwtStatus::NoMatchingKey,
        ),
        (
            jwk("rsa", json!({"use": "enc", "alg": "RSA-OAEP"})),
            "RS256",
            "rsa",
            JwtStatus::NoMatchingKey,
        ),
        (
            jwk("p256", json!({"key_ops": ["deriveKey"]})),
            "ES256",
            "p256",
            JwtStatus::NoMatchingKey,
        ),
    ];
    for (key, algorithm, signer, status) in rows {
        let token = sign(algorithm, signer, &header(algorithm), CLAIMS);
        assert_eq!(
            verify(std::slice::from_ref(&key), &token),
            Err(status),
            "{key}"
        );
    }
    let token = sign("RS256", "rsa", &header("RS256"), CLAIMS);
    let key = jwk("rsa", json!({"use": "sig", "key_ops": ["verify"]}));
    assert_eq!(verify(&[key], &token), Ok(()));
}

#[test]
fn signatures_have_one_length() {
    for (algorithm, key) in ALGORITHMS {
        let token = sign(algorithm, key, &header(algorithm), CLAIMS);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = super::mint::signature(algorithm, key, message.as_bytes())
            .len()
            .max(signature.len() * 3 / 4);
        let wrong = match *algorithm {
            "EdDSA" => JwtStatus::Ed25519SignatureLength,
            _ => JwtStatus::VerificationFailed,
        };
        for len in [
            1,
            signature - 1,
            signature + 1,
            signature + 2,
            signature * 2,
        ] {
            let token = format!("{message}.{}", super::mint::base64url(vec![1; len]));
            let got = verify(&[jwk(key, json!({}))], &token);
            assert_eq!(got, Err(wrong), "{algorithm} {len}");
        }
    }
}

#[test]
fn an_ecdsa_signature_has_no_other_spelling() {
    let token = sign("ES256", "p256", &header("ES256"), CLAIMS);
    let (message, _) = token.rsplit_once('.').unwrap();
    let signature = super::mint::signature("ES256", "p256", message.as_bytes());
    let (r, s) = signature.split_at(32);
    let spellings = [
        ("plain", [r, s].concat(), true),
        ("padded", [&[0], r, &[0], s].concat(), false),
        ("a byte more", [r, s, &[0]].concat(), false),
        ("zero", vec![0; 64], false),
        ("swapped", [s, r].concat(), false),
    ];
    for (name, signature, good) in spellings {
        let token = format!("{message}.{}", super::mint::base64url(signature));
        let got = verify(&[jwk("p256", json!({}))], &token);
        assert_eq!(got.is_ok(), good, "{name}");
    }
}

/// Payloads of most examples are no claims; the signature is what counts.
#[test]
fn examples_of_the_standards() {
    let rows: Value = serde_json::from_str(include_str!("../data/rfc.json")).unwrap();
    for row in rows.as_array().unwrap() {
        let (name, token) = (&row["name"], row["token"].as_str().unwrap());
        let keys = KeySet::parse(row["keys"].to_string().as_bytes()).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        let without_payload = format!("{}.e30.{}", parts[0], parts[2]);
        let mut jwt = Jwt::parse(without_payload.as_bytes()).unwrap();
        let signed = format!("{}.{}", parts[0], parts[1]);
        let crypto = Crypto::software();
        assert!(keys.verify(&jwt, &crypto).is_err(), "{name}");
        jwt.signed = signed.as_bytes();
        assert_eq!(keys.verify(&jwt, &crypto), Ok(()), "{name}");
    }
}
