//! Whatever a client sends: no panic, and no forged token passes.

use palisade_filter::authn::{Authentication, Authenticator};
use palisade_filter::jose::{Jwt, KeySet};
use proptest::prelude::*;
use serde_json::json;

use super::mint::{CLAIMS, base64url, jwk, jwks, sign, token};
use super::request::{authenticate, rules};

fn authenticator(key: &str) -> Authenticator {
    rules(json!([{"issuer": "iss", "jwks": jwks(&[jwk(key, json!({}))])}]))
}

fn passes(authenticator: &Authenticator, token: &str) -> bool {
    let bearer = format!("Bearer {token}");
    let got = authenticate(authenticator, &[("authorization", &bearer)]);
    matches!(got, Authentication::Verified(_))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_are_no_token(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Jwt::parse(&bytes).is_err());
        let _ = KeySet::parse(&bytes);
    }

    #[test]
    fn arbitrary_json_is_no_token(
        header in "\\{\"alg\":\"(RS256|ES256|HS256|none)\"(,\"[a-z0-9]{1,4}\":(1|\"x\"|\\[\\]|null)){0,3}\\}",
        payload in "\\{\"iss\":\"iss\"(,\"[a-z]{3}\":(1|\"x\"|\\[1\\]|null|-1.5|1e9)){0,3}\\}",
        signature in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let token = [base64url(header), base64url(payload), base64url(signature)].join(".");
        prop_assert!(!passes(&authenticator("p256"), &token));
    }

    #[test]
    fn places_do_not_panic(
        authorization in "(Bearer |Basic |[ -~]{0,5}){0,3}[ -~]{0,40}",
        path in "/[a-z?&=%#;]{0,20}(access_token=[ -~]{0,20})?[a-z&=%]{0,9}",
    ) {
        let headers = [("authorization", authorization.as_str()), (":path", &path)];
        let got = authenticate(&authenticator("p256"), &headers);
        prop_assert!(!matches!(got, Authentication::Verified(_)));
    }
}

/// Each single bit, not a sample of them.
#[test]
fn no_bit_of_a_token_can_be_flipped() {
    for (algorithm, key) in [
        ("RS256", "rsa"),
        ("HS256", "hmac"),
        ("EdDSA", "ed25519"),
        ("ES256", "p256"),
    ] {
        let header = json!({ "alg": algorithm }).to_string();
        let good = sign(algorithm, key, &header, CLAIMS);
        let authenticator = authenticator(key);
        assert!(passes(&authenticator, &good));
        let payload = good.find('.').unwrap() + 1;
        for at in payload..good.len() {
            for bit in 0..7 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let forged = String::from_utf8(bytes).unwrap();
                assert!(!passes(&authenticator, &forged), "{algorithm} {at} {bit}");
            }
        }
    }
}

#[test]
fn no_bit_of_a_decoded_signature_can_be_flipped() {
    let good = token(CLAIMS);
    let (message, _) = good.rsplit_once('.').unwrap();
    let signature = super::mint::signature("RS256", "rsa", message.as_bytes());
    let authenticator = authenticator("rsa");
    for bit in 0..signature.len() * 8 {
        let mut forged = signature.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        let token = format!("{message}.{}", base64url(forged));
        assert!(!passes(&authenticator, &token), "{bit}");
    }
}
