//! `RequestAuthentication` as `envoy.filters.http.jwt_authn`.

use serde_json::{Map, Value, json};

use super::{items, texts};

const JWT_AUTHN: &str =
    "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";

/// The filter for every rule of `authentications`, if there is one.
pub fn jwt_authn(authentications: &[&Value]) -> Option<Value> {
    let mut rules: Vec<&Value> = authentications
        .iter()
        .flat_map(|object| items(&object["spec"]["jwtRules"]))
        .collect();
    rules.sort_by_key(|rule| rule["issuer"].as_str().unwrap_or_default());
    if rules.is_empty() {
        return None;
    }
    let providers: Map<String, Value> = rules
        .iter()
        .enumerate()
        .map(|(i, rule)| (name(i), provider(rule)))
        .collect();
    let one = |index: usize| json!({"provider_name": name(index)});
    let missing = || json!({"allow_missing": {}});
    let requires = if rules.len() == 1 {
        json!({"requires_any": {"requirements": [one(0), missing()]}})
    } else {
        let optional: Vec<Value> = (0..rules.len())
            .map(|i| json!({"requires_any": {"requirements": [one(i), missing()]}}))
            .collect();
        let mut any: Vec<Value> = (0..rules.len()).map(one).collect();
        any.push(json!({"requires_all": {"requirements": optional}}));
        json!({"requires_any": {"requirements": any}})
    };
    Some(json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": JWT_AUTHN,
            "providers": providers,
            "rules": [{"match": {"prefix": "/"}, "requires": requires}],
            "bypass_cors_preflight": true,
        },
    }))
}

fn name(index: usize) -> String {
    format!("origins-{index}")
}

fn provider(rule: &Value) -> Value {
    let words: Vec<&str> = ["scope", "permission"]
        .into_iter()
        .chain(texts(&rule["spaceDelimitedClaims"]))
        .collect();
    let mut provider = json!({
        "issuer": rule["issuer"].as_str().unwrap_or_default(),
        "audiences": texts(&rule["audiences"]),
        "local_jwks": {"inline_string": rule["jwks"]},
        "forward": rule["forwardOriginalToken"].as_bool().unwrap_or_default(),
        "payload_in_metadata": "payload",
        "normalize_payload_in_metadata": {"space_delimited_claims": words},
        "from_params": texts(&rule["fromParams"]),
        "from_cookies": texts(&rule["fromCookies"]),
    });
    let headers: Vec<Value> = items(&rule["fromHeaders"])
        .iter()
        .map(|header| {
            json!({
                "name": header["name"],
                "value_prefix": header["prefix"].as_str().unwrap_or_default(),
            })
        })
        .collect();
    provider["from_headers"] = headers.into();
    if let Some(header) = rule["outputPayloadToHeader"].as_str() {
        provider["forward_payload_header"] = header.into();
    }
    let claims: Vec<Value> = items(&rule["outputClaimToHeaders"])
        .iter()
        .map(|output| json!({"header_name": output["header"], "claim_name": output["claim"]}))
        .collect();
    provider["claim_to_headers"] = claims.into();
    provider
}
