//! External authorizers with fixed answers, for action CUSTOM.

mod proto;
mod server;

use std::collections::BTreeMap;

use prost::Message;
use serde_json::{Map, Value, json};

use proto::{CheckRequest, CheckResponse};
pub use server::Recorder;

/// What an authorizer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 200 agrees; anything else is what the client is to get.
    Reply {
        /// HTTP status.
        status: u16,
        /// Headers; repeated ones stay apart.
        headers: Vec<(String, String)>,
        /// Body.
        body: String,
    },
    /// Nobody listens.
    Unreachable,
}

/// An extension provider of the mesh with what it answers.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// The provider's name.
    pub name: String,
    /// Whether it speaks gRPC.
    pub grpc: bool,
    /// What it answers.
    pub verdict: Verdict,
}

/// An answer as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body; in gRPC the bare message.
    pub body: Vec<u8>,
}

/// A question that an authorizer got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The provider's name.
    pub provider: String,
    /// The headers that it was told, with pseudo headers; repeated ones joined. From a gRPC
    /// question also `source.principal`, `source.address` and `destination.port`.
    pub headers: BTreeMap<String, String>,
}

/// What frames a message in gRPC: a flag and the length.
const FRAME: usize = 5;
const FORBIDDEN: i32 = 7;

impl Authorizer {
    /// The providers in a list in the form of Istio's `MeshConfig.extensionProviders`, and one for
    /// every verdict that has none: an HTTP provider that passes on everything the verdict has.
    pub fn all(declared: &[Value], verdicts: &BTreeMap<String, Verdict>) -> Vec<(Value, Self)> {
        let name_of = |provider: &Value| provider["name"].as_str().unwrap_or_default().to_owned();
        let is_declared = |name: &str| declared.iter().any(|provider| name_of(provider) == name);
        let undeclared = verdicts
            .iter()
            .filter(|(name, _)| !is_declared(name))
            .map(|(name, verdict)| declare(name, verdict));
        let declared = declared.iter().cloned();
        declared
            .chain(undeclared)
            .filter_map(|provider| {
                let grpc = provider["envoyExtAuthzGrpc"].is_object();
                if !grpc && !provider["envoyExtAuthzHttp"].is_object() {
                    return None;
                }
                let name = name_of(&provider);
                let verdict = verdicts.get(&name).cloned();
                let authorizer = Self {
                    name,
                    grpc,
                    verdict: verdict.unwrap_or(Verdict::Unreachable),
                };
                Some((provider, authorizer))
            })
            .collect()
    }

    /// The answer on the wire; `None` where nobody listens. A gRPC message is without its frame.
    pub fn wire(&self) -> Option<Wire> {
        let Verdict::Reply {
            status,
            headers,
            body,
        } = &self.verdict
        else {
            return None;
        };
        Some(match self.grpc {
            false => Wire {
                status: *status,
                headers: headers.clone(),
                body: body.clone().into_bytes(),
            },
            true => Wire {
                status: 200,
                headers: vec![("content-type".to_owned(), "application/grpc".to_owned())],
                body: match status {
                    200 => CheckResponse::ok(headers),
                    _ => CheckResponse::denied(FORBIDDEN, *status, headers, body),
                }
                .encode_to_vec(),
            },
        })
    }

    /// What the authorizer was told by a message with these headers and this body.
    pub fn asked<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        headers: impl Iterator<Item = (N, V)>,
        body: &[u8],
    ) -> Asked {
        let provider = self.name.clone();
        let headers = match self.grpc {
            true => CheckRequest::decode(body).unwrap_or_default().told(),
            false => {
                let mut told: BTreeMap<String, String> = BTreeMap::new();
                for (name, value) in headers {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    let value = text(value.as_ref());
                    told.entry(text(name.as_ref()))
                        .and_modify(|all| *all = format!("{all},{value}"))
                        .or_insert(value);
                }
                told
            }
        };
        Asked { provider, headers }
    }
}

/// Puts `message` into its frame.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let len = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [[0].as_slice(), &len.to_be_bytes(), message].concat()
}

/// The message in a frame.
pub fn unframed(body: &[u8]) -> &[u8] {
    body.get(FRAME..).unwrap_or_default()
}

fn declare(name: &str, verdict: &Verdict) -> Value {
    let mut service = Map::new();
    service.insert("service".to_owned(), format!("{name}.authz.example").into());
    service.insert("port".to_owned(), 9000.into());
    if let Verdict::Reply { headers, .. } = verdict
        && !headers.is_empty()
    {
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        service.insert("headersToUpstreamOnAllow".to_owned(), names.into());
    }
    json!({"name": name, "envoyExtAuthzHttp": service})
}
