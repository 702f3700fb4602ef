//! Who may have which identity: secrets that are good for one certificate.
//!
//! Of a secret only its hash is kept, as the name of a file with the identity and the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::elliptic_curve::rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha256};

use super::CaError;
use super::install::replace;

/// Keeps a new grant; its secret.
pub(super) fn give(ca: &Path, identity: &str, until: SystemTime) -> Result<String, CaError> {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    let end = seconds(until);
    replace(&file(ca, &secret), &format!("{identity}\n{end}\n"), 0o600)?;
    Ok(secret)
}

/// The identity that the secret is good for.
pub(super) fn identity(ca: &Path, secret: &str, now: SystemTime) -> Result<String, CaError> {
    let text = fs::read_to_string(file(ca, secret)).map_err(|_| unknown(ca))?;
    let (identity, end) = text.trim().split_once('\n').ok_or_else(|| unknown(ca))?;
    match end.parse::<u64>() {
        Ok(end) if seconds(now) < end => Ok(identity.to_owned()),
        _ => Err(CaError::new(ca, "the grant has ended; ask for a new one")),
    }
}

/// Ends the grant; of two who use it at once one gets an error.
pub(super) fn use_up(ca: &Path, secret: &str) -> Result<(), CaError> {
    fs::remove_file(file(ca, secret)).map_err(|_| unknown(ca))
}

fn file(ca: &Path, secret: &str) -> PathBuf {
    let name = URL_SAFE_NO_PAD.encode(Sha256::digest(secret.trim()));
    ca.join("grants").join(name)
}

fn unknown(ca: &Path) -> CaError {
    CaError::new(ca, "the secret is of no grant, or was used already")
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO).as_secs()
}
