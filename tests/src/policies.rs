//! Istio resources that the tests use.

use serde_json::{Value, json};

/// The issuer of the tests' tokens.
pub const ISSUER: &str = "https://issuer.example";
/// Where its keys are.
pub const JWKS_URI: &str = "https://issuer.example/jwks";

/// A RequestAuthentication `foo/issuer` for [`ISSUER`] with its keys in place.
pub fn authentication_with_keys(jwks: &Value) -> Value {
    authentication(json!({"issuer": ISSUER, "jwks": jwks.to_string()}))
}

/// A RequestAuthentication `foo/issuer` for [`ISSUER`] whose keys are fetched.
pub fn authentication_with_uri() -> Value {
    authentication(json!({"issuer": ISSUER, "jwksUri": JWKS_URI}))
}

/// A RequestAuthentication `foo/issuer` for [`ISSUER`] whose keys are discovered.
pub fn authentication_with_discovery() -> Value {
    authentication(json!({"issuer": ISSUER}))
}

/// An AuthorizationPolicy in `foo`.
pub fn authorization(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": "foo"},
        "spec": spec,
    })
}

/// Only requests with a verified token may pass.
pub fn require_token() -> Value {
    let source = json!({"source": {"requestPrincipals": ["*"]}});
    authorization("require-token", json!({"rules": [{"from": [source]}]}))
}

/// Only these methods may pass.
pub fn allow_methods(methods: &[&str]) -> Value {
    let operation = json!({"operation": {"methods": methods}});
    authorization("allow-methods", json!({"rules": [{"to": [operation]}]}))
}

fn authentication(rule: Value) -> Value {
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": "issuer", "namespace": "foo"},
        "spec": {"jwtRules": [rule]},
    })
}
