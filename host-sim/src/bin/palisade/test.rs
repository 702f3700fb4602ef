//! `palisade test`: run policy test suites.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use host_sim::engine::{Engine, EngineError, EnvoyEngine, Observed, Simulator};
use host_sim::envoy::binary;
use host_sim::source::SourceError;
use host_sim::suite::{Difference, Suite, check, find};
use regex::Regex;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::explain;
use super::wasm::Wasm;

/// Options of `palisade test`.
#[derive(Args)]
pub struct Test {
    /// Suites (`*_test.yaml`, `*_test.json`), or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// What judges the requests.
    #[arg(long, value_enum, default_value_t = EngineName::Simulator)]
    engine: EngineName,
    /// Only tests whose `suite / name` matches.
    #[arg(long, value_name = "REGEX")]
    filter: Option<Regex>,
    /// Show only what failed.
    #[arg(long)]
    fail_only: bool,
    /// Zero tests are no error.
    #[arg(long)]
    allow_empty: bool,
    /// How to say it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    wasm: Wasm,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// The filter in the simulated Envoy.
    Simulator,
    /// The filter in a real Envoy, which is started for it (`$ENVOY`, `.venv` or `PATH`).
    Envoy,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line a test.
    Text,
    /// One JSON object.
    Json,
    /// JUnit's XML.
    Junit,
}

/// How one test ended.
struct Report {
    suite: String,
    file: String,
    name: String,
    outcome: Outcome,
}

enum Outcome {
    Passed,
    Failed {
        differences: Vec<Difference>,
        why: String,
    },
    Skipped(String),
    Broken {
        exit: Exit,
        message: String,
    },
}

impl Test {
    /// Runs the command.
    pub fn run(self) -> Result<Exit, Failure> {
        let mut engine = self.engine()?;
        let suites: Vec<_> = find(&self.paths)?
            .into_iter()
            .map(|path| Suite::load(&path).map_err(|error| broken_suite(&path, &error)))
            .collect();
        let tests = suites.iter().flatten().flat_map(|suite| &suite.tests);
        engine.prepare(tests.map(|test| test.setup.clone()).collect());
        let mut reports = Vec::new();
        for suite in suites {
            match suite {
                Ok(suite) => self.run_suite(&suite, &mut *engine, &mut reports),
                Err(report) => self.add(report, &mut reports),
            }
        }
        match self.output {
            Output::Text => {}
            Output::Json => anstream::println!("{}", as_json(&reports)),
            Output::Junit => anstream::println!("{}", as_junit(&reports)),
        }
        self.conclude(&reports)
    }

    fn engine(&self) -> Result<Box<dyn Engine>, Failure> {
        let plugin = self.wasm.load()?;
        Ok(match self.engine {
            EngineName::Simulator => Box::new(Simulator::new(plugin)),
            EngineName::Envoy => {
                let binary = binary::find().map_err(|error| Failure::new(Exit::Engine, error))?;
                Box::new(EnvoyEngine::new(binary, self.wasm.find()?, plugin))
            }
        })
    }

    fn run_suite(&self, suite: &Suite, engine: &mut dyn Engine, reports: &mut Vec<Report>) {
        for test in &suite.tests {
            let full = format!("{} / {}", suite.name, test.name);
            if self
                .filter
                .as_ref()
                .is_some_and(|filter| !filter.is_match(&full))
            {
                continue;
            }
            let outcome = match &test.skip {
                Some(why) => Outcome::Skipped(why.clone()),
                None => match engine.judge(&test.setup, &test.request) {
                    Ok(observed) => judged(suite, &observed, &check(&test.expect, &observed)),
                    Err(error) => broken(suite, &error),
                },
            };
            let report = Report {
                suite: suite.name.clone(),
                file: suite.file.clone(),
                name: test.name.clone(),
                outcome,
            };
            self.add(report, reports);
        }
    }

    fn add(&self, report: Report, reports: &mut Vec<Report>) {
        if self.output == Output::Text {
            report.print(self.fail_only);
        }
        reports.push(report);
    }

