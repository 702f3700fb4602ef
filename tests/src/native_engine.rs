//! The policy engine as a native library: the third witness beside simulator and Envoy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use host_sim::connection_manager::{Admitted, admit};
use host_sim::engine::{
    Asked, Authorizer, Engine as Judge, EngineError, Observed, Request, Setup, framed, unframed,
};
use palisade_filter::attributes::Snapshot;
use palisade_filter::authn::KeyStore;
use palisade_filter::crypto::Crypto;
use palisade_filter::decision::{Decision, Outcome, RequestChanges};
use palisade_filter::engine::{Detail, Judgement};
use palisade_filter::ext_authz::{Answer, Answered, Consultation};
use palisade_filter::{Config, Engine, Headers};

/// Judges with the engine linked into this program: no wasm, no host.
#[derive(Debug, Default)]
pub struct NativeEngine;

/// Fetching keys takes two steps at most, and may be tried again once for an unknown key.
const MAX_FETCHES: usize = 4;

impl Judge for NativeEngine {
    fn judge(&mut self, setup: &Setup, request: &Request) -> Result<Observed, EngineError> {
        let configuration = setup.plugin_configuration(str::to_owned).to_string();
        let config = Config::parse(configuration.as_bytes()).map_err(refused)?;
        let engine = Engine::compile(&config, Crypto::software()).map_err(refused)?;
        let real = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or(Duration::ZERO)
        };
        let now = i64::try_from(setup.now.unwrap_or_else(real).as_secs()).unwrap_or(i64::MAX);
        let admitted = match request.tcp {
            true => None,
            false => match admit(&setup.mesh, request) {
                Ok(admitted) => Some(admitted),
                Err(refusal) => return Ok(Observed::denied(refusal.status())),
            },
        };
        let mut snapshot = snapshot(admitted.as_ref(), request, now);
        let mut asked = Vec::new();
        let granted = match consult(&engine, setup, &mut snapshot, &mut asked) {
            Ok(response_headers) => response_headers,
            Err(decision) => {
                return Ok(Observed {
                    asked,
                    ..observed(&snapshot.headers, *decision)
                });
            }
        };
        let mut keys = KeyStore::new(engine.key_sources());
        for _ in 0..MAX_FETCHES {
            match engine.judge(&snapshot, &keys, Detail::Brief) {
                Judgement::Decided(decision) => {
                    let mut observed = observed(&snapshot.headers, decision);
                    let granted = granted.iter();
                    let granted = granted.map(|(name, value)| (name.clone(), text(value)));
                    observed.response_headers.extend(granted);
                    observed.asked = asked;
                    return Ok(observed);
                }
                Judgement::Waiting(key_set) => keys.want(key_set, now),
            }
            for fetch in keys.due(now) {
                match setup.served(fetch.url.origin(), fetch.url.path_and_query()) {
                    Some(document) => {
                        // What cannot be read counts as a failed fetch in the store itself.
                        let _ = keys.on_fetched(fetch.id, document.to_string().as_bytes(), now);
                    }
                    None => keys.on_failed(fetch.id, now),
                }
            }
        }
        Err(EngineError::Failed(
            "the engine waits for keys for ever".to_owned(),
        ))
    }
}

/// Asks the external authorizers; what they add to the response, or why the request ends.
fn consult(
    engine: &Engine,
    setup: &Setup,
    snapshot: &mut Snapshot,
    asked: &mut Vec<Asked>,
) -> Result<Vec<(String, Vec<u8>)>, Box<Decision>> {
    let authorizers = setup.authorizers();
    let mut response_headers = Vec::new();
    let mut done = 0;
    loop {
        let check = match engine.consult(snapshot, done) {
            Consultation::Complete => return Ok(response_headers),
            Consultation::Denied(decision) => return Err(decision),
            Consultation::Ask(check) => check,
        };
        done = check.authorizer + 1;
        let of_name = |(_, other): &&(_, Authorizer)| other.name == check.provider;
        let Some((_, authorizer)) = authorizers.iter().find(of_name) else {
            panic!("nobody is the authorizer `{}`", check.provider);
        };
        let headers = check.headers.iter().map(|(name, value)| (name, value));
        asked.push(authorizer.asked(headers, unframed(&check.body)));
        match engine.answered(&check, &answer(authorizer), snapshot) {
            Answered::Denied(decision) => return Err(decision),
            Answered::Granted(grant) => {
                response_headers.extend(grant.response_headers);
                let headers = changed(&snapshot.headers, &grant.changes);
                snapshot.headers = headers.into_iter().collect();
            }
        }
    }
}

fn answer(authorizer: &Authorizer) -> Answer {
    let Some(wire) = authorizer.wire() else {
        return Answer {
            headers: [(":status", "503")].into_iter().collect(),
            ..Answer::default()
        };
    };
    let status = (":status".to_owned(), wire.status.to_string());
    let (body, trailers) = match authorizer.grpc {
        true => (framed(&wire.body), vec![("grpc-status", "0")]),
        false => (wire.body, Vec::new()),
    };
    Answer {
        headers: [status].into_iter().chain(wire.headers).collect(),
        body,
        trailers: trailers.into_iter().collect(),
    }
}

fn snapshot(admitted: Option<&Admitted>, request: &Request, now: i64) -> Snapshot {
    let headers = admitted
        .map(|admitted| admitted.headers.as_slice())
        .unwrap_or_default();
    Snapshot {
        headers: headers.iter().map(|(name, value)| (name, value)).collect(),
        peer: request.peer.as_deref().map(Arc::from),
        source_ip: Some(request.source_ip),
        remote_ip: Some(admitted.map_or(request.source_ip, |admitted| admitted.remote_ip)),
        destination_ip: Some(request.destination_ip),
        destination_port: Some(request.port),
        sni: request.sni.clone(),
        metadata: BTreeMap::new(),
        now,
    }
}

fn observed(headers: &Headers, decision: Decision) -> Observed {
    let Decision { outcome, evidence } = decision;
    let mut observed = Observed::denied(evidence.status);
    match outcome {
        Outcome::Allow(changes) => {
            observed.allowed = true;
            observed.body = None;
            observed.upstream_headers = changed(headers, &changes);
        }
        Outcome::Deny(reply) => {
            observed.body = Some(text(&reply.body));
            observed.response_headers =
                joined(reply.headers.iter().map(|(name, value)| (&**name, value)));
        }
    }
    observed.evidence = Some(evidence);
    observed
}

/// Headers by name; repeated ones joined.
fn joined<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    headers: impl Iterator<Item = (N, V)>,
) -> BTreeMap<String, String> {
    let mut map: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = text(value.as_ref());
        map.entry(text(name.as_ref()))
            .and_modify(|all| *all = format!("{all},{value}"))
            .or_insert(value);
    }
    map
}

/// The headers that the application gets.
fn changed(headers: &Headers, changes: &RequestChanges) -> BTreeMap<String, String> {
    let mut map = joined(headers.iter());
    for name in &changes.remove {
        map.remove(&**name);
    }
    for (name, value) in &changes.set {
        map.insert(name.to_string(), text(value));
    }
    if let Some(path) = &changes.path {
        map.insert(":path".to_owned(), text(path));
    }
    map
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn refused(error: palisade_filter::ConfigError) -> EngineError {
    EngineError::Refused(error.to_string())
}
