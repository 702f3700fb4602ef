//! Everything that the example needs, running: the application, the issuer, and Envoy between.

use std::{fs, io, net::SocketAddr, path::Path, time::Duration};

use host_sim::envoy::{
    Envoy, Launch, binary,
    client::{Client, ClientTls, Request},
    issuer::Issuer,
    server::Server,
    upstream,
};
use tempfile::TempDir;

use super::{Caller, Credentials, FOLDER, ISSUER, JWKS_URI, Outcome, Row};
use crate::{Error, mesh, repository, wasm};

const CONFIG: &str = "envoy-configs/httpbin.yaml";
const UPSTREAM_PORT: u16 = 18080;
const ISSUER_PORT: u16 = 18081;

/// Where everything listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// On the ports that the configuration file names.
    Fixed,
    /// On free ones, so that stages can run side by side.
    Free,
}

/// The running example. Dropping it stops all of it.
#[derive(Debug)]
pub struct Stage {
    /// Envoy.
    pub envoy: Envoy,
    /// The issuer.
    pub issuer: Issuer,
    credentials: Credentials,
    _upstream: Server,
    _folder: Option<TempDir>,
}

impl Stage {
    /// Starts everything.
    ///
    /// # Errors
    /// When a port is taken, or Envoy or the filter is not there or does not start.
    pub fn start(ports: Ports, credentials: Credentials) -> Result<Self, Error> {
        let port = |fixed| {
            let port = if ports == Ports::Fixed { fixed } else { 0 };
            SocketAddr::from(([127, 0, 0, 1], port))
        };
        let upstream = upstream::echo_at(port(UPSTREAM_PORT)).map_err(taken(UPSTREAM_PORT))?;
        let issuer = Issuer::start_at(
            port(ISSUER_PORT),
            ISSUER,
            JWKS_URI,
            credentials.jwks.clone(),
        )
        .map_err(taken(ISSUER_PORT))?;
        let module = wasm()?;
        let (launch, folder) = match ports {
            Ports::Fixed => {
                credentials.write(&repository().join(FOLDER))?;
                (
                    Launch::from_file(binary::find()?, CONFIG).working_dir(repository()),
                    None,
                )
            }
            Ports::Free => {
                let folder = TempDir::with_prefix("palisade-demo-")?;
                credentials.write(folder.path())?;
                let text = fs::read_to_string(repository().join(CONFIG))?;
                let text = moved(&text, folder.path(), &module)
                    .replace(
                        &format!("port_value: {UPSTREAM_PORT}"),
                        &port_of(upstream.address()),
                    )
                    .replace(
                        &format!("port_value: {ISSUER_PORT}"),
                        &port_of(issuer.address()),
                    );
                let path = folder.path().join("httpbin.yaml");
                fs::write(&path, text)?;
                (Launch::from_file(binary::find()?, path), Some(folder))
            }
        };
        // At debug the filter also says which rule of a policy came nearest.
        let envoy = launch
            .arg("--component-log-level")
            .arg("wasm:debug")
            .start()?;
        Ok(Self {
            envoy,
            issuer,
            credentials,
            _upstream: upstream,
            _folder: folder,
        })
    }

    /// Sends the request of a row over a connection of its own; `mark` tells it from all others.
    ///
    /// # Errors
    /// When Envoy is not there, or does not log what it answered.
    pub fn send(&self, row: &Row, mark: &str) -> Result<Outcome, Error> {
        let mut request = Request::new(row.method, "/ip")
            .header("host", format!("{}.example", row.listener))
            .header("x-request-id", mark);
        if let Some(token) = row.token.and_then(|token| self.credentials.token(token)) {
            request = request.bearer(token);
        }
        let response = match self.client(row)?.send(&request) {
            Ok(response) => response,
            Err(error) => return Ok(Outcome::Refused(refusal(row.caller, &error.to_string()))),
        };
        let evidence = Box::new(mesh::evidence(&self.envoy, mark)?);
        Ok(Outcome::Answered {
            status: response.status,
            body: response.text(),
            evidence,
        })
    }

    fn client(&self, row: &Row) -> Result<Client, Error> {
        let address = self.envoy.listener(row.listener)?;
        let client = match row.caller {
            Caller::Plaintext => Client::plain(address),
            caller => {
                let identity = self.credentials.identity(caller);
                let authority = &self.credentials.authority;
                Client::tls(
                    address,
                    ClientTls::new(authority, identity, Some("localhost"))?,
                )
            }
        };
        Ok(client.timeout(Duration::from_secs(10)))
    }
}

/// The configuration with free ports and absolute paths.
fn moved(config: &str, folder: &Path, module: &Path) -> String {
    let mut text = config
        .replace(&format!("{FOLDER}/"), &format!("{}/", folder.display()))
        .replace("target/palisade.wasm", &module.display().to_string());
    for port in ["18001", "18443", "18444", "18445"] {
        text = text.replace(&format!("port_value: {port}"), "port_value: 0");
    }
    text
}

fn port_of(address: SocketAddr) -> String {
    format!("port_value: {}", address.port())
}

fn taken(port: u16) -> impl FnOnce(io::Error) -> Error {
    move |error| {
        format!("port {port} is not free ({error}): `make down` stops an example that runs").into()
    }
}

/// Why Envoy closed a connection, as far as its client can tell.
fn refusal(caller: Caller, error: &str) -> String {
    let alert = error.split("received fatal alert: ").nth(1);
    match (caller, alert) {
        (Caller::Plaintext, _) => "takes TLS only".to_owned(),
        (_, Some(alert)) => format!("TLS handshake, {alert}"),
        (_, None) => error.to_owned(),
    }
}
