//! Istio policies as Envoy's own filters: the other side of the differential test.
//!
//! Small, independent of the filter's code, and for tests only: it translates valid policies the
//! way istiod's generator is documented to, and knows nothing of validation.

mod ext_authz;
mod jwt;
mod rbac;
mod strings;

use serde_json::Value;

pub use ext_authz::ext_authz;
pub use jwt::jwt_authn;
pub use rbac::rbac;

/// The native HTTP filters that enforce `resources` (all of which select the workload), in Istio's
/// order: request authentication, DENY, ALLOW.
pub fn http_filters(resources: &[Value]) -> Vec<Value> {
    let of_kind = |kind: &str| -> Vec<&Value> {
        resources
            .iter()
            .filter(|object| object["kind"] == *kind)
            .collect()
    };
    let authentications = of_kind("RequestAuthentication");
    let policies = of_kind("AuthorizationPolicy");
    jwt_authn(&authentications)
        .into_iter()
        .chain(rbac("DENY", &policies))
        .chain(rbac("ALLOW", &policies))
        .collect()
}

/// The elements of a list, none when it is absent.
fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The strings of a list, none when it is absent.
fn texts(value: &Value) -> Vec<&str> {
    items(value).iter().filter_map(Value::as_str).collect()
}
