//! Latency at a fixed rate: requests that leave when they are due, whatever became of the ones
//! before, each measured from when it was due.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Error;

/// Requests per second: well below what any filter reaches with few rules.
pub const RATE: u32 = 1000;

/// Median and 99th percentile, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Measures in a process of its own on the second core. `tokens` is a file with one in each line,
/// or empty.
///
/// # Errors
/// When that process fails.
pub fn measure(address: &str, path: &str, tokens: &str, seconds: usize) -> Result<Latency, Error> {
    let output = Command::new("taskset")
        .args(["-c", "1"])
        .arg(std::env::current_exe()?)
        .args(["pace", address, path, tokens, &seconds.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        [p50, p99] => Ok(Latency {
            p50: p50.parse()?,
            p99: p99.parse()?,
        }),
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}

/// What that process does: sends, and prints the two figures.
///
/// # Errors
/// When the connection fails.
pub fn run(arguments: &[String]) -> Result<(), Error> {
    let [address, path, tokens, seconds] = arguments else {
        return Err("pace ADDRESS PATH TOKENS SECONDS".into());
    };
    let requests: Vec<String> = match tokens.as_str() {
        "" => vec![format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")],
        file => std::fs::read_to_string(file)?
            .lines()
            .map(|token| {
                format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n")
            })
            .collect(),
    };
    let mut stream = TcpStream::connect(address.as_str())?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (start, period) = (Instant::now(), Duration::from_secs(1) / RATE);
    let count = RATE * seconds.parse::<u32>()?;
    let mut latencies = Vec::new();
    for (number, request) in (0..count).zip(requests.iter().cycle()) {
        let due = start + period * number;
        // Sleeping is how a rate is kept.
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(request.as_bytes())?;
        read_response(&mut reader)?;
        latencies.push(due.elapsed().as_secs_f64() * 1e3);
    }
    latencies.sort_by(f64::total_cmp);
    let at = |part: usize| latencies[(latencies.len() - 1) * part / 100];
    println!("{:.3} {:.3}", at(50), at(99));
    Ok(())
}

fn read_response(reader: &mut BufReader<TcpStream>) -> Result<(), Error> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err("the connection was closed".into());
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    Ok(())
}
