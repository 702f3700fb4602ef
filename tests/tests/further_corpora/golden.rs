//! Policies, and the filters that istiod makes of them: what those do with requests made of the
//! words of the policies, ours has to do too.

use std::net::IpAddr;

use fastrand::Rng;
use host_sim::engine::{Engine, EngineError, Mesh, Observed, Request, Setup, Verdict, Workload};
use palisade_filter::decision;
use palisade_tests::native_engine::NativeEngine;
use palisade_tests::tokens::{SigningKey, jwks};
use palisade_tests::{Error, suites};
use serde_json::{Value, json};

use super::rbac::Seen;
use super::{document, name, texts};

/// Methods that every Envoy takes.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// How many requests each row is asked.
const REQUESTS: usize = 500;

/// What becomes of a request: whether it passes, whether an authorizer is asked, which dry runs
/// would have let it pass, and whether it is audited.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    allowed: bool,
    asked: bool,
    dry_runs: Vec<(String, bool)>,
    audited: bool,
}

#[test]
fn golden_filters() -> Result<(), Error> {
    let Some(table) = document("golden-envoy-rbac.json")? else {
        return Ok(());
    };
    let key = SigningKey::generate("k1")?;
    let mut engines: [Box<dyn Engine>; 2] =
        [Box::new(NativeEngine), Box::new(suites::simulator()?)];
    let mut rng = Rng::with_seed(1);
    for row in table["cases"].as_array().into_iter().flatten() {
        let mut mesh_config = match row["mesh_config"].as_str() {
            Some(of) => table["mesh_configs"][of].clone(),
            None => json!({}),
        };
        let words = Words::of(row);
        if without_bodies(&mut mesh_config) {
            let setup = setup(
                row,
                &table["mesh_configs"][row["mesh_config"].as_str().unwrap_or_default()],
                &words,
                &key,
            );
            let refused = NativeEngine.judge(&setup, &Request::default());
            assert!(
                matches!(refused, Err(EngineError::Refused(_))),
                "{}",
                name(row)
            );
        }
        let setup = setup(row, &mesh_config, &words, &key);
        let (mut allowed, mut asked) = (0, 0);
        for _ in 0..REQUESTS {
            let (request, claims) = words.request(&mut rng, setup.tcp);
            let sent = match &claims {
                Some(claims) => with_token(&request, &key.token(claims)?),
                None => request.clone(),
            };
            let seen = Seen {
                request: &request,
                claims: claims.as_ref(),
            };
            let wanted = wanted(row, &seen);
            for engine in &mut engines {
                let got = got(&engine.judge(&setup, &sent)?);
                assert_eq!(got, wanted, "{}: {request:?} {claims:?}", name(row));
            }
            allowed += usize::from(wanted.allowed);
            asked += usize::from(wanted.asked);
        }
        println!(
            "{}: {allowed} of {REQUESTS} pass, {asked} are asked about",
            name(row)
        );
    }
    Ok(())
}

/// What istiod's filters do.
fn wanted(row: &Value, seen: &Seen<'_>) -> Outcome {
    let mut outcome = Outcome {
        allowed: true,
        ..Outcome::default()
    };
    for filter in row["expected_filters"].as_array().into_iter().flatten() {
        let config = &filter["typedConfig"];
        let action = |rules: &Value| rules["action"].as_str().unwrap_or("ALLOW").to_owned();
        if let Some(rules) = config.get("rules") {
            let matches = seen.matches(rules);
            match action(rules).as_str() {
                "ALLOW" => outcome.allowed &= matches,
                "DENY" => outcome.allowed &= !matches,
                _ => outcome.audited |= matches,
            }
        }
        if let Some(rules) = config.get("shadowRules") {
            let matches = seen.matches(rules);
            if config["shadowRulesStatPrefix"] == "istio_ext_authz_" {
                outcome.asked |= matches;
            } else {
                let action = action(rules);
                outcome
                    .dry_runs
                    .push((action.clone(), (action == "ALLOW") == matches));
            }
        }
    }
    outcome.dry_runs.sort();
    outcome
}

/// What ours does.
fn got(observed: &Observed) -> Outcome {
    let evidence = observed.evidence.as_ref();
    let dry_runs = evidence.into_iter().flat_map(|evidence| &evidence.dry_run);
    let mut dry_runs: Vec<_> = dry_runs
        .map(|run| (run.action.clone(), run.verdict == decision::Verdict::Allow))
        .collect();
    dry_runs.sort();
    Outcome {
        allowed: observed.allowed,
        asked: !observed.asked.is_empty(),
        dry_runs,
        audited: evidence.is_some_and(|evidence| !evidence.audit.is_empty()),
    }
}

/// Takes `includeRequestBodyInCheck` away, which ours refuses; says whether it was there.
fn without_bodies(mesh_config: &mut Value) -> bool {
    let mut found = false;
    let providers = mesh_config["extensionProviders"].as_array_mut();
    for provider in providers.into_iter().flatten() {
        for kind in ["envoyExtAuthzHttp", "envoyExtAuthzGrpc"] {
            let settings = provider.get_mut(kind).and_then(Value::as_object_mut);
            found |= settings.is_some_and(|map| map.remove("includeRequestBodyInCheck").is_some());
        }
    }
    found
}

