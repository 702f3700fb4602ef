//! Suites as `palisade test` runs them.

use std::path::{Path, PathBuf};

use host_sim::engine::Engine;
use palisade_tests::{Error, suites};

use super::corpora;
use super::known::assert_known;

/// Runs the suites below these folders: what comes out otherwise has to be known.
pub fn run(engine: &mut dyn Engine, folders: &[PathBuf]) -> Result<(), Error> {
    let (count, problems) = suites::run(engine, folders)?;
    println!("{count} rows, {} otherwise", problems.len());
    assert_known(&problems);
    Ok(())
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
    run(&mut suites::simulator()?, &folders)
}

#[test]
fn suites_in_envoy() -> Result<(), Error> {
    let Some(folder) = corpora() else {
        return Ok(());
    };
    let folders = below(&folder, &["authz", "jwt", "paths"]);
    run(&mut suites::envoy()?, &folders)
}
