//! What was measured, as a table, as JSON and as a plot.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::load::Sample;
use super::pace::RATE;
use super::plot;
use super::rows::{Row, Token};
use super::variant::Variant;
use crate::{Error, wasm};

/// The rows so far.
pub struct Report {
    rounds: usize,
    seconds: usize,
    rows: Vec<Measured>,
}

/// One row.
pub struct Measured {
    row: Row,
    variants: Vec<Figures>,
}

/// What one variant showed in a row.
pub struct Figures {
    /// The variant.
    pub variant: Variant,
    ready_after: Vec<Duration>,
    samples: Vec<Sample>,
}

impl Report {
    /// A report without rows yet.
    pub fn new(rounds: usize, seconds: usize) -> Self {
        Self {
            rounds,
            seconds,
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn add(&mut self, row: Measured) {
        self.rows.push(row);
    }

    /// A table in Markdown: medians, and the ratios to the native filters of the same row.
    pub fn table(&self) -> String {
        let mut table = format!(
            "| row | filter | requests/s | of native | spread | CPU us/request | added, of empty wasm | p50 ms at {RATE}/s | p99 ms at {RATE}/s | RSS MiB | ready s |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            for figures in &row.variants {
                let (low, high) = figures.spread();
                let _ = writeln!(
                    table,
                    "| {} | {} | {:.0} | {} | {low:.0}-{high:.0} | {:.1} | {} | {:.2} | {:.2} | {:.0} | {:.2} |",
                    row.row.name,
                    figures.variant.name(),
                    figures.median(|sample| sample.rate),
                    ratio(row.of_native(figures)),
                    figures.median(|sample| sample.cpu),
                    ratio(row.added(figures)),
                    figures.median(|sample| sample.latency.p50),
                    figures.median(|sample| sample.latency.p99),
                    figures.median(|sample| sample.memory),
                    figures.ready_after(),
                );
            }
        }
        table
    }

    /// What matters most of it, as a table in Markdown and a few sentences.
    ///
    /// # Errors
    /// When the module has gone.
    pub fn summary(&self) -> Result<String, Error> {
        let mut text =
            "| row | native, requests/s | Palisade, of native | with `all`, of native |\n\
                        |---|---|---|---|\n"
                .to_owned();
        for row in &self.rows {
            let of_native =
                |variant| ratio(row.find(variant).and_then(|found| row.of_native(found)));
            let native = row.find(Variant::Native);
            let _ = writeln!(
                text,
                "| {} | {:.0} | {} | {} |",
                row.row.name,
                native.map_or(f64::NAN, |native| native.median(|sample| sample.rate)),
                of_native(Variant::Palisade),
                of_native(Variant::PalisadeAll),
            );
        }
        let bytes = std::fs::metadata(wasm()?)?.len();
        let size = format!("\npalisade.wasm: {bytes} bytes.\n");
        Ok(text + &size + &self.growth() + &self.floor())
    }

    /// How much more a request costs with the most rules than with one.
    fn growth(&self) -> String {
        let repeated = |row: &&Measured| {
            row.row.token == Token::Repeated && row.row.matches && !row.row.behind
        };
        let rows = || self.rows.iter().filter(repeated);
        let cpu = |row: &Measured| {
            let found = row.find(Variant::Palisade);
            found.map(|found| found.median(|sample| sample.cpu))
        };
        let one = rows().find(|row| row.row.rules == 1).and_then(cpu);
        let most = rows().max_by_key(|row| row.row.rules);
        let most = most.filter(|row| row.row.rules > 1);
        match (one, most.zip(most.and_then(cpu))) {
            (Some(one), Some((row, most))) => format!(
                "CPU per request: {one:.1} us with 1 rule, {most:.1} us with {} ({:+.0} %).\n",
                row.row.rules,
                (most / one - 1.0) * 100.0
            ),
            _ => String::new(),
        }
    }

    /// What the unavoidable callbacks and host calls cost without anything else.
    fn floor(&self) -> String {
        let Some(row) = self
            .rows
            .iter()
            .find(|row| row.find(Variant::Calls).is_some())
        else {
            return String::new();
        };
        let added = |variant| {
            let found = row.find(variant).and_then(|found| row.added(found));
            found.unwrap_or(f64::NAN)
        };
        format!(
            "CPU added with {}, of an empty Wasm filter: Palisade {:.2}, with `all` {:.2}; a module \
             that only makes the same host calls {:.2}; native {:.2}.\n",
            row.row.name,
            added(Variant::Palisade),
            added(Variant::PalisadeAll),
            added(Variant::Calls),
            added(Variant::Native),
        )
    }

    /// Writes `results.json`, `results.md` and `results.svg` into `folder`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let rows: Vec<Value> = self.rows.iter().map(Measured::to_json).collect();
        let results = json!({
            "rounds": self.rounds,
            "seconds": self.seconds,
            "latencyAtRequestsPerSecond": RATE,
            "wasmBytes": std::fs::metadata(wasm()?)?.len(),
            "rows": rows,
        });
        std::fs::write(folder.join("results.json"), format!("{results:#}\n"))?;
        std::fs::write(folder.join("results.md"), self.table())?;
        let ratios = self.rows.iter().filter_map(|row| {
            let ours = row.find(Variant::Palisade)?;
            Some((row.row.name.as_str(), row.of_native(ours)?))
        });
        std::fs::write(
            folder.join("results.svg"),
            plot::bars(&ratios.collect::<Vec<_>>()),
        )?;
        Ok(())
    }
}

