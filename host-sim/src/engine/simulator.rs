//! The simulator: the filter's `.wasm` in the simulated Envoy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{
    Asked, Authorizer, Engine, EngineError, Observed, Request, Setup, authorizer_origin, framed,
    unframed,
};
use crate::connection_manager::{Admitted, Refusal, admit};
use crate::vm::{
    Call, ConfigureError, Exchange, Header, Host, HostError, HttpRequest, LogLevel, Options,
    Outcome, Plugin, Properties, Reply, Upstream,
};

/// Filter state in which the direct peer's address is handed to the filter.
const DIRECT_REMOTE: &str = "palisade.direct_remote";

/// Judges with the filter's `.wasm`; keeps the simulated Envoy as long as the set-up is the same.
pub struct Simulator {
    plugin: Plugin,
    current: Option<(Setup, Host)>,
}

/// What a request costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// Decisions per second of this machine.
    pub rate: f64,
    /// Wasm instructions of one request, in wasmtime's fuel.
    pub fuel: u64,
    /// How often one request calls each function of the host.
    pub host_calls: BTreeMap<&'static str, u64>,
}

impl Cost {
    /// Host calls of one request.
    pub fn calls(&self) -> u64 {
        self.host_calls.values().sum()
    }
}

impl Simulator {
    /// A simulator that runs `plugin`.
    pub fn new(plugin: Plugin) -> Self {
        Self {
            plugin,
            current: None,
        }
    }

    /// Whether the filter takes the configuration.
    ///
    /// # Errors
    /// When it does not.
    pub fn load(&mut self, setup: &Setup) -> Result<(), EngineError> {
        self.host(setup).map(|_| ())
    }

    /// Sends `request` so many times: how fast that is, and what the last one costs. As in Envoy
    /// with its default settings, denials are not explained.
    ///
    /// # Errors
    /// When the filter refuses the configuration, the proxy itself refuses the request, or the
    /// engine fails.
    pub fn measure(
        &mut self,
        setup: &Setup,
        request: &Request,
        times: u32,
    ) -> Result<Cost, EngineError> {
        let host = self.host(setup)?;
        host.set_log_level(LogLevel::Info);
        host.set_now(time_of(setup));
        // The filter follows the level on its tick.
        host.advance(Duration::from_secs(2));
        let admitted = match request.tcp {
            true => None,
            false => Some(admit(&setup.mesh, request).map_err(|refusal| {
                EngineError::Failed(format!("the proxy refuses the request: {refusal}"))
            })?),
        };
        let mut send = || match &admitted {
            Some(admitted) => host.http(0, http_request(admitted, request)),
            None => host.tcp(0, connection(request)),
        };
        let mut last = send()?;
        let start = Instant::now();
        for _ in 0..times {
            last = send()?;
        }
        let rate = f64::from(times) / start.elapsed().as_secs_f64();
        Ok(Cost {
            rate,
            fuel: last.fuel,
            host_calls: last.host_calls,
        })
    }

    fn host(&mut self, setup: &Setup) -> Result<&mut Host, EngineError> {
        let same = self
            .current
            .as_ref()
            .is_some_and(|(current, _)| current == setup);
        if !same {
            let host = start(&self.plugin, setup)?;
            self.current = Some((setup.clone(), host));
        }
        let current = self.current.as_mut().map(|(_, host)| host);
        current.ok_or_else(|| EngineError::Failed("no simulated Envoy".to_owned()))
    }
}

impl Engine for Simulator {
    fn judge(&mut self, setup: &Setup, request: &Request) -> Result<Observed, EngineError> {
        let host = self.host(setup)?;
        // Waiting for keys took simulated time.
        host.set_now(time_of(setup));
        let first_call = host.upstreams().calls().len();
        let exchange = match request.tcp {
            true => host.tcp(0, connection(request))?,
            false => match admit(&setup.mesh, request) {
                Ok(admitted) => host.http(0, http_request(&admitted, request))?,
                Err(refusal) => return Ok(refused(refusal)),
            },
        };
        let asked = asked(setup, &host.upstreams().calls()[first_call..]);
        Ok(Observed {
            asked,
            ..observed(exchange)?
        })
    }
}

