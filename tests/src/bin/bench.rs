//! `make bench`: what Palisade costs beside Envoy's own filters.

use palisade_tests::bench;

fn main() -> Result<(), palisade_tests::Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == "pace" => bench::pace::run(rest),
        _ => bench::run(),
    }
}