impl Measured {
    /// What the variants of `row` showed.
    pub fn new(row: &Row, variants: Vec<Figures>) -> Self {
        Self {
            row: row.clone(),
            variants,
        }
    }

    fn find(&self, variant: Variant) -> Option<&Figures> {
        self.variants
            .iter()
            .find(|figures| figures.variant == variant)
    }

    /// Requests per second, as a part of what the native filters do: the median of the rounds'
    /// ratios, for in a round both had the same machine.
    fn of_native(&self, figures: &Figures) -> Option<f64> {
        let native = self.find(Variant::Native)?;
        let pairs = figures.samples.iter().zip(&native.samples);
        Some(median(
            pairs
                .map(|(ours, native)| ours.rate / native.rate)
                .collect(),
        ))
    }

    /// The CPU time that the filter adds, as a multiple of what an empty Wasm filter adds.
    fn added(&self, figures: &Figures) -> Option<f64> {
        let cpu = |variant| Some(self.find(variant)?.median(|sample| sample.cpu));
        let (none, empty) = (cpu(Variant::None)?, cpu(Variant::Empty)?);
        let own = figures.median(|sample| sample.cpu);
        (figures.variant != Variant::None).then(|| (own - none) / (empty - none))
    }

    fn to_json(&self) -> Value {
        let variants = self.variants.iter().map(|figures| {
            let list = |value: fn(&Sample) -> f64| -> Vec<f64> {
                figures.samples.iter().map(value).collect()
            };
            json!({
                "filter": figures.variant.name(),
                "readyAfterSeconds": figures.ready_after(),
                "requestsPerSecond": list(|sample| sample.rate),
                "cpuMicrosecondsPerRequest": list(|sample| sample.cpu),
                "p50Milliseconds": list(|sample| sample.latency.p50),
                "p99Milliseconds": list(|sample| sample.latency.p99),
                "rssMiB": list(|sample| sample.memory),
                "ofNative": self.of_native(figures),
                "addedCpuOfEmptyWasm": self.added(figures),
            })
        });
        json!({"row": self.row.name, "rules": self.row.rules, "filters": variants.collect::<Vec<_>>()})
    }
}

impl Figures {
    /// Nothing was measured yet.
    pub fn new(variant: Variant) -> Self {
        Self {
            variant,
            ready_after: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Adds what one round showed.
    pub fn add(&mut self, ready_after: Duration, sample: Sample) {
        self.ready_after.push(ready_after);
        self.samples.push(sample);
    }

    /// In seconds.
    fn ready_after(&self) -> f64 {
        median(self.ready_after.iter().map(Duration::as_secs_f64).collect())
    }

    fn median(&self, value: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(value).collect())
    }

    fn spread(&self) -> (f64, f64) {
        let rates = || self.samples.iter().map(|sample| sample.rate);
        (
            rates().fold(f64::INFINITY, f64::min),
            rates().fold(0.0, f64::max),
        )
    }
}

fn ratio(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(values.len().saturating_sub(1) / 2), at(values.len() / 2))
}
