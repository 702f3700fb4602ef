//! Envoy's own filters and ours, side by side.

use std::collections::BTreeMap;

use host_sim::engine::{Jwks, Mesh, Setup, Workload};
use host_sim::envoy::bootstrap::{
    Bootstrap, Cluster, HttpManager, Listener, PeerTls, ServerTls, WasmFilter,
};
use host_sim::envoy::certs::{Authority, Leaf};
use host_sim::envoy::client::{self, Client, ClientTls};
use host_sim::envoy::server::Server;
use host_sim::envoy::upstream::echo;
use host_sim::envoy::{Envoy, Launch, binary};
use palisade_filter::Config;
use serde_json::Value;

use super::generate::{Flaw, NAMESPACE, Request, Token};
use crate::tokens::SigningKey;
use crate::{Error, native, wasm};

/// The keys of the issuers.
pub(super) struct Keys {
    pub(super) good: SigningKey,
    pub(super) forger: SigningKey,
}

/// One Envoy with two listeners for each set of policies.
pub(super) struct Pairs {
    envoy: Envoy,
    authority: Authority,
    clients: BTreeMap<String, ClientTls>,
    _application: Server,
}

const CLUSTER: &str = "application";

impl Pairs {
    /// Starts an Envoy for these sets of policies.
    pub(super) fn start(sets: &[Vec<Value>]) -> Result<Self, Error> {
        let application = echo()?;
        let authority = Authority::new("differential")?;
        let identity = authority.issue(&Leaf::default().dns("localhost"))?;
        let tls = ServerTls::new(identity, authority.certificate()).optional_client_certificate();
        let module = wasm()?;
        let mut listeners = Vec::new();
        for (index, resources) in sets.iter().enumerate() {
            let ours = WasmFilter::new(
                &module,
                setup(resources).plugin_configuration(str::to_owned),
            );
            for (side, filters) in [
                ("native", native::http_filters(resources)),
                ("ours", vec![ours.to_json()]),
            ] {
                let mut manager = HttpManager::new(CLUSTER);
                manager.filters = filters;
                let mut listener = Listener::new(format!("{side}-{index}"), CLUSTER)
                    .tls(PeerTls::Permissive(tls.clone()));
                listener.http = manager;
                listeners.push(listener);
            }
        }
        let clusters = vec![Cluster::new(CLUSTER, application.address())];
        let bootstrap = Bootstrap::new(listeners, clusters).to_json();
        let envoy = Launch::new(binary::find()?, &bootstrap).start()?;
        Ok(Self {
            envoy,
            authority,
            clients: BTreeMap::new(),
            _application: application,
        })
    }

    /// The answers of both sides to `request` under the set `index`: the native one first.
    pub(super) fn ask(
        &mut self,
        index: usize,
        request: &Request,
        keys: &Keys,
    ) -> Result<(String, String), Error> {
        let token = match &request.token {
            Some(token) => mint(token, keys)?,
            None => String::new(),
        };
        let fill = |text: &str| text.replace("${token}", &token);
        let mut message = client::Request::new(&request.method, fill(&request.path))
            .header("host", &request.host);
        for (name, value) in &request.headers {
            message = message.header(name, fill(value));
        }
        let mut answer = |side: &str| -> Result<String, Error> {
            let response = self
                .client(&format!("{side}-{index}"), request)?
                .send(&message)?;
            Ok(describe(&response))
        };
        Ok((answer("native")?, answer("ours")?))
    }

    fn client(&mut self, listener: &str, request: &Request) -> Result<Client, Error> {
        let address = self.envoy.listener(listener)?;
        let Some(peer) = &request.peer else {
            return Ok(Client::plain(address));
        };
        if !self.clients.contains_key(peer) {
            let identity = self.authority.issue(&Leaf::spiffe(peer.as_str()))?;
            let tls = ClientTls::new(&self.authority.certificate(), Some(&identity), None)?;
            self.clients.insert(peer.clone(), tls);
        }
        Ok(Client::tls(address, self.clients[peer].clone()))
    }
}

/// Whether both sides take these policies, and take them the same way: all are for the workload, and
/// keys are inline.
pub(super) fn is_valid(resources: &[Value]) -> bool {
    if resources
        .iter()
        .any(|object| object["metadata"]["namespace"] != NAMESPACE)
    {
        return false;
    }
    let mut rules = resources.iter().flat_map(|object| {
        object["spec"]["jwtRules"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
    });
    if rules.any(|rule| !rule["jwks"].is_string()) {
        return false;
    }
    let configuration = setup(resources)
        .plugin_configuration(str::to_owned)
        .to_string();
    Config::parse(configuration.as_bytes()).is_ok()
}

fn setup(resources: &[Value]) -> Setup {
    Setup {
        mesh: Mesh::default(),
        workload: Workload {
            namespace: NAMESPACE.to_owned(),
            ..Workload::default()
        },
        resources: resources.to_vec(),
        jwks: Jwks::new(),
        verdicts: BTreeMap::new(),
        now: None,
        tcp: false,
    }
}

fn mint(token: &Token, keys: &Keys) -> Result<String, Error> {
    let key = if token.flaw == Flaw::Forged {
        &keys.forger
    } else {
        &keys.good
    };
    let kid = if token.flaw == Flaw::UnknownKid {
        "k9"
    } else {
        "k1"
    };
    let header = format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#);
    let text = key.sign(&header, token.claims.to_string())?;
    Ok(match token.flaw {
        Flaw::Cut => {
            // Whole groups of base64url: what is left over at the end is refused, unlike by Envoy.
            let signature = text.rfind('.').map_or(0, |dot| dot + 1);
            text[..signature + 100].to_owned()
        }
        Flaw::Garbage => "garbage".to_owned(),
        Flaw::None | Flaw::Forged | Flaw::UnknownKid => text,
    })
}

/// The headers that claims are written to, as they begin in the application's list.
const OUTPUTS: [&str; 4] = ["[\"x-a\"", "[\"x-level\"", "[\"x-roles\"", "[\"x-payload\""];

/// What both sides must have in common: status, body, challenge, and what the application gets.
fn describe(response: &client::Response) -> String {
    let challenge = response.header("www-authenticate").unwrap_or_default();
    let application = response
        .json()
        .ok()
        .filter(|body| body["bodyBytes"].is_number());
    match application {
        None => format!("{} {} {challenge}", response.status, response.text()),
        Some(body) => {
            let mut headers: Vec<String> = body["headers"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|pair| pair[0] != "x-request-id")
                .map(Value::to_string)
                .collect();
            headers.sort();
            // With two good tokens of one rule Envoy writes an output header twice, ours does once.
            headers.dedup_by(|a, b| a == b && OUTPUTS.iter().any(|name| a.contains(name)));
            format!("{} {} {}", response.status, body["path"], headers.join(" "))
        }
    }
}
