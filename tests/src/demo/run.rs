//! `demo run`: every request once, and a table of what became of them.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Credentials, Ports, Row, Stage, rows, table::aligned};
use crate::Error;

/// Starts the example, sends every row, prints the table. Says whether all was as expected.
/// Everything is stopped when this returns, also early because of `interrupted`.
///
/// # Errors
/// When something cannot be started, or it was interrupted.
pub fn run(interrupted: &AtomicBool) -> Result<bool, Error> {
    eprintln!("making certificates and tokens");
    let credentials = Credentials::new()?;
    eprintln!("starting Envoy with envoy-configs/httpbin.yaml");
    let stage = Stage::start(Ports::Fixed, credentials)?;
    eprintln!("sending {} requests\n", rows().len());
    let (text, as_expected) = report(&stage, interrupted)?;
    print!("{text}");
    Ok(as_expected)
}

/// Sends every row; the table of what became of them, and whether all was as expected.
///
/// # Errors
/// When it was interrupted.
pub fn report(stage: &Stage, interrupted: &AtomicBool) -> Result<(String, bool), Error> {
    let rows = rows();
    let mut lines = vec![["request", "expected", "got", "decided by"].map(str::to_owned)];
    let mut unexpected = 0_usize;
    for (index, row) in rows.iter().enumerate() {
        if interrupted.load(Ordering::SeqCst) {
            return Err("interrupted".into());
        }
        let (line, is_expected) = send(stage, row, &format!("demo-{index}"));
        lines.push(line);
        unexpected += usize::from(!is_expected);
    }
    let summary = match unexpected {
        0 => format!("{} requests, all as expected", rows.len()),
        _ => format!("{} requests, {unexpected} not as expected", rows.len()),
    };
    Ok((format!("{}\n{summary}\n", aligned(&lines)), unexpected == 0))
}

fn send(stage: &Stage, row: &Row, mark: &str) -> ([String; 4], bool) {
    let (got, decided_by, is_expected) = match stage.send(row, mark) {
        Ok(outcome) => (outcome.got(), outcome.to_string(), outcome.is_expected(row)),
        Err(error) => ("error".to_owned(), error.to_string(), false),
    };
    let got = if is_expected {
        got
    } else {
        format!("{got} (!)")
    };
    (
        [row.describe(), row.expected(), got, decided_by],
        is_expected,
    )
}
