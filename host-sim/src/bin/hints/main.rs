//! Tells V8 which way the branches of the filter go.
//!
//! Most of a request's path through the filter runs once, so that what it costs is the code that has
//! to be brought into the processor's caches. V8 keeps what is not to be expected out of the way if a
//! module says which branches that are: the custom section `metadata.code.branch_hint` of the
//! WebAssembly branch hinting proposal. Hints change nothing but the speed.
//!
//! The module runs in the simulator, with a probe at each branch, through requests as they come in
//! every day; a branch that always went one way is hinted.
//! Usage: `hints <in.wasm> <out.wasm>`.

mod probes;
mod requests;
mod section;

use std::process::ExitCode;

type Error = Box<dyn std::error::Error>;

/// Which way a branch went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Branch {
    /// It was taken: the condition was not 0.
    taken: bool,
    /// It was not taken.
    passed: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = arguments.as_slice() else {
        eprintln!("usage: hints <in.wasm> <out.wasm>");
        return ExitCode::from(2);
    };
    match run(from, to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: `{from}`: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(from: &str, to: &str) -> Result<(), Error> {
    let module = std::fs::read(from)?;
    let branches = requests::observe(&probes::insert(&module)?)?;
    Ok(std::fs::write(to, section::insert(&module, &branches)?)?)
}