    fn conclude(&self, reports: &[Report]) -> Result<Exit, Failure> {
        let count = |wanted: fn(&Outcome) -> bool| {
            reports
                .iter()
                .filter(|report| wanted(&report.outcome))
                .count()
        };
        let passed = count(|outcome| matches!(outcome, Outcome::Passed));
        let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
        let failed = reports.len() - passed - skipped;
        if self.output == Output::Text {
            let skipped = if skipped == 0 {
                String::new()
            } else {
                format!(", {skipped} skipped")
            };
            anstream::println!("{passed} passed, {failed} failed{skipped}");
        }
        if reports.is_empty() && !self.allow_empty {
            return Err(Failure::new(
                Exit::Failed,
                "no tests; `--allow-empty` if that is right",
            ));
        }
        let exits = reports.iter().map(|report| match &report.outcome {
            Outcome::Passed | Outcome::Skipped(_) => Exit::Ok,
            Outcome::Failed { .. } => Exit::Failed,
            Outcome::Broken { exit, .. } => *exit,
        });
        Ok(exits.max().unwrap_or(Exit::Ok))
    }
}

fn judged(suite: &Suite, observed: &Observed, differences: &[Difference]) -> Outcome {
    if differences.is_empty() {
        return Outcome::Passed;
    }
    Outcome::Failed {
        differences: differences.to_vec(),
        why: format!(
            "{}\n{}",
            explain::verdict(observed),
            explain::why(observed, &suite.sources)
        ),
    }
}

fn broken(suite: &Suite, error: &EngineError) -> Outcome {
    let Failure { exit, .. } = match error {
        EngineError::Refused(message) => Failure::new(Exit::Invalid, message),
        EngineError::Failed(message) => Failure::new(Exit::Engine, message),
    };
    let message = error.to_string();
    let located = suite
        .sources
        .locate(&message)
        .map(|error| error.to_string());
    Outcome::Broken {
        exit,
        message: located.unwrap_or(message),
    }
}

fn broken_suite(path: &std::path::Path, error: &SourceError) -> Report {
    let file = path.display().to_string();
    let message = error.to_string();
    Report {
        suite: file.clone(),
        file,
        name: "the suite".to_owned(),
        outcome: Outcome::Broken {
            exit: Exit::Invalid,
            message,
        },
    }
}

impl Report {
    fn print(&self, fail_only: bool) {
        let title = format!("{} / {}", self.suite, self.name);
        match &self.outcome {
            Outcome::Passed | Outcome::Skipped(_) if fail_only => {}
            Outcome::Passed => anstream::println!("ok      {title}"),
            Outcome::Skipped(why) => anstream::println!("skipped {title}: {why}"),
            Outcome::Broken { message, .. } => {
                anstream::println!("BROKEN  {title}\n{}", indent(message));
            }
            Outcome::Failed { differences, why } => {
                anstream::println!("FAILED  {title} ({})", self.file);
                for Difference {
                    what,
                    expected,
                    got,
                } in differences
                {
                    anstream::println!("        {what}: expected {expected}, got {got}");
                }
                anstream::println!("{}", indent(why));
            }
        }
    }

    fn message(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Passed | Outcome::Skipped(_) => None,
            Outcome::Broken { message, .. } => Some(message.clone()),
            Outcome::Failed { differences, why } => {
                let lines = differences.iter().map(|difference| {
                    let Difference {
                        what,
                        expected,
                        got,
                    } = difference;
                    format!("{what}: expected {expected}, got {got}\n")
                });
                let text = lines.collect::<String>() + why;
                Some(anstream::adapter::strip_str(&text).to_string())
            }
        }
    }

    fn state(&self) -> &'static str {
        match self.outcome {
            Outcome::Passed => "passed",
            Outcome::Failed { .. } => "failed",
            Outcome::Skipped(_) => "skipped",
            Outcome::Broken { .. } => "broken",
        }
    }
}

fn indent(text: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| format!("        {line}\n"))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

fn as_json(reports: &[Report]) -> String {
    let tests: Vec<_> = reports
        .iter()
        .map(|report| {
            json!({
                "file": report.file,
                "suite": report.suite,
                "name": report.name,
                "state": report.state(),
                "message": report.message(),
            })
        })
        .collect();
    json!({"version": 1, "tests": tests}).to_string()
}

fn as_junit(reports: &[Report]) -> String {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
    };
    let cases: String = reports
        .iter()
        .map(|report| {
            let inner = match report.message() {
                Some(message) => format!("<failure>{}</failure>", escape(&message)),
                None if report.state() == "skipped" => "<skipped/>".to_owned(),
                None => String::new(),
            };
            let (suite, name) = (escape(&report.suite), escape(&report.name));
            format!("  <testcase classname=\"{suite}\" name=\"{name}\">{inner}</testcase>\n")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"palisade\" tests=\"{}\">\n{cases}</testsuite>",
        reports.len()
    )
}
