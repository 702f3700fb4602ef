//! `demo up` and `demo serve`: the example left running in the background.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use host_sim::envoy::until;
use signal_hook::{consts::TERM_SIGNALS, iterator::Signals};

use super::{Credentials, FOLDER, Ports, Stage};
use crate::{Error, repository};

/// The last thing that a process does when it is ready is to write this file.
const READY: &str = "ready";

/// Runs the example until a signal says to stop; then Envoy is stopped too.
///
/// # Errors
/// When something cannot be started.
pub fn serve() -> Result<(), Error> {
    let mut signals = Signals::new(TERM_SIGNALS)?;
    let stage = Stage::start(Ports::Fixed, Credentials::new()?)?;
    fs::write(file("envoy.pid"), stage.envoy.pid().to_string())?;
    fs::write(file(READY), "")?;
    signals.forever().next();
    fs::remove_file(file("envoy.pid"))?;
    Ok(())
}

/// Starts `demo serve` in the background, waits until it is ready, and says what to try.
///
/// # Errors
/// When it does not get ready; the message is the end of its log.
pub fn up() -> Result<(), Error> {
    fs::create_dir_all(repository().join(FOLDER))?;
    let _ = fs::remove_file(file(READY));
    let log = file("demo.log");
    let mut child = Command::new(std::env::current_exe()?)
        .arg("serve")
        .stdin(Stdio::null())
        .stdout(File::create(&log)?)
        .stderr(File::options().append(true).open(&log)?)
        // A group of its own: Ctrl-C in the terminal is not meant for it.
        .process_group(0)
        .spawn()?;
    let ended = until("readiness", Duration::from_secs(90), || {
        if file(READY).is_file() {
            return Ok(Some(None));
        }
        Ok(child.try_wait().ok().flatten().map(Some))
    })?;
    if ended.is_some() {
        return Err(fs::read_to_string(&log)?.trim().to_owned().into());
    }
    fs::write(file("demo.pid"), child.id().to_string())?;
    print!("{}", try_these());
    Ok(())
}

fn file(name: &str) -> PathBuf {
    repository().join(FOLDER).join(name)
}

fn try_these() -> String {
    let sleep =
        "--cacert target/demo/ca.pem --cert target/demo/sleep.pem --key target/demo/sleep-key.pem";
    let bearer =
        |token: &str| format!("-H \"Authorization: Bearer $(cat target/demo/{token}.jwt)\"");
    format!(
        "Envoy is up. From here, try:

  # allowed: GET from sleep with a token of the issuer
  curl -i {sleep} {good} https://localhost:18443/ip
  # 403: no token
  curl -i {sleep} https://localhost:18443/ip
  # 401: an expired token; also wrong-issuer and forged
  curl -i {sleep} {expired} https://localhost:18443/ip
  # 403: the wrong method
  curl -i -X POST {sleep} {good} https://localhost:18443/ip
  # 403: the namespace admin denies all
  curl -i http://localhost:18444/
  # allowed: anybody may read products; POST is 403
  curl -i http://localhost:18445/products
  # what the filter counted
  curl -s http://localhost:18001/stats?filter=palisade

`make down` stops it.
",
        good = bearer("good"),
        expired = bearer("expired"),
    )
}
