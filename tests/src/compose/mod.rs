//! The payments mesh in Docker Compose: brought up, tried, taken down.

mod callers;
mod tokens;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use host_sim::ca::{Ca, install};
use host_sim::envoy::{binary, until};
use host_sim::render::envoy::{Options, Proxy};
use host_sim::render::{Files, Inventory, MeshSettings};

use crate::demo::aligned;
use crate::{Error, repository, wasm};
pub use callers::{CALLS, Call, HOST};
pub use tokens::Tokens;

/// How long the mesh may take to answer.
const READY: Duration = Duration::from_secs(60);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the rendered files are called in the containers.
const PREFIX: &str = "/etc/envoy";

/// The mesh. Dropping it takes it down.
pub struct Mesh {
    folder: PathBuf,
    tokens: Tokens,
}

/// Makes images of the Envoy of this machine and of the applications.
///
/// # Errors
/// When there is no Envoy, or no Docker Engine.
pub fn images() -> Result<(), Error> {
    let app = std::env::current_exe()?.with_file_name("app");
    let made = Command::new(repository().join("tests/compose/images"))
        .arg(binary::find()?)
        .arg(app)
        .status()?;
    match made.success() {
        true => Ok(()),
        false => Err("the images could not be made".into()),
    }
}

impl Mesh {
    /// Renders the configurations, makes certificates, and starts the containers.
    ///
    /// # Errors
    /// When something of this does not work; `docker-compose` says why.
    pub fn up() -> Result<Self, Error> {
        let mesh = Self {
            folder: repository().join("target/compose"),
            tokens: Tokens::mint()?,
        };
        mesh.prepare()?;
        mesh.compose(&["up", "-d", "--quiet-pull"])?;
        Ok(mesh)
    }

    /// The mesh that was left running.
    ///
    /// # Errors
    /// When a token cannot be signed.
    pub fn running() -> Result<Self, Error> {
        Ok(Self {
            folder: repository().join("target/compose"),
            tokens: Tokens::mint()?,
        })
    }

    /// Leaves it running.
    pub fn leave(self) {
        std::mem::forget(self);
    }

    /// Tries every call and prints a table; whether all came out as expected.
    ///
    /// # Errors
    /// When the mesh does not come up.
    pub fn test(&self) -> Result<bool, Error> {
        for call in CALLS.iter().filter(|call| call.expected == "200") {
            let what = format!("an answer to {}", call.caller);
            until(&what, READY, || {
                Ok(self.call(call).is_ok_and(|got| got == "200").then_some(()))
            })?;
        }
        let heading = [
            "caller", "how", "token", "method", "path", "expected", "got", "",
        ];
        let mut rows = vec![heading.map(str::to_owned)];
        let mut good = true;
        for call in CALLS {
            let got = self.call(call)?;
            let same = got == call.expected;
            good &= same;
            rows.push([
                call.caller.to_owned(),
                call.how().to_owned(),
                call.token.to_owned(),
                call.method.to_owned(),
                call.path.to_owned(),
                call.expected.to_owned(),
                got,
                if same { "" } else { "WRONG" }.to_owned(),
            ]);
        }
        print!("{}", aligned(&rows));
        println!("{} calls", CALLS.len());
        Ok(good)
    }

    fn prepare(&self) -> Result<(), Error> {
        let objects = tempfile::tempdir()?;
        for folder in ["envoy-configs/payments", "tests/compose/objects"] {
            for file in std::fs::read_dir(repository().join(folder))? {
                let file = file?;
                std::fs::copy(file.path(), objects.path().join(file.file_name()))?;
            }
        }
        let objects = objects.path();
        let inventory = Inventory::load(objects, MeshSettings::default())?;
        let options = Options {
            prefix: PREFIX.to_owned(),
            wasm: format!("{PREFIX}/palisade.wasm"),
            public_authorities: String::new(),
            sds_socket: None,
        };
        // Certificates of an authority that was thrown away fit nobody.
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder)?;
        }
        let authority = tempfile::tempdir()?;
        let ca = Ca::init(authority.path(), "cluster.local")?;
        let mut files = Files::default();
        for workload in &inventory.workloads {
            files.extend(Proxy::new(&inventory, workload, &options)?.files());
            let name = workload.object.name();
            let account = &workload.object.workload.service_account;
            let identity = format!("spiffe://cluster.local/ns/{}/sa/{account}", name.namespace);
            let certs = self.folder.join(name.to_string()).join("certs");
            install(&certs, &ca.issue(&identity, DAY)?)?;
        }
        files.write(&self.folder)?;
        std::fs::copy(wasm()?, self.folder.join("palisade.wasm"))?;
        Ok(())
    }

    /// The status of the answer to a call, or `refused`.
    fn call(&self, call: &Call) -> Result<String, Error> {
        let (url, host) = call.url();
        let app = format!("{}-app", call.caller);
        let app = app.replace("-service-app", "-app");
        let token = self.tokens.get(call.token);
        let arguments = [
            "exec",
            "-T",
            &app,
            "app",
            "call",
            call.method,
            &url,
            host,
            token,
        ];
        Ok(self.compose(&arguments)?.trim().to_owned())
    }

    fn compose(&self, arguments: &[&str]) -> Result<String, Error> {
        let file = repository().join("tests/compose/compose.yaml");
        let output = Command::new("docker-compose")
            .args(["--project-name", "palisade", "--file"])
            .arg(file)
            .args(arguments)
            .env("MESH_FOLDER", &self.folder)
            .output()?;
        if !output.status.success() {
            let log = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("docker-compose {}: {log}", arguments.join(" ")).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        if let Err(error) = self.compose(&["down", "--timeout", "2", "--volumes"]) {
            eprintln!("error: {error}");
        }
    }
}
