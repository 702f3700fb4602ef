//! Which resources are for which workload.

use host_sim::render::{Inventory, MeshSettings, compose};
use palisade_filter::config::{Mesh, Workload};
use palisade_filter::resource::ResourceName;
use palisade_filter::resource::authorization_policy::Action;
use palisade_filter::{Config, ConfigError};
use palisade_tests::Error;
use serde_json::{Value, json};

use super::{name, rows, texts};

#[test]
fn scoping() -> Result<(), Error> {
    let mut problems = Vec::new();
    for row in rows("scoping.json")? {
        let expected = row["expected"].as_object().ok_or("no expectation")?;
        for (key, wanted) in expected {
            let wanted = match wanted {
                Value::Array(names) => sorted(names.to_vec()),
                // Without a policy Istio says UNKNOWN and means what it then does.
                Value::String(mode) if mode == "UNKNOWN" => json!("PERMISSIVE"),
                other => other.clone(),
            };
            let found = found(&row, key)?;
            if found != wanted {
                problems.push(format!("{} {key}: {found}, not {wanted}", name(&row)));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    Ok(())
}

/// The resources that `key` of the table counts.
fn found(row: &Value, key: &str) -> Result<Value, Error> {
    let config = configuration(row)?;
    let (workload, mesh) = (&config.workload, &config.mesh);
    let of_action = |wanted: fn(&Action) -> bool| {
        let policies = config.resources.authorization_policies.iter();
        let policies = policies.filter(|policy| policy.applies_to(workload, mesh));
        names(
            policies
                .filter(|policy| wanted(&policy.action))
                .map(|policy| &policy.name),
        )
    };
    Ok(match key {
        "allow" => of_action(|action| matches!(action, Action::Allow)),
        "deny" => of_action(|action| matches!(action, Action::Deny)),
        "audit" => of_action(|action| matches!(action, Action::Audit)),
        "custom" => of_action(|action| matches!(action, Action::Custom { .. })),
        "request_authentication" => {
            let all = config.resources.request_authentications.iter();
            let all = all.filter(|resource| resource.scope.covers(&resource.name, workload, mesh));
            names(all.map(|resource| &resource.name))
        }
        "peer_authentication" => {
            let inventory = inventory(row, mesh)?;
            let all = inventory.peer_authentications.iter();
            let all = all.map(|sourced| &sourced.object);
            let all: Vec<_> = all
                .filter(|resource| resource.selects(workload, mesh))
                .collect();
            // The table leaves out what a policy of the same level makes void.
            let listed: Vec<&str> = texts(&row["expected"][key]).collect();
            let counts = |name: &ResourceName| listed.contains(&name.to_string().as_str());
            let rest = all.iter().filter(|resource| counts(&resource.name));
            let root = mesh.root_namespace.as_str();
            let the_same =
                compose(all.iter().copied(), root) == compose(rest.clone().copied(), root);
            match the_same {
                true => names(rest.map(|resource| &resource.name)),
                false => names(all.iter().map(|resource| &resource.name)),
            }
        }
        "namespace_mtls_mode" => {
            let namespace = Workload {
                namespace: workload.namespace.clone(),
                ..Workload::default()
            };
            let (mode, _) = inventory(row, mesh)?.modes(&namespace).workload;
            json!(mode.to_string())
        }
        other => return Err(format!("the table expects the unknown `{other}`").into()),
    })
}

fn names<'a>(names: impl Iterator<Item = &'a ResourceName>) -> Value {
    sorted(names.map(|name| json!(name.to_string())).collect())
}

/// Neither of the two has an order that says anything: Istio's is that of its store.
fn sorted(mut names: Vec<Value>) -> Value {
    names.sort_by_key(Value::to_string);
    names.into()
}

fn of_kinds(row: &Value, peer: bool) -> Vec<Value> {
    let policies = row["policies"].as_array().into_iter().flatten();
    let policies = policies.filter(|policy| (policy["kind"] == "PeerAuthentication") == peer);
    let named = policies.cloned().map(|mut policy| {
        // The table is about scopes alone: its CUSTOM policies name no provider.
        if policy["spec"]["action"] == "CUSTOM" && policy["spec"]["provider"].is_null() {
            policy["spec"]["provider"] = json!({"name": "any"});
            policy["spec"]["rules"] = json!([{}]);
        }
        policy
    });
    named.collect()
}

fn configuration(row: &Value) -> Result<Config, ConfigError> {
    let workload = &row["workload"];
    let services = workload["services"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let services: Vec<String> = services
        .map(|service| format!("{}/{}", text(&service["namespace"]), text(&service["name"])))
        .collect();
    let by_selector = workload["selector_based_gateway_policy"].as_bool();
    let configuration = json!({
        "version": 1,
        "mesh": {
            "rootNamespace": row["mesh"]["root_namespace"],
            "selectorBasedGatewayPolicy": by_selector.unwrap_or(true),
        },
        "workload": {
            "namespace": workload["namespace"],
            "labels": workload["labels"],
            "waypoint": workload["is_waypoint"],
            "services": services,
        },
        "resources": of_kinds(row, false),
    });
    Config::parse(configuration.to_string().as_bytes())
}

fn inventory(row: &Value, mesh: &Mesh) -> Result<Inventory, Error> {
    let folder = tempfile::tempdir()?;
    for (index, policy) in of_kinds(row, true).iter().enumerate() {
        let path = folder.path().join(format!("{index}.json"));
        std::fs::write(path, policy.to_string())?;
    }
    let settings = MeshSettings {
        mesh: mesh.clone(),
        ..MeshSettings::default()
    };
    Ok(Inventory::load(folder.path(), settings)?)
}
