//! TLS of both sides, and where certificates come from.
//! Source: Envoy 1.40 API, `envoy.extensions.transport_sockets.tls.v3`; istiod's `BuildInboundTLS`.

use serde_json::{Value, json};

use super::{Place, watched};
use crate::envoy::bootstrap::extension;
use crate::render::destination_rule::{ClientTls, TlsMode};

/// The names of the secrets, as istiod's agent and SPIRE's call them.
const CERTIFICATE: &str = "default";
const AUTHORITIES: &str = "ROOTCA";
/// What proxies of the mesh offer in the handshake of a TCP connection, as Istio's do.
pub const MESH_ALPN: &[&str] = &["istio-peer-exchange", "istio"];
/// The cluster of the SDS server.
const SDS: &str = "sds";

const SOCKET: &str = "envoy.transport_sockets.tls";
const UPSTREAM: &str = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

/// The server's side: a client needs a certificate of the mesh's authorities, with an identity of
/// the trust domain or one of its aliases.
pub fn server(place: &Place<'_>) -> Value {
    let domains = place.inventory.mesh.trust_domains();
    let names: Vec<Value> = domains
        .map(|domain| {
            json!({"san_type": "URI", "matcher": {"prefix": format!("spiffe://{domain}/")}})
        })
        .collect();
    extension(
        SOCKET,
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        json!({
            "require_client_certificate": true,
            "common_tls_context": common(place, &json!({"match_typed_subject_alt_names": names}),
                &[MESH_ALPN, &["h2", "http/1.1"]].concat()),
        }),
    )
}

/// The client's side in the mesh: the server must be one of these identities.
pub fn mesh_client(place: &Place<'_>, identities: &[String], sni: &str, alpn: &[&str]) -> Value {
    let names: Vec<Value> = identities
        .iter()
        .map(|identity| json!({"san_type": "URI", "matcher": {"exact": identity}}))
        .collect();
    let context = common(
        place,
        &json!({"match_typed_subject_alt_names": names}),
        alpn,
    );
    extension(
        SOCKET,
        UPSTREAM,
        json!({"sni": sni, "common_tls_context": context}),
    )
}

/// The client's side to a server outside the mesh.
pub fn client(place: &Place<'_>, tls: &ClientTls, host: &str) -> Value {
    let sni = tls.sni.as_deref().unwrap_or(host);
    let names = match tls.names.as_slice() {
        [] => vec![json!({"san_type": "DNS", "matcher": {"exact": sni}})],
        names => names.iter().map(|name| any_type(name)).collect(),
    };
    let authorities = tls
        .authorities
        .as_ref()
        .unwrap_or(&place.options.public_authorities);
    let mut common = json!({"validation_context": {
        "match_typed_subject_alt_names": names,
        "trusted_ca": {"filename": authorities},
    }});
    if let (TlsMode::Mutual, Some((certificate, key))) = (tls.mode, &tls.certificate) {
        common["tls_certificates"] = json!([{
            "certificate_chain": {"filename": certificate},
            "private_key": {"filename": key},
        }]);
    }
    extension(
        SOCKET,
        UPSTREAM,
        json!({"sni": sni, "common_tls_context": common}),
    )
}

/// TLS to a public server, known by its name.
pub fn public_client(place: &Place<'_>, host: &str) -> Value {
    let tls = ClientTls {
        mode: TlsMode::Simple,
        certificate: None,
        authorities: None,
        names: Vec::new(),
        sni: None,
    };
    client(place, &tls, host)
}

/// The SDS files: which certificate and authorities the workload has. A new certificate is in force
/// when a file has been moved into their folder.
pub fn secrets(place: &Place<'_>) -> Vec<(&'static str, Value)> {
    if place.options.sds_socket.is_some() {
        return Vec::new();
    }
    let certs = format!("{}/certs", place.folder);
    let file = |name: &str| json!({"filename": format!("{certs}/{name}")});
    let watch = json!({"path": certs});
    vec![
        (
            "sds-certificate.yaml",
            json!({"name": CERTIFICATE, "tls_certificate": {
                "certificate_chain": file("cert-chain.pem"),
                "private_key": file("key.pem"),
                "watched_directory": watch,
            }}),
        ),
        (
            "sds-authorities.yaml",
            json!({"name": AUTHORITIES, "validation_context": {
                "trusted_ca": file("root-cert.pem"),
                "watched_directory": watch,
            }}),
        ),
    ]
}

/// The cluster of the SDS server behind a Unix socket.
pub fn sds_cluster(socket: &str) -> Value {
    json!({
        "name": SDS,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": super::cluster::http2(),
        "load_assignment": {"cluster_name": SDS, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"pipe": {"path": socket}}}},
        ]}]},
    })
}

fn common(place: &Place<'_>, validation: &Value, alpn: &[&str]) -> Value {
    let secret = |name: &str, file: &str| json!({"name": name, "sds_config": source(place, file)});
    json!({
        "alpn_protocols": alpn,
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "tls_certificate_sds_secret_configs": [secret(CERTIFICATE, "sds-certificate.yaml")],
        "combined_validation_context": {
            "default_validation_context": validation,
            "validation_context_sds_secret_config": secret(AUTHORITIES, "sds-authorities.yaml"),
        },
    })
}

fn source(place: &Place<'_>, file: &str) -> Value {
    if place.options.sds_socket.is_none() {
        return watched(&place.folder, file);
    }
    json!({
        "resource_api_version": "V3",
        "api_config_source": {
            "api_type": "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": SDS}}],
        },
    })
}

/// A name that may be a URI or a DNS name.
fn any_type(name: &str) -> Value {
    let san_type = if name.contains("://") { "URI" } else { "DNS" };
    json!({"san_type": san_type, "matcher": {"exact": name}})
}
