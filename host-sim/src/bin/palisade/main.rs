//! `palisade`: would this request pass these policies, and why?

mod bench;
mod ca;
mod eval;
mod exit;
mod explain;
mod render;
mod test;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Istio's security policies, tested and explained on a laptop by the filter that Envoy runs.
#[derive(Parser)]
#[command(name = "palisade", version, max_term_width = 100)]
struct Palisade {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say what becomes of one request, and why.
    Eval(Box<eval::Eval>),
    /// Say what one decision costs in the simulator.
    Bench(Box<bench::Bench>),
    /// Make and rotate the certificates of a small mesh.
    Ca(ca::CaCommand),
    /// Run policy test suites.
    Test(test::Test),
    /// Write the configuration of stock Envoy for the workloads of a folder.
    Render(Box<render::Render>),
}

fn main() -> ExitCode {
    let result = match Palisade::parse().command {
        Command::Eval(eval) => eval.run(),
        Command::Bench(bench) => bench.run(),
        Command::Ca(ca) => ca.run(),
        Command::Test(test) => test.run(),
        Command::Render(render) => render.run(),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            anstream::eprintln!("error: {failure}");
            failure.exit.into()
        }
    }
}
