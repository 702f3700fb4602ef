//! Callers over plaintext: what policies make of them, and how to find them before STRICT.

use std::time::Duration;

use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::upstream::echo;
use host_sim::envoy::{Envoy, until};
use palisade_tests::Error;

use palisade_tests::stage::{Stage, free_port, local, outcome};

const WAIT: Duration = Duration::from_secs(20);

/// An action, one rule of a policy, and what callers over plaintext and over mutual TLS get. Over
/// plaintext the peer has no name: an ALLOW that wants one does not match, nor does a DENY; their
/// negations do.
const RULES: [(&str, &str, &str, &str); 11] = [
    (
        "ALLOW",
        "from: [{source: {principals: [cluster.local/ns/foo/sa/client]}}]",
        "403",
        "200",
    ),
    (
        "ALLOW",
        "from: [{source: {principals: ['*']}}]",
        "403",
        "200",
    ),
    (
        "ALLOW",
        "from: [{source: {namespaces: [foo]}}]",
        "403",
        "200",
    ),
    (
        "ALLOW",
        "from: [{source: {notNamespaces: [bar]}}]",
        "200",
        "200",
    ),
    (
        "ALLOW",
        "when: [{key: connection.sni, values: [server.foo]}]",
        "403",
        "200",
    ),
    (
        "ALLOW",
        "when: [{key: source.principal, values: [cluster.local/ns/foo/sa/client]}]",
        "403",
        "200",
    ),
    (
        "ALLOW",
        "when: [{key: source.namespace, values: [foo]}]",
        "403",
        "200",
    ),
    (
        "DENY",
        "from: [{source: {principals: [cluster.local/ns/foo/sa/client]}}]",
        "200",
        "403",
    ),
    (
        "DENY",
        "from: [{source: {notPrincipals: ['*']}}]",
        "403",
        "200",
    ),
    (
        "DENY",
        "from: [{source: {notNamespaces: [foo]}}]",
        "403",
        "200",
    ),
    (
        "DENY",
        "when: [{key: connection.sni, notValues: [server.foo]}]",
        "403",
        "200",
    ),
];

#[test]
fn policies_that_want_a_peer_over_plaintext() -> Result<(), Error> {
    let application = echo()?;
    let ports = RULES
        .iter()
        .map(|_| free_port())
        .collect::<Result<Vec<_>, _>>()?;
    let mut objects = String::new();
    for (index, ((action, rule, _, _), port)) in RULES.iter().zip(&ports).enumerate() {
        // One proxy, one port for each rule.
        let indented = format!("{rule}\n    to: [{{operation: {{ports: [\"{port}\"]}}}}]");
        objects += &format!(
            "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: p{index}, namespace: foo}}
spec:
  action: {action}
  rules:
  - {indented}
---
"
        );
        if *action == "DENY" {
            objects += &format!(
                "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: others{index}, namespace: foo}}
spec:
  rules: [{{to: [{{operation: {{ports: [\"{port}\"]}}}}]}}]
---
"
            );
        }
    }
    let stage = Stage::new(&(objects + &server(&ports, application.address().port())))?;
    stage.certify("foo/server", "foo/server")?;
    stage.render()?;
    let _envoy = stage.start("foo/server")?;
    let request = Request::get("/").header("host", "server.foo");
    let identity = stage
        .authority
        .issue(&host_sim::envoy::certs::Leaf::spiffe(
            palisade_tests::stage::spiffe("foo/client"),
        ))?;
    for ((action, rule, plain, mutual), port) in RULES.iter().zip(&ports) {
        let over_tls = stage.client_as(local(*port), Some(&identity), Some("server.foo"))?;
        let got = [
            outcome(&Client::plain(local(*port)), &request),
            outcome(&over_tls, &request),
        ];
        assert_eq!(got, [*plain, *mutual], "{action} {rule}");
    }
    Ok(())
}

/// PERMISSIVE, find the last caller without mutual TLS, move it, STRICT.
#[test]
fn the_road_to_strict() -> Result<(), Error> {
    let application = echo()?;
    let port = free_port()?;
    let stage = Stage::new(&server(&[port], application.address().port()))?;
    stage.certify("foo/server", "foo/server")?;
    stage.render()?;
    let envoy = stage.start("foo/server")?;
    let request = Request::get("/");
    let old = |last: u8| Client::plain(local(port)).source([127, 0, 0, last].into());
    let new = stage.client(local(port), "foo/client")?;

    // Nobody is refused, and each caller without mutual TLS has a counter.
    for (last, times) in [(11, 3), (12, 1)] {
        for _ in 0..times {
            assert_eq!(outcome(&old(last), &request), "200");
        }
    }
    assert_eq!(outcome(&new, &request), "200");
    wait_for(&envoy, "127.0.0.11", 3)?;
    wait_for(&envoy, "127.0.0.12", 1)?;
    assert_eq!(counters(&envoy)?.len(), 2);

    // The mesh says STRICT: the same Envoy now refuses plaintext, and says so.
    stage.write(
        "strict.yaml",
        "apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
",
    )?;
    stage.render()?;
    until("the refusal of plaintext", WAIT, || {
        Ok((outcome(&old(11), &request) == "refused").then_some(()))
    })?;
    assert_eq!(outcome(&new, &request), "200");
    envoy.admin().wait_for_stat(
        &format!("listener.inbound_{port}.no_filter_chain_match"),
        1,
        WAIT,
    )?;
    Ok(())
}

fn wait_for(envoy: &Envoy, source: &str, count: u64) -> Result<(), Error> {
    Ok(until(source, WAIT, || {
        let counters = envoy.admin().stats()?;
        let own = counters.iter().find(|(name, value)| {
            name.contains("plaintext_requests") && name.contains(source) && **value == count
        });
        Ok(own.map(|_| ()))
    })?)
}

fn counters(envoy: &Envoy) -> Result<Vec<String>, Error> {
    let all = envoy.admin().stats()?;
    Ok(all
        .into_keys()
        .filter(|name| name.contains("plaintext_requests"))
        .collect())
}

fn server(ports: &[u16], application: u16) -> String {
    let named: Vec<String> = ports
        .iter()
        .enumerate()
        .map(|(i, port)| format!("http-{i}: {port}"))
        .collect();
    let behind: Vec<String> = ports
        .iter()
        .map(|port| format!("{port}=127.0.0.1:{application}"))
        .collect();
    format!(
        "apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: server
  namespace: foo
  annotations:
    palisade.dev/admin: 127.0.0.1:0
    palisade.dev/application: {}
spec:
  address: 127.0.0.1
  ports: {{{}}}
  labels: {{app: server}}
  serviceAccount: server
",
        behind.join(","),
        named.join(", "),
    )
}
