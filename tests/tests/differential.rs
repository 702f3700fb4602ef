//! Ours against Envoy's own filters: see `make differential`.

use palisade_tests::{Error, differential};

/// How many pairs are compared, and with which random numbers: `N` and `SEED`.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

#[test]
fn same_answers_as_native_filters() -> Result<(), Error> {
    let (pairs, seed) = (usize::try_from(number("N", 400))?, number("SEED", 1));
    let (compared, found) = differential::run(seed, pairs)?;
    println!("{compared} pairs compared, {} disagreements", found.len());
    for disagreement in &found {
        let resources = serde_json::to_string_pretty(&disagreement.resources)?;
        let request = serde_json::to_string(&disagreement.request)?;
        println!("{resources}\n{request}");
        println!(
            "native: {}\nours:   {}\n",
            disagreement.native, disagreement.ours
        );
    }
    assert!(compared >= pairs, "{compared} of {pairs} pairs");
    assert!(found.is_empty(), "{} disagreements, see above", found.len());
    Ok(())
}
