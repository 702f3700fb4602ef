//! Suites as `palisade test` runs them.

use std::path::{Path, PathBuf};

use host_sim::engine::{Engine, EngineError, EnvoyEngine, Simulator};
use host_sim::envoy::binary;
use host_sim::suite::{Suite, check, find};
use host_sim::vm::Plugin;
use palisade_tests::{Error, wasm};

use super::corpora;
use super::known::assert_known;

/// Runs the suites below these folders; says what comes out otherwise.
pub fn run(engine: &mut dyn Engine, folders: &[PathBuf]) -> Result<Vec<String>, Error> {
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

/// The simulator.
pub fn simulator() -> Result<Simulator, Error> {
    Ok(Simulator::new(Plugin::from_file(wasm()?)?))
}

/// A real Envoy.
pub fn envoy() -> Result<EnvoyEngine, Error> {
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
