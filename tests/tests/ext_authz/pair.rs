//! One Envoy: for each row a listener with `ext_authz` and one with the module, and an authorizer.

use host_sim::engine::{Asked, Authorizer, Recorder, Verdict, authorizer_origin};
use host_sim::engine::{Mesh, Setup, Workload};
use host_sim::envoy::bootstrap::{
    Bootstrap, Cluster, HttpManager, Listener, WasmFilter, grpc_bridge,
};
use host_sim::envoy::client::{Client, Request, Response};
use host_sim::envoy::server::{Answer, Server};
use host_sim::envoy::{Envoy, Launch, binary};
use palisade_tests::policies::authorization;
use palisade_tests::{Error, native, wasm};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::rows::Row;

const APPLICATION: &str = "application";

/// The sides of a comparison, by the names of their listeners.
const SIDES: [&str; 2] = ["native", "ours"];

/// What Envoy adds of itself, or what differs from one listener to the next.
const OF_ENVOY: [&str; 6] = [
    "destination.port",
    "date",
    "server",
    "x-envoy-upstream-service-time",
    "x-request-id",
    "x-forwarded-proto",
];

/// What can be seen of a request, line by line: what the client got, the body of which is what the
/// application got where it got the request, and what the authorizer was asked.
pub type Seen = Vec<String>;

/// Both sides of every row.
pub struct Pair {
    envoy: Envoy,
    asked: Vec<Recorder>,
    _servers: Vec<Server>,
    _folder: TempDir,
}

impl Pair {
    /// Starts an Envoy for `rows`.
    pub fn start(rows: &[Row]) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let application = Server::start(|request| Answer {
            status: 200,
            headers: vec![("x-app".to_owned(), "1".to_owned())],
            body: describe(request.headers.iter(), &request.target).into_bytes(),
        })?;
        let mut clusters = vec![Cluster::new(APPLICATION, application.address()).to_json()];
        let mut servers = vec![application];
        let (mut listeners, mut recorders) = (Vec::new(), Vec::new());
        for (index, row) in rows.iter().enumerate() {
            let cluster = format!("authorizer-{index}");
            let recorder = Recorder::default();
            let address = match authorizer(row, &recorder)? {
                Some(server) => {
                    let address = server.address();
                    servers.push(server);
                    address
                }
                // Nobody listens on the port of tcpmux.
                None => ([127, 0, 0, 1], 1).into(),
            };
            recorders.push(recorder);
            if row.is_grpc() {
                let socket = folder.path().join(format!("{index}.sock"));
                let (listener, both) = grpc_bridge(&cluster, &socket, address);
                listeners.push(listener);
                clusters.extend(both);
            } else {
                clusters.push(Cluster::new(cluster.as_str(), address).to_json());
            }
            let ours = WasmFilter::new(&wasm()?, configuration(row, &cluster)).to_json();
            let native = native::ext_authz(&row.provider, &cluster);
            for (side, filter) in SIDES.iter().zip([native, ours]) {
                let mut manager = HttpManager::new(APPLICATION);
                manager.filters = vec![filter];
                let mut listener = Listener::new(format!("{side}-{index}"), APPLICATION);
                listener.http = manager;
                listeners.push(listener.to_json());
            }
        }
        let mut bootstrap = Bootstrap::new(Vec::new(), Vec::new()).to_json();
        bootstrap["static_resources"] = json!({"listeners": listeners, "clusters": clusters});
        Ok(Self {
            envoy: Launch::new(binary::find()?, &bootstrap).start()?,
            asked: recorders,
            _servers: servers,
            _folder: folder,
        })
    }

    /// What both sides do with the request of the row `index`: the native one first.
    pub fn ask(&self, index: usize, row: &Row) -> Result<(Seen, Seen), Error> {
        let seen = |side: &str| -> Result<Seen, Error> {
            let client = Client::plain(self.envoy.listener(&format!("{side}-{index}"))?);
            let mut request = Request::new(row.method, row.path).header("host", "app.example");
            for (name, value) in row.headers {
                request = request.header(name, value);
            }
            let response = client.send(&request)?;
            Ok(look(&response, self.asked[index].take()))
        };
        let [native, ours] = SIDES;
        Ok((seen(native)?, seen(ours)?))
    }
}

fn look(response: &Response, asked: Vec<Asked>) -> Seen {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = response.headers.iter();
    let headers = headers.map(|(name, value)| (name.clone(), text(value)));
    let mut seen = vec![format!("status {}", response.status)];
    seen.extend(response.text().lines().map(|line| format!("body {line}")));
    let lines = |who: &'static str| move |(name, value)| format!("{who} {name}: {value}");
    seen.extend(sorted(headers).into_iter().map(lines("client")));
    for asked in asked {
        seen.push("authorizer".to_owned());
        let headers = sorted(asked.headers.into_iter());
        seen.extend(headers.into_iter().map(lines("authorizer")));
    }
    seen
}

fn sorted(headers: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut headers: Vec<_> = headers
        .filter(|(name, _)| !OF_ENVOY.contains(&name.as_str()))
        .collect();
    headers.sort();
    headers
}

/// The request as the application got it, in a line for each header.
fn describe<'a>(headers: impl Iterator<Item = &'a (String, Vec<u8>)>, target: &str) -> String {
    let headers = headers.map(|(name, value)| {
        let value = String::from_utf8_lossy(value).into_owned();
        (name.clone(), value)
    });
    let lines = sorted(headers)
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}\n"));
    lines.fold(format!("{target}\n"), |text, line| text + &line)
}

/// The authorizer of a row; `None` where nobody listens.
fn authorizer(row: &Row, asked: &Recorder) -> Result<Option<Server>, Error> {
    let Some(answer) = row.answer.clone() else {
        return Ok(None);
    };
    let authorizer = Authorizer {
        name: row.provider["name"].as_str().unwrap_or_default().to_owned(),
        grpc: row.is_grpc(),
        verdict: Verdict::Unreachable,
    };
    let server = authorizer.listen(answer, asked)?;
    Ok(Some(server))
}

fn configuration(row: &Row, cluster: &str) -> Value {
    let spec = json!({
        "action": "CUSTOM",
        "provider": {"name": row.provider["name"]},
        "rules": [{}],
    });
    let setup = Setup {
        mesh: Mesh {
            extension_providers: vec![row.provider.clone()],
            ..Mesh::default()
        },
        workload: Workload {
            namespace: "foo".to_owned(),
            ..Workload::default()
        },
        resources: vec![authorization("ask", spec)],
        jwks: Default::default(),
        verdicts: Default::default(),
        now: None,
        tcp: false,
    };
    let name = row.provider["name"].as_str().unwrap_or_default();
    let origin = authorizer_origin(name);
    setup.plugin_configuration(|wanted| {
        assert_eq!(wanted, origin);
        cluster.to_owned()
    })
}
