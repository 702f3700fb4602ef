//! Each mode on each port against each kind of client.

use std::net::SocketAddr;

use host_sim::envoy::certs::{Authority, Leaf};
use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::upstream::echo;
use palisade_tests::Error;

use palisade_tests::stage::{Stage, free_port, local, outcome, spiffe};

/// Modes of the workload, and what they make of a port with the mode of the same column in [`PORTS`].
const WORKLOADS: [(&str, [&str; 5]); 4] = [
    (
        "UNSET",
        [
            "PERMISSIVE",
            "PERMISSIVE",
            "DISABLE",
            "PERMISSIVE",
            "STRICT",
        ],
    ),
    (
        "DISABLE",
        ["DISABLE", "DISABLE", "DISABLE", "PERMISSIVE", "STRICT"],
    ),
    (
        "PERMISSIVE",
        [
            "PERMISSIVE",
            "PERMISSIVE",
            "DISABLE",
            "PERMISSIVE",
            "STRICT",
        ],
    ),
    (
        "STRICT",
        ["STRICT", "STRICT", "DISABLE", "PERMISSIVE", "STRICT"],
    ),
];

/// Modes of ports; the first has none.
const PORTS: [&str; 5] = ["", "UNSET", "DISABLE", "PERMISSIVE", "STRICT"];

/// Clients, and what they get in modes STRICT, PERMISSIVE and DISABLE.
const CLIENTS: [(&str, [&str; 3]); 7] = [
    ("plaintext", ["refused", "200", "200"]),
    ("mTLS", ["200", "200", "refused"]),
    (
        "TLS without a certificate",
        ["refused", "refused", "refused"],
    ),
    ("unknown CA", ["refused", "refused", "refused"]),
    ("expired certificate", ["refused", "refused", "refused"]),
    ("no SPIFFE name", ["refused", "refused", "refused"]),
    ("another trust domain", ["refused", "refused", "refused"]),
];

#[test]
fn every_mode_on_every_port_with_every_client() -> Result<(), Error> {
    let application = echo()?;
    let mut wrong = Vec::new();
    let mut cells = 0;
    for (mode, effective) in WORKLOADS {
        let ports = PORTS
            .iter()
            .map(|_| free_port())
            .collect::<Result<Vec<_>, _>>()?;
        let stage = Stage::new(&objects(mode, &ports, application.address()))?;
        stage.certify("foo/server", "foo/server")?;
        stage.render()?;
        let envoy = stage.start("foo/server")?;
        for ((port, port_mode), effective) in ports.iter().zip(PORTS).zip(effective) {
            for (client, expected) in CLIENTS {
                let column = ["STRICT", "PERMISSIVE", "DISABLE"]
                    .iter()
                    .position(|name| *name == effective)
                    .ok_or("a mode without a column")?;
                let got = outcome(&make(&stage, client, local(*port))?, &Request::get("/"));
                let row = format!(
                    "{mode} | {port_mode} | {client} | {} | {got}",
                    expected[column]
                );
                println!("{row}");
                cells += 1;
                if got != expected[column] {
                    wrong.push(row);
                }
            }
        }
        drop(envoy);
    }
    assert_eq!(cells, 140);
    assert!(
        wrong.is_empty(),
        "workload | port | client | expected | got\n{}",
        wrong.join("\n")
    );
    Ok(())
}

fn objects(mode: &str, ports: &[u16], application: SocketAddr) -> String {
    let named: Vec<String> = ports
        .iter()
        .enumerate()
        .map(|(i, port)| format!("http-{i}: {port}"))
        .collect();
    let behind: Vec<String> = ports
        .iter()
        .map(|port| format!("{port}={application}"))
        .collect();
    let levels: Vec<String> = ports
        .iter()
        .zip(PORTS)
        .filter(|(_, mode)| !mode.is_empty())
        .map(|(port, mode)| format!("{port}: {{mode: {mode}}}"))
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
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: server, namespace: foo}}
spec:
  selector: {{matchLabels: {{app: server}}}}
  mtls: {{mode: {mode}}}
  portLevelMtls: {{{}}}
",
        behind.join(","),
        named.join(", "),
        levels.join(", "),
    )
}

fn make(stage: &Stage, client: &str, address: SocketAddr) -> Result<Client, Error> {
    let good = spiffe("foo/client");
    let stranger = Authority::new("stranger")?;
    let identity = match client {
        "plaintext" => return Ok(Client::plain(address)),
        "TLS without a certificate" => return stage.client_as(address, None, None),
        "mTLS" => stage.authority.issue(&Leaf::spiffe(good))?,
        "unknown CA" => stranger.issue(&Leaf::spiffe(good))?,
        "expired certificate" => stage.authority.issue(&Leaf::spiffe(good).expired())?,
        "no SPIFFE name" => stage.authority.issue(&Leaf::nameless().dns("client.foo"))?,
        "another trust domain" => stage
            .authority
            .issue(&Leaf::spiffe("spiffe://elsewhere/ns/foo/sa/client"))?,
        other => return Err(format!("no client `{other}`").into()),
    };
    stage.client_as(address, Some(&identity), None)
}
