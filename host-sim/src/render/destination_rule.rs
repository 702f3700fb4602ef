//! How a service is called: `DestinationRule`.
//! Source: istio.io, DestinationRule.

use std::time::Duration;

use palisade_filter::config::{ConfigError, Fields, Node, duration};
use palisade_filter::resource::{Metadata, ResourceName};

use super::read;

/// How the services of a host are called.
#[derive(Clone, Debug)]
pub struct DestinationRule {
    /// Namespace and name.
    pub name: ResourceName,
    /// The host, or `*.` and a domain.
    host: String,
    whole: TrafficPolicy,
    ports: Vec<(u16, TrafficPolicy)>,
}

/// How the endpoints of a service are called.
#[derive(Clone, Debug, Default)]
pub struct TrafficPolicy {
    /// TLS, where the rule says anything about it.
    pub tls: Option<ClientTls>,
    /// Limits of connections and requests.
    pub pool: Pool,
    /// When an endpoint is left out for a while.
    pub outliers: Option<Outliers>,
}

/// TLS of a client.
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// Which.
    pub mode: TlsMode,
    /// Certificate and key files, for MUTUAL.
    pub certificate: Option<(String, String)>,
    /// The file of the authorities that the server's certificate must come from.
    pub authorities: Option<String>,
    /// What its certificate must be for; where empty, what is known of the service.
    pub names: Vec<String>,
    /// The server name to ask for.
    pub sni: Option<String>,
}

/// Which TLS a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// None.
    Disable,
    /// The server's certificate is verified.
    Simple,
    /// And the client shows one of its own, from files.
    Mutual,
    /// And the client shows its identity of the mesh.
    IstioMutual,
}

/// Limits of connections and requests.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// `tcp.maxConnections`
    pub max_connections: Option<u32>,
    /// `tcp.connectTimeout`
    pub connect_timeout: Option<Duration>,
    /// `http.http1MaxPendingRequests`
    pub max_pending: Option<u32>,
    /// `http.http2MaxRequests`
    pub max_requests: Option<u32>,
    /// `http.maxRetries`
    pub max_retries: Option<u32>,
    /// `http.maxRequestsPerConnection`
    pub max_requests_per_connection: Option<u32>,
    /// `http.idleTimeout`
    pub idle_timeout: Option<Duration>,
}

/// When an endpoint is left out for a while.
#[derive(Clone, Debug, Default)]
pub struct Outliers {
    /// `consecutive5xxErrors`
    pub errors: Option<u32>,
    /// `consecutiveGatewayErrors`
    pub gateway_errors: Option<u32>,
    /// `interval`
    pub interval: Option<Duration>,
    /// `baseEjectionTime`
    pub ejection_time: Option<Duration>,
    /// `maxEjectionPercent`
    pub max_percent: Option<u32>,
}

const POLICY: [&str; 3] = ["tls", "connectionPool", "outlierDetection"];

// === impl DestinationRule ===

impl DestinationRule {
    /// Reads the object.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let top = node.open_object()?;
        let name = Metadata::read(&top.require("metadata")?)?.name;
        read::spec(node, &["host", "trafficPolicy", "exportTo"], |spec| {
            let host = read::text(spec, "host")?.filter(|host| !host.is_empty());
            let host = host.ok_or_else(|| {
                spec.node()
                    .error("`host` is missing")
                    .help("name the host of a ServiceEntry")
            })?;
            let mut ports = Vec::new();
            let whole = read::optional(spec, "trafficPolicy", |node| {
                let known = [&POLICY[..], &["portLevelSettings"]].concat();
                let fields = node.object(&known)?;
                let of_ports = read::list(&fields, "portLevelSettings", port_level)?;
                Ok((TrafficPolicy::read(&fields)?, of_ports))
            })?;
            let whole = whole.map(|(whole, of_ports)| {
                ports = of_ports;
                whole
            });
            Ok(Self {
                name: name.clone(),
                host,
                whole: whole.unwrap_or_default(),
                ports,
            })
        })
    }

    /// Whether it is about this host.
    pub fn covers(&self, host: &str) -> bool {
        match self.host.strip_prefix('*') {
            Some(suffix) => host.ends_with(suffix),
            None => self.host == host,
        }
    }

    /// How exactly it names hosts: of two rules the longer one counts.
    pub fn host_len(&self) -> usize {
        self.host.len()
    }

    /// What it says of a port; settings of a port replace all others.
    pub fn policy(&self, port: u16) -> &TrafficPolicy {
        let of_port = self.ports.iter().find(|(number, _)| *number == port);
        of_port.map_or(&self.whole, |(_, policy)| policy)
    }
}

