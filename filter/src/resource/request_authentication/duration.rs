//! Durations in the JSON of protocol buffers.

use std::time::Duration;

use crate::config::{ConfigError, Node};

const MIN: Duration = Duration::from_millis(1);

/// More than any fetch may take; Envoy takes milliseconds in 32 bits.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads a duration such as `5s` or `0.5s`, of at least a millisecond.
pub fn read(node: &Node<'_>) -> Result<Duration, ConfigError> {
    let text = node.string()?;
    let error = |what: &str| node.error(format!("`{text}` {what}")).help("write `5s`");
    let duration = parse(text).ok_or_else(|| error("is not a duration in seconds"))?;
    if duration < MIN {
        return Err(error("is less than a millisecond"));
    }
    if duration > MAX {
        return Err(error("is more than a day"));
    }
    Ok(duration)
}

fn parse(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    Some(Duration::new(whole.parse().ok()?, nanos))
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
            ("5m", None),
            ("-5s", None),
            (".5s", None),
            ("1.0000000001s", None),
            ("+1s", None),
            ("99999999999999999999s", None),
        ];
        for (text, duration) in rows {
            assert_eq!(parse(text), duration, "{text}");
        }
    }
}
