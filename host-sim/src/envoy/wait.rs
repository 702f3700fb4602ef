//! Waiting for something that another process does.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::EnvoyError;

/// How often a condition that gives no event is looked at.
const INTERVAL: Duration = Duration::from_millis(10);

/// Asks `probe` until it has a value, at most for `limit`; `what` names it in the error.
///
/// # Errors
/// [`EnvoyError::TimedOut`] when the time is up, and whatever `probe` fails with.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<Option<T>, EnvoyError>,
) -> Result<T, EnvoyError> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = probe()? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            return Err(EnvoyError::TimedOut {
                what: what.to_owned(),
                after: limit,
            });
        }
        thread::sleep(INTERVAL);
    }
}
