//! Which signatures the host is asked for, and how.

use std::cell::RefCell;

use palisade_filter::crypto::{Crypto, Host};
use palisade_filter::jose::{Jwt, KeySet};
use serde_json::json;

use super::mint::{CLAIMS, base64url, jwk, jwks, sign};

thread_local! {
    static ASKED: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Finds every key and every signature good, except what is no key.
struct Credulous;
/// Finds nothing good.
struct Stubborn;
/// Answers with what is no answer.
struct Garbled;

impl Host for Credulous {
    fn verify_signature(arguments: &[u8]) -> Option<Vec<u8>> {
        ASKED.with_borrow_mut(|asked| asked.push(arguments.to_vec()));
        let no_key = arguments.windows(6).any(|window| window == b"no key");
        Some(if no_key { vec![] } else { vec![8, 1] })
    }
}

impl Host for Stubborn {
    fn verify_signature(_: &[u8]) -> Option<Vec<u8>> {
        Some(b"\x12\x04fail".to_vec())
    }
}

impl Host for Garbled {
    fn verify_signature(_: &[u8]) -> Option<Vec<u8>> {
        Some(vec![0xff])
    }
}

const ALGORITHMS: &[(&str, &str, bool)] = &[
    ("RS256", "rsa", true),
    ("RS384", "rsa", true),
    ("RS512", "rsa", true),
    ("ES256", "p256", true),
    ("ES384", "p384", true),
    ("ES512", "p521", true),
    ("PS256", "rsa", false),
    ("EdDSA", "ed25519", false),
    ("HS256", "hmac", false),
];

fn verify(crypto: &Crypto, algorithm: &str, key: &str, forge: bool) -> bool {
    let token = sign(
        algorithm,
        key,
        &json!({ "alg": algorithm }).to_string(),
        CLAIMS,
    );
    let (message, signature) = token.rsplit_once('.').unwrap();
    let len = signature.len() * 3 / 4;
    let forged = format!("{message}.{}", base64url(vec![1; len]));
    let keys = KeySet::parse(jwks(&[jwk(key, json!({}))]).as_bytes()).unwrap();
    let token = if forge { &forged } else { &token };
    let jwt = Jwt::parse(token.as_bytes()).unwrap();
    keys.verify(&jwt, crypto).is_ok()
}

#[test]
fn the_host_decides_on_what_it_can_do() {
    for (algorithm, key, by_host) in ALGORITHMS {
        let credulous = Crypto::with_host::<Credulous>();
        assert_eq!(
            verify(&credulous, algorithm, key, true),
            *by_host,
            "{algorithm}"
        );
        let stubborn = Crypto::with_host::<Stubborn>();
        assert_eq!(
            verify(&stubborn, algorithm, key, false),
            !*by_host,
            "{algorithm}"
        );
    }
}

#[test]
fn without_an_answer_the_program_verifies() {
    for (algorithm, key, _) in ALGORITHMS {
        for crypto in [
            Crypto::with_host::<Garbled>(),
            Crypto::detect::<Garbled>(),
            Crypto::software(),
        ] {
            assert!(verify(&crypto, algorithm, key, false), "{algorithm}");
            assert!(!verify(&crypto, algorithm, key, true), "{algorithm}");
        }
    }
}

#[test]
fn a_host_that_answers_is_found() {
    assert!(verify(&Crypto::detect::<Credulous>(), "RS256", "rsa", true));
    assert!(!verify(
        &Crypto::detect::<Stubborn>(),
        "RS256",
        "rsa",
        false
    ));
}

#[test]
fn the_host_gets_keys_as_openssl_writes_them() {
    let rows: &[(&str, &str, &str, &[u8])] = &[
        (
            "RS256",
            "rsa",
            "sha256",
            include_bytes!("../data/keys/rsa.spki.der"),
        ),
        (
            "ES256",
            "p256",
            "sha256",
            include_bytes!("../data/keys/p256.spki.der"),
        ),
        (
            "ES384",
            "p384",
            "sha384",
            include_bytes!("../data/keys/p384.spki.der"),
        ),
        (
            "ES512",
            "p521",
            "sha512",
            include_bytes!("../data/keys/p521.spki.der"),
        ),
    ];
    for (algorithm, key, hash, info) in rows {
        verify(&Crypto::with_host::<Credulous>(), algorithm, key, false);
        let asked = ASKED.with_borrow_mut(|asked| asked.pop().unwrap());
        let has = |part: &[u8]| asked.windows(part.len()).any(|window| window == part);
        assert!(has(hash.as_bytes()) && has(info), "{algorithm}");
    }
}

#[test]
fn the_host_is_not_asked_for_a_signature_of_the_wrong_length() {
    let crypto = Crypto::with_host::<Credulous>();
    let token = sign("ES256", "p256", r#"{"alg":"ES256"}"#, CLAIMS);
    let (message, _) = token.rsplit_once('.').unwrap();
    let long = format!("{message}.{}", base64url([1; 66]));
    let keys = KeySet::parse(jwks(&[jwk("p256", json!({}))]).as_bytes()).unwrap();
    assert!(
        keys.verify(&Jwt::parse(long.as_bytes()).unwrap(), &crypto)
            .is_err()
    );
}
