//! Secure naming: a client calls a service only where somebody runs it who may.

use std::time::Duration;

use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::server::{Answer, Server};
use host_sim::envoy::until;
use host_sim::envoy::upstream::echo;
use palisade_tests::Error;

use palisade_tests::stage::{Stage, free_port, local, outcome};

/// The service account that the server really has, the rest of the DestinationRule's `tls`, and what
/// the client's application gets.
const ROWS: [(&str, &str, &str); 5] = [
    ("foo/server", "", "200"),
    ("foo/impostor", "", "503"),
    ("bar/server", "", "503"),
    ("foo/server", "{mode: ISTIO_MUTUAL}", "200"),
    ("foo/impostor", "{mode: ISTIO_MUTUAL}", "503"),
];

#[test]
fn an_impostor_is_not_called() -> Result<(), Error> {
    let application = echo()?;
    for (account, tls, expected) in ROWS {
        let (port, outbound) = (free_port()?, free_port()?);
        let stage = Stage::new(&objects(port, outbound, application.address().port(), tls))?;
        stage.certify("foo/server", account)?;
        stage.certify("foo/client", "foo/client")?;
        stage.render()?;
        let _server = stage.start("foo/server")?;
        let _client = stage.start("foo/client")?;
        let request = Request::get("/").header("host", "server.foo");
        let got = outcome(&Client::plain(local(outbound)), &request);
        assert_eq!(got, expected, "{account} {tls}");
    }
    Ok(())
}

#[test]
fn the_application_sees_who_called_and_nobody_else_can_say() -> Result<(), Error> {
    let application = echo()?;
    let (port, outbound) = (free_port()?, free_port()?);
    let stage = Stage::new(&objects(port, outbound, application.address().port(), ""))?;
    stage.certify("foo/server", "foo/server")?;
    stage.certify("foo/client", "foo/client")?;
    stage.render()?;
    let _server = stage.start("foo/server")?;
    let _client = stage.start("foo/client")?;
    let forged = "URI=spiffe://cluster.local/ns/foo/sa/admin";
    let request = Request::get("/")
        .header("host", "server.foo")
        .header("x-forwarded-client-cert", forged);
    let answer = Client::plain(local(outbound)).send(&request)?.text();
    assert!(
        answer.contains("URI=spiffe://cluster.local/ns/foo/sa/client"),
        "{answer}"
    );
    assert!(!answer.contains("sa/admin"), "{answer}");
    let unknown = Request::get("/").header("host", "unknown.foo");
    assert_eq!(outcome(&Client::plain(local(outbound)), &unknown), "404");
    Ok(())
}

/// Limits and outlier detection of a `DestinationRule` are in force.
#[test]
fn an_endpoint_that_fails_is_left_out() -> Result<(), Error> {
    let application = Server::start(|_| Answer::empty(500))?;
    let (port, outbound) = (free_port()?, free_port()?);
    let rule = "---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: server, namespace: foo}
spec:
  host: '*.foo'
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 7}, http: {http1MaxPendingRequests: 3}}
    outlierDetection: {consecutive5xxErrors: 2, interval: 1s, baseEjectionTime: 300s, maxEjectionPercent: 100}
";
    let stage = Stage::new(&(objects(port, outbound, application.address().port(), "") + rule))?;
    stage.certify("foo/server", "foo/server")?;
    stage.certify("foo/client", "foo/client")?;
    stage.render()?;
    let _server = stage.start("foo/server")?;
    let client = stage.start("foo/client")?;
    let clusters = client.admin().get("/clusters")?;
    for limit in ["max_connections::7", "max_pending_requests::3"] {
        let line = format!("outbound|80|server.foo::default_priority::{limit}\n");
        assert!(clusters.contains(&line), "{clusters}");
    }
    let application = Client::plain(local(outbound));
    let request = Request::get("/").header("host", "server.foo");
    assert_eq!(outcome(&application, &request), "500");
    until("the endpoint is left out", Duration::from_secs(20), || {
        Ok((outcome(&application, &request) == "503").then_some(()))
    })?;
    Ok(())
}

pub fn objects(port: u16, outbound: u16, application: u16, tls: &str) -> String {
    let rule = match tls {
        "" => String::new(),
        tls => format!(
            "---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: server, namespace: foo}}
spec: {{host: server.foo, trafficPolicy: {{tls: {tls}}}}}
"
        ),
    };
    format!(
        "apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: server
  namespace: foo
  annotations:
    palisade.dev/admin: 127.0.0.1:0
    palisade.dev/outbound: 127.0.0.1:0
    palisade.dev/application: {port}=127.0.0.1:{application}
spec:
  address: 127.0.0.1
  ports: {{http: {port}}}
  labels: {{app: server}}
  serviceAccount: server
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: client
  namespace: foo
  annotations: {{palisade.dev/admin: '127.0.0.1:0', palisade.dev/outbound: '127.0.0.1:{outbound}'}}
spec: {{address: 127.0.0.1, serviceAccount: client}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: server, namespace: foo}}
spec:
  hosts: [server.foo]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  workloadSelector: {{labels: {{app: server}}}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: foo}}
spec: {{mtls: {{mode: STRICT}}}}
{rule}"
    )
}
