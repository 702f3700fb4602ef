//! New configurations while Envoy runs: a good one takes over, a bad one changes nothing.

use std::{fs, path::PathBuf, time::Duration};

use host_sim::envoy::{
    Envoy, EnvoyError, Launch, binary,
    bootstrap::{Bootstrap, Cluster, Listener, WasmFilter},
    client::{Client, Request},
};
use palisade_tests::{
    Error, mesh,
    mesh::{Mesh, UPSTREAM},
    policies::{allow_methods, authorization},
};
use serde_json::{Value, json};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(20);
const STATS: &str = "extension_config_discovery.http_filter.palisade";

/// A file that Envoy watches for the filter's configuration.
struct Discovery {
    folder: TempDir,
}

impl Discovery {
    fn new(configuration: Value) -> Result<Self, Error> {
        let discovery = Self {
            folder: TempDir::new()?,
        };
        discovery.push(configuration)?;
        Ok(discovery)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("palisade.json")
    }

    /// Moves a new file over the old one: Envoy reads it then, and never half of it.
    fn push(&self, configuration: Value) -> Result<(), Error> {
        let next = self.folder.path().join("next.json");
        fs::write(
            &next,
            mesh::filter(configuration)?
                .discovery_response()
                .to_string(),
        )?;
        Ok(fs::rename(next, self.file())?)
    }
}

fn methods(methods: &[&str]) -> Value {
    mesh::configuration(&[allow_methods(methods)], &[])
}

fn statuses(envoy: &Envoy) -> Result<[u16; 2], Error> {
    let client = Client::plain(envoy.listener("inbound")?);
    let status = |method: &str| {
        client
            .send(&Request::new(method, "/"))
            .map(|answer| answer.status)
    };
    Ok([status("GET")?, status("PUT")?])
}

#[test]
fn a_bad_update_is_refused_and_the_last_good_one_stays() -> Result<(), Error> {
    let mesh = Mesh::new()?;
    let discovery = Discovery::new(methods(&["GET"]))?;
    let mut listener = Listener::new("inbound", UPSTREAM);
    listener
        .http
        .filters
        .push(WasmFilter::discovered("palisade", &discovery.file()));
    let envoy = mesh.envoy(vec![listener], [])?;
    assert_eq!(statuses(&envoy)?, [200, 403]);

    let misspelt = authorization("misspelt", json!({"rules": [{"too": []}]}));
    let bad = [
        (mesh::configuration(&[misspelt], &[]), "`too`"),
        (
            json!({"version": 1, "workload": {"namespace": 5}, "resources": []}),
            "namespace",
        ),
        (json!("no object"), "configuration refused"),
    ];
    for (count, (configuration, reason)) in (1..).zip(bad) {
        discovery.push(configuration)?;
        envoy
            .admin()
            .wait_for_stat(&format!("{STATS}.config_fail"), count, LIMIT)?;
        let log = envoy.log();
        let refusal = log
            .lines()
            .rfind(|line| line.contains("configuration refused: "));
        assert!(
            refusal.is_some_and(|line| line.contains(reason)),
            "{reason}: {refusal:?}"
        );
        assert_eq!(statuses(&envoy)?, [200, 403], "{reason}");
    }

    let reloads = envoy.admin().stat(&format!("{STATS}.config_reload"))?;
    discovery.push(methods(&["PUT"]))?;
    envoy
        .admin()
        .wait_for_stat(&format!("{STATS}.config_reload"), reloads + 1, LIMIT)?;
    assert_eq!(statuses(&envoy)?, [403, 200]);
    Ok(())
}

#[test]
fn envoy_does_not_start_with_a_bad_policy_and_says_why() -> Result<(), Error> {
    let mesh = Mesh::new()?;
    let policy = authorization(
        "misspelt",
        json!({"rules": [{"to": [{"operation": {"method": ["GET"]}}]}]}),
    );
    let mut listener = Listener::new("inbound", UPSTREAM);
    listener
        .http
        .filters
        .push(mesh::filter(mesh::configuration(&[policy], &[]))?.to_json());
    let upstream = Cluster::new(UPSTREAM, mesh.upstream.address());
    let bootstrap = Bootstrap::new(vec![listener], vec![upstream]).to_json();
    match Launch::new(binary::find()?, &bootstrap).start() {
        Err(EnvoyError::ExitedEarly { log, .. }) => {
            for part in [
                "configuration refused: ",
                "rules[0].to[0].operation",
                "`method`",
                "`methods`",
            ] {
                assert!(log.contains(part), "{part}: {log}");
            }
            Ok(())
        }
        other => panic!("{other:?}"),
    }
}
