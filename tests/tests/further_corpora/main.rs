//! Further suites and tables in a folder `shared/corpus` beside the checkout, or where the variable
//! `PALISADE_CORPORA` says; where there is none, there is nothing to show. The corpus of this
//! repository covers the same ground.

mod authorizers;

use std::path::{Path, PathBuf};

use host_sim::engine::{Engine, EngineError, EnvoyEngine, Simulator};
use host_sim::envoy::binary;
use host_sim::suite::{Suite, check, find};
use host_sim::vm::Plugin;
use palisade_filter::Config;
use palisade_tests::{Error, repository, wasm};
use serde_json::{Value, json};

/// Rows that come out otherwise, by their start, and why.
const KNOWN: [(&str, &str); 15] = [
    (
        "authz-semantics-018 ",
        "an invalid dry-run annotation is refused",
    ),
    ("authz-semantics-056 ", "an invalid port is refused"),
    (
        "authz-semantics-098 ",
        "an invalid address block is refused",
    ),
    (
        "authz-semantics-099 ",
        "an invalid address block is refused",
    ),
    ("authz-semantics-118 ", "an invalid key is refused"),
    ("authz-semantics-119 ", "an invalid key is refused"),
    ("jwt-integration-009 ", "its key set is a placeholder"),
    (
        "normalization-base Base:/app#foo",
        "stock Envoy answers 400",
    ),
    (
        "normalization-decode_and_merge_slashes DecodeAndMergeSlashes:/app#foo",
        "stock Envoy answers 400",
    ),
    (
        "normalization-merge_slashes MergeSlashes:/app#foo",
        "stock Envoy answers 400",
    ),
    (
        "custom no-rules-never-called",
        "CUSTOM without rules is refused",
    ),
    (
        "custom missing-provider-denies-match",
        "CUSTOM without a provider is refused",
    ),
    (
        "custom bad-port-value-widens-custom",
        "an invalid port is refused",
    ),
    (
        "custom custom-notRequestPrincipals-always-match",
        "CUSTOM on tokens is refused",
    ),
    (
        "custom dry-run-custom-is-enforced-as-deny",
        "CUSTOM as a dry run is refused",
    ),
];

fn corpora() -> Option<PathBuf> {
    let folder = match std::env::var_os("PALISADE_CORPORA") {
        Some(folder) => PathBuf::from(folder),
        None => repository().join("../shared/corpus"),
    };
    folder.is_dir().then_some(folder)
}

/// Runs the suites below these folders; says what comes out otherwise.
fn run(engine: &mut dyn Engine, folders: &[PathBuf]) -> Result<Vec<String>, Error> {
    let suites: Vec<Suite> = find(folders)?
        .iter()
        .map(|path| Ok(Suite::load(path)?))
        .collect::<Result<_, Error>>()?;
    let tests = || {
        suites
            .iter()
            .flat_map(|suite| suite.tests.iter().map(move |test| (suite, test)))
    };
    engine.prepare(tests().map(|(_, test)| test.setup.clone()).collect());
    let mut problems = Vec::new();
    for (suite, test) in tests() {
        let name = format!("{} {}", suite.name, test.name);
        match engine.judge(&test.setup, &test.request) {
            Ok(observed) => {
                let differences = check(&test.expect, &observed);
                if !differences.is_empty() {
                    problems.push(format!("{name}: {differences:?}"));
                }
            }
            Err(EngineError::Refused(message)) => problems.push(format!("{name}: {message}")),
            Err(error) => return Err(error.into()),
        }
    }
    println!("{} rows, {} otherwise", tests().count(), problems.len());
    Ok(problems)
}

fn assert_known(problems: &[String]) {
    let unknown = problems
        .iter()
        .filter(|problem| !KNOWN.iter().any(|(start, _)| problem.starts_with(start)));
    let unknown: Vec<&String> = unknown.collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

fn simulator() -> Result<Simulator, Error> {
    Ok(Simulator::new(Plugin::from_file(wasm()?)?))
}

fn envoy() -> Result<EnvoyEngine, Error> {
    let plugin = Plugin::from_file(wasm()?)?;
    Ok(EnvoyEngine::new(binary::find()?, wasm()?, plugin))
}

fn below(folder: &Path, names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| folder.join(name)).collect()
}

#[test]
fn suites_in_the_simulator() -> Result<(), Error> {
    let Some(folder) = corpora() else {
        return Ok(());
    };
    let folders = below(&folder, &["authz", "jwt", "tokens", "paths"]);
    assert_known(&run(&mut simulator()?, &folders)?);
    Ok(())
}

#[test]
fn suites_in_envoy() -> Result<(), Error> {
    let Some(folder) = corpora() else {
        return Ok(());
    };
    let folders = below(&folder, &["authz", "jwt", "paths"]);
    assert_known(&run(&mut envoy()?, &folders)?);
    Ok(())
}

#[test]
fn authorizers() -> Result<(), Error> {
    let Some(folder) = corpora() else {
        return Ok(());
    };
    let suites = authorizers::suites(&folder.join("raw/custom.json"))?;
    let folders = [suites.path().to_owned()];
    assert_known(&run(&mut simulator()?, &folders)?);
    assert_known(&run(&mut envoy()?, &folders)?);
    Ok(())
}

/// What Istio takes is taken, what it refuses is refused.
#[test]
fn validation() -> Result<(), Error> {
    let Some(folder) = corpora() else {
        return Ok(());
    };
    let table: Value = serde_json::from_slice(&std::fs::read(folder.join("raw/validation.json"))?)?;
    let of_filter = |row: &&Value| {
        let kinds = ["AuthorizationPolicy", "RequestAuthentication"];
        row["kind"] == "resource" && kinds.iter().any(|kind| row["resource"]["kind"] == *kind)
    };
    let rows = table["cases"].as_array().into_iter().flatten();
    let mut problems = Vec::new();
    for row in rows.filter(of_filter) {
        let mut resource = row["resource"].clone();
        if resource["metadata"]["namespace"].is_null() {
            resource["metadata"]["namespace"] = "default".into();
        }
        let configuration = json!({
            "version": 1,
            "workload": {"namespace": "default"},
            "jwksClusters": {},
            "resources": [resource],
        });
        let taken = Config::parse(configuration.to_string().as_bytes());
        if row["expected"]["valid"] != taken.is_ok() {
            let name = row["name"].as_str().unwrap_or_default();
            problems.push(format!("validation {name}: {:?}", taken.err()));
        }
    }
    assert_known(&problems);
    Ok(())
}
