//! `make bench`: what Palisade costs beside Envoy's own filters.

use palisade_tests::bench;

fn main() -> Result<(), palisade_tests::Error> {
    bench::run()
}
