//! `PeerAuthentication`: what policies say together, and which connections rendered proxies take.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use host_sim::envoy::client::{Client, Request};
use host_sim::render::{Inventory, MeshSettings, compose};
use palisade_tests::Error;
use palisade_tests::stage::Stage;
use serde_json::{Value, json};

use super::{name, rows};

#[test]
fn policies_compose() -> Result<(), Error> {
    for row in rows("peer-authentication.json")? {
        if row["kind"] != "compose" {
            continue;
        }
        let folder = tempfile::tempdir()?;
        for (index, policy) in policies(&row).iter().enumerate() {
            let path = folder.path().join(format!("{index}.json"));
            std::fs::write(path, policy.to_string())?;
        }
        let inventory = Inventory::load(folder.path(), MeshSettings::default())?;
        let selected = inventory.peer_authentications.iter();
        let selected = selected.map(|sourced| &sourced.object);
        let root = row["mesh"]["root_namespace"].as_str().unwrap_or_default();
        let modes = compose(selected, root);
        let ports: BTreeMap<String, String> = modes
            .ports
            .iter()
            .map(|(port, (mode, _))| (port.to_string(), mode.to_string()))
            .collect();
        let found = json!({"mode": modes.workload.0.to_string(), "ports": ports});
        assert_eq!(found, row["expected"], "{}", name(&row));
    }
    Ok(())
}

#[test]
fn connections() -> Result<(), Error> {
    // Rows about one workload share its proxy.
    let mut proxies: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in rows("peer-authentication.json")? {
        if row["kind"] == "connection" {
            let proxy = [&row["policies"], &row["workload"], &row["service_ports"]];
            proxies
                .entry(json!(proxy).to_string())
                .or_default()
                .push(row);
        }
    }
    let mut problems = Vec::new();
    for (index, rows) in proxies.values().enumerate() {
        let application = Application::start()?;
        // Each proxy has an address of its own, so that ports are as in the table.
        let ip = format!("127.7.{}.1", index + 1);
        let stage = Stage::new(&objects(rows, &ip, application.address))?;
        let workload = format!("{}/server", namespace(&rows[0]));
        stage.certify(&workload, &workload)?;
        stage.render()?;
        let envoy = stage.start(&workload)?;
        for row in rows {
            let connection = &row["connection"];
            let address: SocketAddr = format!("{ip}:{}", connection["port"]).parse()?;
            let client = match connection["tls"].as_str() {
                Some("none") => Client::plain(address),
                Some("istio-mtls") => stage.mesh_client(address, "foo/client")?,
                other => return Err(format!("no client `{other:?}`").into()),
            };
            let before = application.reached.load(Ordering::SeqCst);
            let answer = client.send(&Request::get("/"));
            let reached = application.reached.load(Ordering::SeqCst) > before;
            // A row with a cluster is about the proxy alone, whatever the application makes of it.
            let success = match row["expected"].get("cluster") {
                Some(_) => reached,
                None => answer.is_ok_and(|answer| answer.status == 200),
            };
            if row["expected"]["success"] != success {
                problems.push(format!("{}: {success}", name(row)));
            }
        }
        drop(envoy);
    }
    assert!(problems.is_empty(), "{problems:#?}");
    Ok(())
}

fn policies(row: &Value) -> &[Value] {
    row["policies"].as_array().map_or(&[], Vec::as_slice)
}

fn namespace(row: &Value) -> &str {
    row["workload"]["namespace"].as_str().unwrap_or_default()
}

/// The workload with its policies. Every port has to be listed; one that no service of the table
/// has is opaque, as Istio treats it.
fn objects(rows: &[Value], ip: &str, application: SocketAddr) -> String {
    let mut ports: BTreeMap<u64, &str> = BTreeMap::new();
    for row in rows {
        let port = row["connection"]["port"].as_u64().unwrap_or_default();
        let services = row["service_ports"].as_array().into_iter().flatten();
        let mut protocols = services.filter(|service| service["port"] == port);
        let protocol = match protocols.next() {
            Some(service) => service["protocol"].as_str().unwrap_or_default(),
            None => row["connection"]["payload"].as_str().unwrap_or_default(),
        };
        let opaque = row["service_ports"] == json!([]);
        let http = protocol.eq_ignore_ascii_case("http") && !opaque;
        ports.insert(port, if http { "http" } else { "tcp" });
    }
    let behind: Vec<String> = ports
        .keys()
        .map(|port| format!("{port}={application}"))
        .collect();
    let named: serde_json::Map<String, Value> = ports
        .iter()
        .map(|(port, protocol)| (format!("{protocol}-{port}"), json!(port)))
        .collect();
    let entry = json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {
            "name": "server",
            "namespace": namespace(&rows[0]),
            "annotations": {
                "palisade.dev/admin": "127.0.0.1:0",
                "palisade.dev/outbound": format!("{ip}:15001"),
                "palisade.dev/application": behind.join(","),
            },
        },
        "spec": {
            "address": ip,
            "ports": named,
            "labels": rows[0]["workload"]["labels"],
            "serviceAccount": "server",
        },
    });
    let objects = [&entry].into_iter().chain(policies(&rows[0]));
    let texts: Vec<String> = objects.map(Value::to_string).collect();
    texts.join("\n---\n")
}

/// An application that counts who reaches it, and answers what is HTTP.
struct Application {
    address: SocketAddr,
    reached: Arc<AtomicUsize>,
}

impl Application {
    fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let reached = Arc::new(AtomicUsize::new(0));
        let counter = reached.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &counter);
            }
        });
        Ok(Self { address, reached })
    }
}

fn answer(mut stream: TcpStream, reached: &AtomicUsize) {
    let mut bytes = [0; 4096];
    let length = stream.read(&mut bytes).unwrap_or_default();
    if length > 0 {
        reached.fetch_add(1, Ordering::SeqCst);
    }
    if bytes.starts_with(b"GET ") {
        let response = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        // Whoever has gone away does not want it.
        let _ = stream.write_all(response.as_bytes());
    }
}
