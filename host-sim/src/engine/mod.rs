//! What can judge a request: the simulator, or a real Envoy.

mod authorizer;
mod real;
mod setup;
mod simulator;

pub use authorizer::{Asked, Authorizer, Recorder, Verdict, framed, unframed};
pub use real::EnvoyEngine;
pub use setup::{Jwks, Mesh, Proxy, Setup, Workload, authorizer_origin};
pub use simulator::{Cost, Simulator};

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use palisade_filter::Evidence;

use crate::connection_manager::Refusal;

/// A request as a client sends it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whether it is an HTTP request or a bare TCP connection.
    pub tcp: bool,
    /// The method.
    pub method: String,
    /// The request target, with the query.
    pub path: String,
    /// The `Host` header.
    pub host: String,
    /// Other headers, in order.
    pub headers: Vec<(String, String)>,
    /// The URI in the client's certificate; `None` without one.
    pub peer: Option<String>,
    /// Where the connection comes from.
    pub source_ip: IpAddr,
    /// The client that a trusted hop speaks for.
    pub remote_ip: Option<IpAddr>,
    /// Where the connection goes to.
    pub destination_ip: IpAddr,
    /// The workload's port.
    pub port: u16,
    /// The server name of the TLS handshake.
    pub sni: Option<String>,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Whether the application got it.
    pub allowed: bool,
    /// What the client gets; 200 when the application answers.
    pub status: u16,
    /// The body of an answer that the proxy gives itself.
    pub body: Option<String>,
    /// The headers of that answer.
    pub response_headers: BTreeMap<String, String>,
    /// What the application gets, with pseudo headers; repeated ones joined by commas.
    pub upstream_headers: BTreeMap<String, String>,
    /// Why; absent when the filter never saw the request.
    pub evidence: Option<Evidence>,
    /// What external authorizers were asked, in order.
    pub asked: Vec<Asked>,
    /// Why the proxy itself refused the request, where that is known.
    pub refusal: Option<Refusal>,
}

/// Why an engine could not judge.
#[derive(Debug)]
pub enum EngineError {
    /// The filter refused the configuration.
    Refused(String),
    /// The engine itself failed.
    Failed(String),
}

/// Something that judges requests.
pub trait Engine {
    /// Says which set-ups are to come, in their order, so that what is slow can be done for many.
    fn prepare(&mut self, _setups: Vec<Setup>) {}

    /// Judges `request` under `setup`.
    ///
    /// # Errors
    /// When the filter refuses the configuration, or the engine fails.
    fn judge(&mut self, setup: &Setup, request: &Request) -> Result<Observed, EngineError>;
}

impl Observed {
    /// A request that is answered with `status`, of which nothing else is known.
    pub fn denied(status: u16) -> Self {
        Self {
            allowed: false,
            status,
            body: Some(String::new()),
            response_headers: BTreeMap::new(),
            upstream_headers: BTreeMap::new(),
            evidence: None,
            asked: Vec::new(),
            refusal: None,
        }
    }
}

impl Request {
    /// The headers as they reach the proxy: where the original client is named, trusted proxies in
    /// front of it have written X-Forwarded-For.
    pub fn sent_headers(&self, mesh: &Mesh) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        let named = |(name, _): &(String, String)| name.eq_ignore_ascii_case("x-forwarded-for");
        if let Some(client) = self.remote_ip.filter(|_| !headers.iter().any(named)) {
            let trusted = mesh.xff_num_trusted_hops;
            let hops = match mesh.proxy {
                Proxy::Sidecar => trusted,
                Proxy::Gateway => trusted.saturating_sub(1),
            };
            let hops = (0..hops).map(|_| self.source_ip.to_string());
            let entries: Vec<String> = [client.to_string()].into_iter().chain(hops).collect();
            headers.push(("x-forwarded-for".to_owned(), entries.join(", ")));
        }
        headers
    }
}

impl Default for Request {
    fn default() -> Self {
        Self {
            tcp: false,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            host: "localhost".to_owned(),
            headers: Vec::new(),
            peer: None,
            source_ip: IpAddr::from([10, 0, 0, 1]),
            remote_ip: None,
            destination_ip: IpAddr::from([10, 0, 0, 2]),
            port: 8080,
            sni: None,
        }
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(message) => f.write_str(message),
            Self::Failed(message) => write!(f, "the engine failed: {message}"),
        }
    }
}

impl std::error::Error for EngineError {}
