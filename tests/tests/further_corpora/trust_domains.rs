//! What principals stand for where the trust domain has other names.

use host_sim::engine::{Engine, Mesh, Request, Setup, Workload};
use palisade_tests::native_engine::NativeEngine;
use palisade_tests::policies::authorization;
use palisade_tests::{Error, suites};
use serde_json::json;

use super::{name, rows, texts};

#[test]
fn trust_domains() -> Result<(), Error> {
    let mut engines: [Box<dyn Engine>; 2] =
        [Box::new(NativeEngine), Box::new(suites::simulator()?)];
    for row in rows("trust-domain.json")? {
        let names = |key: &str| texts(&row[key]).map(str::to_owned).collect::<Vec<String>>();
        let domain = row["trust_domain"].as_str().unwrap_or_default();
        let aliases = names("aliases");
        let (principals, expected) = (names("principals"), names("expected"));
        let setup = Setup {
            mesh: Mesh {
                trust_domain: domain.to_owned(),
                trust_domain_aliases: aliases.clone(),
                ..Mesh::default()
            },
            workload: Workload {
                namespace: "foo".to_owned(),
                ..Workload::default()
            },
            resources: vec![authorization(
                "one",
                json!({"rules": [{"from": [{"source": {"principals": principals}}]}]}),
            )],
            jwks: Default::default(),
            verdicts: Default::default(),
            now: None,
            tcp: false,
        };
        // Every account of the row in every trust domain of the row, and in none of them.
        let of_mesh = [domain, "elsewhere", "else-td1", "cluster.local"];
        let domains: Vec<&str> = aliases.iter().map(String::as_str).chain(of_mesh).collect();
        let accounts = principals.iter().chain(&expected);
        let accounts = accounts.filter_map(|principal| Some(principal.split_once('/')?.1));
        let accounts: Vec<&str> = accounts.chain(["ns/other/sa/other"]).collect();
        for account in &accounts {
            for domain in &domains {
                let peer = format!("{domain}/{account}");
                let allowed = expected.iter().any(|pattern| matches(pattern, &peer));
                let request = Request {
                    peer: Some(format!("spiffe://{peer}")),
                    ..Request::default()
                };
                for engine in &mut engines {
                    let observed = engine.judge(&setup, &request)?;
                    assert_eq!(observed.allowed, allowed, "{}: {peer}", name(&row));
                }
            }
        }
    }
    Ok(())
}

fn matches(pattern: &str, peer: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(suffix), _) => peer.ends_with(suffix),
        (None, Some(prefix)) => peer.starts_with(prefix),
        (None, None) => pattern == peer,
    }
}