// === impl TrafficPolicy ===

impl TrafficPolicy {
    fn read(fields: &Fields<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            tls: read::optional(fields, "tls", ClientTls::read)?,
            pool: read::optional(fields, "connectionPool", Pool::read)?.unwrap_or_default(),
            outliers: read::optional(fields, "outlierDetection", Outliers::read)?,
        })
    }
}

fn port_level(node: &Node<'_>) -> Result<(u16, TrafficPolicy), ConfigError> {
    let known = [&POLICY[..], &["port"]].concat();
    let fields = node.object(&known)?;
    let port = fields.require("port")?;
    let number = read::port(&port.object(&["number"])?.require("number")?)?;
    Ok((number, TrafficPolicy::read(&fields)?))
}

// === impl ClientTls ===

impl ClientTls {
    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let known = [
            "mode",
            "clientCertificate",
            "privateKey",
            "caCertificates",
            "subjectAltNames",
            "sni",
        ];
        let fields = node.object(&known)?;
        let mode = read::optional(&fields, "mode", |node| match node.string()? {
            "DISABLE" => Ok(TlsMode::Disable),
            "SIMPLE" => Ok(TlsMode::Simple),
            "MUTUAL" => Ok(TlsMode::Mutual),
            "ISTIO_MUTUAL" => Ok(TlsMode::IstioMutual),
            other => Err(node
                .error(format!("unknown mode `{other}`"))
                .help("use DISABLE, SIMPLE, MUTUAL or ISTIO_MUTUAL")),
        })?
        .unwrap_or(TlsMode::Disable);
        let text = |key| read::text(&fields, key);
        let certificate = text("clientCertificate")?.zip(text("privateKey")?);
        if (mode == TlsMode::Mutual) != certificate.is_some() {
            return Err(node
                .error("`clientCertificate` and `privateKey` go with mode MUTUAL")
                .help("with ISTIO_MUTUAL they are the workload's own"));
        }
        Ok(Self {
            mode,
            certificate,
            authorities: text("caCertificates")?,
            names: read::list(&fields, "subjectAltNames", |node| {
                node.string().map(str::to_owned)
            })?,
            sni: text("sni")?,
        })
    }
}

// === impl Pool ===

impl Pool {
    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&["tcp", "http"])?;
        let mut pool = Self::default();
        read::optional(&fields, "tcp", |node| {
            let fields = node.object(&["maxConnections", "connectTimeout"])?;
            let max = read::optional(&fields, "maxConnections", read::count)?;
            Ok((
                max,
                read::optional(&fields, "connectTimeout", duration::read)?,
            ))
        })?
        .into_iter()
        .for_each(|(max, timeout)| {
            (pool.max_connections, pool.connect_timeout) = (max, timeout);
        });
        let http = read::optional(&fields, "http", |node| {
            let known = [
                "http1MaxPendingRequests",
                "http2MaxRequests",
                "maxRequestsPerConnection",
                "maxRetries",
                "idleTimeout",
            ];
            let fields = node.object(&known)?;
            let count = |key| read::optional(&fields, key, read::count);
            Ok(Self {
                max_pending: count("http1MaxPendingRequests")?,
                max_requests: count("http2MaxRequests")?,
                max_retries: count("maxRetries")?,
                max_requests_per_connection: count("maxRequestsPerConnection")?,
                idle_timeout: read::optional(&fields, "idleTimeout", duration::read)?,
                ..Self::default()
            })
        })?;
        Ok(Self {
            max_connections: pool.max_connections,
            connect_timeout: pool.connect_timeout,
            ..http.unwrap_or_default()
        })
    }
}

// === impl Outliers ===

impl Outliers {
    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let known = [
            "consecutive5xxErrors",
            "consecutiveGatewayErrors",
            "interval",
            "baseEjectionTime",
            "maxEjectionPercent",
        ];
        let fields = node.object(&known)?;
        let count = |key| read::optional(&fields, key, read::count);
        let time = |key| read::optional(&fields, key, duration::read);
        Ok(Self {
            errors: count("consecutive5xxErrors")?,
            gateway_errors: count("consecutiveGatewayErrors")?,
            interval: time("interval")?,
            ejection_time: time("baseEjectionTime")?,
            max_percent: count("maxEjectionPercent")?,
        })
    }
}
