//! Suites, run as `palisade test` runs them.

use std::path::PathBuf;

use host_sim::engine::{Engine, EngineError, EnvoyEngine, Simulator};
use host_sim::envoy::binary;
use host_sim::suite::{Suite, check, find};
use host_sim::vm::Plugin;

use crate::{Error, wasm};

/// Runs the suites below these folders: how many tests there are, and what comes out otherwise.
///
/// # Errors
/// When a suite cannot be read, or the engine itself fails.
pub fn run(engine: &mut dyn Engine, folders: &[PathBuf]) -> Result<(usize, Vec<String>), Error> {
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
            Err(error) => return Err(format!("{name}: {error}").into()),
        }
    }
    Ok((tests().count(), problems))
}

/// The simulator.
///
/// # Errors
/// When there is no filter.
pub fn simulator() -> Result<Simulator, Error> {
    Ok(Simulator::new(Plugin::from_file(wasm()?)?))
}

/// A real Envoy.
///
/// # Errors
/// When there is no filter, or no Envoy.
pub fn envoy() -> Result<EnvoyEngine, Error> {
    let plugin = Plugin::from_file(wasm()?)?;
    Ok(EnvoyEngine::new(binary::find()?, wasm()?, plugin))
}
