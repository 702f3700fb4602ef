//! One Envoy process: started, waited for, read and stopped.

use std::{
    ffi::OsString,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::{EnvoyError, admin::Admin, until};

/// How many lines of Envoy's log an error shows.
const LAST_LINES: usize = 25;
/// How many characters of each of them.
const LONGEST_LINE: usize = 600;
/// How long Envoy may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(3);

const ADMIN_ADDRESS: &str = "admin-address";
const STDOUT: &str = "stdout.log";
const STDERR: &str = "stderr.log";

/// How Envoy is to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    binary: PathBuf,
    config: Config,
    working_dir: Option<PathBuf>,
    concurrency: u32,
    log_level: String,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    ready_within: Duration,
}

/// Where the bootstrap configuration comes from.
#[derive(Clone, Debug)]
enum Config {
    Json(String),
    File(PathBuf),
}

/// A running Envoy. Dropping it stops it.
#[derive(Debug)]
pub struct Envoy {
    child: Child,
    folder: TempDir,
    admin: Admin,
}

// === impl Launch ===

impl Launch {
    /// Starts `binary` with this bootstrap configuration.
    pub fn new(binary: impl Into<PathBuf>, bootstrap: &Value) -> Self {
        Self::with(binary.into(), Config::Json(bootstrap.to_string()))
    }

    /// Starts `binary` with a bootstrap configuration in a file: YAML or JSON, by its name.
    pub fn from_file(binary: impl Into<PathBuf>, bootstrap: impl Into<PathBuf>) -> Self {
        Self::with(binary.into(), Config::File(bootstrap.into()))
    }

    fn with(binary: PathBuf, config: Config) -> Self {
        Self {
            binary,
            config,
            working_dir: None,
            concurrency: 1,
            log_level: "info".to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            ready_within: Duration::from_secs(60),
        }
    }

    /// The folder that relative paths of the configuration start from; default: the current one.
    pub fn working_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.working_dir = Some(folder.into());
        self
    }

    /// The number of worker threads; default 1.
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// The log level of every component: `trace`, `debug`, `info` (default), `warning`, `error`.
    pub fn log_level(mut self, level: impl Into<String>) -> Self {
        self.log_level = level.into();
        self
    }

    /// One more command line argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// One more environment variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// How long to wait for `/ready`; default 60 seconds.
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready_within = limit;
        self
    }

    /// Starts Envoy and waits until it is ready.
    ///
    /// # Errors
    /// [`EnvoyError::ExitedEarly`] with the end of the log when it refuses its configuration,
    /// [`EnvoyError::NotReady`] when the time is up.
    pub fn start(self) -> Result<Envoy, EnvoyError> {
        let folder = TempDir::with_prefix("palisade-envoy-")
            .map_err(EnvoyError::io("make a folder in", std::env::temp_dir()))?;
        let child = self.spawn(folder.path())?;
        // From here on, dropping `envoy` stops the process, whatever fails.
        let mut envoy = Envoy {
            child,
            folder,
            admin: Admin::new(([127, 0, 0, 1], 0).into()),
        };
        envoy.wait_until_ready(self.ready_within)?;
        Ok(envoy)
    }

    fn spawn(&self, folder: &Path) -> Result<Child, EnvoyError> {
        let config = match &self.config {
            Config::File(path) => path.clone(),
            Config::Json(text) => {
                let path = folder.join("bootstrap.json");
                fs::write(&path, text).map_err(EnvoyError::io("write", &path))?;
                path
            }
        };
        let mut command = Command::new(&self.binary);
        command
            .arg("--config-path")
            .arg(config)
            .arg("--admin-address-path")
            .arg(folder.join(ADMIN_ADDRESS))
            // Without hot restart there is no shared memory: any number of Envoys run side by side.
            .arg("--disable-hot-restart")
            // An access log line is on disk soon after the response; the default is ten seconds.
            .args(["--file-flush-interval-msec", "10"])
            .arg("--concurrency")
            .arg(self.concurrency.to_string())
            .arg("--log-level")
            .arg(&self.log_level)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(create(folder.join(STDOUT))?)
            .stderr(create(folder.join(STDERR))?);
        if let Some(folder) = &self.working_dir {
            command.current_dir(folder);
        }
        command
            .spawn()
            .map_err(EnvoyError::io("start", &self.binary))
    }
}

fn create(path: PathBuf) -> Result<File, EnvoyError> {
    File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(EnvoyError::io("create", path))
}

// === impl Envoy ===

impl Envoy {
    /// The admin interface.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The address that a listener really has: its port may have been configured as 0.
    ///
    /// # Errors
    /// [`EnvoyError::Admin`] when there is no such listener.
    pub fn listener(&self, name: &str) -> Result<SocketAddr, EnvoyError> {
        self.admin.listener(name)
    }

    /// All that Envoy has logged so far.
    pub fn log(&self) -> String {
        read(self.folder.path().join(STDERR))
    }

    /// The last lines of the log, each cut where it gets too long to be read.
    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.log();
        let all: Vec<&str> = log.lines().collect();
        let last = all.iter().skip(all.len().saturating_sub(lines));
        last.map(|line| shortened(line))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// All that Envoy has written to its standard output so far: the access log.
    pub fn stdout(&self) -> String {
        read(self.folder.path().join(STDOUT))
    }

    /// Waits for an access log line that `wanted` accepts; a line that is no JSON object is passed over.
    ///
    /// # Errors
    /// [`EnvoyError::TimedOut`] when there is none within `limit`.
    pub fn access_log_line(
        &self,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, EnvoyError> {
        until("the access log line", limit, || {
            let log = self.stdout();
            Ok(log
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .find(&wanted))
        })
    }

    /// Whether the process still runs.
    ///
    /// # Errors
    /// [`EnvoyError::Io`] when the system cannot say.
    pub fn is_running(&mut self) -> Result<bool, EnvoyError> {
        let status = self
            .child
            .try_wait()
            .map_err(EnvoyError::io("ask after", "envoy"))?;
        Ok(status.is_none())
    }

    /// Stops Envoy: SIGTERM, and SIGKILL when that does not end it. Dropping does the same.
    pub fn stop(self) {}

    fn wait_until_ready(&mut self, limit: Duration) -> Result<(), EnvoyError> {
        let address_file = self.folder.path().join(ADMIN_ADDRESS);
        let ready = until("readiness", limit, || {
            if let Some(status) = self
                .child
                .try_wait()
                .map_err(EnvoyError::io("ask after", "envoy"))?
            {
                return Err(EnvoyError::ExitedEarly {
                    status,
                    log: self.log_tail(LAST_LINES),
                });
            }
            let Some(address) = fs::read_to_string(&address_file)
                .ok()
                .and_then(|text| text.trim().parse::<SocketAddr>().ok())
            else {
                return Ok(None);
            };
            self.admin = Admin::new(address);
            Ok(self.admin.is_ready().then_some(()))
        });
        ready.map_err(|error| match error {
            EnvoyError::TimedOut { after, .. } => EnvoyError::NotReady {
                after,
                log: self.log_tail(LAST_LINES),
            },
            other => other,
        })
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // An error here means that the process has ended already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let ended = until("the end of Envoy", GRACE, || {
            self.child
                .try_wait()
                .map_err(EnvoyError::io("wait for", "envoy"))
        });
        if ended.is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Envoy repeats the whole configuration on the line that refuses it, after the reason.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

fn read(path: PathBuf) -> String {
    // The files are made before Envoy starts; non-UTF-8 bytes of a log are shown as they can be.
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
