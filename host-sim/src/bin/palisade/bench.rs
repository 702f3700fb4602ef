//! `palisade bench`: what one decision costs in the simulator.

use std::path::{Path, PathBuf};

use clap::Args;
use host_sim::engine::{Cost, Simulator};
use serde_json::{Value, json};

use super::eval::{RequestArgs, SurroundingsArgs};
use super::exit::{Exit, Failure};
use super::wasm::Wasm;

/// Options of `palisade bench`.
#[derive(Args)]
pub struct Bench {
    #[command(flatten)]
    surroundings: SurroundingsArgs,
    #[command(flatten)]
    request: RequestArgs,
    /// How often the request is sent.
    #[arg(long, value_name = "COUNT", default_value_t = 2000)]
    requests: u32,
    /// Save the result.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Compare with a saved result: more instructions or host calls are a failure, a lower rate is
    /// only shown.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    #[command(flatten)]
    wasm: Wasm,
}

/// Instructions may grow by so many percent before that is a failure.
const TOLERANCE: u64 = 2;

impl Bench {
    /// Runs the command.
    pub fn run(&self) -> Result<Exit, Failure> {
        let mut surroundings = self.surroundings.load()?;
        let request = self.request.build(&mut surroundings.setup)?;
        let mut engine = Simulator::new(self.wasm.load()?);
        let cost = engine.measure(&surroundings.setup, &request, self.requests.max(1))?;
        anstream::println!("{:.0} decisions per second", cost.rate);
        anstream::println!("{} instructions a request", cost.fuel);
        anstream::println!("{} host calls a request", cost.calls());
        for (name, count) in &cost.host_calls {
            anstream::println!("  {count} {name}");
        }
        if let Some(file) = &self.save {
            let text = format!("{:#}\n", to_json(&cost));
            std::fs::write(file, text).map_err(|error| problem(file, error))?;
        }
        match &self.baseline {
            Some(file) => compare(&cost, file),
            None => Ok(Exit::Ok),
        }
    }
}

fn compare(cost: &Cost, file: &Path) -> Result<Exit, Failure> {
    let text = std::fs::read(file).map_err(|error| problem(file, error))?;
    let saved: Value = serde_json::from_slice(&text).map_err(|error| problem(file, error))?;
    let number = |key: &str| {
        let value = saved[key].as_f64();
        value.ok_or_else(|| problem(file, format!("`{key}` is not there")))
    };
    let (rate, fuel, calls) = (
        number("decisionsPerSecond")?,
        number("instructions")?,
        number("hostCalls")?,
    );
    let percent = |now: f64, then: f64| (now / then - 1.0) * 100.0;
    let now = cost.fuel as f64;
    anstream::println!("against the baseline:");
    anstream::println!("  {:+.1} % decisions per second", percent(cost.rate, rate));
    anstream::println!("  {:+.1} % instructions", percent(now, fuel));
    anstream::println!("  {:+.0} host calls", cost.calls() as f64 - calls);
    let worse = percent(now, fuel) > TOLERANCE as f64 || cost.calls() as f64 > calls;
    Ok(if worse { Exit::Failed } else { Exit::Ok })
}

fn to_json(cost: &Cost) -> Value {
    json!({
        "decisionsPerSecond": cost.rate,
        "instructions": cost.fuel,
        "hostCalls": cost.calls(),
    })
}

fn problem(file: &Path, what: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format!("`{}`: {what}", file.display()))
}
