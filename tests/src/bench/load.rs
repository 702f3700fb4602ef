//! Load by `wrk`, and what it costs the Envoy process.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::pace::{self, Latency};
use super::rows::{Row, Token, Tokens};
use crate::Error;

/// A load on one listener.
pub struct Load {
    script: PathBuf,
    address: String,
    path: &'static str,
    /// The file with tokens, if there are any.
    tokens: String,
}

/// What one measurement says.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Requests per second.
    pub rate: f64,
    /// CPU time of the process for each request, in microseconds.
    pub cpu: f64,
    /// Latency at a fixed rate.
    pub latency: Latency,
    /// Memory of the process afterwards, in MiB.
    pub memory: f64,
}

const CONNECTIONS: &str = "-c16";

impl Load {
    /// The load of a row on `address`.
    pub fn new(row: &Row, tokens: &Tokens, address: SocketAddr) -> Self {
        let file = tokens.file(row.token);
        let mut script = String::new();
        if row.token != Token::None {
            let _ = writeln!(
                script,
                "local requests = {{}}\n\
                 function init()\n\
                 for token in io.lines({:?}) do\n\
                 requests[#requests + 1] = wrk.format(\"GET\", nil, {{authorization = \"Bearer \" .. token}})\n\
                 end\nend\n\
                 local at = 0\n\
                 function request() at = at % #requests + 1 return requests[at] end",
                file.display().to_string()
            );
        }
        let path = file.with_extension("lua");
        // A script that cannot be written shows as a failure of wrk.
        let _ = std::fs::write(&path, script);
        Self {
            script: path,
            address: address.to_string(),
            path: row.path(),
            tokens: match row.token {
                Token::None => String::new(),
                _ => file.display().to_string(),
            },
        }
    }

    /// Runs for so many seconds against the process `pid`.
    ///
    /// # Errors
    /// When `wrk` fails, or says what is not understood.
    pub fn run(&self, seconds: usize, pid: u32) -> Result<Sample, Error> {
        let before = cpu(pid)?;
        let duration = format!("-d{seconds}s");
        // Envoy has inherited the first core from the benchmark.
        let output = Command::new("taskset")
            .args(["-c", "1", "wrk", "-t1", CONNECTIONS, &duration, "-s"])
            .arg(&self.script)
            .arg(format!("http://{}{}", self.address, self.path))
            .output()
            .map_err(|error| format!("cannot run `taskset` (Debian: util-linux): {error}"))?;
        let spent = cpu(pid)? - before;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let requests: f64 = field(&text, "requests in", false)?.parse()?;
        Ok(Sample {
            rate: field(&text, "Requests/sec:", true)?.parse()?,
            cpu: spent * 1e6 / requests,
            latency: pace::measure(&self.address, self.path, &self.tokens, seconds)?,
            memory: memory(pid)?,
        })
    }
}

/// The word behind (or in front of) `mark`.
fn field(text: &str, mark: &str, behind: bool) -> Result<String, Error> {
    let found = text.lines().find_map(|line| {
        let (before, after) = line.split_once(mark)?;
        let part = if behind { after } else { before };
        part.split_whitespace().next().map(str::to_owned)
    });
    found
        .ok_or_else(|| format!("`wrk` (Debian has a package) did not say `{mark}`:\n{text}").into())
}

/// CPU time of the threads of a process, in seconds. Its own status counts in hundredths only.
fn cpu(pid: u32) -> Result<f64, Error> {
    let mut nanoseconds = 0.0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let times = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let on_cpu = times
            .split_whitespace()
            .next()
            .ok_or("no times of a thread")?;
        nanoseconds += on_cpu.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}

fn memory(pid: u32) -> Result<f64, Error> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib: f64 = field(&status, "VmRSS:", true)?.parse()?;
    Ok(kib / 1024.0)
}
