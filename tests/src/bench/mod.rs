//! The benchmark: Palisade beside Envoy's own filters, in stock Envoy with one worker.
//!
//! All variants of a row are measured in turns, several rounds, so that what else the machine does
//! falls on all of them. Each round starts every Envoy anew: where a process happens to lie in memory
//! changes its speed by several percent. `ROUNDS`, `SECONDS` (of each measurement) and `ROWS` (a part
//! of their names) may be set. The measured Envoy has the first core, the load and the application
//! the second.

mod load;
pub mod pace;
mod plot;
mod report;
mod rows;
mod variant;

use std::path::PathBuf;

use load::Load;
use report::{Figures, Measured, Report};
use rows::Row;
use variant::{Behind, Running};

use crate::{Error, repository};

/// Runs the benchmark and writes its report below `target/bench`.
///
/// # Errors
/// When something does not start, or a filter does not answer as it should.
pub fn run() -> Result<(), Error> {
    let number = |name: &str, default: usize| -> Result<usize, Error> {
        match std::env::var(name) {
            Ok(value) => Ok(value.parse()?),
            Err(_) => Ok(default),
        }
    };
    let (rounds, seconds) = (number("ROUNDS", 5)?, number("SECONDS", 2)?);
    let wanted = std::env::var("ROWS").unwrap_or_default();
    let folder = std::env::var_os("BENCH_DIR")
        .map_or_else(|| repository().join("target/bench"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let tokens = rows::Tokens::mint(&folder)?;
    let mut report = Report::new(rounds, seconds);
    for row in rows::all() {
        if row.name.contains(&wanted) {
            report.add(measure(&row, &tokens, rounds, seconds)?);
            report.write(&folder)?;
        }
    }
    print!("{}\n{}", report.table(), report.summary()?);
    println!(
        "written to {}",
        folder
            .strip_prefix(repository())
            .unwrap_or(&folder)
            .display()
    );
    Ok(())
}

fn measure(
    row: &Row,
    tokens: &rows::Tokens,
    rounds: usize,
    seconds: usize,
) -> Result<Measured, Error> {
    let behind = Behind::start()?;
    let mut figures: Vec<Figures> = row.variants().into_iter().map(Figures::new).collect();
    for round in 0..rounds {
        eprintln!("{}: round {} of {rounds}", row.name, round + 1);
        for figures in &mut figures {
            let envoy = Running::start(figures.variant, row, &behind)?;
            envoy.check(row, tokens)?;
            let load = Load::new(row, tokens, envoy.address()?);
            figures.add(envoy.ready_after, load.run(seconds, envoy.pid())?);
        }
    }
    Ok(Measured::new(row, figures))
}
