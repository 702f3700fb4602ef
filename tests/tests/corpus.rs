//! Every row of the corpus, by the native engine, by the wasm in the simulator, and by the wasm in
//! stock Envoy.

use std::path::PathBuf;

use host_sim::engine::{Engine, EnvoyEngine, Simulator};
use host_sim::envoy::binary;
use host_sim::suite::{Suite, check, find};
use host_sim::vm::Plugin;
use palisade_tests::native_engine::NativeEngine;
use palisade_tests::{Error, repository, wasm};

/// Fewer rows than this, and some were not found.
const AT_LEAST: usize = 200;

fn suites() -> Result<Vec<Suite>, Error> {
    let folder: PathBuf = repository().join("tests/corpus");
    find(&[folder])?
        .iter()
        .map(|path| Ok(Suite::load(path)?))
        .collect()
}

/// Runs every row; each must be as expected.
fn run(engine: &mut dyn Engine) -> Result<(), Error> {
    let suites = suites()?;
    let tests = || {
        suites
            .iter()
            .flat_map(|suite| suite.tests.iter().map(move |test| (suite, test)))
    };
    engine.prepare(tests().map(|(_, test)| test.setup.clone()).collect());
    let mut problems = Vec::new();
    for (suite, test) in tests() {
        match engine.judge(&test.setup, &test.request) {
            Ok(observed) => problems.extend(
                check(&test.expect, &observed)
                    .into_iter()
                    .map(|difference| format!("{} / {}: {difference:?}", suite.name, test.name)),
            ),
            Err(error) => problems.push(format!("{} / {}: {error}", suite.name, test.name)),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(tests().count() >= AT_LEAST, "only {} rows", tests().count());
    Ok(())
}

#[test]
fn native() -> Result<(), Error> {
    run(&mut NativeEngine)
}

#[test]
fn simulator() -> Result<(), Error> {
    run(&mut Simulator::new(Plugin::from_file(wasm()?)?))
}

#[test]
fn envoy() -> Result<(), Error> {
    let plugin = Plugin::from_file(wasm()?)?;
    run(&mut EnvoyEngine::new(binary::find()?, wasm()?, plugin))
}
