//! What is refused, and in which words.

use super::*;
use crate::json::parse;

fn read(spec: &str) -> Result<RequestAuthentication, String> {
    let text = format!(
        r#"{{"apiVersion":"security.istio.io/v1","kind":"RequestAuthentication",
            "metadata":{{"name":"ra","namespace":"foo"}},"spec":{spec}}}"#
    );
    let value = parse(text.as_bytes(), 32).unwrap();
    RequestAuthentication::read(&Node::root(&value)).map_err(|error| error.to_string())
}

fn read_rule(rule: &str) -> Result<JwtRule, String> {
    read(&format!(r#"{{"jwtRules":[{rule}]}}"#)).map(|mut resource| resource.rules.remove(0))
}

#[test]
fn refusals_name_path_and_fix() {
    let rows = [
        (
            r"{}",
            "`issuer` or `jwksUri` must be set; name the issuer of the tokens",
        ),
        (
            r#"{"issuer":"a","jwksuri":"http://a/"}"#,
            ".jwksuri: unknown field `jwksuri`; did you mean `jwksUri`?",
        ),
        (
            r#"{"issuer":"a","jwksUri":"a"}"#,
            ".jwksUri: `a` is not an http or https URL; write `https://host/path`",
        ),
        (
            r#"{"issuer":"a","jwksUri":"http://a/","jwks":"{}"}"#,
            ".jwks: only one of `jwks` and `jwksUri` can be set; remove one of them",
        ),
        (
            r#"{"jwks_uri":"http://a/","jwksUri":"http://a/"}"#,
            ": only one of `jwksUri` and its alias `jwks_uri` can be set; remove `jwks_uri`",
        ),
        (
            r#"{"issuer":"a"}"#,
            ": the keys of issuer `a` cannot be discovered, as it is not an http or https URL; set `jwksUri` or `jwks`",
        ),
        (r#"{"issuer":"a","jwks":"x"}"#, ".jwks: is not JSON: "),
        (
            r#"{"issuer":"a","jwks":"{}"}"#,
            ".jwks: has no array `keys`; give a JSON Web Key Set",
        ),
        (
            r#"{"issuer":"a","jwks":"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"},{\"kty\":\"oct\",\"k\":\"AAAA\"},1]}"}"#,
            ".jwks: has no usable key: keys[0] RSA modulus has 17 bits, must have 1024 to 4096, keys[1] secret has 3 bytes, must have at least 32, keys[2] is not an object;",
        ),
        (
            r#"{"issuer":"a","jwks":"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}]}"}"#,
            ".jwks: has no usable key: keys[0] point is not on the curve;",
        ),
        (
            r#"{"jwksUri":"http://a/","audiences":[""]}"#,
            ".audiences[0]: must not be empty; remove it or fill it in",
        ),
        (
            r#"{"jwksUri":"http://a/","fromHeaders":["x"]}"#,
            ".fromHeaders[0]: must be an object, not a string",
        ),
        (
            r#"{"jwksUri":"http://a/","fromHeaders":[{"name":":path"}]}"#,
            ".fromHeaders[0].name: `:path` is not a header that can be used here; use letters, digits and `-`",
        ),
        (
            r#"{"jwksUri":"http://a/","outputPayloadToHeader":"x y"}"#,
            ".outputPayloadToHeader: `x y` is not a header that can be used here",
        ),
        (
            r#"{"jwksUri":"http://a/","outputClaimToHeaders":[{"header":"x","claim":""}]}"#,
            ".outputClaimToHeaders[0].claim: must not be empty",
        ),
        (
            r#"{"jwksUri":"http://a/","fromCookies":[""]}"#,
            ".fromCookies[0]: must not be empty",
        ),
        (
            r#"{"jwksUri":"http://a/","timeout":5}"#,
            ".timeout: must be a string, not a number; put it in quotes",
        ),
        (
            r#"{"jwksUri":"http://a/","timeout":"0.0001s"}"#,
            ".timeout: `0.0001s` is less than a millisecond; write `5s`",
        ),
        (
            r#"{"jwksUri":"http://a/","presence":"required"}"#,
            ".presence: `required` is not a presence; use OPTIONAL or REQUIRED",
        ),
        (
            r#"{"jwksUri":"http://a/","forwardOriginalToken":"yes"}"#,
            ".forwardOriginalToken: must be a boolean, not a string",
        ),
    ];
    for (rule, error) in rows {
        let got = read_rule(rule).unwrap_err();
        let expected = got.contains(error) && got.starts_with("spec.jwtRules[0]");
        assert!(expected, "{rule}\n got {got}\nwant {error}");
    }
    let many = vec![r#""c""#; 65].join(",");
    let got = read_rule(&format!(
        r#"{{"jwksUri":"http://a/","spaceDelimitedClaims":[{many}]}}"#
    ));
    assert!(
        got.unwrap_err()
            .contains("has 65 claims, at most 64 are allowed")
    );
}

#[test]
fn what_is_read() {
    let rule = read_rule(
        r#"{"issuer":"i","audiences":["a"],"jwksUri":"http://a/k","fromHeaders":[{"name":"X-H","prefix":"P "}],
            "fromParams":["p"],"fromCookies":["c"],"outputPayloadToHeader":"X-Payload",
            "outputClaimToHeaders":[{"header":"X-C","claim":"a.b"}],"forwardOriginalToken":true,
            "timeout":"1.5s","spaceDelimitedClaims":["s"],"presence":"REQUIRED"}"#,
    )
    .unwrap();
    let KeySource::Remote(RemoteKeys { origin, timeout }) = rule.keys else {
        panic!()
    };
    assert_eq!(
        origin,
        RemoteOrigin::Jwks(HttpUrl::parse("http://a/k").unwrap())
    );
    assert_eq!(timeout.as_millis(), 1500);
    assert_eq!(rule.from_headers[0].name.as_ref(), "x-h");
    assert_eq!(rule.output_claim_to_headers[0].claim, ["a", "b"]);
    assert_eq!(rule.output_payload_to_header.as_deref(), Some("x-payload"));
    assert_eq!(rule.presence, Presence::Required);
    assert!(rule.forward_original_token);
}

#[test]
fn objects() {
    let rows = [
        ("{}", "metadata", r#"{"name":"x"}"#, None),
        (
            "{}",
            "metadata",
            r#"{"name":"x","annotations":{"istio.io/dry-run":"true"}}"#,
            Some("metadata: annotation"),
        ),
        (
            "{}",
            "metadata",
            r#"{}"#,
            Some("metadata: `name` is missing"),
        ),
        ("{}", "apiVersion", r#""security.istio.io/v1beta1""#, None),
        (
            "{}",
            "apiVersion",
            r#""security.istio.io/v1alpha1""#,
            Some("apiVersion: `security.istio.io/v1alpha1` is not supported"),
        ),
        (
            r#"{"selector":{},"targetRefs":[{"kind":"Service","name":"x"}]}"#,
            "kind",
            r#""RequestAuthentication""#,
            Some("spec: only one of"),
        ),
        (
            r#"{"jwtRule":[]}"#,
            "kind",
            r#""RequestAuthentication""#,
            Some("spec.jwtRule: unknown field `jwtRule`; did you mean `jwtRules`?"),
        ),
    ];
    for (spec, key, value, error) in rows {
        let mut fields = vec![
            ("apiVersion", r#""security.istio.io/v1""#),
            ("kind", r#""RequestAuthentication""#),
            ("metadata", r#"{"name":"x"}"#),
            ("spec", spec),
        ];
        for field in &mut fields {
            if field.0 == key {
                field.1 = value;
            }
        }
        let fields: Vec<_> = fields.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
        let document = parse(format!("{{{}}}", fields.join(",")).as_bytes(), 32).unwrap();
        let got = RequestAuthentication::read(&Node::root(&document)).map_err(|e| e.to_string());
        match (got, error) {
            (Ok(_), None) => (),
            (Err(got), Some(error)) if got.starts_with(error) => (),
            (got, _) => panic!("{spec} {value}: {:?}", got.err()),
        }
    }
}
