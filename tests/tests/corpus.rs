//! Every row of the corpus, by the native engine, by the wasm in the simulator, and by the wasm in
//! stock Envoy.

use host_sim::engine::Engine;
use palisade_tests::native_engine::NativeEngine;
use palisade_tests::{Error, repository, suites};

/// Fewer rows than this, and some were not found.
const AT_LEAST: usize = 200;

/// Runs every row; each must be as expected.
fn run(engine: &mut dyn Engine) -> Result<(), Error> {
    let (count, problems) = suites::run(engine, &[repository().join("tests/corpus")])?;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count >= AT_LEAST, "only {count} rows");
    Ok(())
}

#[test]
fn native() -> Result<(), Error> {
    run(&mut NativeEngine)
}

#[test]
fn simulator() -> Result<(), Error> {
    run(&mut suites::simulator()?)
}

#[test]
fn envoy() -> Result<(), Error> {
    run(&mut suites::envoy()?)
}
