//! What comes to the workload: a listener for each of its ports.

use serde_json::{Value, json};

use super::filter::Filter;
use super::{Place, address, application, tls};
use crate::envoy::bootstrap::{DIRECT_REMOTE, access_log_format, extension, write_normalization};
use crate::render::yaml::COMMENT;
use crate::render::{Mode, Protocol};

/// A listener for each port of the workload.
pub fn listeners(place: &Place<'_>, filter: &Filter) -> Vec<Value> {
    let own = &place.workload.object;
    let modes = place.inventory.modes(&own.workload);
    let one = |(name, port): (&String, &u16)| {
        let (mode, policy) = modes.of(*port);
        let origin = match policy {
            Some(policy) => place.inventory.origin_of(policy),
            None => "no PeerAuthentication says anything",
        };
        let inbound = Inbound {
            place,
            filter,
            port: *port,
            protocol: application::protocol(place, name, *port),
        };
        let mut value = inbound.listener(*mode);
        value[COMMENT] = format!("Port {port} ({name}) takes {mode}: {origin}.").into();
        value
    };
    own.ports.iter().map(one).collect()
}

/// A port of the workload.
struct Inbound<'a> {
    place: &'a Place<'a>,
    filter: &'a Filter,
    port: u16,
    protocol: Protocol,
}

impl Inbound<'_> {
    fn listener(&self, mode: Mode) -> Value {
        let name = format!("inbound_{}", self.port);
        let tcp = self.protocol == Protocol::Tcp;
        let secure = |of: Value| {
            json!({
                "name": "mtls",
                "filter_chain_match": of,
                "transport_socket": tls::server(self.place),
                "filters": self.filters(&name, true),
            })
        };
        let plain = |chain: &str, of: Value| {
            json!({
                "name": chain,
                "filter_chain_match": of,
                "filters": self.filters(&format!("{name}_{chain}"), false),
            })
        };
        let tls = json!({"transport_protocol": "tls"});
        let raw = json!({"transport_protocol": "raw_buffer"});
        // As in Istio: TLS of the application's own, over TCP, is bytes like any other.
        let of_mesh = json!({"transport_protocol": "tls", "application_protocols": tls::MESH_ALPN});
        let chains = match mode {
            Mode::Strict => vec![secure(tls)],
            Mode::Permissive if tcp => {
                vec![secure(of_mesh), plain("tls", tls), plain("plaintext", raw)]
            }
            Mode::Permissive => vec![secure(tls), plain("plaintext", raw)],
            Mode::Disable if tcp => vec![plain("plaintext", json!({}))],
            Mode::Disable => vec![plain("plaintext", raw)],
        };
        // It tells TLS from plaintext by the first bytes.
        let inspector = extension(
            "envoy.filters.listener.tls_inspector",
            "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            json!({}),
        );
        json!({
            "name": name,
            "address": address(&self.place.workload.object.bind, self.port),
            "traffic_direction": "INBOUND",
            "listener_filters": [inspector],
            // Where the server speaks first the client says nothing, which is plaintext.
            "continue_on_listener_filters_timeout": true,
            // Only connections that no chain takes are logged here; the chains log their own.
            "stat_prefix": name,
            "filter_chains": chains,
        })
    }

    fn filters(&self, prefix: &str, secure: bool) -> Vec<Value> {
        match self.protocol {
            Protocol::Tcp => vec![
                direct_remote(),
                self.filter.network(),
                self.tcp_proxy(prefix, secure),
            ],
            Protocol::Http | Protocol::Http2 => {
                vec![direct_remote(), self.http_manager(prefix, secure)]
            }
        }
    }

    fn tcp_proxy(&self, prefix: &str, secure: bool) -> Value {
        extension(
            "envoy.filters.network.tcp_proxy",
            "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            json!({
                "stat_prefix": prefix,
                "cluster": application::name(self.port),
                "access_log": access_log(secure, json!({
                    "peer": "%DOWNSTREAM_PEER_URI_SAN%",
                    "source": SOURCE,
                    "details": "%CONNECTION_TERMINATION_DETAILS%",
                })),
            }),
        )
    }

    fn http_manager(&self, prefix: &str, secure: bool) -> Value {
        let router = extension(
            "envoy.filters.http.router",
            "envoy.extensions.filters.http.router.v3.Router",
            json!({}),
        );
        let mut format = access_log_format();
        format["source"] = SOURCE.into();
        let route = json!({
            "match": {"prefix": "/"},
            "route": {"cluster": application::name(self.port), "timeout": "0s"},
        });
        let mut manager = json!({
            "stat_prefix": prefix,
            "use_remote_address": false,
            "preserve_external_request_id": true,
            // The application sees who called, and nobody else can write that header.
            "forward_client_cert_details": "SANITIZE_SET",
            "set_current_client_cert_details": {"subject": true, "uri": true},
            "access_log": access_log(secure, format),
            "http_filters": [self.filter.http(), router],
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "route_config": {
                "virtual_hosts": [{"name": "application", "domains": ["*"], "routes": [route]}],
            },
        });
        write_normalization(self.place.inventory.mesh.path_normalization, &mut manager);
        extension(
            "envoy.filters.network.http_connection_manager",
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            manager,
        )
    }
}

/// The direct peer, whatever X-Forwarded-For says.
const SOURCE: &str = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%";

/// A port that anybody can reach must not fill the memory with counters.
const MAX_SOURCES: u32 = 10_000;

/// A line on the standard output; and over plaintext a counter for each source, which shows who
/// still has to move before the port can be STRICT.
fn access_log(secure: bool, format: Value) -> Vec<Value> {
    let mut logs = vec![extension(
        "envoy.access_loggers.stdout",
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        json!({"log_format": {"json_format": format}}),
    )];
    if !secure {
        logs.push(extension(
            "envoy.access_loggers.stats",
            "envoy.extensions.access_loggers.stats.v3.Config",
            json!({
                "stats_scope": {"prefix": "palisade", "max_counters": MAX_SOURCES},
                "counters": [{
                    "stat": {
                        "name": "plaintext_requests",
                        "tags": [{"name": "source", "value_format": SOURCE}],
                    },
                    "value_fixed": 1,
                }],
            }),
        ));
    }
    logs
}

fn direct_remote() -> Value {
    extension(
        "envoy.filters.network.set_filter_state",
        "envoy.extensions.filters.network.set_filter_state.v3.Config",
        json!({"on_new_connection": [{
            "object_key": DIRECT_REMOTE,
            "factory_key": "envoy.string",
            "format_string": {"text_format_source": {"inline_string": SOURCE}},
        }]}),
    )
}
