//! Tokens signed with the keys in `tests/data/keys`, which serve no other purpose.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey};
use p521::ecdsa::signature::Signer as _;
use p521::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};

/// The claims of a token that is good for rules on issuer `iss`.
pub const CLAIMS: &str = r#"{"iss":"iss","sub":"alice","aud":"svc","exp":2000000000}"#;

/// A moment at which it is.
pub const NOW: i64 = 1_900_000_000;

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of these claims, signed with RS256.
pub fn token(claims: &str) -> String {
    sign("RS256", "rsa", r#"{"alg":"RS256"}"#, claims)
}

/// Header and payload as they are, signed with `algorithm` and the key of that name.
pub fn sign(algorithm: &str, key: &str, header: &str, payload: &str) -> String {
    let message = format!("{}.{}", base64url(header), base64url(payload));
    let signature = signature(algorithm, key, message.as_bytes());
    format!("{message}.{}", base64url(signature))
}

pub fn signature(algorithm: &str, key: &str, message: &[u8]) -> Vec<u8> {
    let private = private(key);
    if algorithm == "ES512" {
        let key = p521::SecretKey::from_pkcs8_der(private).unwrap();
        let key = p521::ecdsa::SigningKey::from_bytes(&key.to_bytes()).unwrap();
        let signature: p521::ecdsa::Signature = key.sign(message);
        return signature.to_bytes().to_vec();
    }
    let algorithm: Algorithm = algorithm.parse().unwrap();
    let key = match key {
        "hmac" => EncodingKey::from_secret(private),
        "ed25519" => EncodingKey::from_ed_der(private),
        "rsa" | "rsa1024" => EncodingKey::from_rsa_der(private),
        _ => EncodingKey::from_ec_der(private),
    };
    let signer = (DEFAULT_PROVIDER.signer_factory)(&algorithm, &key).unwrap();
    signer.try_sign(message).unwrap()
}

fn private(key: &str) -> &'static [u8] {
    match key {
        "hmac" => include_bytes!("../data/keys/hmac.bin"),
        "ed25519" => include_bytes!("../data/keys/ed25519.der"),
        "rsa" => include_bytes!("../data/keys/rsa.der"),
        "rsa1024" => include_bytes!("../data/keys/rsa1024.der"),
        "p256" => include_bytes!("../data/keys/p256.der"),
        "p384" => include_bytes!("../data/keys/p384.der"),
        "p521" => include_bytes!("../data/keys/p521.der"),
        other => panic!("no key {other}"),
    }
}

/// The public key of that name as JWK, with more members.
pub fn jwk(key: &str, more: Value) -> Value {
    let all: Value = serde_json::from_str(include_str!("../data/keys/public.json")).unwrap();
    let mut jwk = all[key].clone();
    assert!(jwk.is_object(), "no key {key}");
    for (name, value) in more.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

/// A key set.
pub fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}
