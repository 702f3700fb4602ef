//! A folder of Istio objects, its rendered files, and the Envoys that run them.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use crate::{Error, wasm};
use host_sim::envoy::certs::{Authority, Identity, Leaf};
use host_sim::envoy::client::{Client, ClientTls, Request};
use host_sim::envoy::{Envoy, Launch, binary};
use host_sim::render::envoy::{MESH_ALPN, Options, Proxy};
use host_sim::render::{Files, Inventory, MeshSettings, RenderError};
use tempfile::TempDir;

/// The trust domain of the mesh.
pub const DOMAIN: &str = "cluster.local";

/// The file of the mesh's settings.
const MESH: &str = "mesh.yaml";

/// Objects, rendered files, and the mesh's authority.
pub struct Stage {
    objects: TempDir,
    out: TempDir,
    /// Who signs its certificates.
    pub authority: Authority,
}

// === impl Stage ===

impl Stage {
    /// A stage with these objects, in one file.
    pub fn new(objects: &str) -> Result<Self, Error> {
        let stage = Self {
            objects: TempDir::new()?,
            out: TempDir::new()?,
            authority: Authority::new("mesh")?,
        };
        stage.write("objects.yaml", objects)?;
        Ok(stage)
    }

    /// Writes a file of objects.
    pub fn write(&self, name: &str, objects: &str) -> Result<(), Error> {
        Ok(fs::write(self.objects.path().join(name), objects)?)
    }

    /// Sets what holds for the whole mesh.
    pub fn mesh(&self, settings: &str) -> Result<(), Error> {
        Ok(fs::write(self.out.path().join(MESH), settings)?)
    }

    /// Renders every workload, and says how many files were written.
    pub fn render(&self) -> Result<usize, RenderError> {
        let mut files = Files::default();
        for proxy in self.proxies()? {
            files.extend(proxy.files());
        }
        files.write(self.out.path())
    }

    /// Asks Envoy whether it would take what is rendered; says of how many workloads it did.
    pub fn validate(&self) -> Result<usize, Error> {
        self.render()?;
        let proxies = self.proxies()?;
        for proxy in &proxies {
            let file = self.out.path().join("whole.yaml");
            fs::write(&file, proxy.whole())?;
            let mut envoy = Command::new(binary::find()?);
            envoy.args([
                "--mode",
                "validate",
                "--log-level",
                "error",
                "--config-path",
            ]);
            let output = envoy.arg(&file).output()?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into());
            }
        }
        Ok(proxies.len())
    }

    fn proxies(&self) -> Result<Vec<Proxy>, RenderError> {
        let mesh = self.out.path().join(MESH);
        let settings = match mesh.is_file() {
            true => MeshSettings::load(&mesh)?,
            false => MeshSettings::default(),
        };
        let inventory = Inventory::load(self.objects.path(), settings)?;
        let options = Options {
            prefix: self.out.path().display().to_string(),
            wasm: wasm().expect("the filter is built").display().to_string(),
            public_authorities: String::new(),
            sds_socket: None,
        };
        let workloads = inventory.workloads.iter();
        workloads
            .map(|workload| Proxy::new(&inventory, workload, &options))
            .collect()
    }

    /// The folder of a workload's files.
    pub fn folder(&self, workload: &str) -> std::path::PathBuf {
        self.out.path().join(workload)
    }

    /// Gives a workload the certificate of a service account.
    pub fn certify(&self, workload: &str, account: &str) -> Result<(), Error> {
        let identity = self.authority.issue(&Leaf::spiffe(spiffe(account)))?;
        install(
            &self.folder(workload).join("certs"),
            &identity,
            &self.authority.certificate(),
        )
    }

    /// Starts the Envoy of a workload from its files.
    pub fn start(&self, workload: &str) -> Result<Envoy, Error> {
        let bootstrap = self.folder(workload).join("bootstrap.yaml");
        let envoy = Launch::from_file(binary::find()?, bootstrap).start()?;
        // Envoy is ready also when it has refused every listener.
        for kind in ["listener_manager.lds", "cluster_manager.cds"] {
            if envoy.admin().stat(&format!("{kind}.update_success"))? == 0 {
                return Err(format!("{kind}: {}", envoy.log_tail(5)).into());
            }
        }
        Ok(envoy)
    }

    /// A client with a certificate of a service account.
    pub fn client(&self, address: SocketAddr, account: &str) -> Result<Client, Error> {
        let identity = self.authority.issue(&Leaf::spiffe(spiffe(account)))?;
        self.client_as(address, Some(&identity), None)
    }

    /// A client with this certificate, or none, that asks for this server name.
    pub fn client_as(
        &self,
        address: SocketAddr,
        identity: Option<&Identity>,
        sni: Option<&str>,
    ) -> Result<Client, Error> {
        Ok(Client::tls(address, self.tls(identity, sni)?))
    }

    /// A client as the proxies of the mesh are: one that says in the handshake that it is of it.
    pub fn mesh_client(&self, address: SocketAddr, account: &str) -> Result<Client, Error> {
        let identity = self.authority.issue(&Leaf::spiffe(spiffe(account)))?;
        let tls = self.tls(Some(&identity), None)?.alpn(MESH_ALPN);
        Ok(Client::tls(address, tls))
    }

    fn tls(&self, identity: Option<&Identity>, sni: Option<&str>) -> Result<ClientTls, Error> {
        let authority = self.authority.certificate();
        Ok(ClientTls::new(&authority, identity, sni)?)
    }
}

/// `namespace/account` as an identity of the mesh.
pub fn spiffe(account: &str) -> String {
    let (namespace, account) = account.split_once('/').expect("namespace/account");
    format!("spiffe://{DOMAIN}/ns/{namespace}/sa/{account}")
}

/// The status of the answer, or `refused` where there is none.
pub fn outcome(client: &Client, request: &Request) -> String {
    match client.send(request) {
        Ok(response) => response.status.to_string(),
        Err(_) => "refused".to_owned(),
    }
}

/// A port of the loopback interface that nobody has.
pub fn free_port() -> Result<u16, Error> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// An address on loopback.
pub fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn install(folder: &Path, identity: &Identity, authority: &str) -> Result<(), Error> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("cert-chain.pem"), &identity.certificate)?;
    fs::write(folder.join("key.pem"), &identity.key)?;
    Ok(fs::write(folder.join("root-cert.pem"), authority)?)
}
