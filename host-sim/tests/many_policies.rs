//! Ten thousand policies: loading, memory, decisions, and a change while requests wait.

mod support;

use std::time::Instant;

use host_sim::vm::{Host, HttpRequest, Options, Outcome, Plugin, Properties};
use serde_json::{Value, json};

const POLICIES: usize = 10_000;

/// What the linear memory may grow to, in bytes.
const MEMORY: usize = 96 << 20;

fn policy(index: usize) -> Value {
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": format!("p{index}"), "namespace": "foo"},
        "spec": {"rules": [{
            "from": [{"source": {"principals": [format!("cluster.local/ns/foo/sa/caller-{index}")]}}],
            "to": [{"operation": {"methods": ["GET"], "paths": [format!("/service-{index}/*")]}}],
        }]},
    })
}

fn configuration(policies: usize) -> Vec<u8> {
    let resources: Vec<Value> = (0..policies).map(policy).collect();
    json!({"version": 1, "workload": {"namespace": "foo"}, "resources": resources})
        .to_string()
        .into_bytes()
}

fn host(policies: usize) -> Host {
    let plugin = Plugin::from_file(support::wasm()).expect("build the filter with `make wasm`");
    let mut host = Host::new(&plugin, Options::default()).unwrap();
    let configuration = configuration(policies);
    let before = Instant::now();
    host.configure(&configuration).unwrap();
    println!(
        "{policies} policies loaded by two VMs in {:?}",
        before.elapsed()
    );
    host
}

/// The request that the rule `index` allows, and what it costs in instructions.
fn fuel(host: &mut Host, index: usize, allowed: bool) -> u64 {
    let caller = if allowed { index } else { index + 1 };
    let peer = format!("spiffe://cluster.local/ns/foo/sa/caller-{caller}");
    let mut request = HttpRequest::new("GET", &format!("/service-{index}/x"), "a.foo");
    request.properties = Properties::default().tls("a.foo", Some(&peer));
    let exchange = host.http(0, request).unwrap();
    let forwarded = matches!(exchange.outcome, Outcome::Forwarded { .. });
    assert_eq!(forwarded, allowed, "{:?}", exchange.outcome);
    exchange.fuel
}

#[test]
fn the_number_of_policies_costs_memory_and_not_time() {
    let (mut few, mut many) = (host(1), host(POLICIES));
    for allowed in [true, false] {
        // The first request of a VM also sets things up.
        fuel(&mut few, 0, allowed);
        fuel(&mut many, 0, allowed);
        let (one, last) = (
            fuel(&mut few, 0, allowed),
            fuel(&mut many, POLICIES - 1, allowed),
        );
        println!(
            "instructions: {one} with one policy, {last} with {POLICIES} (allowed: {allowed})"
        );
        assert!(last < one * 3 / 2, "{last} instructions instead of {one}");
    }
    let memory = many.memory(0);
    println!("linear memory of a worker: {memory} bytes");
    assert!(memory < MEMORY, "{memory} bytes");
}
