//! The index against the plain evaluator: random policies, random requests, the same answer.
//!
//! `PAIRS=5000000 SEED=7 cargo test --release -p palisade-filter --test index` for a long run.

mod generate;

use generate::Random;
use palisade_filter::Protocol;
use palisade_filter::authz::Authorization;
use palisade_filter::config::{Mesh, Node, Workload};
use palisade_filter::json;
use palisade_filter::policy::PolicySet;
use palisade_filter::resource::AuthorizationPolicy;

/// Requests to every set of policies.
const REQUESTS: u64 = 250;

fn variable(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| value.parse().expect("a number"))
}

fn compile(texts: &[String], protocol: Protocol) -> PolicySet {
    let policies: Vec<AuthorizationPolicy> = texts
        .iter()
        .map(|text| {
            let value = json::parse(text.as_bytes(), 32).unwrap();
            AuthorizationPolicy::read(&Node::root(&value))
                .unwrap_or_else(|error| panic!("{error}: {text}"))
        })
        .collect();
    let workload = Workload {
        namespace: "foo".to_owned(),
        ..Workload::default()
    };
    let mesh = Mesh {
        trust_domain_aliases: vec!["old".to_owned()],
        ..Mesh::default()
    };
    PolicySet::compile(&policies, &workload, &mesh, protocol)
}

/// The verdict and the rule that gave it.
fn said(authorization: &Authorization<'_>) -> (String, Option<String>) {
    let rule = authorization.rule().map(|rule| rule.id.to_string());
    (format!("{:?}", authorization.phase()), rule)
}

#[test]
fn the_index_changes_nothing() {
    let (pairs, seed) = (variable("PAIRS", 50_000), variable("SEED", 1));
    let mut random = Random::new(seed);
    let (mut matched, mut compared) = (0_u64, 0_u64);
    while compared < pairs {
        let protocol = match random.one_in(10) {
            true => Protocol::Tcp,
            false => Protocol::Http,
        };
        let texts = random.policies();
        let indexed = compile(&texts, protocol);
        let plain = indexed.clone().without_index();
        for _ in 0..REQUESTS {
            let (attributes, identity) = random.request();
            let identity = identity.as_ref();
            let (fast, slow) = (
                indexed.authorize(&attributes, identity),
                plain.authorize(&attributes, identity),
            );
            assert_eq!(
                said(&fast),
                said(&slow),
                "{attributes:?} {identity:?}\n{}",
                texts.join("\n")
            );
            assert_eq!(
                indexed.observe(&attributes, identity),
                plain.observe(&attributes, identity)
            );
            assert_eq!(
                indexed
                    .custom_match("authz", &attributes)
                    .map(|rule| &rule.id),
                plain
                    .custom_match("authz", &attributes)
                    .map(|rule| &rule.id),
            );
            matched += u64::from(slow.rule().is_some());
            compared += 1;
        }
    }
    println!("{compared} pairs agree, {matched} of them matched a rule (seed {seed})");
    // Pairs that all match, or never do, would show little.
    assert!(
        matched > compared / 20 && matched < compared / 20 * 19,
        "{matched}"
    );
}
