//! One running Envoy with its application, issuers and clients.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use palisade_filter::Evidence;
use serde_json::Value;
use tempfile::TempDir;

use super::plan;
use crate::engine::{
    Authorizer, EngineError, Observed, Recorder, Request, Setup, authorizer_origin,
};
use crate::envoy::bootstrap::{Bootstrap, Cluster, ServerTls, grpc_bridge};
use crate::envoy::certs::{Authority, Leaf};
use crate::envoy::client::{self, Client, ClientTls, ProxyHeader};
use crate::envoy::server::{Answer, Server};
use crate::envoy::upstream::echo;
use crate::envoy::{Envoy, EnvoyError, Launch, clock};

/// How long an access log line may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running Envoy with everything around it. Dropping it stops all of it.
pub struct Fleet {
    envoy: Envoy,
    authority: Authority,
    listeners: Vec<SocketAddr>,
    clients: BTreeMap<(Option<String>, Option<String>), ClientTls>,
    sent: u64,
    /// What authorizers were asked.
    asked: Recorder,
    _folder: TempDir,
    _servers: Vec<Server>,
}

impl Fleet {
    /// Starts an Envoy for `setups`.
    pub fn start(binary: &Path, module: &Path, setups: &[Setup]) -> Result<Self, EngineError> {
        let folder = tempfile::tempdir().map_err(failed)?;
        let application = echo().map_err(failed)?;
        let mut clusters = vec![Cluster::new(plan::APPLICATION, application.address())];
        let mut servers = vec![application];
        let authority = Authority::new("palisade test").map_err(failed)?;
        let identity = authority
            .issue(&Leaf::default().dns("localhost"))
            .map_err(failed)?;
        let tls = ServerTls::new(identity, authority.certificate()).optional_client_certificate();
        let module = std::path::absolute(module).map_err(failed)?;
        let mut listeners = Vec::new();
        let (mut more_listeners, mut more_clusters) = (Vec::new(), Vec::new());
        let asked = Recorder::default();
        for (index, setup) in setups.iter().enumerate() {
            for origin in setup.origins() {
                let name = plan::cluster_name(index, &origin);
                let address = match issuer(setup, &origin)? {
                    Some(server) => {
                        let address = server.address();
                        servers.push(server);
                        address
                    }
                    None => plan::nobody(),
                };
                clusters.push(Cluster::new(name, address));
            }
            for (_, authorizer) in setup.authorizers() {
                let name = plan::cluster_name(index, &authorizer_origin(&authorizer.name));
                let is_grpc = authorizer.grpc;
                let address = match serve(authorizer, &asked)? {
                    Some(server) => {
                        let address = server.address();
                        servers.push(server);
                        address
                    }
                    None => plan::nobody(),
                };
                if is_grpc {
                    let socket = folder.path().join(format!("{}.sock", more_listeners.len()));
                    let (listener, both) = grpc_bridge(&name, &socket, address);
                    more_listeners.push(listener);
                    more_clusters.extend(both);
                } else {
                    clusters.push(Cluster::new(name, address));
                }
            }
            listeners.push(plan::listener(index, setup, &module, &tls));
        }
        let mut bootstrap = Bootstrap::new(Vec::new(), clusters);
        let first = setups.first();
        if first.is_some_and(|setup| !setup.mesh.reject_path_with_fragment) {
            let key = "envoy.reloadable_features.http_reject_path_with_fragment";
            bootstrap = bootstrap.runtime(key, false);
        }
        let mut bootstrap = bootstrap.to_json();
        listeners.extend(more_listeners);
        bootstrap["static_resources"]["listeners"] = listeners.into();
        if let Some(clusters) = bootstrap["static_resources"]["clusters"].as_array_mut() {
            clusters.extend(more_clusters);
        }
        let mut launch = Launch::new(binary, &bootstrap).ready_within(Duration::from_secs(120));
        if let Some(now) = first.and_then(|setup| setup.now) {
            let object = clock::compile(folder.path()).map_err(failed)?;
            launch = launch
                .env("LD_PRELOAD", object)
                .env(clock::VARIABLE, now.as_secs().to_string());
        }
        let envoy = launch.start()?;
        let names = (0..setups.len()).map(plan::listener_name);
        let listeners = names
            .map(|name| envoy.listener(&name))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            envoy,
            authority,
            listeners,
            clients: BTreeMap::new(),
            sent: 0,
            asked,
            _folder: folder,
            _servers: servers,
        })
    }

    /// Sends a request to the listener of set-up `index`.
    pub fn judge(
        &mut self,
        index: usize,
        setup: &Setup,
        request: &Request,
    ) -> Result<Observed, EngineError> {
        let client = self.client(index, request)?;
        self.asked.take();
        if request.tcp {
            let observed = tcp(&client);
            let asked = self.asked.take();
            return Ok(Observed { asked, ..observed });
        }
        self.sent += 1;
        let id = format!("palisade-{}", self.sent);
        let mut message = client::Request::new(&request.method, &request.path)
            .header("host", &request.host)
            .header("x-request-id", &id);
        for (name, value) in request.sent_headers(&setup.mesh) {
            message = message.header(name, value);
        }
        let response = client.send(&message).map_err(failed)?;
        let upstream = response
            .json()
            .ok()
            .filter(|body| body["bodyBytes"].is_number());
        let line = self.log_line(&id, response.status)?;
        // An answer to HEAD has no body to tell the application by.
        let allowed = line["details"] == "via_upstream";
        Ok(Observed {
            allowed,
            status: response.status,
            body: (!allowed).then(|| response.text()),
            response_headers: joined(
                response.headers.iter().map(|(name, value)| {
                    (name.as_str(), String::from_utf8_lossy(value).into_owned())
                }),
            ),
            upstream_headers: upstream.as_ref().map(received).unwrap_or_default(),
            evidence: evidence(&line),
            asked: self.asked.take(),
            refusal: None,
        })
    }

    fn client(&mut self, index: usize, request: &Request) -> Result<Client, EngineError> {
        let address = self.listeners[index];
        let key = (request.peer.clone(), request.sni.clone());
        let client = if key == (None, None) {
            Client::plain(address)
        } else {
            if !self.clients.contains_key(&key) {
                let identity = match &request.peer {
                    Some(uri) => {
                        let leaf = Leaf::spiffe(uri.as_str());
                        Some(self.authority.issue(&leaf).map_err(failed)?)
                    }
                    None => None,
                };
                let ca = self.authority.certificate();
                let tls = ClientTls::new(&ca, identity.as_ref(), request.sni.as_deref());
                self.clients.insert(key.clone(), tls.map_err(failed)?);
            }
            Client::tls(address, self.clients[&key].clone())
        };
        Ok(client.proxy(ProxyHeader {
            source: SocketAddr::new(request.source_ip, 40_000),
            destination: SocketAddr::new(request.destination_ip, request.port),
        }))
    }

    /// The access log line of a request; nothing where Envoy refused it before it had an id.
    fn log_line(&self, id: &str, status: u16) -> Result<Value, EngineError> {
        if status == 400 {
            return Ok(Value::Null);
        }
        Ok(self
            .envoy
            .access_log_line(PATIENCE, |line| line["requestId"] == id)?)
    }
}

