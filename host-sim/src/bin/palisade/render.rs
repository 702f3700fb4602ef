//! `palisade render`: from Istio's YAML to the files of stock Envoy.

mod watch;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use host_sim::envoy::binary;
use host_sim::render::envoy::{Options, Proxy};
use host_sim::render::{Files, Inventory, MeshSettings, RenderError};

use self::watch::Changes;
use super::exit::{Exit, Failure};
use super::wasm::Wasm;

/// Options of `palisade render`.
#[derive(Args)]
pub struct Render {
    /// A folder of Istio objects.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Only this workload; otherwise all of them.
    #[arg(long, value_name = "NAMESPACE/NAME", conflicts_with = "all")]
    workload: Option<String>,
    /// Every workload (this is the default).
    #[arg(long)]
    all: bool,
    /// Where the files go: `NAMESPACE/NAME/bootstrap.yaml` and so on.
    #[arg(long, value_name = "FOLDER", required_unless_present = "check")]
    out: Option<PathBuf>,
    /// What `--out` is called where Envoy runs.
    #[arg(long, value_name = "PATH")]
    prefix: Option<String>,
    /// A file with the mesh's settings (Istio's MeshConfig).
    #[arg(long, value_name = "FILE")]
    mesh: Option<PathBuf>,
    /// The Unix socket of an SDS server, such as SPIRE's agent, as Envoy sees it; otherwise the
    /// certificates are `certs/cert-chain.pem`, `key.pem` and `root-cert.pem` beside the files.
    #[arg(long, value_name = "PATH")]
    sds_socket: Option<String>,
    /// Render again whenever a file changes; a mistake is reported, and leaves what is there.
    #[arg(long, conflicts_with = "check")]
    watch: bool,
    /// The authorities of servers outside the mesh, as Envoy sees the file.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/etc/ssl/certs/ca-certificates.crt"
    )]
    public_authorities: String,
    /// Validate only; by Envoy too, where there is one.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    wasm: Wasm,
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        let exit = match &error {
            RenderError::Source(_) => Exit::Invalid,
            RenderError::Request(_) => Exit::Usage,
            RenderError::Write { .. } => Exit::Engine,
        };
        Self::new(exit, error)
    }
}

impl Render {
    /// Runs the command.
    pub fn run(&self) -> Result<Exit, Failure> {
        if self.check {
            return self.check();
        }
        let out = self.out.as_deref().unwrap_or(Path::new("."));
        if !self.watch {
            self.write(out)?;
            return Ok(Exit::Ok);
        }
        let watched: Vec<&Path> = [Some(&self.folder), self.mesh.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .collect();
        let changes = Changes::of(&watched).map_err(|error| Failure::new(Exit::Engine, error))?;
        loop {
            if let Err(failure) = self.write(out) {
                anstream::eprintln!("error: {failure}");
            }
            changes
                .wait()
                .map_err(|error| Failure::new(Exit::Engine, error))?;
        }
    }

    /// Renders everything, then writes it: an error leaves what is there.
    fn write(&self, out: &Path) -> Result<(), Failure> {
        let proxies = self.proxies(&self.options(out)?)?;
        let mut files = Files::default();
        for proxy in &proxies {
            files.extend(proxy.files());
        }
        let written = files.write(out)?;
        let (workloads, all) = (proxies.len(), files.iter().count());
        anstream::println!("{workloads} workloads, {all} files, {written} of them written");
        Ok(())
    }

    fn check(&self) -> Result<Exit, Failure> {
        let folder = tempfile::tempdir().map_err(|error| Failure::new(Exit::Engine, error))?;
        let proxies = self.proxies(&self.options(folder.path())?)?;
        let Ok(envoy) = binary::find() else {
            anstream::println!("{} workloads are valid; no Envoy to ask", proxies.len());
            return Ok(Exit::Ok);
        };
        for proxy in &proxies {
            proxy.files().write(folder.path())?;
            let file = folder.path().join("whole.yaml");
            std::fs::write(&file, proxy.whole())
                .map_err(|error| Failure::new(Exit::Engine, error))?;
            let run = Command::new(&envoy)
                .args([
                    "--mode",
                    "validate",
                    "--log-level",
                    "error",
                    "--config-path",
                ])
                .arg(&file)
                .output()
                .map_err(|error| Failure::new(Exit::Engine, error))?;
            if !run.status.success() {
                let log = String::from_utf8_lossy(&run.stderr).into_owned();
                return Err(Failure::new(
                    Exit::Engine,
                    format!("Envoy refuses this:\n{log}"),
                ));
            }
        }
        anstream::println!("{} workloads are valid; so says Envoy", proxies.len());
        Ok(Exit::Ok)
    }

    fn options(&self, out: &Path) -> Result<Options, Failure> {
        Ok(Options {
            prefix: match &self.prefix {
                Some(prefix) => prefix.trim_end_matches('/').to_owned(),
                None => out.display().to_string(),
            },
            wasm: self.wasm.find()?.display().to_string(),
            public_authorities: self.public_authorities.clone(),
            sds_socket: self.sds_socket.clone(),
        })
    }

    fn proxies(&self, options: &Options) -> Result<Vec<Proxy>, Failure> {
        let mesh = match &self.mesh {
            Some(file) => MeshSettings::load(file)?,
            None => MeshSettings::default(),
        };
        let inventory = Inventory::load(&self.folder, mesh)?;
        // All are rendered, whichever is wanted: a mistake is a mistake.
        let all = inventory.workloads.iter().map(|workload| {
            let proxy = Proxy::new(&inventory, workload, options)?;
            Ok((workload.object.name().to_string(), proxy))
        });
        let all = all.collect::<Result<Vec<_>, RenderError>>()?;
        let wanted = |name: &str| self.workload.as_deref().is_none_or(|wanted| wanted == name);
        let some: Vec<Proxy> = all
            .into_iter()
            .filter(|(name, _)| wanted(name))
            .map(|(_, proxy)| proxy)
            .collect();
        match (some.is_empty(), &self.workload) {
            (false, _) => Ok(some),
            (true, Some(name)) => Err(Failure::new(
                Exit::Usage,
                format!("no WorkloadEntry or WorkloadGroup is called `{name}`"),
            )),
            (true, None) => Err(Failure::new(
                Exit::Invalid,
                format!(
                    "`{}` has no WorkloadEntry and no WorkloadGroup, which say what to render",
                    self.folder.display()
                ),
            )),
        }
    }
}
