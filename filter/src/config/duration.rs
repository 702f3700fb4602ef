//! Durations as Istio's resources write them.

use std::time::Duration;

use crate::config::{ConfigError, Node};

const MIN: Duration = Duration::from_millis(1);

/// More than any fetch may take; Envoy takes milliseconds in 32 bits.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads a duration such as `5s`, `0.5s`, `1m30s` or `10ms`, of at least a millisecond.
pub fn read(node: &Node<'_>) -> Result<Duration, ConfigError> {
    let text = node.string()?;
    let error = |what: &str| node.error(format!("`{text}` {what}")).help("write `5s`");
    let duration = parse(text).ok_or_else(|| error("is not a duration"))?;
    if duration < MIN {
        return Err(error("is less than a millisecond"));
    }
    if duration > MAX {
        return Err(error("is more than a day"));
    }
    Ok(duration)
}

/// Numbers with units, one after the other, as Go and Kubernetes write them.
fn parse(mut text: &str) -> Option<Duration> {
    let mut sum: u128 = 0;
    loop {
        let unit_at = text.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let (number, rest) = text.split_at_checked(unit_at)?;
        let (unit, rest) = UNITS.iter().find_map(|(unit, nanos)| {
            let rest = rest.strip_prefix(unit)?;
            let whole = rest.is_empty() || rest.starts_with(|char: char| char.is_ascii_digit());
            whole.then_some((*nanos, rest))
        })?;
        sum = sum.checked_add(nanos(number, unit)?)?;
        if rest.is_empty() {
            return Some(Duration::from_nanos(u64::try_from(sum).ok()?));
        }
        text = rest;
    }
}

/// Nanoseconds by unit.
const UNITS: &[(&str, u128)] = &[
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

fn nanos(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 9 {
        return None;
    }
    let billionths = |text: String| text.parse::<u128>().ok();
    let value = billionths(format!("{whole}{fraction:0<9}"))?;
    value.checked_mul(unit)?.checked_div(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let rows = [
            ("5s", Some(Duration::from_secs(5))),
            ("0.010s", Some(Duration::from_millis(10))),
            ("1.000000001s", Some(Duration::new(1, 1))),
            ("5", None),
            ("1m30s", Some(Duration::from_secs(90))),
            ("10ms", Some(Duration::from_millis(10))),
            ("1.5h", Some(Duration::from_secs(5400))),
            ("-5s", None),
            (".5s", None),
            ("1.0000000001s", None),
            ("+1s", None),
            ("99999999999999999999s", None),
            ("5x", None),
            ("", None),
            ("s", None),
            ("1..5s", None),
        ];
        for (text, duration) in rows {
            assert_eq!(parse(text), duration, "{text}");
        }
    }
}