/// What the filter left in the access log.
fn evidence(line: &Value) -> Option<Evidence> {
    // Envoy puts quotes around a filter state that is a string.
    let text = line["palisade"]
        .as_str()
        .filter(|text| *text != "-")?
        .trim_matches('"');
    serde_json::from_str(text).ok()
}

/// The issuer at `origin`, unless it serves nothing.
fn issuer(setup: &Setup, origin: &str) -> Result<Option<Server>, EngineError> {
    let known = setup.jwks.keys().any(|uri| uri.starts_with(origin));
    if !known {
        return Ok(None);
    }
    let (setup, origin) = (Arc::new(setup.clone()), origin.to_owned());
    let server = Server::start(
        move |request| match setup.served(&origin, &request.target) {
            Some(document) => Answer::json(200, &document),
            None => Answer::empty(404),
        },
    );
    server.map(Some).map_err(failed)
}

/// The authorizer, unless nobody is to listen.
fn serve(authorizer: Authorizer, asked: &Recorder) -> Result<Option<Server>, EngineError> {
    let Some(wire) = authorizer.wire() else {
        return Ok(None);
    };
    let content_type = match authorizer.grpc {
        true => vec![(
            "content-type".to_owned(),
            "application/x-protobuf".to_owned(),
        )],
        false => wire.headers,
    };
    let answer = Answer {
        status: wire.status,
        headers: content_type,
        body: wire.body,
    };
    let server = authorizer.listen(answer, asked);
    server.map(Some).map_err(failed)
}

/// A connection that carries an answer is allowed; one that is closed is not.
fn tcp(client: &Client) -> Observed {
    let answer = client
        .clone()
        .timeout(PATIENCE)
        .send(&client::Request::get("/"));
    match answer {
        Ok(_) => Observed {
            allowed: true,
            body: None,
            ..Observed::denied(200)
        },
        Err(_) => Observed::denied(403),
    }
}

/// The request as the application got it.
fn received(body: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pairs = body["headers"].as_array().into_iter().flatten();
    let mut headers =
        joined(pairs.map(|pair| (pair[0].as_str().unwrap_or_default(), text(&pair[1]))));
    headers.insert(":path".to_owned(), text(&body["path"]));
    headers.insert(":method".to_owned(), text(&body["method"]));
    headers
}

fn joined<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> BTreeMap<String, String> {
    let mut map: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs {
        map.entry(name.to_ascii_lowercase())
            .and_modify(|all| *all = format!("{all},{value}"))
            .or_insert(value);
    }
    map
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::Failed(error.to_string())
}

impl From<EnvoyError> for EngineError {
    fn from(error: EnvoyError) -> Self {
        Self::Failed(error.to_string())
    }
}
