//! `palisade eval`: what becomes of one request, and why.

mod request;
mod surroundings;

use clap::{Args, ValueEnum};
use host_sim::connection_manager::ADDED;
use host_sim::engine::{Engine, EngineError, Observed, Request, Simulator};
use host_sim::source::Sources;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::explain;
use super::wasm::Wasm;
pub use request::RequestArgs;
pub use surroundings::SurroundingsArgs;

/// Options of `palisade eval`.
#[derive(Args)]
pub struct Eval {
    #[command(flatten)]
    surroundings: SurroundingsArgs,
    #[command(flatten)]
    request: RequestArgs,
    /// Say why, with file and line.
    #[arg(long)]
    explain: bool,
    /// Exit with 1 when the request is denied.
    #[arg(long)]
    exit_code: bool,
    /// How to say it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    wasm: Wasm,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A few lines.
    Text,
    /// One JSON object.
    Json,
}

impl Eval {
    /// Runs the command.
    pub fn run(&self) -> Result<Exit, Failure> {
        let mut surroundings = self.surroundings.load()?;
        let request = self.request.build(&mut surroundings.setup)?;
        let mut engine = Simulator::new(self.wasm.load()?);
        let observed = engine
            .judge(&surroundings.setup, &request)
            .map_err(
                |error| match (&error, surroundings.sources.locate(&error.to_string())) {
                    (EngineError::Refused(_), Some(located)) => Failure::from(located),
                    _ => Failure::from(error),
                },
            )?;
        match self.output {
            Output::Text => self.print(&request, &observed, &surroundings.sources),
            Output::Json => {
                anstream::println!("{:#}", as_json(&request, &observed, &surroundings.sources));
            }
        }
        let denied = self.exit_code && !observed.allowed;
        Ok(if denied { Exit::Failed } else { Exit::Ok })
    }

    fn print(&self, request: &Request, observed: &Observed, sources: &Sources) {
        anstream::println!("{}", explain::verdict(observed));
        if self.explain {
            anstream::print!("{}", explain::why(observed, sources));
            match sources.ignored {
                0 => {}
                1 => anstream::println!("1 other object passed over"),
                count => anstream::println!("{count} other objects passed over"),
            }
        }
        for (name, value) in &observed.response_headers {
            anstream::println!("< {name}: {value}");
        }
        for (name, value) in changes(request, observed) {
            match value {
                Some(value) => anstream::println!("> {name}: {value}"),
                None => anstream::println!("> {name} removed"),
            }
        }
    }
}

/// Headers that the application gets otherwise than the client sent them.
fn changes(request: &Request, observed: &Observed) -> Vec<(String, Option<String>)> {
    if !observed.allowed || request.tcp {
        return Vec::new();
    }
    let sent = |name: &str| {
        let of_name = request
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let values: Vec<&str> = of_name.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    let removed = request
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| name != "host" && !observed.upstream_headers.contains_key(name))
        .map(|name| (name, None));
    let new = observed
        .upstream_headers
        .iter()
        .filter(|(name, value)| match name.as_str() {
            ":path" => **value != request.path,
            name if name.starts_with(':') || ADDED.contains(&name) => false,
            name => sent(name).as_ref() != Some(value),
        });
    let new = new.map(|(name, value)| (name.clone(), Some(value.clone())));
    let mut changes: Vec<_> = removed.chain(new).collect();
    changes.sort();
    changes.dedup();
    changes
}

fn as_json(request: &Request, observed: &Observed, sources: &Sources) -> Value {
    let why = explain::why(observed, sources);
    json!({
        "version": 1,
        "verdict": if observed.allowed { "allow" } else { "deny" },
        "status": observed.status,
        "body": observed.body,
        "responseHeaders": observed.response_headers,
        "requestHeaderChanges": changes(request, observed)
            .into_iter()
            .map(|(name, value)| (name, value.map_or(Value::Null, Value::from)))
            .collect::<serde_json::Map<_, _>>(),
        "why": anstream::adapter::strip_str(&why).to_string(),
        "evidence": observed.evidence,
    })
}
