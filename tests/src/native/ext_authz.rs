//! An extension provider as Envoy's own `ext_authz` filter, the way istiod writes it.
//! Source: istio/api `mesh/v1alpha1`; Envoy 1.40 API, `ext_authz.v3.ExtAuthz`.

use serde_json::{Value, json};

use super::{items, texts};

/// The filter that asks `provider` about every request through `cluster`.
pub fn ext_authz(provider: &Value, cluster: &str) -> Value {
    let http = &provider["envoyExtAuthzHttp"];
    let grpc = &provider["envoyExtAuthzGrpc"];
    let common = if http.is_object() { http } else { grpc };
    let timeout = common["timeout"].as_str().unwrap_or("600s");
    let mut filter = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "transport_api_version": "V3",
        "failure_mode_allow": common["failOpen"].as_bool().unwrap_or(false),
        "stat_prefix": "custom",
    });
    if let Some(status) = common["statusOnError"].as_str() {
        let code: u16 = status.parse().unwrap_or(403);
        filter["status_on_error"] = json!({"code": code});
    }
    if http.is_object() {
        let service = http["service"].as_str().unwrap_or_default();
        let mut headers_to_add: Vec<Value> = http["includeAdditionalHeadersInCheck"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| json!({"key": name, "value": value}))
            .collect();
        headers_to_add.sort_by_key(|header| header["key"].to_string());
        let patterns = patterns(&http["includeRequestHeadersInCheck"]);
        if !items(&patterns["patterns"]).is_empty() {
            filter["allowed_headers"] = patterns;
        }
        filter["http_service"] = json!({
            "server_uri": {
                "uri": format!("http://{service}:{}", http["port"]),
                "cluster": cluster,
                "timeout": timeout,
            },
            "path_prefix": http["pathPrefix"].as_str().unwrap_or_default(),
            "authorization_request": {"headers_to_add": headers_to_add},
            "authorization_response": response_headers(http),
        });
    } else {
        filter["grpc_service"] = json!({
            "envoy_grpc": {"cluster_name": cluster, "authority": grpc["service"]},
            "timeout": timeout,
        });
    }
    json!({"name": "envoy.filters.http.ext_authz", "typed_config": filter})
}

fn response_headers(http: &Value) -> Value {
    let mut matchers = json!({});
    for (ours, envoys) in [
        ("headersToUpstreamOnAllow", "allowed_upstream_headers"),
        ("headersToDownstreamOnDeny", "allowed_client_headers"),
        (
            "headersToDownstreamOnAllow",
            "allowed_client_headers_on_success",
        ),
    ] {
        if !items(&http[ours]).is_empty() {
            matchers[envoys] = patterns(&http[ours]);
        }
    }
    matchers
}

/// `x`, `x*` and `*x`, in whatever case.
fn patterns(names: &Value) -> Value {
    let matcher = |name: &&str| {
        let (kind, text) = match (name.strip_prefix('*'), name.strip_suffix('*')) {
            (Some(suffix), _) => ("suffix", suffix),
            (_, Some(prefix)) => ("prefix", prefix),
            _ => ("exact", *name),
        };
        json!({kind: text, "ignore_case": true})
    };
    let patterns: Vec<Value> = texts(names).iter().map(matcher).collect();
    json!({"patterns": patterns})
}
