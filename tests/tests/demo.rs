//! The example of `envoy-configs/httpbin.yaml`, as `make run` sends it.

use palisade_tests::{
    Error,
    demo::{Credentials, Ports, Stage, rows},
};

/// Envoy's worker and its main thread: each has a filter that may want keys.
const THREADS: usize = 2;

#[test]
fn every_request_of_the_example_is_decided_as_expected() -> Result<(), Error> {
    let stage = Stage::start(Ports::Free, Credentials::new()?)?;
    for (index, row) in rows().iter().enumerate() {
        let outcome = stage.send(row, &format!("row-{index}"))?;
        assert!(outcome.is_expected(row), "{}: {outcome:?}", row.describe());
    }
    let fetches = stage.issuer.requests();
    assert!(
        fetches.iter().all(|path| path == "/oauth2/v3/certs"),
        "{fetches:?}"
    );
    assert!((1..=THREADS).contains(&fetches.len()), "{fetches:?}");
    Ok(())
}
