//! The policy engine as a native library: the third witness beside simulator and Envoy.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use host_sim::connection_manager::{Admitted, admit};
use host_sim::engine::{Engine as Judge, EngineError, Observed, Request, Setup};
use palisade_filter::attributes::Snapshot;
use palisade_filter::authn::KeyStore;
use palisade_filter::crypto::Crypto;
use palisade_filter::decision::{Decision, Outcome, RequestChanges};
use palisade_filter::engine::{Detail, Judgement};
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
        let snapshot = snapshot(admitted.as_ref(), request, now);
        let mut keys = KeyStore::new(engine.key_sources());
        for _ in 0..MAX_FETCHES {
            match engine.judge(&snapshot, &keys, Detail::Brief) {
                Judgement::Decided(decision) => return Ok(observed(&snapshot.headers, *decision)),
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

fn snapshot(admitted: Option<&Admitted>, request: &Request, now: i64) -> Snapshot {
    let headers = admitted
        .map(|admitted| admitted.headers.as_slice())
        .unwrap_or_default();
    Snapshot {
        headers: headers.iter().map(|(name, value)| (name, value)).collect(),
        peer: request.peer.clone(),
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
            let headers = reply.headers.iter();
            observed.response_headers = headers
                .map(|(name, value)| (name.clone(), text(value)))
                .collect();
        }
    }
    observed.evidence = Some(evidence);
    observed
}

/// The headers that the application gets.
fn changed(headers: &Headers, changes: &RequestChanges) -> BTreeMap<String, String> {
    let mut map: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers.iter() {
        map.entry(text(name))
            .and_modify(|all| *all = format!("{all},{}", text(value)))
            .or_insert_with(|| text(value));
    }
    for name in &changes.remove {
        map.remove(name);
    }
    for (name, value) in &changes.set {
        map.insert(name.clone(), text(value));
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
