//! The example of `envoy-configs/httpbin.yaml`, as `make run` sends it.

use std::sync::atomic::AtomicBool;

use palisade_tests::{
    Error,
    demo::{Credentials, Ports, Stage, report},
    repository,
};

/// Envoy's worker and its main thread: each has a filter that may want keys.
const THREADS: usize = 2;

#[test]
fn every_request_of_the_example_is_decided_as_expected() -> Result<(), Error> {
    let stage = Stage::start(Ports::Free, Credentials::new()?)?;
    let (table, as_expected) = report(&stage, &AtomicBool::new(false))?;
    assert!(as_expected, "{table}");
    let readme = std::fs::read_to_string(repository().join("README.md"))?;
    assert!(
        readme.contains(&table),
        "the README shows another table than\n{table}"
    );
    let fetches = stage.issuer.requests();
    assert!(
        fetches.iter().all(|path| path == "/oauth2/v3/certs"),
        "{fetches:?}"
    );
    assert!((1..=THREADS).contains(&fetches.len()), "{fetches:?}");
    Ok(())
}