fn start(plugin: &Plugin, setup: &Setup) -> Result<Host, EngineError> {
    let options = Options {
        log_level: LogLevel::Debug,
        now: time_of(setup),
        ..Options::default()
    };
    let mut host = Host::new(plugin, options)?;
    for origin in setup.origins() {
        let (setup, cluster) = (setup.clone(), origin.clone());
        let serve = move |call: &Call| match setup.served(&origin, &call.path()) {
            Some(document) => Upstream::reply(200, document.to_string().as_bytes()),
            None => Upstream::Unreachable,
        };
        host.upstreams()
            .set(&cluster, Upstream::Script(Rc::new(serve)));
    }
    for (_, authorizer) in setup.authorizers() {
        host.upstreams()
            .set(&authorizer_origin(&authorizer.name), upstream(&authorizer));
    }
    let configuration = setup.plugin_configuration(str::to_owned).to_string();
    host.configure(configuration.as_bytes())?;
    Ok(host)
}

fn time_of(setup: &Setup) -> Duration {
    let real = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO)
    };
    setup.now.unwrap_or_else(real)
}

fn http_request(admitted: &Admitted, request: &Request) -> HttpRequest {
    let headers = admitted.headers.iter();
    HttpRequest {
        headers: headers
            .map(|(name, value)| (name.clone().into(), value.clone()))
            .collect(),
        properties: connection(request)
            .source(SocketAddr::new(admitted.remote_ip, admitted.remote_port)),
    }
}

fn connection(request: &Request) -> Properties {
    let properties = Properties::default()
        .source(SocketAddr::new(request.source_ip, 40_000))
        .destination(SocketAddr::new(request.destination_ip, request.port))
        .direct_remote(DIRECT_REMOTE, request.source_ip);
    match (&request.peer, &request.sni) {
        (None, None) => properties.plaintext(),
        (peer, sni) => properties.tls(sni.as_deref().unwrap_or_default(), peer.as_deref()),
    }
}

/// What authorizers were asked by `calls`.
fn asked(setup: &Setup, calls: &[Call]) -> Vec<Asked> {
    let authorizers = setup.authorizers();
    let by_call = |call: &Call| {
        let name = |authorizer: &Authorizer| authorizer_origin(&authorizer.name) == call.cluster;
        let (_, authorizer) = authorizers.iter().find(|(_, other)| name(other))?;
        let headers = call.headers.iter().map(|(name, value)| (name, value));
        Some(authorizer.asked(headers, unframed(&call.body)))
    };
    calls.iter().filter_map(by_call).collect()
}

/// The authorizer as the cluster that stands for it.
fn upstream(authorizer: &Authorizer) -> Upstream {
    let Some(wire) = authorizer.wire() else {
        return Upstream::Unreachable;
    };
    let reply = match authorizer.grpc {
        true => Upstream::reply(wire.status, &framed(&wire.body)).trailer("grpc-status", "0"),
        false => Upstream::reply(wire.status, &wire.body),
    };
    wire.headers
        .iter()
        .fold(reply, |reply, (name, value)| reply.header(name, value))
}

/// An answer of the connection manager: the filter never saw the request.
fn refused(refusal: Refusal) -> Observed {
    Observed {
        refusal: Some(refusal),
        ..Observed::denied(refusal.status())
    }
}

fn observed(exchange: Exchange) -> Result<Observed, EngineError> {
    let evidence = exchange.filter_state.get("palisade");
    let evidence = evidence
        .map(|json| serde_json::from_slice(json))
        .transpose()
        .map_err(|error| EngineError::Failed(format!("unreadable evidence: {error}")))?;
    let mut observed = Observed {
        evidence,
        ..Observed::denied(403)
    };
    match exchange.outcome {
        Outcome::Forwarded { headers } => {
            observed.allowed = true;
            observed.status = 200;
            observed.body = None;
            observed.upstream_headers = joined(&headers);
            observed.response_headers = joined(&exchange.response_headers);
        }
        Outcome::Replied(Reply {
            status,
            headers,
            body,
            ..
        }) => {
            observed.status = status;
            observed.body = Some(String::from_utf8_lossy(&body).into_owned());
            observed.response_headers = joined(&headers);
        }
        Outcome::Closed => {}
        Outcome::Trapped(trap) => return Err(EngineError::Failed(format!("a trap: {trap}"))),
        Outcome::Stuck => return Err(EngineError::Failed("the request is stuck".to_owned())),
    }
    Ok(observed)
}

fn joined(headers: &[Header]) -> BTreeMap<String, String> {
    let mut map: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value);
        map.entry(String::from_utf8_lossy(name).into_owned())
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    map
}

impl From<HostError> for EngineError {
    fn from(error: HostError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<ConfigureError> for EngineError {
    fn from(error: ConfigureError) -> Self {
        match error.trap {
            Some(trap) => Self::Failed(format!("a trap: {trap}")),
            None => {
                let message = error.to_string();
                let message = message
                    .strip_prefix("configuration refused: ")
                    .unwrap_or(&message);
                Self::Refused(message.to_owned())
            }
        }
    }
}
