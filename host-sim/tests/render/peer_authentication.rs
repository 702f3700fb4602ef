//! Every row of `data/peer-authentication.yaml`.

use host_sim::render::{PeerAuthentication, compose};
use host_sim::source::yaml;
use palisade_filter::config::{ConfigError, Mesh, Node, Workload};
use palisade_filter::json;
use serde_json::{Value, json};

const ROWS: &str = include_str!("../data/peer-authentication.yaml");

#[test]
fn policies_compose_as_in_istio() {
    let rows = rows("modes");
    assert!(rows.len() >= 25);
    let mesh = Mesh::default();
    for row in rows {
        let name = row["name"].as_str().unwrap();
        let workload = json!({"namespace": "foo", "labels": {"app": "a"}});
        let workload = row.get("workload").unwrap_or(&workload);
        let workload = with_node(workload, |node| Workload::read(node).unwrap());
        let policies: Vec<PeerAuthentication> = row["policies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|policy| read(policy).unwrap_or_else(|error| panic!("{name}: {error}")))
            .collect();
        let selected = policies
            .iter()
            .filter(|policy| policy.selects(&workload, &mesh));
        let modes = compose(selected, &mesh.root_namespace);
        for (port, expected) in row["ports"].as_object().unwrap() {
            let got = modes.of(port.parse().unwrap()).0.to_string();
            assert_eq!(got, expected.as_str().unwrap(), "{name}, port {port}");
        }
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_fix() {
    for row in rows("refused") {
        let error = read(&row["policy"]).map(|_| ()).unwrap_err().to_string();
        assert_eq!(error, row["error"].as_str().unwrap());
    }
}

fn rows(table: &str) -> Vec<Value> {
    let documents = yaml::read("peer-authentication.yaml", ROWS).unwrap();
    documents[0].value[table].as_array().unwrap().clone()
}

/// `[namespace/name, spec]`, and the time of creation where it matters.
fn read(row: &Value) -> Result<PeerAuthentication, ConfigError> {
    let (namespace, name) = row[0].as_str().unwrap().split_once('/').unwrap();
    let mut policy = json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"namespace": namespace, "name": name},
        "spec": row[1],
    });
    if let Some(created) = row.get(2) {
        policy["metadata"]["creationTimestamp"] = created.clone();
    }
    with_node(&policy, PeerAuthentication::read)
}

fn with_node<T>(value: &Value, read: impl Fn(&Node<'_>) -> T) -> T {
    let value = json::parse(value.to_string().as_bytes(), 64).unwrap();
    read(&Node::root(&value))
}