fn setup(row: &Value, mesh_config: &Value, words: &Words, key: &SigningKey) -> Setup {
    let policies = row["policies"].as_array().cloned().unwrap_or_default();
    let keys = jwks([key]).to_string();
    let rules = words.issuers.iter();
    let rules: Vec<Value> = rules
        .map(|issuer| json!({"issuer": issuer, "jwks": keys}))
        .collect();
    let authentication = json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": "issuers", "namespace": "foo"},
        "spec": {"jwtRules": rules},
    });
    let providers = mesh_config["extensionProviders"].as_array();
    let labels = row["workload"]["labels"].as_object().into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let trust = &row["trust"];
    let agrees = Verdict::Reply {
        status: 200,
        headers: Vec::new(),
        body: String::new(),
    };
    Setup {
        mesh: Mesh {
            trust_domain: trust["trust_domain"]
                .as_str()
                .unwrap_or("cluster.local")
                .to_owned(),
            trust_domain_aliases: texts(&trust["aliases"]).map(str::to_owned).collect(),
            extension_providers: providers.cloned().unwrap_or_default(),
            ..Mesh::default()
        },
        workload: Workload {
            namespace: row["workload"]["namespace"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            labels: labels.collect(),
            ..Workload::default()
        },
        resources: policies.into_iter().chain([authentication]).collect(),
        jwks: Default::default(),
        verdicts: [("default".to_owned(), agrees)].into_iter().collect(),
        now: None,
        tcp: row["protocol"] == "tcp",
    }
}

fn with_token(request: &Request, token: &str) -> Request {
    let mut request = request.clone();
    let header = ("authorization".to_owned(), format!("Bearer {token}"));
    request.headers.push(header);
    request
}

/// What the policies of a row speak of.
struct Words {
    all: Vec<String>,
    headers: Vec<String>,
    issuers: Vec<String>,
}

impl Words {
    fn of(row: &Value) -> Self {
        let mut all: Vec<String> = METHODS.map(str::to_owned).into();
        all.extend(["/", "other", "10.0.0.1"].map(str::to_owned));
        let mut headers = vec!["x-other".to_owned()];
        let policies = row["policies"].as_array().into_iter().flatten();
        let mut stack: Vec<&Value> = policies.map(|policy| &policy["spec"]["rules"]).collect();
        while let Some(value) = stack.pop() {
            match value {
                Value::String(text) => match text.strip_prefix("request.headers[") {
                    Some(name) => headers.push(name.trim_end_matches(']').to_owned()),
                    // A wildcard stands for something; a block of addresses has its first.
                    None => {
                        let text = text.replace("{**}", "a/b").replace("{*}", "a");
                        let text = text.replace('*', "a");
                        all.push(
                            text.split_once("/2")
                                .map_or(text.clone(), |(first, _)| first.to_owned()),
                        );
                    }
                },
                Value::Array(list) => stack.extend(list),
                Value::Object(map) => stack.extend(map.values()),
                _ => {}
            }
        }
        all.sort();
        all.dedup();
        let issuers = all.iter().filter(|word| !word.starts_with('/'));
        let issuers = issuers.take(40).cloned().collect();
        headers.retain(|name| !name.starts_with(':'));
        Self {
            all,
            headers,
            issuers,
        }
    }

    fn request(&self, rng: &mut Rng, tcp: bool) -> (Request, Option<Value>) {
        let mut word = |wanted: fn(&str) -> bool| {
            let words: Vec<&String> = self.all.iter().filter(|word| wanted(word)).collect();
            words[rng.usize(..words.len())].clone()
        };
        let plain = |word: &str| !word.contains('/') && !word.contains('[');
        let is_address = |word: &str| word.parse::<IpAddr>().is_ok();
        let method = word(|word| METHODS.contains(&word));
        let (host, sni) = (word(plain), word(plain));
        let path = word(|word| word.starts_with('/'));
        let value = word(plain);
        let addresses = [word(is_address), word(is_address), word(is_address)];
        let [source, remote, destination] = addresses.map(|text| text.parse().expect("an address"));
        let (peer, account, namespace) = (
            word(|_| true),
            word(|word| word.contains("/ns/") || word.len() > 1),
            word(plain),
        );
        let port = word(|word| word.parse::<u16>().is_ok() || word == "other");
        let (issuer, subject) = (word(plain), word(plain));
        let peer = match rng.u8(..4) {
            0 => None,
            1 => Some(format!("spiffe://{peer}")),
            2 => Some(format!("spiffe://{}", account.trim_start_matches('/'))),
            _ => Some(format!("spiffe://cluster.local/ns/{namespace}/sa/a")),
        };
        let claims = json!({"iss": issuer, "sub": if rng.bool() { "" } else { &subject }});
        let known = self.issuers.contains(&issuer);
        let claims = (!tcp && known && rng.bool()).then_some(claims);
        let name = self.headers[rng.usize(..self.headers.len())].clone();
        let request = Request {
            tcp,
            method,
            path,
            host,
            headers: if rng.bool() {
                vec![(name, value)]
            } else {
                Vec::new()
            },
            peer,
            source_ip: source,
            remote_ip: (!tcp && rng.bool()).then_some(remote),
            destination_ip: destination,
            port: port.parse().unwrap_or(1),
            sni: rng.bool().then_some(sni),
        };
        (request, claims)
    }
}
