//! Clusters: limits, outliers, protocols.
//! Source: Envoy 1.40 API, `envoy.config.cluster.v3`; istiod's `applyConnectionPool` and
//! `applyOutlierDetection`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::address;
use crate::render::Protocol;
use crate::render::destination_rule::TrafficPolicy;

const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// A cluster of one host, found by its name unless it is an address.
pub fn named(name: &str, host: &str, port: u16, over_http2: bool) -> Value {
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    let mut value = json!({
        "name": name,
        "type": if is_address { "STATIC" } else { "STRICT_DNS" },
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": address(host, port)}},
        ]}]},
    });
    if over_http2 {
        value["typed_extension_protocol_options"] = http2();
    }
    value
}

/// Options of a cluster that speaks HTTP/2.
pub fn http2() -> Value {
    http_options(json!({"explicit_http_config": {"http2_protocol_options": {}}}))
}

/// Writes what a `DestinationRule` says of connections into a cluster.
pub fn apply(policy: &TrafficPolicy, protocol: Protocol, cluster: &mut Value) {
    let pool = &policy.pool;
    let timeout = pool.connect_timeout.unwrap_or(Duration::from_secs(10));
    cluster["connect_timeout"] = seconds(timeout);
    // Istio has no limits where nothing is said; Envoy's own are 1024.
    let limit = |value: Option<u32>| value.unwrap_or(u32::MAX);
    cluster["circuit_breakers"] = json!({"thresholds": [{
        "max_connections": limit(pool.max_connections),
        "max_pending_requests": limit(pool.max_pending),
        "max_requests": limit(pool.max_requests),
        "max_retries": limit(pool.max_retries),
        "track_remaining": true,
    }]});
    let mut common = Map::new();
    if let Some(max) = pool.max_requests_per_connection.filter(|max| *max != 0) {
        common.insert("max_requests_per_connection".to_owned(), max.into());
    }
    if let Some(idle) = pool.idle_timeout {
        common.insert("idle_timeout".to_owned(), seconds(idle));
    }
    let http_config = match protocol {
        Protocol::Tcp => None,
        Protocol::Http => Some(json!({"http_protocol_options": {}})),
        Protocol::Http2 => Some(json!({"http2_protocol_options": {}})),
    };
    if let Some(config) = http_config {
        let mut options = json!({"explicit_http_config": config});
        if !common.is_empty() {
            options["common_http_protocol_options"] = common.into();
        }
        cluster["typed_extension_protocol_options"] = http_options(options);
    }
    if let Some(outliers) = &policy.outliers {
        let mut detection = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                detection.insert(key.to_owned(), value);
            }
        };
        put("consecutive_5xx", outliers.errors.map(Value::from));
        put("enforcing_consecutive_5xx", outliers.errors.map(enforcing));
        put(
            "consecutive_gateway_failure",
            outliers.gateway_errors.map(Value::from),
        );
        put(
            "enforcing_consecutive_gateway_failure",
            outliers.gateway_errors.map(enforcing),
        );
        put("interval", outliers.interval.map(seconds));
        put("base_ejection_time", outliers.ejection_time.map(seconds));
        put(
            "max_ejection_percent",
            outliers.max_percent.map(Value::from),
        );
        put("enforcing_success_rate", Some(0.into()));
        cluster["outlier_detection"] = detection.into();
        // As in Istio, endpoints that are left out get nothing even when no other is left.
        cluster["common_lb_config"] = json!({"healthy_panic_threshold": {"value": 0}});
    }
}

/// A number of errors of 0 turns the detection off, as in Istio.
fn enforcing(errors: u32) -> Value {
    if errors == 0 { 0.into() } else { 100.into() }
}

fn http_options(mut options: Value) -> Value {
    options["@type"] = format!("type.googleapis.com/{HTTP_OPTIONS}").into();
    json!({HTTP_OPTIONS: options})
}

fn seconds(duration: Duration) -> Value {
    format!("{}s", duration.as_secs_f64()).into()
}
