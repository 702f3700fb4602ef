//! Changes while Envoy runs: good ones are in force soon, bad ones change nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::until;
use host_sim::envoy::upstream::echo;
use palisade_tests::{Error, repository};

use palisade_tests::stage::{Stage, free_port, local, outcome};

const WAIT: Duration = Duration::from_secs(20);

#[test]
fn a_policy_takes_effect_without_a_restart_and_a_bad_object_changes_nothing() -> Result<(), Error> {
    let application = echo()?;
    let port = free_port()?;
    let stage = Stage::new(&server(port, application.address().port()))?;
    stage.certify("foo/server", "foo/server")?;
    assert_eq!(stage.render()?, 5);
    let mut envoy = stage.start("foo/server")?;
    let client = Client::plain(local(port));
    assert_eq!(outcome(&client, &Request::get("/admin")), "200");

    stage.write("deny.yaml", &deny("/admin"))?;
    assert_eq!(stage.render()?, 1);
    until("the new policy", WAIT, || {
        Ok((outcome(&client, &Request::get("/admin")) == "403").then_some(()))
    })?;
    assert_eq!(outcome(&client, &Request::get("/")), "200");

    // The same input, the same bytes: nothing to write.
    assert_eq!(stage.render()?, 0);

    let before = everything(&stage.folder("foo/server"))?;
    stage.write(
        "deny.yaml",
        &(deny("/") + &deny("/x").replace("paths", "path")),
    )?;
    let error = stage.render().expect_err("an unknown field").to_string();
    assert!(error.contains("deny.yaml:13:"), "{error}");
    assert!(
        error.contains("unknown field `path`; did you mean `paths`?"),
        "{error}"
    );
    assert_eq!(everything(&stage.folder("foo/server"))?, before);
    assert_eq!(outcome(&client, &Request::get("/")), "200");
    assert_eq!(outcome(&client, &Request::get("/admin")), "403");
    assert!(envoy.is_running()?);
    Ok(())
}

#[test]
fn envoy_takes_the_example() -> Result<(), Error> {
    let stage = Stage::new("")?;
    let folder = repository().join("envoy-configs/payments");
    for name in ["policies.yaml", "workloads.yaml", "services.yaml"] {
        stage.write(name, &fs::read_to_string(folder.join(name))?)?;
    }
    assert_eq!(stage.validate()?, 4);
    Ok(())
}

fn everything(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            files.insert(path.display().to_string(), fs::read(path)?);
        }
    }
    Ok(files)
}

fn deny(path: &str) -> String {
    let name = path.trim_start_matches('/').to_owned() + "d";
    format!(
        "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: foo}}
spec:
  action: DENY
  rules: [{{to: [{{operation: {{paths: [{path}]}}}}]}}]
---
"
    )
}

fn server(port: u16, application: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: server
  namespace: foo
  annotations:
    palisade.dev/admin: 127.0.0.1:0
    palisade.dev/application: {port}=127.0.0.1:{application}
spec:
  address: 127.0.0.1
  ports: {{http: {port}}}
  serviceAccount: server
"
    )
}
