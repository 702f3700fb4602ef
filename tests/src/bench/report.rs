//! What was measured, as a table, as JSON and as a plot.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::load::Sample;
use super::pace::RATE;
use super::plot;
use super::rows::Row;
use super::variant::{Running, Variant};
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
    variant: Variant,
    ready_after: f64,
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
                let ratio = |value: Option<f64>| {
                    value.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
                };
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
                    figures.ready_after,
                );
            }
        }
        table
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
    pub fn new(row: &Row, variants: Vec<(Running, Vec<Sample>)>) -> Self {
        let figures = |(running, samples): (Running, Vec<Sample>)| Figures {
            variant: running.variant,
            ready_after: running.ready_after.as_secs_f64(),
            samples,
        };
        Self {
            row: row.clone(),
            variants: variants.into_iter().map(figures).collect(),
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
                "readyAfterSeconds": figures.ready_after,
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

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
