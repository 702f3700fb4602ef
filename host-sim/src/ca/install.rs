//! Putting certificates where Envoy watches for them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{CaError, Issued};

/// The link to the files in force.
const DATA: &str = "..data";

/// Puts a certificate into `folder` as `cert-chain.pem`, `key.pem` (where it comes with one) and
/// `root-cert.pem`. All change at once: they are links through one link, which is moved, and that
/// is what Envoy's `watched_directory` looks for (as with Kubernetes' secrets).
///
/// # Errors
/// When the system refuses.
pub fn install(folder: &Path, issued: &Issued) -> Result<(), CaError> {
    let failed = |error: std::io::Error| CaError::new(folder, error);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let version = format!("..{}", now.unwrap_or_default().as_nanos());
    let old = fs::read_link(folder.join(DATA)).ok();
    let own_key = old.as_ref().map(|old| folder.join(old).join("key.pem"));
    let key = match (&issued.key, own_key) {
        (Some(key), _) => Some(key.clone()),
        (None, Some(file)) => fs::read_to_string(file).ok(),
        (None, None) => None,
    };
    let files = [
        ("cert-chain.pem", Some(&issued.chain), 0o644),
        ("key.pem", key.as_ref(), 0o600),
        ("root-cert.pem", Some(&issued.roots), 0o644),
    ];
    fs::create_dir_all(folder.join(&version)).map_err(failed)?;
    for (name, text, mode) in files {
        if let Some(text) = text {
            replace(&folder.join(&version).join(name), text, mode)?;
            let link = folder.join(name);
            if fs::symlink_metadata(&link).is_err() {
                symlink(Path::new(DATA).join(name), &link).map_err(failed)?;
            }
        }
    }
    let next = folder.join("..next");
    // One may be left from a run that was cut off.
    let _ = fs::remove_file(&next);
    symlink(&version, &next).map_err(failed)?;
    fs::rename(&next, folder.join(DATA)).map_err(failed)?;
    match old {
        Some(old) => fs::remove_dir_all(folder.join(old)).map_err(failed),
        None => Ok(()),
    }
}

/// Writes a file of this mode that is complete before it gets its name.
pub(super) fn replace(path: &Path, text: &str, mode: u32) -> Result<(), CaError> {
    let failed = |error: std::io::Error| CaError::new(path, error);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let persisted = file.persist(path);
    persisted.map_err(|error| failed(error.error)).map(drop)
}
